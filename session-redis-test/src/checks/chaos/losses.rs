//! What servers may forget, and what turned out wrong.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What must not happen, and what did.
#[derive(Debug)]
pub(super) struct Wrong(pub(super) &'static str, pub(super) String);

/// How often each kind of it was seen, and the first of them.
#[derive(Debug, Default)]
pub(super) struct Violations(Mutex<BTreeMap<&'static str, (u64, String)>>);

impl Violations {
    pub(super) fn add(&self, Wrong(kind, detail): Wrong) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(kind).or_insert((0, detail)).0 += 1;
    }

    pub(super) fn take(&self) -> BTreeMap<&'static str, (u64, String)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// When a fail-over was under way: what was acknowledged then may not have been replicated. None
/// where a server keeps what it acknowledges.
#[derive(Debug, Default)]
pub(super) struct Losses(Mutex<Vec<(Instant, Option<Instant>)>>);

impl Losses {
    /// Replicas have all that was acknowledged before this time, and may lack what comes after.
    pub(super) fn open(&self, from: Instant) {
        self.lock().push((from, None));
    }

    /// From now on there is one primary again, and its replicas follow.
    pub(super) fn close(&self) {
        if let Some((_, until)) = self.lock().last_mut() {
            *until = Some(Instant::now());
        }
    }

    /// Whether what was acknowledged at this time stays.
    pub(super) fn is_sure(&self, at: Instant) -> bool {
        let is_in = |&(from, until): &(Instant, Option<Instant>)| {
            at >= from && until.is_none_or(|until| at <= until)
        };
        !self.lock().iter().any(is_in)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, Option<Instant>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
