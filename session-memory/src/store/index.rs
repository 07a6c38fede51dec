//! Which sessions are whose.

use std::collections::BTreeSet;

use session_core::{ListPosition, Principal, PublicId, SessionId, UnixMillis};

/// Where a session is listed: among whose, until when, and under which public id.
pub(super) type Listing = (Principal, UnixMillis, PublicId);

/// The sessions of each principal, by deadline and public id.
///
/// An entry goes with its key. Whether the session of an entry is live is for the store to say.
// One ordered set for all principals: most have one session, and a set of their own would cost more
// than the session.
#[derive(Default)]
pub(super) struct PrincipalIndex(BTreeSet<(Principal, UnixMillis, PublicId, SessionId)>);

impl PrincipalIndex {
    pub(super) fn insert(&mut self, listing: Listing, id: SessionId) {
        let (principal, deadline, public_id) = listing;
        self.0.insert((principal, deadline, public_id, id));
    }

    /// Takes an entry out; whether it was there.
    pub(super) fn remove(&mut self, listing: Listing, id: &SessionId) -> bool {
        let (principal, deadline, public_id) = listing;
        self.0.remove(&(principal, deadline, public_id, id.clone()))
    }

    /// The entries of a principal, nearest deadline first, ties by public id.
    pub(super) fn of(
        &self,
        principal: &Principal,
    ) -> impl Iterator<Item = (UnixMillis, PublicId, &SessionId)> {
        self.behind(principal, ListPosition::BEGINNING)
    }

    /// Those behind a position.
    pub(super) fn behind(
        &self,
        principal: &Principal,
        position: ListPosition,
    ) -> impl Iterator<Item = (UnixMillis, PublicId, &SessionId)> {
        // A bound somewhere before, and behind all of an earlier millisecond but the last.
        let any = PublicId::from_digest(&[0; 32]);
        let (deadline, public_id) = match (position.deadline(), position.public_id()) {
            (deadline, Some(public_id)) => (deadline, public_id),
            (deadline, None) => (UnixMillis::new(deadline.get().saturating_sub(1)), any),
        };
        let any = SessionId::from_bytes(&[0; 32]);
        let start = (principal.clone(), deadline, public_id, any);
        self.0
            .range(start..)
            .take_while(move |(owner, ..)| owner == principal)
            .map(|(_, deadline, public_id, id)| (*deadline, *public_id, id))
            .skip_while(move |(deadline, public_id, _)| !position.is_before(*deadline, *public_id))
    }

    /// Drops the entries of a principal whose deadline has passed.
    pub(super) fn prune(&mut self, principal: &Principal, now: UnixMillis) {
        let ended: Vec<_> = self
            .of(principal)
            .take_while(|(deadline, ..)| *deadline <= now)
            .map(|(deadline, public_id, id)| (deadline, public_id, id.clone()))
            .collect();
        for (deadline, public_id, id) in ended {
            self.remove((principal.clone(), deadline, public_id), &id);
        }
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (Listing, &SessionId)> {
        self.0.iter().map(|(principal, deadline, public_id, id)| {
            ((principal.clone(), *deadline, *public_id), id)
        })
    }
}
