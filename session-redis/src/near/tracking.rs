//! The near cache of a backend, and the connections that its server keeps it right by.

use std::any::Any;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use session_core::{ConnectionObserver, NearCacheStats, SessionRecord, Touch, UnixMillis};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::NearCache;
use super::shard::{Asking, Kept, Shard, Time};
use crate::connection::{Connection, Push, PushSink};
use crate::reply::Seen;
use crate::supervisor::near_probe;

/// How many parts there are at most: each has a lock.
const SHARDS: usize = 16;
/// A part has at least so much memory.
const LEAST_SHARD: usize = 1 << 16;
/// How many probes are sent while one bound passes.
const PROBES: u32 = 4;

/// The near cache of one backend. All its connections share the memory.
pub(crate) struct Near {
    settings: NearCache,
    began: Instant,
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    /// The epoch that was given out last.
    epoch: AtomicU64,
    observer: Option<Arc<dyn ConnectionObserver>>,
}

impl Near {
    pub(crate) fn new(
        settings: NearCache,
        observer: Option<Arc<dyn ConnectionObserver>>,
    ) -> Arc<Self> {
        let shards = (settings.memory / LEAST_SHARD).clamp(1, SHARDS);
        let limit = settings.memory / shards;
        Arc::new(Self {
            settings,
            began: Instant::now(),
            shards: (0..shards).map(|_| Mutex::new(Shard::new(limit))).collect(),
            hasher: RandomState::new(),
            epoch: AtomicU64::new(0),
            observer,
        })
    }

    pub(crate) fn stats(&self) -> NearCacheStats {
        let mut all = NearCacheStats::default();
        for shard in &self.shards {
            let stats = lock(shard).stats();
            all.hits += stats.hits;
            all.misses += stats.misses;
            all.invalidations += stats.invalidations;
            all.evictions += stats.evictions;
            all.age += stats.age;
            all.sessions += stats.sessions;
            all.bytes += stats.bytes;
        }
        all
    }

    fn shard(&self, key: &[u8]) -> Option<MutexGuard<'_, Shard>> {
        let hash = self.hasher.hash_one(key);
        let count = u64::try_from(self.shards.len()).unwrap_or(1);
        let at = usize::try_from(hash % count).unwrap_or_default();
        self.shards.get(at).map(lock)
    }

    fn next_epoch(&self) -> u64 {
        self.epoch.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn now(&self) -> Time {
        self.began.elapsed()
    }
}

impl fmt::Debug for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Near")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// What one connection has to do with the near cache: the server tracks what is read on it.
pub(crate) struct Tracking {
    near: Arc<Near>,
    /// What is kept under another epoch is of no use. Another one begins when all keys may have
    /// changed.
    epoch: AtomicU64,
    /// When the latest probe was sent that has a reply: microseconds since the near cache began.
    proven: AtomicU64,
    /// Something was read or served since the latest probe.
    is_used: AtomicBool,
    /// Of a connection that is used.
    used: OnceLock<Used>,
}

struct Used {
    /// The connections that were used before, while operations hold them.
    before: Vec<Weak<dyn Any + Send + Sync>>,
    /// The task that sends probes.
    prover: AbortHandle,
}

impl Tracking {
    /// Of a connection that is about to be made.
    pub(crate) fn new(near: &Arc<Near>) -> Arc<Self> {
        Arc::new(Self {
            near: Arc::clone(near),
            epoch: AtomicU64::new(near.next_epoch()),
            proven: AtomicU64::new(0),
            is_used: AtomicBool::new(false),
            used: OnceLock::new(),
        })
    }

    /// Where the connection's pushes go.
    pub(crate) fn sink(self: &Arc<Self>) -> PushSink {
        // The connection, which has the sink, may live a little longer.
        let tracking = Arc::downgrade(self);
        PushSink::new(move |push| match (tracking.upgrade(), push) {
            (Some(tracking), Push::Invalidated(keys)) => {
                let epoch = tracking.epoch();
                for key in keys {
                    if let Some(mut shard) = tracking.near.shard(&key) {
                        shard.invalidate(&key, epoch);
                    }
                }
            }
            (Some(tracking), Push::AllInvalidated) => tracking.clear(),
            (None, _) => {}
        })
    }

