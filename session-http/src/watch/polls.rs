//! The sessions that open connections of one session layer watch.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use session_core::{SessionBackend, SessionId, SessionRecord};
use tokio::time::Instant;

use super::Watch;
use super::poll::{Key, Poll};
use crate::operations::lock;

/// What keeps looks from following each other without a pause, and times from overflowing.
const INTERVALS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3600));

/// The sessions that are watched, each with its poll, for as long as a [`Watch`] of it is kept.
pub(crate) struct WatchedSessions {
    interval: Duration,
    polls: Mutex<HashMap<Key, Weak<Poll>>>,
}

/// A session as the request found it that begins to watch it.
pub(crate) struct Begun {
    pub(crate) backend: Arc<dyn SessionBackend>,
    pub(crate) id: SessionId,
    pub(crate) record: SessionRecord,
    /// When the look began that found it.
    pub(crate) at: Instant,
}

impl WatchedSessions {
    pub(crate) const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);

    pub(crate) fn new(interval: Duration) -> Self {
        let (least, greatest) = INTERVALS;
        Self {
            interval: interval.clamp(least, greatest),
            polls: Mutex::default(),
        }
    }

    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// Watches a session, together with those that watch it already.
    pub(crate) fn watch(self: &Arc<Self>, begun: &Begun) -> Watch {
        let key = Key::of(&begun.id, &begun.record);
        let (poll, ended) = {
            let mut polls = lock(&self.polls);
            match polls.get(&key).and_then(Weak::upgrade) {
                Some(poll) if poll.watched().end().is_none() => (poll, None),
                // Whatever it saw, the session lives.
                ended => {
                    let poll = Arc::new(Poll::new(Arc::clone(self), key.clone(), begun));
                    polls.insert(key, Arc::downgrade(&poll));
                    (poll, ended)
                }
            }
        };
        // Without the lock, which a poll takes that is dropped.
        drop(ended);
        poll.watched().begin(begun);
        Watch { poll }
    }

    /// Drops a session's entry, unless it has another poll by now.
    pub(super) fn forget(&self, key: &Key) {
        let mut polls = lock(&self.polls);
        if polls.get(key).is_some_and(|poll| poll.strong_count() == 0) {
            polls.remove(key);
        }
    }
}

/// Shows no id.
impl fmt::Debug for WatchedSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedSessions")
            .field("interval", &self.interval)
            .field("watched", &lock(&self.polls).len())
            .finish()
    }
}
