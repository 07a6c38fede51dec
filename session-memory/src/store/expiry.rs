//! When which key expires, in the order of time.

use std::collections::BTreeSet;

use session_core::{SessionId, UnixMillis};

use super::key::Key;

/// When which key is to be looked at. A key that expires is in it exactly once, at a time that is
/// not later than its expiry.
///
/// A use moves a key's expiry further away; the queue is not told. When the key's turn comes, it is
/// queued again for its new expiry. So a session that is read a thousand times within its TTL costs
/// one queue operation, not a thousand.
#[derive(Default)]
pub(super) struct ExpiryQueue(BTreeSet<(UnixMillis, SessionId)>);

impl ExpiryQueue {
    /// Brings the queue up to date with a key that was changed.
    pub(super) fn follow(&mut self, id: &SessionId, key: &mut Key) {
        let expires_at = key.expires_at();
        let in_time = match (key.queued_for, expires_at) {
            (Some(queued), Some(expires)) => queued <= expires,
            (queued, expires) => queued == expires,
        };
        if !in_time {
            self.forget(id, key);
            self.0.extend(expires_at.map(|at| (at, id.clone())));
            key.queued_for = expires_at;
        }
    }

    /// Takes a key out of the queue.
    pub(super) fn forget(&mut self, id: &SessionId, key: &mut Key) {
        if let Some(at) = key.queued_for.take() {
            self.0.remove(&(at, id.clone()));
        }
    }

    /// Takes out the next key whose turn has come.
    pub(super) fn pop_due(&mut self, now: UnixMillis) -> Option<SessionId> {
        let (at, _) = self.0.first()?;
        if *at < now {
            self.0.pop_first().map(|(_, id)| id)
        } else {
            None
        }
    }

    #[cfg(test)]
    pub(super) fn contains(&self, at: UnixMillis, id: &SessionId) -> bool {
        self.0.contains(&(at, id.clone()))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