    /// This connection is used from now on; the others were before. It leads to a server, or to a
    /// node of a cluster.
    pub(crate) fn begin(
        self: &Arc<Self>,
        connection: impl Connection,
        before: Vec<Weak<dyn Any + Send + Sync>>,
        is_node: bool,
    ) {
        let prove = Self::prove(Arc::downgrade(self), connection, is_node);
        let prover = tokio::spawn(prove).abort_handle();
        // It happens once to a connection.
        drop(self.used.set(Used { before, prover }));
    }

    /// All keys may have changed, or be served by another node.
    pub(crate) fn clear(&self) {
        self.epoch.store(self.near.next_epoch(), Ordering::Release);
    }

    /// The session as it is now, if that is known and the read needs no slide.
    pub(crate) fn get(&self, key: &[u8], touch: Touch) -> Option<SessionRecord> {
        if !self.is_alone() {
            return None;
        }
        self.note_use();
        let asking = Asking {
            epoch: self.epoch(),
            now: self.near.now(),
            clock: clock(),
            proven: Duration::from_micros(self.proven.load(Ordering::Acquire)),
            bound: self.near.settings.bound(),
        };
        self.near.shard(key)?.get(key, touch, asking)
    }

    /// A read of the key is about to be sent over this connection.
    pub(crate) fn reading(&self, key: &[u8]) -> Option<Reading> {
        if !self.is_alone() {
            return None;
        }
        let (sent, key) = (self.near.now(), Bytes::copy_from_slice(key));
        let number = self.near.shard(&key)?.begin(&key, self.epoch());
        Some(Reading {
            near: Arc::clone(&self.near),
            key,
            number,
            sent,
            clock: clock(),
        })
    }

    /// Proves, again and again, that changes are heard of; while somebody reads.
    async fn prove(tracking: Weak<Self>, connection: impl Connection, is_node: bool) {
        let mut map = None;
        loop {
            let Some(bound) = tracking.upgrade().map(|it| it.near.settings.bound()) else {
                return;
            };
            sleep(bound / PROBES).await;
            let Some(this) = tracking.upgrade() else {
                return;
            };
            if !this.is_used.swap(false, Ordering::Relaxed) {
                continue;
            }
            if let Some(observer) = &this.near.observer {
                observer.near_cache_used(&this.near.stats());
            }
            let epoch = this.epoch();
            let key = this
                .near
                .shards
                .iter()
                .find_map(|shard| lock(shard).any_key(epoch));
            let Some(key) = key else {
                continue;
            };
            let sent = this.near.now();
            drop(this);
            let replied = timeout(bound, near_probe(&connection, &key, is_node)).await;
            if let (Ok(Ok(current)), Some(this)) = (replied, tracking.upgrade()) {
                // Some keys may be another node's, which tells of their changes elsewhere.
                if map != current {
                    map = current;
                    this.clear();
                }
                let sent = u64::try_from(sent.as_micros()).unwrap_or(u64::MAX);
                this.proven.fetch_max(sent, Ordering::Release);
            }
        }
    }

    /// Nobody waits for what was sent over an earlier connection.
    fn is_alone(&self) -> bool {
        let used = self.used.get();
        used.is_some_and(|used| used.before.iter().all(|it| it.strong_count() == 0))
    }

    fn note_use(&self) {
        if !self.is_used.load(Ordering::Relaxed) {
            self.is_used.store(true, Ordering::Relaxed);
        }
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }
}

/// Nobody uses the connection any more, so it may close.
impl Drop for Tracking {
    fn drop(&mut self) {
        if let Some(used) = self.used.get() {
            used.prover.abort();
        }
    }
}

/// A read on its way, whose session may be kept if nothing names its key before it is.
pub(crate) struct Reading {
    near: Arc<Near>,
    key: Bytes,
    number: u64,
    sent: Time,
    clock: UnixMillis,
}

/// A read has returned this: it is kept if it is a session.
pub(crate) fn keep(seen: &Seen, reading: Option<Reading>) {
    if let (Seen::Live(state, read_at), Some(reading)) = (seen, reading)
        && let Some(mut shard) = reading.near.shard(&reading.key)
    {
        let kept = Kept {
            state: state.clone(),
            read_at: *read_at,
            sent: reading.sent,
            clock: reading.clock,
        };
        shard.keep(&reading.key, reading.number, kept);
    }
}

/// However it ended: what was not kept leaves nothing behind.
impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(mut shard) = self.near.shard(&self.key) {
            shard.end(&self.key, self.number);
        }
    }
}

/// The time by this machine's clock.
fn clock() -> UnixMillis {
    UnixMillis::from_system_time(SystemTime::now())
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
