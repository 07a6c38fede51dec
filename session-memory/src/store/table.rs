//! One of the tables that the keys are spread over: the keys by id, and the queue of their
//! expiries.

use std::hash::RandomState;

use hashbrown::HashTable;
use hashbrown::hash_table::OccupiedEntry;
use session_core::{SessionId, UnixMillis};

use super::after::Freed;
use super::expiry::ExpiryQueue;
use super::key::Key;
use super::{TABLES, hash_of};

/// How many keys whose turn has come are looked at on each operation. An operation adds at most one
/// key, so that with more than one the store cannot fill with expired ones.
pub(super) const SWEEP_BATCH: usize = 8;
/// A table this small is not worth shrinking.
const SMALL: usize = 64;

/// An id and its hash, which say where its key is.
#[derive(Clone, Copy)]
pub(super) struct HashedId<'a> {
    pub(super) id: &'a SessionId,
    pub(super) hash: u64,
}

impl HashedId<'_> {
    /// The number of the key's table. Of the hash it takes bits that say nothing of the key's place
    /// in the table.
    pub(super) fn table(self) -> usize {
        usize::try_from(self.hash >> 32).unwrap_or_default() % TABLES
    }
}

/// Keys, and when they expire.
///
/// A hash table, not a search tree: a tree compares an id that a stranger sent with the secret
/// ones, byte by byte, and its timing tells how far they agree. For the same reason the hash is one
/// whose key nobody knows.
pub(super) struct Table {
    // Boxed keys keep the table's empty places small.
    keys: HashTable<Box<Key>>,
    expiries: ExpiryQueue,
    hasher: RandomState,
    /// The operations so far.
    operations: usize,
}

impl Table {
    pub(super) fn new(expiries: ExpiryQueue, hasher: RandomState) -> Self {
        Self {
            keys: HashTable::new(),
            expiries,
            hasher,
            operations: 0,
        }
    }

    pub(super) fn get(&self, hashed: HashedId<'_>) -> Option<&Key> {
        let found = self.keys.find(hashed.hash, |key| key.id == *hashed.id);
        found.map(|key| &**key)
    }

    /// The key, and the queue, which has to [follow](ExpiryQueue::follow) what becomes of it.
    pub(super) fn get_mut(&mut self, hashed: HashedId<'_>) -> Option<(&mut Key, &mut ExpiryQueue)> {
        let found = self.keys.find_mut(hashed.hash, |key| key.id == *hashed.id);
        found.map(|key| (&mut **key, &mut self.expiries))
    }

    /// Stores a key under an id that has none.
    pub(super) fn put(&mut self, hash: u64, mut key: Key) {
        self.expiries.follow(hash, &mut key);
        let hasher = &self.hasher;
        self.keys
            .insert_unique(hash, Box::new(key), |key| hash_of(hasher, &key.id));
    }

    /// Takes a key out, from the queue as well.
    pub(super) fn take(&mut self, hashed: HashedId<'_>) -> Option<Box<Key>> {
        let found = self
            .keys
            .find_entry(hashed.hash, |key| key.id == *hashed.id);
        let (mut key, _) = found.ok()?.remove();
        self.expiries.forget(hashed.hash, &mut key);
        self.shrink();
        Some(key)
    }

    /// Gives memory back when the table has become mostly empty.
    fn shrink(&mut self) {
        let (len, capacity) = (self.keys.len(), self.keys.capacity());
        // Halving at an eighth: so many removals lie between two moves that each pays for little.
        if capacity > SMALL && len < capacity / 8 {
            let hasher = &self.hasher;
            self.keys.shrink_to(len * 2, |key| hash_of(hasher, &key.id));
        }
    }

    /// Takes out keys that have expired. How many it has looked at: fewer than `most` if there are
    /// no more whose turn has come.
    pub(super) fn sweep(&mut self, now: UnixMillis, most: usize, freed: &mut Freed) -> usize {
        for looked in 0..most {
            let Some((at, hash)) = self.expiries.due(now) else {
                return looked;
            };
            let Some(entry) = Self::entry(&mut self.keys, &self.hasher, at, hash) else {
                self.expiries.drop_entry((at, hash));
                continue;
            };
            if entry.get().is_expired(now) {
                let (mut key, _) = entry.remove();
                self.expiries.forget(hash, &mut key);
                freed.push(key);
                self.shrink();
            } else {
                // It was used since it was queued.
                self.expiries.requeue(hash, entry.into_mut());
            }
        }
        most
    }

