//! All that the backend holds. Synchronous: a step locks what it is about, and waits for nothing
//! else.
//!
//! What a step does to a session is decided by [`session_core::rules`]; here lie the keys, their
//! expiry and the index.
//!
//! # Locks
//! The keys are spread over [`TABLES`] tables by the hash of their ids, the entries of the index
//! over parts by that of the principals; each table and each part has a lock. A step takes all the
//! locks that it needs before it changes anything, and keeps them until it is done: so each is one
//! critical section, and two steps that meet are one after the other. It takes them in one order,
//! parts before tables, and each kind by ascending number, so that no two wait for each other.
//!
//! A step on one session by its id that neither binds nor moves it takes the lock of its table and
//! no other. Nothing else is written on the way of a read: there is no counter, queue or clock that
//! all sessions share.
//!
//! Where a step ends sessions of principals (a deletion, an eviction, a sweep), it has their tables
//! and not their parts of the index: their entries are removed once its locks are released
//! ([`Store::finish`]), before its outcome is returned. See [`PrincipalIndex`] for why this is
//! sound.

mod after;
#[cfg(test)]
mod between;
mod bindings;
mod capacity;
mod expiry;
mod index;
#[cfg(test)]
mod invariants;
mod key;
mod locked;
mod pages;
mod principals;
mod raw;
mod room;
mod steps;
mod table;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session_core::{Clock, QuotaWarnings, SessionId, UnixMillis};

pub(crate) use self::after::After;
use self::capacity::Capacity;
pub(crate) use self::capacity::Limits;
pub use self::capacity::WhenFull;
use self::expiry::{DueBoard, ExpiryQueue};
use self::index::PrincipalIndex;
use self::key::Key;
pub(crate) use self::pages::Found;
use self::table::{HashedId, SWEEP_BATCH, Table};
use crate::padded::Padded;

/// How many tables the keys are spread over: many more than there are cores, so that two steps
/// seldom meet. A table that grows or shrinks moves all its entries at once: four thousand at a
/// million sessions (half a millisecond).
pub(crate) const TABLES: usize = 256;

/// The keys of a store.
pub(crate) struct Store {
    clock: Arc<dyn Clock>,
    hasher: RandomState,
    tables: Box<[Padded<Mutex<Table>>]>,
    board: Arc<DueBoard>,
    index: PrincipalIndex,
    capacity: Capacity,
    /// Where the next search for room begins.
    next_table: Padded<AtomicUsize>,
    quota_warnings: QuotaWarnings,
}

/// The hash of an id: of its first characters, since ids are random, and a store has none that it
/// did not draw.
fn hash_of(hasher: &RandomState, id: &SessionId) -> u64 {
    let first = id.expose_bytes().first_chunk::<16>();
    let first = first.copied().unwrap_or_default();
    hasher.hash_one(u128::from_ne_bytes(first))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing but the clock can panic while a table is locked, and it is read before anything is
    // changed: the table is whole even if its lock is poisoned.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    pub(crate) fn new(clock: Arc<dyn Clock>, limits: Limits) -> Self {
        // One key, drawn once: who knows no hash cannot tell which ids share a table.
        let hasher = RandomState::new();
        let board = Arc::new(DueBoard::new());
        let tables = (0..TABLES).map(|number| {
            let expiries = ExpiryQueue::new(Arc::clone(&board), number);
            Padded(Mutex::new(Table::new(expiries, hasher.clone())))
        });
        Self {
            clock,
            tables: tables.collect(),
            index: PrincipalIndex::new(hasher.clone()),
            hasher,
            board,
            capacity: Capacity::new(limits),
            next_table: Padded::default(),
            quota_warnings: QuotaWarnings::default(),
        }
    }

    /// The number of keys held, those included that have expired and are not freed yet.
    pub(crate) fn len(&self) -> usize {
        self.capacity.keys()
    }

    /// About how many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        self.capacity.bytes()
    }

    pub(crate) fn limits(&self) -> &Limits {
        self.capacity.limits()
    }

    fn now(&self) -> UnixMillis {
        UnixMillis::from_system_time(self.clock.now())
    }

    fn hashed<'a>(&self, id: &'a SessionId) -> HashedId<'a> {
        let hash = hash_of(&self.hasher, id);
        HashedId { id, hash }
    }

    #[expect(clippy::indexing_slicing, reason = "there are TABLES of them")]
    fn table(&self, number: usize) -> &Mutex<Table> {
        &self.tables[number % TABLES].0
    }

    /// Locks the table of a key, and frees some of what has expired in it.
    fn open(&self, hashed: HashedId<'_>, after: &mut After) -> (MutexGuard<'_, Table>, UnixMillis) {
        let number = hashed.table();
        let mut table = lock(self.table(number));
        // Read under the lock, so that time does not run backwards from one step to the next.
        let now = self.now();
        let looked = table.sweep(now, SWEEP_BATCH, &mut after.freed);
        after.search_behind(number, &mut table, now, SWEEP_BATCH - looked);
        (table, now)
    }

    /// A key has changed: counts its size again.
    fn resized(&self, key: &mut Key) {
        let weight = capacity::weight(&key.content);
        self.capacity.resized(key.weight, weight);
        key.weight = weight;
    }
}
