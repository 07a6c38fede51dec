//! Who sends operations, drops some of them, and counts what became of each.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use futures_util::future::Either;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use session_core::{Effect, ErrorKind, Principal, Result, SessionBackend};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::ledger::Ledger;
use super::losses::Wrong;

/// So many operations are dropped, if they have not ended by then.
const DROPS: f64 = 0.3;
/// Nothing takes longer, however busy the machine: the deadline is a fraction of it.
const HANGS: Duration = Duration::from_secs(10);
/// The pause after an operation that was refused at once.
const REFUSED: Duration = Duration::from_millis(20);

/// What became of an operation.
pub(super) enum End<T> {
    Done(T),
    NotApplied,
    Unknown,
}

impl<T> End<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> End<U> {
        match self {
            Self::Done(done) => End::Done(change(done)),
            Self::NotApplied => End::NotApplied,
            Self::Unknown => End::Unknown,
        }
    }
}

pub(super) struct Worker {
    pub(super) backend: Arc<dyn SessionBackend>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) dice: StdRng,
    /// How many sessions there are to be.
    pub(super) sessions: usize,
}

pub(super) fn principal(number: u64) -> Principal {
    Principal::new(number.to_string()).expect("a principal")
}

impl Worker {
    pub(super) fn new(
        backend: &Arc<dyn SessionBackend>,
        ledger: &Arc<Ledger>,
        seed: u64,
        sessions: usize,
    ) -> Self {
        Self {
            backend: Arc::clone(backend),
            ledger: Arc::clone(ledger),
            dice: StdRng::seed_from_u64(seed),
            sessions,
        }
    }

    /// Until told to stop, with this pause after each operation.
    pub(super) async fn work(mut self, is_over: Arc<AtomicBool>, pause: Duration) {
        while !is_over.load(Relaxed) {
            self.operate().await;
            match pause.is_zero() {
                // The workers of a fast server do not starve what watches them.
                true => yield_now().await,
                false => sleep(pause).await,
            }
        }
    }

    /// Awaits an operation, or drops it at a random point.
    pub(super) async fn run<T>(&mut self, operation: impl Future<Output = Result<T>>) -> End<T> {
        let tally = &Arc::clone(&self.ledger).tally;
        let count = |counter: &AtomicU64| {
            counter.fetch_add(1, Relaxed);
        };
        let ended = match self.dice.random_bool(DROPS) {
            false => timeout(HANGS, operation).await,
            true => {
                let drop_point = match self.dice.random_range(0..3) {
                    // When it was polled once.
                    0 => Either::Left(ready(())),
                    polls => Either::Right(drop_point(polls, self.dice.random_range(0..3))),
                };
                tokio::select! {
                    biased;
                    ended = operation => Ok(ended),
                    () = drop_point => {
                        count(&tally.dropped);
                        return End::Unknown;
                    }
                }
            }
        };
        let Ok(ended) = ended else {
            let what = format!("an operation takes {HANGS:?}");
            self.ledger.violations.add(Wrong("hang", what));
            return End::Unknown;
        };
        let error = match ended {
            Ok(done) => {
                count(&tally.acknowledged);
                return End::Done(done);
            }
            Err(error) => error,
        };
        let (unavailable, denied) = (ErrorKind::Unavailable, ErrorKind::Denied);
        if ![unavailable, denied, ErrorKind::Timeout].contains(&error.kind()) {
            let what = format!("{error:?}");
            self.ledger.violations.add(Wrong("odd error", what));
        }
        if error.effect() == Effect::NotApplied {
            count(&tally.not_applied);
            sleep(REFUSED).await;
            return End::NotApplied;
        }
        count(&tally.unknown);
        End::Unknown
    }
}

/// After so many polls more, and so many milliseconds.
async fn drop_point(polls: u32, millis: u64) {
    for _ in 0..polls {
        yield_now().await;
    }
    if millis > 0 {
        sleep(Duration::from_millis(millis)).await;
    }
}
