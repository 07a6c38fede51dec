//! The application's clock.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use session_core::{Clock, FieldValue, Timestamp};

/// An application clock that a case sets. Shared by its clones. It begins at the time of the
/// guide's example.
#[derive(Debug, Clone)]
pub(crate) struct AppClock(Arc<Mutex<SystemTime>>);

impl AppClock {
    pub(crate) fn new() -> Self {
        // 2026-04-02T12:34:56Z, and a fraction that the stored texts must not show.
        let start = UNIX_EPOCH + Duration::from_millis(1_775_133_296_789);
        Self(Arc::new(Mutex::new(start)))
    }

    /// Sets it, backwards as well.
    pub(crate) fn set(&self, time: SystemTime) {
        *self.0.lock().expect("not poisoned") = time;
    }

    /// Moves it forward.
    pub(crate) fn forward(&self, by: Duration) {
        *self.0.lock().expect("not poisoned") += by;
    }

    /// What a timestamp that is written now looks like.
    pub(crate) fn text(&self) -> String {
        Timestamp::from_system_time(self.now()).to_string()
    }

    /// The same as a value.
    pub(crate) fn value(&self) -> FieldValue {
        self.text().into()
    }
}

impl Clock for AppClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().expect("not poisoned")
    }
}
