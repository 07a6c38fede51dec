//! Room for what is to be stored.

use std::sync::atomic::Ordering;

use session_core::{Effect, Error, ErrorKind, Result, SessionId, UnixMillis};

use super::after::{Freed, Search};
use super::capacity::{Reserved, WhenFull};
use super::expiry::GROUPS;
use super::table::SWEEP_BATCH;
use super::{Store, TABLES, lock};

/// How many keys a creation in a full store looks at, at most, for one that has expired: about a
/// millisecond. Those that were used since they were queued are queued again, so that the next one
/// looks at others.
const MOST_LOOKS: usize = 4096;
/// Of how many tables that hold keys one is evicted.
const SAMPLE: usize = 5;

impl Store {
    /// Room for one more key of this size.
    pub(super) fn reserve(&self, weight: u32) -> Result<Reserved<'_>> {
        if !self.capacity.may_fit(weight) {
            return Err(full());
        }
        loop {
            if let Some(reserved) = self.capacity.reserve(weight) {
                return Ok(reserved);
            }
            self.make_room()?;
        }
    }

    /// Sees to it that there is room for what a write may add.
    pub(super) fn reserve_growth(&self) -> Result<()> {
        while self.capacity.is_full() {
            self.make_room()?;
        }
        Ok(())
    }

    /// Frees a key, or more.
    fn make_room(&self) -> Result<()> {
        let has_freed = match self.limits().when_full {
            WhenFull::Refuse => self.free_expired(),
            WhenFull::EvictNearestExpiry => self.evict(),
        };
        if has_freed { Ok(()) } else { Err(full()) }
    }

    /// Searches all tables for a key that has expired: so a store is full only of keys that exist.
    fn free_expired(&self) -> bool {
        let (now, first) = (self.now(), self.next_tables(1));
        for _ in 0..MOST_LOOKS / SWEEP_BATCH {
            let mut search = Search {
                now,
                first,
                groups: GROUPS,
                keys: SWEEP_BATCH,
            };
            let mut freed = Freed::new();
            self.search(&mut search, &mut freed);
            let has_freed = !freed.is_empty();
            self.release(freed);
            if has_freed || search.keys > 0 {
                return has_freed;
            }
        }
        false
    }

    /// Of a few tables, takes out what has expired, or else the key that is about the nearest to
    /// its expiry.
    fn evict(&self) -> bool {
        let (first, now) = (self.next_tables(SAMPLE), self.now());
        let mut nearest: Option<(UnixMillis, SessionId)> = None;
        let mut sampled = 0;
        for number in first..first + TABLES {
            let mut freed = Freed::new();
            let mut table = lock(self.table(number));
            table.sweep(now, SWEEP_BATCH, &mut freed);
            if freed.is_empty()
                && let Some((at, id)) = table.nearest()
            {
                sampled += 1;
                if nearest.as_ref().is_none_or(|(nearest, _)| at < *nearest) {
                    nearest = Some((at, id.clone()));
                }
            }
            drop(table);
            if !freed.is_empty() {
                self.release(freed);
                return true;
            }
            if sampled == SAMPLE {
                break;
            }
        }
        let Some((_, id)) = nearest else {
            return false;
        };
        let hashed = self.hashed(&id);
        // It may have been used meanwhile, or have ended.
        let taken = lock(self.table(hashed.table())).take(hashed);
        if let Some(key) = taken {
            self.release(vec![key]);
            self.capacity.evicted();
        }
        true
    }

    /// The number of a table to begin with, so that each search begins behind the one before.
    fn next_tables(&self, searched: usize) -> usize {
        let next = &self.next_table.0;
        next.fetch_add(searched, Ordering::Relaxed) % TABLES
    }
}

fn full() -> Error {
    Error::new(ErrorKind::StoreFull, Effect::NotApplied)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use session_core::{NewSession, SessionBackend as _, SessionTtl};

    use super::*;
    use crate::{ManualClock, MemoryBackend};

    #[tokio::test]
    async fn a_search_for_room_looks_at_so_many_keys_and_no_more() {
        const KEYS: usize = MOST_LOOKS + 1000;
        let clock = Arc::new(ManualClock::new());
        let backend = MemoryBackend::builder().clock(clock.clone());
        let backend = backend.max_sessions(KEYS).build();
        let new = NewSession::default().ttl(SessionTtl::from_secs(10).unwrap());
        let mut ids = Vec::new();
        for _ in 0..KEYS {
            ids.push(backend.create_session(new.clone()).await.unwrap().id);
        }
        clock.advance(Duration::from_secs(9));
        for id in &ids {
            assert!(backend.get_session(id).await.unwrap().is_some());
        }
        clock.advance(Duration::from_secs(5));
        // All were used since they were queued.
        let left_due = |store: &Store| {
            let tables = store.tables.iter().map(|table| {
                let table = lock(&table.0);
                let due = table
                    .iter()
                    .filter(|key| key.queued_for < Some(store.now()));
                due.count()
            });
            tables.sum::<usize>()
        };
        for left in [KEYS, 1000, 0] {
            assert_eq!(left_due(backend.store()), left);
            let error = backend.create_session(new.clone()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StoreFull);
        }
    }
}
