//! Which sessions are whose.

use std::collections::BTreeSet;

use session_core::{Principal, SessionId, UnixMillis};

/// The sessions of each principal, by deadline and id.
///
/// An entry goes with its key. Whether the session of an entry is live is for the store to say.
// One ordered set for all principals: most have one session, and a set of their own would cost more
// than the session.
#[derive(Default)]
pub(super) struct PrincipalIndex(BTreeSet<(Principal, UnixMillis, SessionId)>);

impl PrincipalIndex {
    pub(super) fn insert(&mut self, (principal, deadline): (Principal, UnixMillis), id: SessionId) {
        self.0.insert((principal, deadline, id));
    }

    /// Takes an entry out; whether it was there.
    pub(super) fn remove(
        &mut self,
        (principal, deadline): (Principal, UnixMillis),
        id: &SessionId,
    ) -> bool {
        self.0.remove(&(principal, deadline, id.clone()))
    }

    /// The entries of a principal, nearest deadline first.
    pub(super) fn of(
        &self,
        principal: &Principal,
    ) -> impl Iterator<Item = (UnixMillis, &SessionId)> {
        // No deadline is 0, so that the id of the bound does not matter.
        let start = (
            principal.clone(),
            UnixMillis::new(0),
            SessionId::from_bytes(&[0; 32]),
        );
        self.0
            .range(start..)
            .take_while(move |(owner, ..)| owner == principal)
            .map(|(_, deadline, id)| (*deadline, id))
    }

    /// Drops the entries of a principal whose deadline has passed.
    pub(super) fn prune(&mut self, principal: &Principal, now: UnixMillis) {
        let dead: Vec<_> = self
            .of(principal)
            .take_while(|(deadline, _)| *deadline <= now)
            .map(|(deadline, id)| (deadline, id.clone()))
            .collect();
        for (deadline, id) in dead {
            self.remove((principal.clone(), deadline), &id);
        }
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &(Principal, UnixMillis, SessionId)> {
        self.0.iter()
    }
}
