//! What a proxy counts.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// The counters of a proxy.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// How often the counters were reset.
    resets: AtomicU64,
    bursts: AtomicU64,
    request_bytes: AtomicU64,
    reply_bytes: AtomicU64,
    connections: AtomicU64,
}

impl Counters {
    pub(super) fn bursts(&self) -> u64 {
        self.bursts.load(SeqCst)
    }

    pub(super) fn request_bytes(&self) -> u64 {
        self.request_bytes.load(SeqCst)
    }

    pub(super) fn reply_bytes(&self) -> u64 {
        self.reply_bytes.load(SeqCst)
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections.load(SeqCst)
    }

    pub(super) fn reset(&self) {
        self.resets.fetch_add(1, SeqCst);
        for counter in [
            &self.bursts,
            &self.request_bytes,
            &self.reply_bytes,
            &self.connections,
        ] {
            counter.store(0, SeqCst);
        }
    }

    pub(super) fn connection(&self) {
        self.connections.fetch_add(1, SeqCst);
    }

    /// Bytes came from a client, to be called before they are passed on.
    pub(super) fn request(&self, bytes: usize, burst: &Burst) {
        self.request_bytes.fetch_add(bytes as u64, SeqCst);
        let current = self.resets.load(SeqCst) + 1;
        if burst.counted.swap(current, SeqCst) != current {
            self.bursts.fetch_add(1, SeqCst);
        }
    }

    /// Bytes came from the server.
    pub(super) fn reply(&self, bytes: usize) {
        self.reply_bytes.fetch_add(bytes as u64, SeqCst);
    }
}

/// Whether the burst of one connection is counted.
#[derive(Debug, Default)]
pub(super) struct Burst {
    /// Zero, or, if the burst under way is counted, one more than the number of resets then.
    counted: AtomicU64,
}

impl Burst {
    /// A reply goes to the client, to be called before it does: the next request begins a burst.
    pub(super) fn end(&self) {
        self.counted.store(0, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_up_to_a_reply_are_one_burst() {
        let (counters, burst) = (Counters::default(), Burst::default());
        counters.request(10, &burst);
        counters.request(5, &burst);
        assert_eq!((counters.bursts(), counters.request_bytes()), (1, 15));
        counters.reply(7);
        burst.end();
        counters.request(1, &burst);
        assert_eq!((counters.bursts(), counters.reply_bytes()), (2, 7));
    }

    #[test]
    fn connections_have_bursts_of_their_own() {
        let counters = Counters::default();
        counters.request(1, &Burst::default());
        counters.request(1, &Burst::default());
        assert_eq!(counters.bursts(), 2);
    }

    #[test]
    fn a_reset_begins_a_burst() {
        let (counters, burst) = (Counters::default(), Burst::default());
        counters.request(1, &burst);
        counters.reset();
        assert_eq!((counters.bursts(), counters.request_bytes()), (0, 0));
        counters.request(1, &burst);
        counters.request(1, &burst);
        assert_eq!(counters.bursts(), 1);
    }
}
