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

mod bindings;
mod capacity;
mod expiry;
mod index;
#[cfg(test)]
mod invariants;
mod key;
mod pages;
mod principals;
mod raw;
mod room;
mod steps;
mod table;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use session_core::rules::State;
use session_core::{Clock, Principal, PublicId, QuotaWarnings, SessionId, Tombstone, UnixMillis};

use self::capacity::Capacity;
pub(crate) use self::capacity::Limits;
pub use self::capacity::WhenFull;
use self::expiry::{DueBoard, ExpiryQueue, GROUPS};
use self::index::{Listing, PrincipalIndex};
pub(crate) use self::key::Key;
use self::key::{Content, NoSession, NotLive};
pub(crate) use self::pages::Found;
use self::table::{Place, SWEEP_BATCH, Table};

/// How many tables the keys are spread over: many more than there are cores, so that two steps
/// seldom meet. A table that grows or shrinks moves all its entries at once: four thousand at a
/// million sessions (half a millisecond).
pub(crate) const TABLES: usize = 256;

/// On cache lines of its own, so that who writes here keeps nobody from reading beside it.
#[repr(align(128))]
#[derive(Debug, Default)]
pub(crate) struct Padded<T>(pub(crate) T);

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

/// What a step leaves to be done when its locks are released.
#[derive(Default)]
pub(crate) struct After {
    /// What was taken out, to be dropped, and its entries in the index.
    freed: Freed,
    /// An entry whose session is listed elsewhere by now, or nowhere.
    unlisted: Option<(Listing, SessionId)>,
    /// The key that this step found to be no session, to be logged.
    finding: Option<Finding>,
    /// The principal whose sessions this step has ended for its limit, to be logged likewise.
    evicted: Option<Principal>,
    /// Where else to look for what has expired.
    search: Option<Search>,
}

/// A look at some of the tables for keys that have expired.
struct Search {
    now: UnixMillis,
    /// The number of the first group of tables.
    first: usize,
    /// How many groups.
    groups: usize,
    /// How many keys of them, at most.
    keys: usize,
}

/// Keys that were taken out. To drop one takes a while, and now and then the allocator tidies up.
type Freed = Vec<Box<Key>>;

/// A key that a step expected to be a session and that is none. For the log.
struct Finding {
    id: SessionId,
    found: NoSession,
}

/// The tables of several keys, locked.
struct LockedTables<'a> {
    store: &'a Store,
    tables: Vec<(usize, MutexGuard<'a, Table>)>,
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

    fn place<'a>(&self, id: &'a SessionId) -> Place<'a> {
        let hash = hash_of(&self.hasher, id);
        Place { id, hash }
    }

    #[expect(clippy::indexing_slicing, reason = "there are TABLES of them")]
    fn table(&self, number: usize) -> &Mutex<Table> {
        &self.tables[number % TABLES].0
    }

    /// Locks the table of a key, and frees some of what has expired in it.
    fn open(&self, place: Place<'_>, after: &mut After) -> (MutexGuard<'_, Table>, UnixMillis) {
        let number = place.table();
        let mut table = lock(self.table(number));
        // Read under the lock, so that time does not run backwards from one step to the next.
        let now = self.now();
        let looked = table.sweep(now, SWEEP_BATCH, &mut after.freed);
        after.search = Some(search(number, &mut table, now, SWEEP_BATCH - looked));
        (table, now)
    }

    /// The same for several keys.
    fn open_all<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i SessionId>,
        after: &mut After,
    ) -> (LockedTables<'_>, UnixMillis) {
        let numbers = ids.into_iter().map(|id| self.place(id).table());
        let mut numbers: Vec<_> = numbers.collect();
        numbers.sort_unstable();
        numbers.dedup();
        let tables = numbers.into_iter();
        let mut tables: Vec<_> = tables.map(|it| (it, lock(self.table(it)))).collect();
        let now = self.now();
        let mut left = SWEEP_BATCH;
        for (_, table) in &mut tables {
            left -= table.sweep(now, left, &mut after.freed);
        }
        if let Some((number, table)) = tables.first_mut() {
            after.search = Some(search(*number, table, now, left));
        }
        let store = self;
        (LockedTables { store, tables }, now)
    }

    /// Does what a step has left to be done, without a lock of its own.
    pub(crate) fn finish(&self, mut after: After) {
        if let Some(mut search) = after.search {
            self.search(&mut search, &mut after.freed);
        }
        self.release(after.freed);
        if let Some((listing, id)) = after.unlisted {
            self.index.remove(listing, &id);
        }
        // A subscriber is foreign code.
        if let Some(Finding { id, found }) = after.finding {
            tracing::warn!(
                session = PublicId::of_unbound(&id).as_str(),
                reason = found.reason(),
                "a key is no session, and is left alone"
            );
        }
        if let Some(principal) = after.evicted {
            let now = Instant::now();
            self.quota_warnings.sessions_ended(&principal, now);
        }
    }

    /// Takes out keys that have expired by the time of the search.
    fn search(&self, search: &mut Search, freed: &mut Freed) {
        let groups = (search.first..).take(search.groups);
        for number in groups.flat_map(|group| self.board.due(group, search.now)) {
            if search.keys == 0 {
                return;
            }
            let mut table = lock(self.table(number));
            search.keys -= table.sweep(search.now, search.keys, freed);
        }
    }

    /// Leaves a look at all tables for what has expired to be done, and nothing else.
    pub(crate) fn ping(&self, after: &mut After) {
        after.search = Some(Search {
            now: self.now(),
            first: 0,
            groups: GROUPS,
            keys: SWEEP_BATCH,
        });
    }

    /// Drops keys that were taken out, and their entries in the index.
    fn release(&self, freed: Freed) {
        for key in freed {
            self.capacity.removed(key.weight);
            if let Some(listing) = key.listing() {
                self.index.remove(listing, &key.id);
            }
        }
    }

    /// A key has changed: counts its size again.
    fn resized(&self, key: &mut Key) {
        let weight = capacity::weight(&key.content);
        self.capacity.resized(key.weight, weight);
        key.weight = weight;
    }
}

