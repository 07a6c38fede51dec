//! All that the backend holds. Synchronous: the backend runs each step under its one lock.
//!
//! What a step does to a session is decided by [`session_core::rules`]; here lie the keys, their
//! expiry and the index.

mod expiry;
mod index;
#[cfg(test)]
mod invariants;
mod key;
mod keys;
mod pages;
mod principals;
mod raw;
mod steps;

use session_core::rules::State;
use session_core::{Principal, PublicId, SessionId, Tombstone, UnixMillis};

use self::expiry::ExpiryQueue;
use self::index::PrincipalIndex;
pub(crate) use self::key::Key;
use self::key::{Content, NoSession, NotLive};
use self::keys::Keys;
pub(crate) use self::keys::SHARDS;
pub(crate) use self::pages::Found;

/// How many keys whose turn has come are looked at on each operation. An operation adds at most one
/// key, so that with more than one the store cannot fill with expired ones.
pub(crate) const SWEEP_BATCH: usize = 8;

/// The keys of a store.
pub(crate) struct Store {
    keys: Keys,
    expiries: ExpiryQueue,
    index: PrincipalIndex,
    max_sessions: usize,
    /// The key that this step found to be no session, to be logged once the lock is released.
    finding: Option<Finding>,
    /// The principal whose sessions this step has ended for its limit, to be logged likewise.
    evicted: Option<Principal>,
    /// What was taken out, to be dropped once the lock is released.
    freed: Freed,
}

/// Keys that were taken out. To drop one takes a while: a dozen allocations, and now and then the
/// allocator tidies up (glibc: for most of a second, after a million).
pub(crate) type Freed = Vec<Box<Key>>;

/// A key that a step expected to be a session and that is none. For the log.
pub(crate) struct Finding {
    id: SessionId,
    found: NoSession,
}

impl Finding {
    fn of(id: &SessionId, found: Option<NoSession>) -> Option<Self> {
        Some(Self {
            found: found?,
            id: id.clone(),
        })
    }

    /// Names the key without opening it. Costs a hash, so call it without the lock.
    pub(crate) fn public_id(&self) -> PublicId {
        PublicId::of_unbound(&self.id)
    }

    /// Why it is no session.
    pub(crate) fn reason(&self) -> &'static str {
        self.found.reason()
    }
}

impl Store {
    pub(crate) fn new(max_sessions: usize) -> Self {
        Self {
            keys: Keys::new(),
            expiries: ExpiryQueue::default(),
            index: PrincipalIndex::default(),
            max_sessions,
            finding: None,
            evicted: None,
            freed: Freed::new(),
        }
    }

    /// The number of keys held, those included that have expired and are not freed yet.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Takes what this step found.
    pub(crate) fn take_finding(&mut self) -> Option<Finding> {
        self.finding.take()
    }

    /// Takes the principal whose sessions this step has ended for its limit.
    pub(crate) fn take_evicted(&mut self) -> Option<Principal> {
        self.evicted.take()
    }

    /// Takes what was taken out of the store.
    pub(crate) fn take_freed(&mut self) -> Freed {
        std::mem::take(&mut self.freed)
    }

    /// Frees keys that have expired: looks at no more than [`SWEEP_BATCH`] keys. Whether there may
    /// be more whose turn has come.
    pub(crate) fn sweep(&mut self, now: UnixMillis) -> bool {
        for _ in 0..SWEEP_BATCH {
            let Some(id) = self.expiries.pop_due(now) else {
                return false;
            };
            let Some(key) = self.keys.get_mut(&id) else {
                continue;
            };
            key.queued_for = None;
            if key.is_expired(now) {
                self.take_key(&id);
            } else {
                // It was used since it was queued.
                self.expiries.follow(&id, key);
            }
        }
        true
    }

    /// Whether a new session does not fit. Continues the sweep until a key is freed or all are
    /// known to exist, so that only a store that is full of existing keys is full.
    fn is_full(&mut self, now: UnixMillis) -> bool {
        while self.keys.len() >= self.max_sessions {
            if !self.sweep(now) {
                return self.keys.len() >= self.max_sessions;
            }
        }
        false
    }

    /// Whether there is a key under this id, session or not. One that has expired is freed.
    fn exists(&mut self, id: &SessionId, now: UnixMillis) -> bool {
        match self.keys.get(id) {
            Some(key) if key.is_expired(now) => {
                self.take_key(id);
                false
            }
            found => found.is_some(),
        }
    }

    /// The live session of this id; else the tombstone that counts, if it has one.
    fn live(&mut self, id: &SessionId, now: UnixMillis) -> Result<&State, Option<Tombstone>> {
        match self.keys.get_mut(id).ok_or(None)?.live(now) {
            Ok(state) => Ok(state),
            Err(NotLive::Rotated(tombstone)) => Err(Some(tombstone)),
            Err(NotLive::NotFound(found)) => {
                self.finding = Finding::of(id, found);
                Err(None)
            }
        }
    }

    /// Puts a session's new state in the place of its old one.
    fn replace(&mut self, id: &SessionId, state: State) {
        if let Some(key) = self.keys.get_mut(id) {
            key.content = Content::Session(state);
            self.expiries.follow(id, key);
        }
    }

    /// Stores a key under an id that is free.
    fn put_key(&mut self, id: SessionId, mut key: Key) {
        self.expiries.follow(&id, &mut key);
        self.keys.insert(id, key);
    }

    /// Takes a key out, from the queue and the index as well; whether it was there.
    fn take_key(&mut self, id: &SessionId) -> bool {
        let Some(mut key) = self.keys.remove(id) else {
            return false;
        };
        self.expiries.forget(id, &mut key);
        if let Some(listing) = key.listing() {
            self.index.remove(listing, id);
        }
        self.freed.push(key);
        true
    }
}
