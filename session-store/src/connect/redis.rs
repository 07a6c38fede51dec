//! Backends on Redis, by either client, their settings, and who asks their servers.

use std::sync::Arc;

use session_core::{ConnectionObserver, Operation, Result, SessionAdmin, SessionBackend};

// The two crates name the same types.
#[cfg(all(feature = "fred", not(feature = "redis-rs")))]
use session_fred as client;
#[cfg(feature = "redis-rs")]
use session_redis_rs as client;

use super::{Connect, Opened, refused};
use crate::admin::ServerInspector;
use crate::{CredentialsProvider, Eviction, IdStorage, NearCache, ScriptSlots, Tls};

/// What is said of Redis only.
#[derive(Clone, Default)]
pub(super) struct RedisSettings {
    pub(super) id_storage: IdStorage,
    eviction: Eviction,
    script_slots: ScriptSlots,
    near_cache: Option<NearCache>,
    credentials: Option<Arc<dyn CredentialsProvider>>,
    tls: Option<Tls>,
    sentinel_credentials: Option<Arc<dyn CredentialsProvider>>,
    sentinel_tls: Option<Tls>,
}

impl Connect {
    /// Whether key names on Redis show ids or their hashes; ids by default. No effect elsewhere.
    ///
    /// Needs the feature `redis-rs` or `fred`, as [`IdStorage`] does.
    pub fn id_storage(mut self, storage: IdStorage) -> Self {
        self.redis.id_storage = storage;
        self
    }

    /// What follows when a Redis server evicts keys while its memory is full; a warning by default.
    /// No effect elsewhere.
    ///
    /// Needs the feature `redis-rs` or `fred`, as [`Eviction`] does.
    pub fn eviction(mut self, eviction: Eviction) -> Self {
        self.redis.eviction = eviction;
        self
    }

    /// How many hash slots one script may touch on a Redis server at one address: as many as it
    /// says when it is met, by default. No effect elsewhere, nor on a Cluster.
    ///
    /// Needs the feature `redis-rs` or `fred`, as [`ScriptSlots`] does.
    pub fn script_slots(mut self, slots: ScriptSlots) -> Self {
        self.redis.script_slots = slots;
        self
    }

    /// Serves reads on Redis from this process where nothing has changed, off by default: see
    /// [`NearCache`]. fred cannot, which is [`ErrorKind::Config`](session_core::ErrorKind::Config).
    /// No effect elsewhere.
    ///
    /// Needs the feature `redis-rs` or `fred`, as [`NearCache`] does.
    pub fn near_cache(mut self, near_cache: NearCache) -> Self {
        self.redis.near_cache = Some(near_cache);
        self
    }

    /// Who provides the credentials of each connection to Redis, in the place of the URL's. No
    /// effect elsewhere.
    ///
    /// Needs the feature `redis-rs` or `fred`, as [`CredentialsProvider`] does.
    pub fn credentials(mut self, provider: Arc<dyn CredentialsProvider>) -> Self {
        self.redis.credentials = Some(provider);
        self
    }

