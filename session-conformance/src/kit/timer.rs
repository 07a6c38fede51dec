//! Time as a case can check it.

use std::time::Duration;

use session_core::{Remaining, SessionId, UnixMillis};

use super::{Place, stored_deadline};
use crate::harness::Harness;

/// Lets time pass, so that what is done before and after is of different milliseconds, also by a
/// clock that goes on by itself.
pub(crate) async fn pass(h: &dyn Harness, by: Duration) -> UnixMillis {
    let before = h.now().await;
    h.advance(by).await;
    loop {
        let now = h.now().await;
        if now != before || h.clock_stands_still() {
            return now;
        }
    }
}

/// A running clock is read in whole milliseconds, at the store and where its time is reckoned on:
/// so much may be between two who are both right.
const ROUNDING: Duration = Duration::from_millis(2);

/// How much time has passed for the store since a case started the timer: exactly what the case let
/// pass, plus the real time that its calls took, of which only an upper bound is known. Where the
/// clock stands still, that is nothing.
pub(crate) struct Timer<'a> {
    h: &'a dyn Harness,
    last: UnixMillis,
    advanced: Duration,
    real: Duration,
}

impl<'a> Timer<'a> {
    /// Starts now.
    pub(crate) async fn start(h: &'a dyn Harness) -> Self {
        Self {
            h,
            last: h.now().await,
            advanced: Duration::ZERO,
            real: Duration::ZERO,
        }
    }

    /// Starts again, now.
    pub(crate) async fn restart(&mut self) {
        *self = Self::start(self.h).await;
    }

    /// Lets time pass.
    pub(crate) async fn advance(&mut self, by: Duration) {
        self.note().await;
        let now = pass(self.h, by).await;
        let moved = now.since(self.last);
        if self.h.clock_stands_still() {
            assert_eq!(moved, by, "a clock that stands still shows the advance");
        } else {
            self.real += moved;
        }
        self.advanced += by;
        self.last = now;
    }

    /// The real time that has passed since the start.
    #[cfg(feature = "differential")]
    pub(crate) async fn real_time(&mut self) -> Duration {
        self.note().await;
        self.most_real_time()
    }

    /// Asserts what a key's expiry leaves of a time that began to run when, or after, the timer was
    /// started.
    #[track_caller]
    pub(crate) fn assert_expiry(
        &mut self,
        id: &SessionId,
        of: Duration,
    ) -> impl Future<Output = ()> + Send {
        let place = Place::here();
        async move {
            let key = place.some(self.h.dump(id).await, "key");
            let left = place.some(key.expires_in, "expiry");
            self.check(place, left, of).await;
        }
    }

    /// The same of a session's stored deadline.
    #[track_caller]
    pub(crate) fn assert_deadline(
        &mut self,
        id: &SessionId,
        of: Duration,
    ) -> impl Future<Output = ()> + Send {
        let place = Place::here();
        async move {
            let key = place.some(self.h.dump(id).await, "key");
            let deadline = place.some(stored_deadline(&key), "deadline");
            let left = deadline.since(self.h.now().await);
            self.check(place, left, of).await;
        }
    }

    /// The same of what an operation returns.
    #[track_caller]
    pub(crate) fn assert_remaining(
        &mut self,
        actual: Remaining,
        of: Duration,
    ) -> impl Future<Output = ()> + Send {
        let place = Place::here();
        async move {
            let left = place.some(actual.as_duration(), "expiry");
            self.check(place, left, of).await;
        }
    }

    async fn check(&mut self, place: Place, actual: Duration, of: Duration) {
        self.note().await;
        let least = of.saturating_sub(self.advanced + self.most_real_time());
        let most = of.saturating_sub(self.advanced);
        if !(least..=most).contains(&actual) {
            place.fail(format_args!(
                "{actual:?} is left, and not {least:?} to {most:?}"
            ));
        }
    }

    fn most_real_time(&self) -> Duration {
        match self.h.clock_stands_still() {
            true => self.real,
            false => self.real + ROUNDING,
        }
    }

    async fn note(&mut self) {
        let now = self.h.now().await;
        self.real += now.since(self.last);
        self.last = now;
    }
}
