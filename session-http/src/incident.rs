//! What is logged once per incident, not once per request.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::SessionError;

/// An incident is over when nothing has failed for so long.
const OVER: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Incident {
    /// When the store failed last: milliseconds of [`now`]; 0 if it never did.
    last: AtomicU64,
    is_name_shared: AtomicBool,
}

impl Incident {
    /// Logs why a response failed. While the store fails, one line says so for all requests.
    pub(crate) fn report(&self, error: &SessionError) {
        let status = error.status();
        if status == http::StatusCode::SERVICE_UNAVAILABLE && !self.begins(now()) {
            return;
        }
        let error: &dyn std::error::Error = error;
        if status.is_server_error() {
            tracing::error!(
                error,
                status = status.as_u16(),
                "the session failed, and the response with it"
            );
        } else {
            tracing::warn!(
                error,
                status = status.as_u16(),
                "the session refused a change"
            );
        }
    }

    /// Logs, once, that two layers whose sessions are not the same use one cookie or header.
    pub(crate) fn report_shared_name(&self, name: &str) {
        if !self.is_name_shared.swap(true, Ordering::Relaxed) {
            tracing::error!(
                name,
                "two session layers share a cookie or header, but no session: give each its own"
            );
        }
    }

    fn begins(&self, now: u64) -> bool {
        let last = self.last.swap(now, Ordering::Relaxed);
        last == 0 || now.saturating_sub(last) >= u64::try_from(OVER.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Milliseconds of the process, from 1 on.
fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).map_or(u64::MAX, |millis| millis.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_begins_once_however_long_it_lasts() {
        let incident = Incident::default();
        let begun = [1, 2, 9_000, 18_999, 28_999, 29_000].map(|now| incident.begins(now));
        assert_eq!(begun, [true, false, false, false, true, false]);
    }
}
