//! One session that open connections watch, and the looks at it that they share.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::Shared;
use rand::TryRng as _;
use session_core::steps::{ReadOutcome, ReadRequest, Target};
use session_core::{
    Error, Principal, PublicId, Remaining, SessionBackend, SessionId, SessionRecord, Touch,
};
use tokio::time::{Instant, sleep_until};

use super::SessionEnd;
use super::polls::{Begun, WatchedSessions};
use crate::operations::lock;

/// A key lives through the millisecond of its expiry: a look so much later finds it expired.
const AFTER_EXPIRY: Duration = Duration::from_millis(20);

/// While the store fails, looks are so many intervals from each other at most.
const GREATEST_BACKOFF: u32 = 4;

/// Which session it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// Whatever its id is.
    Bound(Principal, PublicId),
    Unbound(SessionId),
}

/// What the watches of a session share. When the last one is dropped, it is forgotten.
pub(super) struct Poll {
    sessions: Arc<WatchedSessions>,
    watched: Arc<Watched>,
    /// The latest wait for the next look, and the look. As the operations of a request
    /// (`operations.rs`) it belongs to no future that waits for it.
    round: Mutex<Option<Round>>,
}

type Round = Shared<Pin<Box<dyn Future<Output = ()> + Send>>>;

/// Not part of the poll, so that a round under way does not keep that alive.
pub(super) struct Watched {
    backend: Arc<dyn SessionBackend>,
    key: Key,
    interval: Duration,
    seen: Mutex<Seen>,
}

/// What is known of the session.
struct Seen {
    /// What a look asks for: its newest id that is known, or else its public id.
    target: Target,
    /// When the last look began that found it.
    at: Instant,
    /// What remained of its life then.
    ttl: Remaining,
    /// When the next look is due.
    due: Instant,
    /// How many looks have failed since the last one that did not, as far as it matters.
    failures: u32,
    end: Option<SessionEnd>,
}

impl Key {
    pub(super) fn of(id: &SessionId, record: &SessionRecord) -> Self {
        match record.principal().zip(record.public_id()) {
            Some((principal, public_id)) => Self::Bound(principal, public_id),
            None => Self::Unbound(id.clone()),
        }
    }

    /// What finds the session whatever its id is.
    fn public_target(&self) -> Option<Target> {
        match self {
            Self::Bound(principal, public_id) => Some(Target::PublicId {
                principal: principal.clone(),
                public_id: *public_id,
            }),
            Self::Unbound(_) => None,
        }
    }

    /// Whether a session that was found where this one was last is still this one.
    fn is_of(&self, record: &SessionRecord) -> bool {
        match (self, record.principal().zip(record.public_id())) {
            (Self::Bound(principal, public_id), Some(found)) => {
                (principal, public_id) == (&found.0, &found.1)
            }
            (Self::Unbound(_), None) => true,
            _ => false,
        }
    }
}

impl Poll {
    pub(super) fn new(sessions: Arc<WatchedSessions>, key: Key, begun: &Begun) -> Self {
        let watched = Arc::new(Watched {
            backend: Arc::clone(&begun.backend),
            key,
            interval: sessions.interval(),
            seen: Mutex::new(Seen {
                target: Target::from(&begun.id),
                at: begun.at,
                ttl: begun.record.ttl(),
                due: begun.at,
                failures: 0,
                end: None,
            }),
        });
        Self {
            sessions,
            watched,
            round: Mutex::default(),
        }
    }

    pub(super) fn watched(&self) -> &Watched {
        &self.watched
    }

    /// Waits until a look is due, and for the look.
    pub(super) fn round(&self) -> Round {
        let mut latest = lock(&self.round);
        if let Some(round) = latest.as_ref().filter(|round| round.peek().is_none()) {
            return round.clone();
        }
        let watched = Arc::clone(&self.watched);
        // Made here, so that where there is no timer the caller panics.
        let due = sleep_until(watched.due());
        let round = async move {
            let poll = async {
                due.await;
                watched.poll().await
            };
            // A panic is no end either: a defect of the backend, or a timer whose runtime has ended
            // while connections of another one wait.
            let polled = AssertUnwindSafe(poll).catch_unwind().await;
            if !matches!(polled, Ok(Ok(()))) {
                watched.has_failed();
            }
        };
        let round: Round = (Box::pin(round) as Pin<Box<dyn Future<Output = ()> + Send>>).shared();
        latest.insert(round).clone()
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        self.sessions.forget(&self.watched.key);
    }
}