    /// The key that is about the nearest to its expiry, and when this is. Looks at no more than
    /// [`SWEEP_BATCH`] keys.
    pub(super) fn nearest(&mut self) -> Option<(UnixMillis, &SessionId)> {
        for _ in 0..SWEEP_BATCH {
            let (at, hash) = self.expiries.first()?;
            match Self::entry(&mut self.keys, &self.hasher, at, hash) {
                Some(entry) if entry.get().expires_at() == Some(at) => break,
                Some(entry) => self.expiries.requeue(hash, entry.into_mut()),
                None => self.expiries.drop_entry((at, hash)),
            }
        }
        let (at, hash) = self.expiries.first()?;
        let key = Self::entry(&mut self.keys, &self.hasher, at, hash)?.into_mut();
        Some((key.expires_at()?, &key.id))
    }

    /// The key of an entry of the queue.
    fn entry<'a>(
        keys: &'a mut HashTable<Box<Key>>,
        hasher: &RandomState,
        at: UnixMillis,
        hash: u64,
    ) -> Option<OccupiedEntry<'a, Box<Key>>> {
        let is_it = |key: &Key| key.queued_for == Some(at) && hash_of(hasher, &key.id) == hash;
        keys.find_entry(hash, |key| is_it(key)).ok()
    }

    /// Counts an operation: how many there were.
    pub(super) fn count(&mut self) -> usize {
        self.operations = self.operations.wrapping_add(1);
        self.operations
    }

    /// The keys, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().map(|key| &**key)
    }

    #[cfg(test)]
    pub(super) fn expiries(&self) -> &ExpiryQueue {
        &self.expiries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::expiry::DueBoard;
    use crate::store::key::Content;

    const NOW: UnixMillis = UnixMillis::new(1_000);

    fn table() -> (Table, RandomState) {
        let hasher = RandomState::new();
        let expiries = ExpiryQueue::new(DueBoard::new().into(), 0);
        (Table::new(expiries, hasher.clone()), hasher)
    }

    fn key(expires_at: Option<UnixMillis>) -> Key {
        let id = SessionId::random().unwrap();
        Key::new(id, Content::OtherType { expires_at })
    }

    #[test]
    fn a_table_is_halved_when_seven_eighths_of_it_are_empty_and_not_before() {
        let (mut table, hasher) = table();
        let mut ids = Vec::new();
        while ids.len() < 2 * SMALL.max(500) {
            let key = key(None);
            ids.push(key.id.clone());
            table.put(hash_of(&hasher, &key.id), key);
        }
        while let Some(id) = ids.pop() {
            let before = table.keys.capacity();
            let hash = hash_of(&hasher, &id);
            assert!(table.take(HashedId { id: &id, hash }).is_some());
            let after = table.keys.capacity();
            // A removal may leave a mark in its place, which counts as one less.
            if after >= before - 1 {
                assert!(after <= SMALL || ids.len() >= after / 8);
            } else {
                // What a table makes of a wish is at most twice as much.
                assert!(ids.len() < before / 8 && after <= SMALL.max(4 * ids.len()));
            }
        }
        assert!(table.keys.capacity() <= 2 * SMALL);
    }

    #[test]
    fn a_sweep_looks_at_so_many_keys_and_no_more() {
        let (mut table, hasher) = table();
        for n in 0..100 {
            let key = key(Some(UnixMillis::new(n)));
            table.put(hash_of(&hasher, &key.id), key);
        }
        let mut freed = Freed::new();
        assert_eq!(table.sweep(NOW, 30, &mut freed), 30);
        assert_eq!(
            (freed.len(), table.keys.len(), table.expiries.len()),
            (30, 70, 70)
        );
        // Used since they were queued: looked at, and queued again.
        for key in table.keys.iter_mut() {
            key.content = Content::OtherType {
                expires_at: Some(NOW.plus_millis(1)),
            };
        }
        assert_eq!(table.sweep(NOW, 30, &mut freed), 30);
        assert_eq!(table.sweep(NOW, 100, &mut freed), 40);
        assert_eq!(
            (freed.len(), table.keys.len(), table.expiries.len()),
            (30, 70, 70)
        );
        assert_eq!(table.nearest().map(|(at, _)| at), Some(NOW.plus_millis(1)));
        assert_eq!(table.sweep(NOW.plus_millis(2), 100, &mut freed), 70);
        assert_eq!((table.keys.len(), table.expiries.len()), (0, 0));
    }
}
