//! A connection in the hands of an operation, which leaves evidence of what it received.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use session_core::{Effect, Error, ErrorKind, Result};
use tokio::time::{Instant, timeout_at};

use super::contact::Contact;
use super::{News, not_sent};
use crate::command::Command;
use crate::connection::{Connect, Connection};
use crate::near::Tracking;
use crate::reply::{Reply, corrupt};
use crate::server_error::ServerError;

/// How many operations may wait for the replies of one connection: what waits takes memory, also
/// while the server hangs.
const MOST_IN_FLIGHT: usize = 10_000;

/// A connection that is used, and what was seen on it.
pub(super) struct Live<T> {
    pub(super) connection: T,
    pub(super) contact: Contact,
    /// Tells it from those before and after it.
    pub(super) number: u64,
    /// What is kept of what is read on it.
    pub(super) tracking: Option<Arc<Tracking>>,
    /// When anything was last received, and when a write last succeeded: microseconds since the
    /// epoch, zero for never.
    received: AtomicU64,
    written: AtomicU64,
    news: Arc<News>,
}

impl<T> Live<T> {
    pub(super) fn new(
        connection: T,
        contact: Contact,
        number: u64,
        tracking: Option<Arc<Tracking>>,
        news: Arc<News>,
        now: Duration,
    ) -> Self {
        let written = if contact.is_writable {
            now
        } else {
            Duration::ZERO
        };
        Self {
            connection,
            contact,
            number,
            tracking,
            received: AtomicU64::new(micros(now)),
            written: AtomicU64::new(micros(written)),
            news,
        }
    }

    /// A write has succeeded.
    pub(super) fn note_write(&self, now: Duration) {
        self.received.fetch_max(micros(now), Ordering::Relaxed);
        self.written.fetch_max(micros(now), Ordering::Relaxed);
    }

    pub(super) fn received(&self) -> Duration {
        Duration::from_micros(self.received.load(Ordering::Relaxed))
    }

    /// When a write last succeeded; zero when none has.
    pub(super) fn written(&self) -> Duration {
        Duration::from_micros(self.written.load(Ordering::Relaxed))
    }
}

/// A connection for one operation. Returned when dropped.
pub(crate) struct Lease<C: Connect>(Arc<Live<C::Connection>>);

impl<C: Connect> Lease<C> {
    pub(super) fn new(live: &Arc<Live<C::Connection>>) -> Result<Self> {
        // The task has it, and the slot; all others who do are leases.
        if Arc::strong_count(live) < MOST_IN_FLIGHT + 2 {
            return Ok(Self(Arc::clone(live)));
        }
        Err(not_sent(ErrorKind::Unavailable).with_source(TooManyInFlight))
    }

    /// What first contact found.
    pub(crate) fn contact(&self) -> &Contact {
        &self.0.contact
    }

    /// What the connection has to do with the near cache.
    pub(crate) fn tracking(&self) -> Option<&Arc<Tracking>> {
        self.0.tracking.as_ref()
    }

    /// Sends the commands in one round trip, each once.
    ///
    /// # Returns
    /// One reply or error for each, by the deadline. What was sent and has no reply by then may
    /// have been done; what was not sent by then is not sent any more. `writes`: a success proves
    /// that the server takes writes.
    pub(crate) async fn send(
        &self,
        commands: &[Command],
        writes: bool,
        deadline: Instant,
    ) -> Vec<Result<Reply>> {
        let late = |effect| {
            let late = |_| Err(Error::new(ErrorKind::Timeout, effect));
            commands.iter().map(late).collect::<Vec<_>>()
        };
        let now = Instant::now();
        if now >= deadline {
            return late(Effect::NotApplied);
        }
        let sent = self.0.news.since_epoch(now);
        // Pinned here, for it is large to move.
        let replies = pin!(self.0.connection.send(commands, deadline));
        let in_time = timeout_at(deadline, replies).await;
        let replies = in_time.unwrap_or_else(|_| late(Effect::Unknown));
        self.note(&replies, writes, sent);
        replies
    }

    /// Sends one command.
    pub(crate) async fn ask(&self, command: Command, deadline: Instant) -> Result<Reply> {
        let mut replies = self.send(&[command], false, deadline).await;
        replies.pop().unwrap_or_else(|| Err(corrupt()))
    }

    /// Whether the connection has closed.
    pub(crate) fn has_closed(&self) -> bool {
        self.0.connection.closed().now_or_never().is_some()
    }

    /// By itself: numbers begin again with each task.
    pub(super) fn is_of(&self, live: &Arc<Live<C::Connection>>) -> bool {
        Arc::ptr_eq(&self.0, live)
    }

    fn note(&self, replies: &[Result<Reply>], writes: bool, sent: Duration) {
        let live = &self.0;
        let mut is_reply = false;
        for reply in replies {
            match reply {
                Ok(_) => is_reply = true,
                Err(error) => match ServerError::of(error) {
                    Some(server) => {
                        is_reply = true;
                        if server.refuses_writes() {
                            live.news.report_refused_write(live.number);
                        }
                        if let Some(tracking) = &live.tracking
                            && server.code() == "MOVED"
                        {
                            tracking.clear();
                        }
                    }
                    None => {
                        if error.kind() == ErrorKind::Timeout && live.received() <= sent {
                            live.news.report_silence(live.number);
                        }
                        // It may be done, and what it has changed is not named yet. A read that is
                        // sent behind it sees it.
                        if let Some(tracking) = &live.tracking
                            && writes
                            && error.effect() == Effect::Unknown
                        {
                            tracking.clear();
                        }
                    }
                },
            }
        }
        if is_reply {
            let now = micros(live.news.since_epoch(Instant::now()));
            note_time(&live.received, now);
            if writes && replies.iter().all(Result::is_ok) {
                note_time(&live.written, now);
            }
        }
    }
}

impl<C: Connect> fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}

/// More operations than that would wait for one server.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{MOST_IN_FLIGHT} operations wait for the session store's replies: more are refused")]
struct TooManyInFlight;

/// By a plain store, which no other core waits for: of operations that end at the same time either
/// may have noted it.
fn note_time(noted: &AtomicU64, now: u64) {
    if noted.load(Ordering::Relaxed) < now {
        noted.store(now, Ordering::Relaxed);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
