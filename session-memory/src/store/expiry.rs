//! When which key expires, in the order of time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use session_core::UnixMillis;

use super::TABLES;
use super::key::Key;

/// When which key of a table is to be looked at. A key that expires is in it exactly once, at a
/// time that is not later than its expiry.
///
/// A use moves a key's expiry further away; the queue is not told. When the key's turn comes, it is
/// queued again for its new expiry. So a session that is read a thousand times within its TTL costs
/// one queue operation, not a thousand.
// Names a key by the hash of its id: 16 bytes for an entry. Two keys of one hash in the same
// millisecond would be one entry; one of them would then be freed only by a creation under its id.
// No two drawn ids have one hash.
pub(super) struct ExpiryQueue {
    entries: BTreeSet<(UnixMillis, u64)>,
    /// The time of the first entry, so that most looks need not follow the tree.
    first: Option<UnixMillis>,
    board: Arc<DueBoard>,
    /// The number of the table.
    table: usize,
}

/// Of each table, when the first of its keys is to be looked at: readable without its lock.
// In groups, since a search looks at one: eight numbers are about a cache line.
pub(super) struct DueBoard(Box<[[AtomicU64; GROUP]]>);

/// How many tables an operation searches for what has expired, beside its own.
const GROUP: usize = 8;
/// How many such groups there are.
pub(super) const GROUPS: usize = TABLES / GROUP;

impl DueBoard {
    pub(super) fn new() -> Self {
        let groups = (0..GROUPS).map(|_| std::array::from_fn(|_| AtomicU64::new(u64::MAX)));
        Self(groups.collect())
    }

    /// The tables of a group that may have keys whose turn has come.
    pub(super) fn due(&self, group: usize, now: UnixMillis) -> impl Iterator<Item = usize> {
        let group = group % GROUPS;
        let tables = self.0.get(group).into_iter().flatten().enumerate();
        tables
            .filter(move |(_, first)| first.load(Ordering::Relaxed) < now.get())
            .map(move |(number, _)| group * GROUP + number)
    }

    fn of(&self, table: usize) -> Option<&AtomicU64> {
        self.0.get(table / GROUP)?.get(table % GROUP)
    }
}

impl ExpiryQueue {
    pub(super) fn new(board: Arc<DueBoard>, table: usize) -> Self {
        Self {
            entries: BTreeSet::new(),
            first: None,
            board,
            table,
        }
    }

    fn set_first(&mut self, first: Option<UnixMillis>) {
        if self.first != first {
            self.first = first;
            if let Some(shown) = self.board.of(self.table) {
                let millis = first.map_or(u64::MAX, UnixMillis::get);
                shown.store(millis, Ordering::Relaxed);
            }
        }
    }

    /// Brings the queue up to date with a key that was changed.
    pub(super) fn follow(&mut self, hash: u64, key: &mut Key) {
        let expires_at = key.expires_at();
        let in_time = match (key.queued_for, expires_at) {
            (Some(queued), Some(expires)) => queued <= expires,
            (queued, expires) => queued == expires,
        };
        if !in_time {
            self.requeue(hash, key);
        }
    }

    /// Queues a key for its expiry.
    pub(super) fn requeue(&mut self, hash: u64, key: &mut Key) {
        self.forget(hash, key);
        key.queued_for = key.expires_at();
        if let Some(at) = key.queued_for {
            self.entries.insert((at, hash));
            self.set_first(Some(self.first.map_or(at, |first| first.min(at))));
        }
    }

    /// Takes a key out of the queue.
    pub(super) fn forget(&mut self, hash: u64, key: &mut Key) {
        if let Some(at) = key.queued_for.take() {
            self.entries.remove(&(at, hash));
            if self.first == Some(at) {
                self.set_first(self.entries.first().map(|(at, _)| *at));
            }
        }
    }

    /// The key whose turn has come first.
    pub(super) fn due(&self, now: UnixMillis) -> Option<(UnixMillis, u64)> {
        self.first.filter(|at| *at < now)?;
        self.first()
    }

    /// The key that is to be looked at first, and when.
    pub(super) fn first(&self) -> Option<(UnixMillis, u64)> {
        self.entries.first().copied()
    }

    /// Drops an entry that no key goes with.
    pub(super) fn drop_entry(&mut self, entry: (UnixMillis, u64)) {
        self.entries.remove(&entry);
        self.set_first(self.entries.first().map(|(at, _)| *at));
    }

    #[cfg(test)]
    pub(super) fn contains(&self, at: UnixMillis, hash: u64) -> bool {
        self.entries.contains(&(at, hash))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.first, self.entries.first().map(|(at, _)| *at));
        self.entries.len()
    }
}
