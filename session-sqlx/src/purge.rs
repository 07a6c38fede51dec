//! Deleting what has expired.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use session_core::Result;

use crate::engine::Engine;
use crate::store::Store;

/// How long a batch may hold its locks.
const BATCH: Duration = Duration::from_millis(5);
/// How many rows the first batch has, and the most and the fewest of any.
const FIRST: u32 = 20;
const MOST: u32 = 100;
// However far the database is: else it would fall behind.
const FEWEST: u32 = 20;
/// How often there can be a purge.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(24 * 60 * 60));

/// What a purge has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purged {
    /// How many rows it deleted.
    pub rows: u64,
    /// In how many batches.
    pub batches: u64,
    /// How long the longest of them took.
    pub longest: Duration,
}

/// Batch after batch, each as large as the time that the last took allows; and in between the
/// database is left alone for as long.
pub(crate) async fn purge<E: Engine>(store: &Store<E>) -> Result<Purged> {
    let mut purged = Purged {
        rows: 0,
        batches: 0,
        longest: Duration::ZERO,
    };
    let mut size = FIRST;
    loop {
        let start = Instant::now();
        let rows = store.purge(size).await?;
        let took = start.elapsed();
        purged.rows += rows;
        purged.batches += 1;
        purged.longest = purged.longest.max(took);
        if rows < u64::from(size) {
            return Ok(purged);
        }
        size = match took {
            _ if took > BATCH / 2 => (size / 2).max(FEWEST),
            _ if took < BATCH / 8 => (size * 2).min(MOST),
            _ => size,
        };
        tokio::time::sleep(took).await;
    }
}

/// Purges again and again while the store is used.
pub(crate) struct PurgeEvery<E: Engine> {
    store: Weak<Store<E>>,
    interval: Duration,
}

impl<E: Engine> PurgeEvery<E> {
    pub(crate) fn new(store: &Arc<Store<E>>, interval: Duration) -> Self {
        Self {
            store: Arc::downgrade(store),
            interval: interval.clamp(INTERVALS.0, INTERVALS.1),
        }
    }

    pub(crate) async fn run(self) {
        loop {
            // Processes that were started together do not purge together; and what the application
            // asks first finds its own error, not that of a purge.
            let jitter = 0.75 + rand::random::<f64>() / 2.0;
            tokio::time::sleep(self.interval.mul_f64(jitter)).await;
            let Some(store) = self.store.upgrade() else {
                return;
            };
            match purge(&store).await {
                Ok(Purged { rows: 0, .. }) => {}
                Ok(purged) => tracing::debug!(rows = purged.rows, "expired sessions were deleted"),
                Err(error) => tracing::warn!(%error, "expired sessions could not be deleted"),
            }
        }
    }
}
