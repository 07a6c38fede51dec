//! What a backend is built with, whatever its client.

use std::time::Duration;

use session_core::SessionPolicy;

use crate::key_format::IdStorage;
use crate::keys::KeyPrefix;

/// What a backend is built with, whatever its client.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// What all keys begin with.
    pub key_prefix: KeyPrefix,
    /// Whether key names show ids or their hashes.
    pub id_storage: IdStorage,
    /// Lifetimes, limits, touch policy, the application's clock.
    pub policy: SessionPolicy,
    /// The time within which every operation ends, the making of a connection included.
    pub deadline: Duration,
}

impl Settings {
    /// The time within which an operation ends, unless a builder says otherwise.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_millis(500);
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            key_prefix: KeyPrefix::default(),
            id_storage: IdStorage::default(),
            policy: SessionPolicy::default(),
            deadline: Self::DEFAULT_DEADLINE,
        }
    }
}
