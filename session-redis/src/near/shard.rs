//! A part of the near cache: what is kept under some of the keys, without a lock and without I/O.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry as Place, HashMap};
use std::time::Duration;

use bytes::Bytes;
use session_core::rules::State;
use session_core::{NearCacheStats, SessionRecord, Touch, UnixMillis};

/// The time since the near cache began.
pub(super) type Time = Duration;

/// What an entry takes beside its key and its fields, about.
const OVERHEAD: usize = 400;

/// How many keys are looked at to find one that stands for all: behind them may be many that
/// another connection has kept.
const LATEST: usize = 32;

/// What is kept under some of the keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Shard {
    entries: HashMap<Bytes, Entry>,
    /// The keys of what is kept, with their numbers, in the order of their eviction.
    queue: VecDeque<(Bytes, u64)>,
    /// The number of the latest entry.
    number: u64,
    /// What is kept takes so many bytes, and may take so many.
    bytes: usize,
    limit: usize,
    stats: NearCacheStats,
}

/// What is known of a key since it was last named: nothing yet, or what a read has returned.
#[derive(Debug, Clone)]
struct Entry {
    /// Tells it from those that the key had before it was named.
    number: u64,
    /// Of the connection that tracks the key.
    epoch: u64,
    kept: Option<Kept>,
    /// Used since it was last considered for eviction.
    is_used: bool,
}

/// What a read has returned.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) state: State,
    /// The server's time of the read.
    pub(super) read_at: UnixMillis,
    /// When the read was sent: no later than that.
    pub(super) sent: Time,
    /// The same by this machine's clock.
    pub(super) clock: UnixMillis,
}

impl Kept {
    /// The server's time now, or a little later than that: never earlier. Time that is counted
    /// stands still while a machine is suspended, and a machine's clock may be set back.
    fn latest_now(&self, asking: Asking) -> UnixMillis {
        let since = asking.now.saturating_sub(self.sent).as_micros();
        let since = u64::try_from(since.div_ceil(1000)).unwrap_or(u64::MAX);
        let by_clock = asking.clock.get().saturating_sub(self.clock.get());
        let since = since.max(by_clock).saturating_add(1);
        UnixMillis::new(self.read_at.get().saturating_add(since))
    }
}

/// Which connection asks, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking {
    /// Of the connection that is used now.
    pub(super) epoch: u64,
    pub(super) now: Time,
    /// The time by this machine's clock.
    pub(super) clock: UnixMillis,
    /// Older changes than this have been named.
    pub(super) proven: Time,
    pub(super) bound: Duration,
}

impl Shard {
    /// Keeps so many bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// The session as it is now, if that is known and the read needs no slide.
    pub(super) fn get(
        &mut self,
        key: &[u8],
        touch: Touch,
        asking: Asking,
    ) -> Option<SessionRecord> {
        let Asking { now, bound, .. } = asking;
        let entry = self.entries.get_mut(key);
        let found = entry
            .filter(|it| it.epoch == asking.epoch)
            .and_then(|entry| {
                let kept = entry.kept.as_ref()?;
                let proven = asking.proven.max(kept.sent);
                let server_now = kept.latest_now(asking);
                let serves = now.saturating_sub(proven) < bound
                    && kept.state.is_live(server_now)
                    && !kept.state.is_due(touch, server_now);
                serves.then(|| {
                    entry.is_used = true;
                    (kept.state.record(server_now), now.saturating_sub(kept.sent))
                })
            });
        match found {
            Some((record, age)) => {
                self.stats.hits += 1;
                self.stats.age += age;
                Some(record)
            }
            None => {
                self.stats.misses += 1;
                None
            }
        }
    }

    /// A read of the key is about to be sent.
    ///
    /// # Returns
    /// The entry that what it returns may be kept in, while that stands.
    pub(super) fn begin(&mut self, key: &Bytes, epoch: u64) -> u64 {
        match self.entries.get(key) {
            // Nothing has named the key since the read before this was sent.
            Some(entry) if entry.epoch == epoch => entry.number,
            _ => {
                self.remove(key);
                self.number += 1;
                let entry = Entry {
                    number: self.number,
                    epoch,
                    kept: None,
                    is_used: false,
                };
                self.entries.insert(key.clone(), entry);
                self.number
            }
        }
    }

