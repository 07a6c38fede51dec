//! The keys by id: a hash table in shards, so that no single operation moves the whole of it.

use std::collections::HashMap;

use session_core::SessionId;

use super::key::Key;

/// How many tables the keys are spread over. A table that grows or shrinks moves all its entries at
/// once; with so many of them that is a 64th of all keys (1 ms at a million).
pub(crate) const SHARDS: usize = 64;
/// A table this small is not worth shrinking.
const SMALL: usize = 64;

/// All keys by id.
///
/// Hash tables, not search trees: a tree compares an id that a stranger sent with the secret ones,
/// byte by byte, and its timing tells how far they agree.
pub(super) struct Keys {
    // Boxed keys keep the tables' empty places small.
    shards: [HashMap<SessionId, Box<Key>>; SHARDS],
    len: usize,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| HashMap::new()),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, id: &SessionId) -> Option<&Key> {
        Some(self.shards.get(shard_of(id))?.get(id)?)
    }

    pub(super) fn get_mut(&mut self, id: &SessionId) -> Option<&mut Key> {
        Some(self.shards.get_mut(shard_of(id))?.get_mut(id)?)
    }

    /// Stores a key under an id that has none.
    pub(super) fn insert(&mut self, id: SessionId, key: Key) {
        if let Some(shard) = self.shards.get_mut(shard_of(&id)) {
            let replaced = shard.insert(id, Box::new(key));
            debug_assert!(replaced.is_none(), "the caller frees the id first");
            self.len += 1;
        }
    }

    /// Takes a key out and gives memory back when a table has become mostly empty.
    pub(super) fn remove(&mut self, id: &SessionId) -> Option<Box<Key>> {
        let shard = self.shards.get_mut(shard_of(id))?;
        let key = shard.remove(id)?;
        self.len -= 1;
        // Halving at an eighth: so many removals lie between two moves that each pays for little.
        if shard.capacity() > SMALL && shard.len() < shard.capacity() / 8 {
            shard.shrink_to(shard.len() * 2);
        }
        Some(key)
    }

    /// The keys of one table.
    pub(super) fn shard(&self, shard: usize) -> impl Iterator<Item = (&SessionId, &Key)> {
        let keys = self.shards.get(shard).into_iter().flatten();
        keys.map(|(id, key)| (id, &**key))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&SessionId, &Key)> {
        let keys = self.shards.iter().flatten();
        keys.map(|(id, key)| (id, &**key))
    }
}

/// Ids are random, so a few of their characters spread them evenly.
fn shard_of(id: &SessionId) -> usize {
    let start = id.expose().bytes().take(8);
    let sum = start.fold(0_usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    sum % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::key::Content;

    #[test]
    fn ids_spread_evenly_and_memory_comes_back() {
        let mut keys = Keys::new();
        let ids: Vec<_> = (0..64_000).map(|_| SessionId::random().unwrap()).collect();
        for id in &ids {
            keys.insert(
                id.clone(),
                Key::new(Content::OtherType { expires_at: None }),
            );
        }
        // 1000 on average; six standard deviations are 190.
        for shard in &keys.shards {
            assert!((800..1200).contains(&shard.len()), "{}", shard.len());
        }
        for id in &ids {
            assert!(keys.remove(id).is_some());
        }
        assert_eq!(keys.len(), 0);
        for shard in &keys.shards {
            assert!(shard.capacity() <= 2 * SMALL, "{}", shard.capacity());
        }
    }

    #[test]
    fn a_table_is_halved_when_seven_eighths_of_it_are_empty_and_not_before() {
        let mut keys = Keys::new();
        let mut ids = Vec::new();
        while ids.len() < 2 * SMALL.max(500) {
            let id = SessionId::random().unwrap();
            if shard_of(&id) == 0 {
                let content = Content::OtherType { expires_at: None };
                keys.insert(id.clone(), Key::new(content));
                ids.push(id);
            }
        }
        loop {
            let before = keys.shards[0].capacity();
            keys.remove(&ids.pop().unwrap());
            let (len, after) = (keys.len(), keys.shards[0].capacity());
            // A removal may leave a mark in its place, which counts as one less.
            if after >= before - 1 {
                assert!(len >= after / 8, "{len} keys in a table for {after}");
                continue;
            }
            assert!(len < before / 8, "halved at {len} of {before}");
            // What a table makes of a wish is at most twice as much.
            assert!((2 * len..=4 * len).contains(&after), "{after} of {before}");
            break;
        }
    }
}
