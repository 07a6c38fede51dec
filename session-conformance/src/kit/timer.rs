//! Time as a case can check it.

use std::time::Duration;

use session_core::{Remaining, UnixMillis};

use crate::harness::Harness;

/// How much time has passed for the store since a case started the timer: exactly what the case let
/// pass, plus the real time that its calls took, of which only an upper bound is known. Where the
/// clock stands still, that is nothing.
pub(crate) struct Timer<'a> {
    h: &'a dyn Harness,
    last: UnixMillis,
    advanced: Duration,
    real: Duration,
}

/// The bounds of the time that has passed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elapsed {
    at_least: Duration,
    at_most: Duration,
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
        self.h.advance(by).await;
        let now = self.h.now().await;
        let moved = now.since(self.last);
        if self.h.clock_stands_still() {
            assert_eq!(moved, by, "a clock that stands still shows the advance");
        } else {
            self.real += moved;
        }
        self.advanced += by;
        self.last = now;
    }

    /// What has passed since the start.
    pub(crate) async fn elapsed(&mut self) -> Elapsed {
        self.note().await;
        Elapsed {
            at_least: self.advanced,
            at_most: self.advanced + self.real,
        }
    }

    /// The real time that has passed since the start.
    #[cfg(feature = "differential")]
    pub(crate) async fn real_time(&mut self) -> Duration {
        self.note().await;
        self.real
    }

    async fn note(&mut self) {
        let now = self.h.now().await;
        self.real += now.since(self.last);
        self.last = now;
    }
}

impl Elapsed {
    /// Asserts what is left of a time that began to run when, or after, the timer was started.
    #[track_caller]
    pub(crate) fn assert_left(self, actual: Duration, of: Duration) {
        let least = of.saturating_sub(self.at_most);
        let most = of.saturating_sub(self.at_least);
        assert!(
            least <= actual && actual <= most,
            "{actual:?} is left, expected {least:?} to {most:?}"
        );
    }

    /// The same for what an operation outcomes.
    #[track_caller]
    pub(crate) fn assert_remaining(self, actual: Remaining, of: Duration) {
        let actual = actual.as_duration().expect("the key has an expiry");
        self.assert_left(actual, of);
    }
}
