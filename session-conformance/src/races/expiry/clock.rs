//! The store's clock, for tasks that cannot ask for it themselves.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::harness::Harness;

/// Readings of the store's clock, in milliseconds. Somebody has to [take](Self::take) them all the
/// time.
pub(super) struct StoreClock {
    begun: AtomicU64,
    /// The number of a reading, and what it showed.
    last: watch::Sender<(u64, u64)>,
}

impl StoreClock {
    pub(super) fn new() -> Self {
        Self {
            begun: AtomicU64::new(0),
            last: watch::Sender::new((0, 0)),
        }
    }

    /// Takes a reading, and tells all who wait for one.
    pub(super) async fn take(&self, h: &dyn Harness) -> u64 {
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let now = h.now().await.get();
        self.last.send_replace((number, now));
        now
    }

    /// A reading that was begun after the call: no earlier than what the caller knows to have
    /// happened, and no later than what it does next.
    pub(super) async fn read(&self) -> u64 {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut readings = self.last.subscribe();
        let reading = readings.wait_for(|(number, _)| *number > begun).await;
        reading.expect("the clock outlives its readers").1
    }
}
