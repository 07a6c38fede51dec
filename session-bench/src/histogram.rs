//! Latencies, counted in buckets.

use std::time::Duration;

/// Each power of two has so many buckets: a quantile is at most 3 % too high.
const STEPS: u64 = 1 << STEP_BITS;
const STEP_BITS: u32 = 5;
const BUCKETS: usize = (64 - STEP_BITS as usize + 1) << STEP_BITS;

/// How often which latency was seen, in nanoseconds.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    max: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            max: 0,
        }
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.max = self.max.max(nanos);
        if let Some(count) = self.counts.get_mut(bucket_of(nanos)) {
            *count += 1;
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.max = self.max.max(other.max);
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// The latency that this share of all do not exceed, in microseconds; of none 0.
    pub(crate) fn quantile_us(&self, share: f64) -> f64 {
        let total: u64 = self.counts.iter().sum();
        let mut left = share * total as f64;
        for (bucket, count) in self.counts.iter().enumerate() {
            left -= *count as f64;
            if *count > 0 && left <= 0.0 {
                return (last_of(bucket).min(self.max)) as f64 / 1e3;
            }
        }
        self.max_us()
    }

    pub(crate) fn max_us(&self) -> f64 {
        self.max as f64 / 1e3
    }
}

fn bucket_of(nanos: u64) -> usize {
    let shift = (64 - STEP_BITS - 1).saturating_sub(nanos.leading_zeros());
    // Below two times the steps each value has a bucket of its own.
    let bucket = u64::from(shift) * STEPS + (nanos >> shift);
    usize::try_from(bucket).unwrap_or(BUCKETS - 1)
}

/// The greatest latency of a bucket.
fn last_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let shift = (bucket / STEPS).saturating_sub(1);
    ((bucket - shift * STEPS + 1) << shift).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_ends_at_most_a_step_above_what_is_in_it() {
        let mut nanos = 1;
        while nanos < u64::MAX / 3 {
            for value in [nanos - 1, nanos, nanos + nanos / 3] {
                let last = last_of(bucket_of(value));
                assert!(
                    value <= last && last - value <= value / STEPS,
                    "{value} {last}"
                );
            }
            nanos *= 2;
        }
        assert!(bucket_of(u64::MAX) < BUCKETS);
    }

    #[test]
    fn quantiles_are_those_of_all_that_was_recorded() {
        let [mut low, mut all] = [Histogram::new(), Histogram::new()];
        for micros in 1..=99 {
            low.record(Duration::from_micros(micros));
        }
        all.record(Duration::from_millis(5));
        all.add(&low);
        assert_eq!(Histogram::new().quantile_us(0.5), 0.0);
        assert!((50.0..52.0).contains(&all.quantile_us(0.5)));
        assert!((99.0..103.0).contains(&all.quantile_us(0.99)));
        assert_eq!([all.quantile_us(1.0), all.max_us()], [5000.0, 5000.0]);
    }
}
