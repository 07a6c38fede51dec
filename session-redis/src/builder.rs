//! How a backend is built, whatever its client.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use session_core::{ConnectionObserver, Operation, Result, SessionBackend, SessionPolicy};

use crate::backend::RedisBackend;
use crate::connection::Connect;
use crate::credentials::CredentialsProvider;
use crate::key_format::IdStorage;
use crate::keys::KeyPrefix;
use crate::near::{NearCache, NearCacheRefused};
use crate::settings::{Eviction, ScriptSlots, Settings};
use crate::tls::Tls;
use crate::url::ServerUrl;

/// A client's own backend, a newtype of [`RedisBackend`] over its connections.
pub trait NamedBackend: SessionBackend + From<RedisBackend<Self::Connect>> {
    /// What makes its connections.
    type Connect: Connect;

    /// What makes connections such as this URL asks for.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](session_core::ErrorKind::Config) where the client has none such.
    fn connect(url: &ServerUrl) -> Result<Self::Connect>;
}

/// Builds a backend on Redis, of whatever client.
///
/// | setting | default |
/// |---|---|
/// | [`key_prefix`](Self::key_prefix) | `session:` |
/// | [`id_storage`](Self::id_storage) | [`IdStorage::Plain`], the Redis guide's format |
/// | [`policy`](Self::policy) | [`SessionPolicy::new`] |
/// | [`deadline`](Self::deadline) | 500 ms |
/// | [`eviction`](Self::eviction) | [`Eviction::Warn`] |
/// | [`script_slots`](Self::script_slots) | [`ScriptSlots::Asked`] |
/// | [`credentials`](Self::credentials), [`tls`](Self::tls) | the URL's |
/// | [`sentinel_credentials`](Self::sentinel_credentials), [`sentinel_tls`](Self::sentinel_tls) | the URL's |
/// | [`observer`](Self::observer) | none |
/// | [`near_cache`](Self::near_cache) | none |
#[must_use]
pub struct RedisBuilder<B> {
    url: String,
    settings: Settings,
    tls: Option<Tls>,
    sentinel_tls: Option<Tls>,
    builds: PhantomData<fn() -> B>,
}

impl<B: NamedBackend> RedisBuilder<B> {
    /// At this URL: see [`ServerUrl`].
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            settings: Settings::default(),
            tls: None,
            sentinel_tls: None,
            builds: PhantomData,
        }
    }

    /// What all keys begin with.
    pub fn key_prefix(mut self, prefix: KeyPrefix) -> Self {
        self.settings.key_prefix = prefix;
        self
    }

    /// Whether key names show ids or their hashes.
    pub fn id_storage(mut self, storage: IdStorage) -> Self {
        self.settings.id_storage = storage;
        self
    }

    /// Lifetimes, limits, touch policy, the application's clock.
    pub fn policy(mut self, policy: SessionPolicy) -> Self {
        self.settings.policy = policy;
        self
    }

    /// The time within which every operation ends, the making of a connection included.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = deadline;
        self
    }

    /// What follows when a server evicts keys while its memory is full.
    pub fn eviction(mut self, eviction: Eviction) -> Self {
        self.settings.eviction = eviction;
        self
    }

    /// How many hash slots one script may touch, where there is one endpoint.
    pub fn script_slots(mut self, slots: ScriptSlots) -> Self {
        self.settings.script_slots = slots;
        self
    }

    /// Who provides the credentials of each connection, in the place of the URL's.
    pub fn credentials(mut self, provider: Arc<dyn CredentialsProvider>) -> Self {
        self.settings.credentials = Some(provider);
        self
    }

    /// How connections are encrypted, in the place of what the URL says of it. The URL must ask for
    /// TLS.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Who provides the credentials of each connection to a sentinel, in the place of the URL's.
    pub fn sentinel_credentials(mut self, provider: Arc<dyn CredentialsProvider>) -> Self {
        self.settings.sentinel_credentials = Some(provider);
        self
    }

    /// How connections to sentinels are encrypted, where it is not as those to the server are.
    pub fn sentinel_tls(mut self, tls: Tls) -> Self {
        self.sentinel_tls = Some(tls);
        self
    }

    /// Who is told what becomes of the connections.
    pub fn observer(mut self, observer: Arc<dyn ConnectionObserver>) -> Self {
        self.settings.observer = Some(observer);
        self
    }

    /// Serves reads from this process where nothing has changed: see [`NearCache`]. The connections
    /// speak RESP3 then, and the account needs the rights of
    /// [`AclFeature::NearCache`](crate::AclFeature::NearCache).
    pub fn near_cache(mut self, near_cache: NearCache) -> Self {
        self.settings.near_cache = Some(near_cache);
        self
    }

    /// A backend that connects when it is first used, which must be within a Tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](session_core::ErrorKind::Config) when the URL cannot be used, with
    /// [`InvalidUrl`](crate::InvalidUrl) as its source; when the deadline is zero; when there can
    /// be no near cache, with [`NearCacheRefused`](crate::NearCacheRefused) as its source.
    pub fn build(self) -> Result<B> {
        let url = ServerUrl::parse(&self.url)?;
        let url = url.with_tls(self.tls, self.sentinel_tls)?;
        let built = RedisBackend::at(B::connect, url, self.settings);
        built
            .map(B::from)
            .map_err(|error| error.during(Operation::Connect))
    }

    /// A backend that is connected, with a server on which sessions can be stored.
    ///
    /// # Errors
    /// As [`build`](Self::build), and those of a first
    /// [`ping`](session_core::SessionBackend::ping).
    pub async fn connect(self) -> Result<B> {
        let backend = self.build()?;
        backend
            .ping()
            .await
            .map_err(|error| error.during(Operation::Connect))?;
        Ok(backend)
    }

    /// What is set, for a backend over a connection that the application has.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](session_core::ErrorKind::Config) when no backend can be built with
    /// it: a near cache needs connections of the backend's own.
    pub fn into_settings(self) -> Result<Settings> {
        let settings = match self.settings.near_cache {
            Some(_) => Err(NearCacheRefused::GivenConnection.into()),
            None => self.settings.checked(),
        };
        settings.map_err(|error| error.during(Operation::Connect))
    }
}

impl<B> fmt::Debug for RedisBuilder<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("RedisBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
