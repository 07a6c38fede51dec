//! What the router gives to its handlers.

use std::sync::Arc;
use std::time::Duration;

use session_store::SessionBackend;
use tokio::sync::watch;

use crate::metrics::Metrics;

/// When to come back after the store could not be reached.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What the page says of the backend.
#[derive(Debug, Clone)]
pub struct About {
    /// Its name on the command line.
    pub backend: &'static str,
    /// A sentence.
    pub description: &'static str,
    /// Whether the store has hashes in the place of ids.
    pub ids_hashed: bool,
}

/// Changes when the server is to end, and when its sender is dropped: what is open ends then.
pub type Closing = watch::Receiver<()>;

/// What handlers need besides the session.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) backend: Arc<dyn SessionBackend>,
    pub(crate) about: Arc<About>,
    pub(crate) metrics: Metrics,
    pub(crate) closing: Closing,
}
