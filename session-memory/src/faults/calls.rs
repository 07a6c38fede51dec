//! How many calls there were.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::step::Step;
use crate::padded::Padded;

/// Into how many stripes the counts are divided.
const STRIPES: usize = 32;

/// The number of calls of each kind, since the last reset.
///
/// A thread counts in a stripe of its own, as long as there are no more threads than stripes: so
/// counting keeps no two calls waiting for each other.
#[derive(Debug, Default)]
pub(super) struct Calls([Padded<[AtomicU64; Step::ALL.len()]>; STRIPES]);

static NEXT_STRIPE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static STRIPE: usize = NEXT_STRIPE.fetch_add(1, Ordering::Relaxed) % STRIPES;
}

impl Calls {
    pub(super) fn count(&self, step: Step) {
        let stripe = self.0.get(STRIPE.with(|stripe| *stripe));
        if let Some(calls) = stripe.and_then(|stripe| stripe.0.get(step as usize)) {
            calls.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn of(&self, step: Step) -> u64 {
        let stripes = self.0.iter();
        let calls = stripes.filter_map(|stripe| stripe.0.get(step as usize));
        calls.map(|calls| calls.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn reset(&self) {
        for calls in self.0.iter().flat_map(|stripe| &stripe.0) {
            calls.store(0, Ordering::Relaxed);
        }
    }
}
