//! The tables of several keys at once.

use std::sync::MutexGuard;

use session_core::rules::State;
use session_core::{SessionId, Tombstone, UnixMillis};

use super::after::After;
use super::key::{Content, Key, NotLive};
use super::table::{HashedId, SWEEP_BATCH, Table};
use super::{Store, lock};

/// The tables of several keys, locked.
pub(super) struct LockedTables<'a> {
    store: &'a Store,
    tables: Vec<(usize, MutexGuard<'a, Table>)>,
}

impl Store {
    /// Locks the tables of several keys, in ascending order, and frees some of what has expired in
    /// them.
    pub(super) fn open_all<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i SessionId>,
        after: &mut After,
    ) -> (LockedTables<'_>, UnixMillis) {
        let numbers = ids.into_iter().map(|id| self.hashed(id).table());
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
            after.search_behind(*number, table, now, left);
        }
        let store = self;
        (LockedTables { store, tables }, now)
    }
}

impl LockedTables<'_> {
    fn table(&mut self, hashed: HashedId<'_>) -> Option<&mut Table> {
        let number = hashed.table();
        let found = self.tables.binary_search_by_key(&number, |(it, _)| *it);
        self.tables
            .get_mut(found.ok()?)
            .map(|(_, table)| &mut **table)
    }

    pub(super) fn get(&mut self, id: &SessionId) -> Option<&Key> {
        let hashed = self.store.hashed(id);
        self.table(hashed)?.get(hashed)
    }

    /// The live session of this id; else the tombstone that counts, if it has one.
    pub(super) fn live(
        &mut self,
        id: &SessionId,
        now: UnixMillis,
        after: &mut After,
    ) -> Result<State, Option<Tombstone>> {
        let hashed = self.store.hashed(id);
        let found = self.table(hashed).and_then(|table| table.get_mut(hashed));
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
    pub(super) fn replace(&mut self, id: &SessionId, state: State) {
        let (store, hashed) = (self.store, self.store.hashed(id));
        let found = self.table(hashed).and_then(|table| table.get_mut(hashed));
        if let Some((key, expiries)) = found {
            key.content = Content::Session(state);
            store.resized(key);
            expiries.follow(hashed.hash, key);
        }
    }

    /// Takes a key out, if it is there.
    pub(super) fn take(&mut self, id: &SessionId, after: &mut After) {
        let hashed = self.store.hashed(id);
        let taken = self.table(hashed).and_then(|table| table.take(hashed));
        after.freed.extend(taken);
    }

    /// Whether there is a key under this id, session or not. One that has expired is freed.
    pub(super) fn exists(&mut self, id: &SessionId, now: UnixMillis, after: &mut After) -> bool {
        match self.get(id) {
            Some(key) if key.is_expired(now) => {
                self.take(id, after);
                false
            }
            found => found.is_some(),
        }
    }

    /// Stores a key under an id that is free.
    pub(super) fn put(&mut self, key: Key) {
        let hashed = self.store.hashed(&key.id);
        let hash = hashed.hash;
        if let Some(table) = self.table(hashed) {
            table.put(hash, key);
        }
    }
}
