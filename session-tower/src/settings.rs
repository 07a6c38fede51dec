//! What a layer was built with.

use std::sync::Arc;
use std::time::Duration;

use session_core::SessionBackend;

use crate::cookie::SessionCookie;

/// How long clients are told to wait when the store fails, unless the layer says otherwise.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What a layer was built with, shared by all its requests.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) backend: Arc<dyn SessionBackend>,
    pub(crate) cookie: SessionCookie,
    pub(crate) retry_after: Duration,
}

impl Settings {
    pub(crate) fn retry_after_seconds(&self) -> u64 {
        let begun = u64::from(self.retry_after.subsec_nanos() > 0);
        self.retry_after.as_secs().saturating_add(begun)
    }
}