    /// How connections to Redis are encrypted, in the place of what the URL says of it. The URL
    /// must ask for TLS. No effect elsewhere: a URL of PostgreSQL says it itself.
    ///
    /// Needs the feature `redis-rs` or `fred`, as [`Tls`] does.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.redis.tls = Some(tls);
        self
    }

    /// Who provides the credentials of each connection to a sentinel, in the place of the URL's. No
    /// effect elsewhere.
    ///
    /// Needs the feature `redis-rs` or `fred`, as [`CredentialsProvider`] does.
    pub fn sentinel_credentials(mut self, provider: Arc<dyn CredentialsProvider>) -> Self {
        self.redis.sentinel_credentials = Some(provider);
        self
    }

    /// How connections to sentinels are encrypted, where it is not as those to the server are.
    ///
    /// Needs the feature `redis-rs` or `fred`, as [`Tls`] does.
    pub fn sentinel_tls(mut self, tls: Tls) -> Self {
        self.redis.sentinel_tls = Some(tls);
        self
    }

    /// What asks the servers of this URL what they are, over a connection of its own. Connects when
    /// it is first used. Must be called within a Tokio runtime.
    ///
    /// Needs the feature `redis-rs` or `fred`, as [`ServerInspector`] does.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](session_core::ErrorKind::Config), as [`connect`](super::connect); for
    /// `memory:` with [`ConnectError::NoServer`](super::ConnectError::NoServer), for SQLite and
    /// PostgreSQL with [`ConnectError::NotRedis`](super::ConnectError::NotRedis).
    pub fn build_inspector(mut self) -> Result<Arc<dyn ServerInspector>> {
        // Its connection is none of those that the application's metrics show.
        self.observer = None;
        self.purge_every = None;
        #[cfg(feature = "observe")]
        {
            self.observe = None;
        }
        let opened = self.open()?;
        opened
            .inspector
            .map_err(|reason| refused(reason).during(Operation::Connect))
    }

    fn configured<B: client::NamedBackend>(
        &self,
        builder: client::RedisBuilder<B>,
        name: &'static str,
    ) -> Result<client::RedisBuilder<B>> {
        let settings = &self.redis;
        let mut builder = builder
            .policy(self.policy.clone())
            .id_storage(settings.id_storage)
            .eviction(settings.eviction)
            .script_slots(settings.script_slots);
        if let Some(near_cache) = settings.near_cache {
            builder = builder.near_cache(near_cache);
        }
        if let Some(prefix) = &self.key_prefix {
            builder = builder.key_prefix(prefix.parse()?);
        }
        if let Some(deadline) = self.deadline {
            builder = builder.deadline(deadline);
        }
        if let Some(observer) = self.observer_of(name) {
            builder = builder.observer(observer);
        }
        if let Some(credentials) = &settings.credentials {
            builder = builder.credentials(Arc::clone(credentials));
        }
        if let Some(tls) = &settings.tls {
            builder = builder.tls(tls.clone());
        }
        if let Some(credentials) = &settings.sentinel_credentials {
            builder = builder.sentinel_credentials(Arc::clone(credentials));
        }
        if let Some(tls) = &settings.sentinel_tls {
            builder = builder.sentinel_tls(tls.clone());
        }
        Ok(builder)
    }

    /// The observer of the connections of the backend of this name.
    fn observer_of(&self, name: &'static str) -> Option<Arc<dyn ConnectionObserver>> {
        #[cfg(feature = "observe")]
        if self.observe.is_some() {
            let metrics = crate::observe::ConnectionMetrics::new(name);
            return Some(Arc::new(match &self.observer {
                Some(observer) => metrics.and_then(Arc::clone(observer)),
                None => metrics,
            }));
        }
        let _ = name;
        self.observer.clone()
    }

    /// This backend at this URL, observed where that is wanted.
    fn shared<B: SessionBackend>(
        &self,
        name: &'static str,
        url: &str,
        backend: B,
    ) -> Result<Arc<dyn SessionBackend>> {
        #[cfg(feature = "observe")]
        if let Some(observe) = self.observe.clone() {
            let url = client::ServerUrl::parse(url)?;
            let server = match (&url.kind, &*url.endpoints) {
                (client::ServerKind::Standalone, [client::Endpoint::Tcp { host, port, .. }]) => {
                    Some((host.to_string(), *port))
                }
                _ => None,
            };
            return Ok(Arc::new(
                observe.or_store("redis", server).wrap(name, backend),
            ));
        }
        let _ = (name, url);
        Ok(Arc::new(backend))
    }

    #[cfg(feature = "redis-rs")]
    pub(super) fn redis_rs(&self) -> Result<Opened> {
        let builder = session_redis_rs::RedisRsBackend::builder(self.url.as_str());
        let backend = self.configured(builder, "redis-rs")?.build()?;
        let admin = backend.admin();
        Ok(opened(admin, self.shared("redis-rs", &self.url, backend)?))
    }

    #[cfg(feature = "fred")]
    pub(super) fn fred(&self, url: String) -> Result<Opened> {
        let builder = session_fred::FredBackend::builder(url.as_str());
        let backend = self.configured(builder, "fred")?.build()?;
        let admin = backend.admin();
        Ok(opened(admin, self.shared("fred", &url, backend)?))
    }
}

fn opened(admin: impl SessionAdmin + ServerInspector, backend: Arc<dyn SessionBackend>) -> Opened {
    let admin = Arc::new(admin);
    Opened {
        backend,
        inspector: Ok(Arc::clone(&admin) as _),
        admin,
    }
}
