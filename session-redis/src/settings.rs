//! What a backend is built with, whatever its client.

use std::sync::Arc;
use std::time::Duration;

use session_core::{ConnectionObserver, Effect, Error, ErrorKind, Result, SessionPolicy};

use crate::credentials::CredentialsProvider;
use crate::key_format::IdStorage;
use crate::keys::KeyPrefix;
use crate::near::NearCache;

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
    /// What follows when a server evicts keys.
    pub eviction: Eviction,
    /// How many hash slots one script may touch.
    pub script_slots: ScriptSlots,
    /// Who connections say they are, where the URL does not say it.
    pub credentials: Option<Arc<dyn CredentialsProvider>>,
    /// Who connections to sentinels say they are, where the URL does not say it.
    pub sentinel_credentials: Option<Arc<dyn CredentialsProvider>>,
    /// What connections call themselves in `CLIENT LIST`.
    pub client_name: Option<String>,
    /// Who is told what becomes of the connections.
    pub observer: Option<Arc<dyn ConnectionObserver>>,
    /// Keeps what was read in this process.
    pub near_cache: Option<NearCache>,
}

/// What follows when a server evicts keys while its memory is full (`maxmemory` with another
/// `maxmemory-policy` than `noeviction`): sessions end early then. A principal's index that was
/// evicted comes back with the next use of its sessions, but in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Eviction {
    /// A warning, once.
    #[default]
    Warn,
    /// The server is not used.
    Refuse,
}

/// How many hash slots one script may touch, where there is one endpoint. Where it is one only, a
/// principal's index has steps of its own, as on a Redis Cluster (which is one in any case). All
/// processes that share a store must go by the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ScriptSlots {
    /// As many as first contact finds: one where a proxy stands before shards.
    #[default]
    Asked,
    /// One, whatever the server allows now: for a store that is to move behind such a proxy.
    One,
}

impl Settings {
    /// The time within which an operation ends, unless a builder says otherwise.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_millis(500);
    /// The longest deadline that is told from none at all: a year.
    const LONGEST_DEADLINE: Duration = Duration::from_secs(365 * 86_400);

    /// The same settings, if a backend can be built with them.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a deadline of zero, within which nothing can be done, and for a
    /// near cache whose bound is zero.
    pub fn checked(self) -> Result<Self> {
        self.check()?;
        Ok(self.clamped())
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.deadline.is_zero() {
            let error = Error::new(ErrorKind::Config, Effect::NotApplied);
            return Err(error.with_source("the deadline must be longer than zero"));
        }
        self.near_cache.as_ref().map_or(Ok(()), NearCache::check)
    }

    /// Times that can be added to.
    pub(crate) fn clamped(mut self) -> Self {
        self.deadline = self.deadline.min(Self::LONGEST_DEADLINE);
        self
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            key_prefix: KeyPrefix::default(),
            id_storage: IdStorage::default(),
            policy: SessionPolicy::default(),
            deadline: Self::DEFAULT_DEADLINE,
            eviction: Eviction::default(),
            script_slots: ScriptSlots::default(),
            credentials: None,
            sentinel_credentials: None,
            client_name: None,
            observer: None,
            near_cache: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use session_core::SessionBackend as _;

    use super::*;
    use crate::testing::Scripted;
    use crate::{Endpoint, RedisBackend, Reply};

    #[tokio::test]
    async fn any_deadline_but_none_can_be_used() {
        for (deadline, expected) in [
            (Duration::ZERO, Err(ErrorKind::Config)),
            (Duration::MAX, Ok(())),
        ] {
            let settings = || Settings {
                deadline,
                ..Settings::default()
            };
            let checked = settings().checked().map(drop);
            assert_eq!(checked.map_err(|error| error.kind()), expected);
            // What first contact asks about slots.
            let server = Scripted::default().reply(1, Ok(Reply::Nil));
            let backend = RedisBackend::standalone(server, Endpoint::tcp("host", 1), settings());
            let ready = backend.ping().await;
            assert_eq!(ready.map_err(|error| error.kind()), expected);
        }
    }
}
