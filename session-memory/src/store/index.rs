//! Which sessions are whose.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard};

use session_core::{ListPosition, Principal, PublicId, SessionId, UnixMillis};

use super::lock;
use crate::padded::Padded;

/// Where a session is listed: among whose, until when, and under which public id.
pub(super) type Listing = (Principal, UnixMillis, PublicId);

/// How many parts the index has.
const PARTS: usize = 64;
/// How many entries of ended sessions a step on a principal removes at most.
const PRUNED_AT_ONCE: usize = 128;

/// The sessions of each principal, by deadline and public id.
///
/// While a principal's part is locked, each of its listed sessions has its entry there: a binding
/// and a rotation change both under the locks of both. An entry goes only after its session, so
/// that there may be some of sessions that have ended or are listed elsewhere by now: who reads an
/// entry compares it with the session. As each binding draws a public id, no two have the same
/// entry, and who removes one late removes no other.
pub(super) struct PrincipalIndex {
    parts: Box<[Padded<Mutex<Part>>]>,
    hasher: RandomState,
}

/// The sessions of some of the principals.
// One ordered set for all of them: most have one session, and a set of their own would cost more
// than the session.
#[derive(Default)]
pub(super) struct Part(BTreeSet<Entry>);

type Entry = (Principal, UnixMillis, PublicId, SessionId);

/// The parts of one or two principals, locked.
pub(super) struct LockedParts<'a> {
    index: &'a PrincipalIndex,
    parts: Vec<(usize, MutexGuard<'a, Part>)>,
}

impl PrincipalIndex {
    pub(super) fn new(hasher: RandomState) -> Self {
        let parts = (0..PARTS).map(|_| Padded::default());
        Self {
            parts: parts.collect(),
            hasher,
        }
    }

    fn part_of(&self, principal: &Principal) -> usize {
        let hash = self.hasher.hash_one(principal.as_str());
        usize::try_from(hash).unwrap_or_default() % PARTS
    }

    /// Locks the parts of these principals, in ascending order.
    pub(super) fn lock<'p>(
        &self,
        principals: impl IntoIterator<Item = &'p Principal>,
    ) -> LockedParts<'_> {
        let parts = principals.into_iter().map(|it| self.part_of(it));
        let mut parts: Vec<_> = parts.collect();
        parts.sort_unstable();
        parts.dedup();
        let locked = parts
            .into_iter()
            .filter_map(|number| Some((number, lock(&self.parts.get(number)?.0))));
        LockedParts {
            parts: locked.collect(),
            index: self,
        }
    }

    /// Takes an entry out, if it is there.
    pub(super) fn remove(&self, listing: Listing, id: &SessionId) {
        let principal = listing.0.clone();
        self.lock([&principal]).remove(listing, id);
    }

    #[cfg(test)]
    pub(super) fn entries(&self) -> Vec<(Listing, SessionId)> {
        let parts = self.parts.iter().flat_map(|part| {
            let entries = lock(&part.0).0.clone();
            entries
                .into_iter()
                .map(|(principal, deadline, public_id, id)| ((principal, deadline, public_id), id))
        });
        parts.collect()
    }
}

impl LockedParts<'_> {
    /// The part of a principal, if it is among those locked.
    fn of(&mut self, principal: &Principal) -> Option<&mut Part> {
        let number = self.index.part_of(principal);
        let mut parts = self.parts.iter_mut();
        let found = parts.find(|(locked, _)| *locked == number);
        found.map(|(_, part)| &mut **part)
    }

    /// Lists a session, if it is to be listed.
    pub(super) fn add(&mut self, listing: Option<Listing>, id: &SessionId) {
        let Some((principal, deadline, public_id)) = listing else {
            return;
        };
        if let Some(part) = self.of(&principal) {
            part.0.insert((principal, deadline, public_id, id.clone()));
        }
    }

    /// Takes an entry out, if it is there.
    pub(super) fn remove(&mut self, listing: Listing, id: &SessionId) {
        if let Some(part) = self.of(&listing.0) {
            part.remove(listing, id);
        }
    }

    /// So many entries of a principal behind a position, nearest deadline first, ties by public id.
    pub(super) fn entries(
        &mut self,
        principal: &Principal,
        position: ListPosition,
        most: usize,
    ) -> Vec<(Listing, SessionId)> {
        let entries = self.of(principal).into_iter();
        let entries = entries.flat_map(|part| part.behind(principal, position));
        entries.take(most).collect()
    }

    /// Whether a principal has so many entries.
    pub(super) fn has(&mut self, principal: &Principal, entries: usize) -> bool {
        let part = self.of(principal);
        part.is_some_and(|part| {
            let all = part.from(principal, ListPosition::BEGINNING);
            all.take(entries).count() == entries
        })
    }

    /// The entries of a principal with this public id.
    pub(super) fn named(
        &mut self,
        principal: &Principal,
        public_id: PublicId,
    ) -> Vec<(Listing, SessionId)> {
        let entries = self.of(principal).into_iter();
        let entries = entries.flat_map(|part| part.behind(principal, ListPosition::BEGINNING));
        let named = entries.filter(|((_, _, entry), _)| *entry == public_id);
        named.collect()
    }

    /// Drops the entries of a principal whose deadline has passed.
    pub(super) fn prune(&mut self, principal: &Principal, now: UnixMillis) {
        if let Some(part) = self.of(principal) {
            part.prune(principal, now);
        }
    }
}

impl Part {
    fn remove(&mut self, listing: Listing, id: &SessionId) {
        let (principal, deadline, public_id) = listing;
        self.0.remove(&(principal, deadline, public_id, id.clone()));
    }

    /// The entries of a principal behind a position.
    fn behind(
        &self,
        principal: &Principal,
        position: ListPosition,
    ) -> impl Iterator<Item = (Listing, SessionId)> {
        self.from(principal, position)
            .map(|(owner, deadline, public_id, id)| {
                ((owner.clone(), *deadline, *public_id), id.clone())
            })
    }

    fn from(&self, principal: &Principal, position: ListPosition) -> impl Iterator<Item = &Entry> {
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
            .skip_while(move |(_, deadline, public_id, _)| {
                !position.is_before(*deadline, *public_id)
            })
    }

    /// Drops entries of a principal whose deadline has passed, a batch at most: whoever looks at
    /// the others sees that their sessions have ended.
    fn prune(&mut self, principal: &Principal, now: UnixMillis) {
        let entries = self.behind(principal, ListPosition::BEGINNING);
        let ended = entries.take_while(|((_, deadline, _), _)| *deadline <= now);
        for (listing, id) in ended.take(PRUNED_AT_ONCE).collect::<Vec<_>>() {
            self.remove(listing, &id);
        }
    }
}