    /// A read that began with this entry has returned this.
    pub(super) fn keep(&mut self, key: &Bytes, number: u64, kept: Kept) {
        let bytes = bytes_of(key, &kept);
        if bytes > self.limit {
            return self.end(key, number);
        }
        let Some(entry) = self.entries.get_mut(key).filter(|it| it.number == number) else {
            return;
        };
        match &mut entry.kept {
            Some(earlier) if earlier.sent >= kept.sent => return,
            Some(earlier) => {
                self.bytes = self.bytes + bytes - bytes_of(key, earlier);
                *earlier = kept;
            }
            none => {
                *none = Some(kept);
                self.bytes += bytes;
                self.stats.sessions += 1;
                self.queue.push_back((key.clone(), number));
            }
        }
        self.evict();
    }

    /// A read that began with this entry has found no session, or has failed, or nobody waits for
    /// it any more.
    pub(super) fn end(&mut self, key: &Bytes, number: u64) {
        let is_empty = |entry: &Entry| entry.number == number && entry.kept.is_none();
        if self.entries.get(key).is_some_and(is_empty) {
            self.entries.remove(key);
        }
    }

    /// The connection of this epoch was told that the key has changed.
    pub(super) fn invalidate(&mut self, key: &Bytes, epoch: u64) {
        if self.entries.get(key).is_some_and(|it| it.epoch == epoch) && self.remove(key) {
            self.stats.invalidations += 1;
        }
    }

    /// A key of which something is kept, if one is among the latest.
    pub(super) fn any_key(&self, epoch: u64) -> Option<Bytes> {
        let is_kept = |entry: &Entry| entry.epoch == epoch && entry.kept.is_some();
        let mut latest = self.queue.iter().rev().take(LATEST).map(|(key, _)| key);
        latest
            .find(|key| self.entries.get(*key).is_some_and(is_kept))
            .cloned()
    }

    /// Tells it from others, for the model.
    #[cfg(test)]
    pub(super) fn fingerprint(&self, hasher: &mut impl std::hash::Hasher) {
        use std::hash::Hash as _;

        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        for (key, entry) in entries {
            let kept = entry.kept.as_ref();
            let version = kept.map(|it| it.state.session.fields().get_str("version"));
            let times = kept.map(|it| (it.sent, it.read_at.get()));
            (key, entry.number, entry.epoch, version, times).hash(hasher);
        }
        self.number.hash(hasher);
    }

    pub(super) fn stats(&self) -> NearCacheStats {
        let mut stats = self.stats;
        stats.bytes = u64::try_from(self.bytes).unwrap_or(u64::MAX);
        stats
    }

    /// Whether something was kept.
    fn remove(&mut self, key: &Bytes) -> bool {
        let Place::Occupied(place) = self.entries.entry(key.clone()) else {
            return false;
        };
        let (key, entry) = place.remove_entry();
        let Some(kept) = entry.kept else {
            return false;
        };
        self.bytes -= bytes_of(&key, &kept);
        self.stats.sessions -= 1;
        self.tidy();
        true
    }

    /// Makes room: what was used since it was last considered gets another round.
    fn evict(&mut self) {
        while self.bytes > self.limit {
            let Some((key, number)) = self.queue.pop_front() else {
                return;
            };
            match self.entries.get_mut(&key).filter(|it| it.number == number) {
                Some(entry) if entry.is_used => {
                    entry.is_used = false;
                    self.queue.push_back((key, number));
                }
                Some(_) => {
                    self.remove(&key);
                    self.stats.evictions += 1;
                }
                None => {}
            }
        }
    }

    /// The queue is at most about twice as long as what is kept.
    fn tidy(&mut self) {
        let entries = &self.entries;
        if self.queue.len() > 2 * entries.len() + 32 {
            let stands = |(key, number): &(Bytes, u64)| {
                entries
                    .get(key)
                    .is_some_and(|entry| entry.number == *number && entry.kept.is_some())
            };
            self.queue.retain(stands);
        }
    }
}

fn bytes_of(key: &Bytes, kept: &Kept) -> usize {
    // Each field has an allocation for its name, and one for its value.
    let fields = kept.state.session.field_count() * 80;
    OVERHEAD + key.len() + kept.state.session.field_bytes() + fields
}
