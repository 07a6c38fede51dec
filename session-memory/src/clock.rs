//! A clock that moves only when it is told to.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use session_core::Clock;

/// 2026-01-01T00:00:00Z.
const START: Duration = Duration::from_secs(1_767_225_600);
/// The last second of the year 9999, the last one that the stored timestamps can show.
const FAR_FUTURE: Duration = Duration::from_secs(253_402_300_799);

/// A clock that moves only when it is told to: expiry is tested without sleeping.
///
/// It starts at 2026-01-01T00:00:00Z unless told otherwise, and is shared behind an `Arc`: one
/// clone for the backend, one for the test.
///
/// ```
/// use session_core::{NewSession, SessionBackend};
/// use session_memory::{ManualClock, MemoryBackend};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> session_core::Result<()> {
/// let clock = Arc::new(ManualClock::new());
/// let backend = MemoryBackend::with_clock(clock.clone());
/// let id = backend.create_session(NewSession::default()).await?.id;
///
/// clock.advance(Duration::from_secs(1801));
/// assert_eq!(backend.get_session(&id).await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<SystemTime>,
}

impl ManualClock {
    /// A clock that stands at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self::starting_at(UNIX_EPOCH + START)
    }

    /// A clock that stands at this time.
    ///
    /// ```
    /// use session_core::Clock;
    /// use session_memory::ManualClock;
    /// use std::time::SystemTime;
    ///
    /// let clock = ManualClock::starting_at(SystemTime::UNIX_EPOCH);
    /// assert_eq!(clock.now(), SystemTime::UNIX_EPOCH);
    /// ```
    pub fn starting_at(start: SystemTime) -> Self {
        Self {
            now: Mutex::new(start),
        }
    }

    /// Moves the clock forward by this much. A step that no `SystemTime` can hold ends with the
    /// year 9999.
    ///
    /// ```
    /// use session_core::Clock;
    /// use session_memory::ManualClock;
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let before = clock.now();
    /// clock.advance(Duration::from_millis(1500));
    /// assert_eq!(clock.now(), before + Duration::from_millis(1500));
    /// ```
    pub fn advance(&self, by: Duration) {
        self.change(|now| {
            let end = UNIX_EPOCH + FAR_FUTURE;
            now.checked_add(by).unwrap_or_else(|| end.max(now))
        });
    }

    /// Sets the clock to this time, which may be earlier than now.
    ///
    /// A clock that is set back is as good as a server's clock that is set back: what had expired
    /// and is still held may be alive again.
    pub fn set(&self, time: SystemTime) {
        self.change(|_| time);
    }

    fn change(&self, to: impl FnOnce(SystemTime) -> SystemTime) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = to(*now);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_starts_at_a_round_instant_and_stands_still() {
        let clock = ManualClock::default();
        let now = session_core::Timestamp::from_system_time(clock.now());
        assert_eq!(now.to_string(), "2026-01-01T00:00:00+00:00");
        assert_eq!(clock.now(), clock.now());
    }

    #[test]
    fn it_moves_both_ways_and_does_not_overflow() {
        let clock = ManualClock::new();
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), UNIX_EPOCH + FAR_FUTURE);
        clock.advance(Duration::from_secs(1));
        assert_eq!(
            clock.now(),
            UNIX_EPOCH + FAR_FUTURE + Duration::from_secs(1)
        );
        clock.set(UNIX_EPOCH);
        assert_eq!(clock.now(), UNIX_EPOCH);
    }
}