impl Watched {
    pub(super) fn end(&self) -> Option<SessionEnd> {
        lock(&self.seen).end
    }

    /// A request has found the session.
    pub(super) fn begin(&self, begun: &Begun) {
        let mut seen = lock(&self.seen);
        seen.target = Target::from(&begun.id);
        self.has_found(&mut seen, begun.at, &begun.record);
    }

    pub(super) async fn touch(&self) -> Result<Option<SessionRecord>, Error> {
        let touch = match self.backend.policy().touch() {
            Touch::Never => Touch::Always,
            touch => touch,
        };
        self.look(touch).await
    }

    /// Looks at the session.
    pub(super) async fn look(&self, touch: Touch) -> Result<Option<SessionRecord>, Error> {
        let target = {
            let seen = lock(&self.seen);
            if seen.end.is_some() {
                return Ok(None);
            }
            seen.target.clone()
        };
        let at = Instant::now();
        let mut outcome = self.read(&target, touch).await?;
        let is_rotated = outcome == ReadOutcome::Rotated;
        let mut found_by = None;
        if !matches!(outcome, ReadOutcome::Found(_))
            && matches!(target, Target::Id(_))
            && let Some(public) = self.key.public_target()
        {
            outcome = self.read(&public, touch).await?;
            found_by = Some(public);
        }
        let mut seen = lock(&self.seen);
        let end = match outcome {
            ReadOutcome::Found(record) if self.key.is_of(&record) => {
                // A request may have brought a newer id meanwhile.
                if let Some(found_by) = found_by.filter(|_| seen.target == target) {
                    seen.target = found_by;
                }
                self.has_found(&mut seen, at, &record);
                return Ok(Some(record).filter(|_| seen.end.is_none()));
            }
            ReadOutcome::Found(_) => SessionEnd::Rotated,
            _ if is_rotated => SessionEnd::Rotated,
            _ if seen.has_run_out() => SessionEnd::Expired,
            _ => SessionEnd::Ended,
        };
        seen.end.get_or_insert(end);
        Ok(None)
    }

    /// Looks at the session, unless somebody has done so since the look was due.
    async fn poll(&self) -> Result<(), Error> {
        if self.due() <= Instant::now() {
            self.look(Touch::Never).await?;
        }
        Ok(())
    }

    async fn read(&self, target: &Target, touch: Touch) -> Result<ReadOutcome, Error> {
        let request = ReadRequest::new(self.backend.policy(), target.clone(), touch);
        self.backend.read(&request).await
    }

    fn due(&self) -> Instant {
        lock(&self.seen).due
    }

    fn has_found(&self, seen: &mut Seen, at: Instant, record: &SessionRecord) {
        if seen.at <= at {
            seen.at = at;
            seen.ttl = record.ttl();
        }
        seen.failures = 0;
        let mut wait = jittered(self.interval);
        if let Remaining::In(ttl) = seen.ttl {
            wait = wait.min(ttl.saturating_sub(seen.at.elapsed()) + AFTER_EXPIRY);
        }
        seen.due = Instant::now() + wait;
    }

    fn has_failed(&self) {
        let mut seen = lock(&self.seen);
        seen.failures = (seen.failures + 1).min(GREATEST_BACKOFF);
        seen.due = Instant::now() + jittered(self.interval) * seen.failures;
    }
}

/// The interval, give or take 15 %, so that sessions whose watches began together drift from each
/// other.
fn jittered(interval: Duration) -> Duration {
    let drawn = rand::rngs::SysRng.try_next_u32().unwrap_or(u32::MAX / 2);
    interval.mul_f64(0.85 + 0.3 * f64::from(drawn) / f64::from(u32::MAX))
}

impl Seen {
    /// Whether the session would have expired by now if nobody had used it since it was seen. Its
    /// expiry is never later than its deadline.
    fn has_run_out(&self) -> bool {
        let ttl = self.ttl.as_duration();
        ttl.is_some_and(|ttl| self.at.elapsed() >= ttl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_intervals_are_alike() {
        let mut drawn = [(); 100].map(|()| jittered(Duration::from_secs(100)).as_micros());
        drawn.sort_unstable();
        assert!(drawn[0] >= 85_000_000 && drawn[99] <= 115_000_000);
        assert!(drawn[99] - drawn[0] > 10_000_000);
    }
}