/// The search that follows an operation on a table: at other tables each time, so that operations
/// on a single session come to all of them.
fn search(number: usize, table: &mut Table, now: UnixMillis, keys: usize) -> Search {
    Search {
        now,
        first: number.wrapping_add(table.count()),
        groups: 1,
        keys,
    }
}

impl After {
    fn found(&mut self, id: &SessionId, found: Option<NoSession>) {
        self.finding = found.map(|found| Finding {
            found,
            id: id.clone(),
        });
    }
}

impl LockedTables<'_> {
    fn table(&mut self, place: Place<'_>) -> Option<&mut Table> {
        let number = place.table();
        let found = self.tables.binary_search_by_key(&number, |(it, _)| *it);
        self.tables
            .get_mut(found.ok()?)
            .map(|(_, table)| &mut **table)
    }

    fn get(&mut self, id: &SessionId) -> Option<&Key> {
        let place = self.store.place(id);
        self.table(place)?.get(place)
    }

    /// The live session of this id; else the tombstone that counts, if it has one.
    fn live(
        &mut self,
        id: &SessionId,
        now: UnixMillis,
        after: &mut After,
    ) -> Result<State, Option<Tombstone>> {
        let place = self.store.place(id);
        let found = self.table(place).and_then(|table| table.get_mut(place));
        let (key, _) = found.ok_or(None)?;
        match key.live(now) {
            Ok(state) => Ok(state.clone()),
            Err(NotLive::Rotated(tombstone)) => Err(Some(tombstone)),
            Err(NotLive::NotFound(found)) => {
                after.found(id, found);
                Err(None)
            }
        }
    }

    /// Puts a session's new state in the place of its old one.
    fn replace(&mut self, id: &SessionId, state: State) {
        let (store, place) = (self.store, self.store.place(id));
        let found = self.table(place).and_then(|table| table.get_mut(place));
        if let Some((key, expiries)) = found {
            key.content = Content::Session(state);
            store.resized(key);
            expiries.follow(place.hash, key);
        }
    }

    /// Takes a key out, if it is there.
    fn take(&mut self, id: &SessionId, after: &mut After) {
        let place = self.store.place(id);
        let taken = self.table(place).and_then(|table| table.take(place));
        after.freed.extend(taken);
    }

    /// Whether there is a key under this id, session or not. One that has expired is freed.
    fn exists(&mut self, id: &SessionId, now: UnixMillis, after: &mut After) -> bool {
        match self.get(id) {
            Some(key) if key.is_expired(now) => {
                self.take(id, after);
                false
            }
            found => found.is_some(),
        }
    }

    /// Stores a key under an id that is free.
    fn put(&mut self, key: Key) {
        let place = self.store.place(&key.id);
        let hash = place.hash;
        if let Some(table) = self.table(place) {
            table.put(hash, key);
        }
    }
}
