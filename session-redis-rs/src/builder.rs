//! How a backend is built, and over which connections.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::{ConnectionObserver, Operation, Result, SessionBackend as _, SessionPolicy};
use session_redis::Tls;
use session_redis::{
    CredentialsProvider, Endpoint, Eviction, IdStorage, KeyPrefix, RedisBackend, ServerUrl,
    Settings,
};

use crate::backend::RedisRsBackend;
use crate::connection::{Given, RedisRsConnect, SingleServer};

impl RedisRsBackend {
    /// Builds a backend for the server at this URL, `redis://[user:password@]host[:port][/db]`, or
    /// for the cluster: `redis-cluster://[user:password@]host[:port][?node=host:port&node=…]`. What
    /// else a URL can say: [`ServerUrl`].
    pub fn builder(url: impl Into<String>) -> RedisRsBuilder {
        RedisRsBuilder::new(url)
    }

    /// A backend over a connection that the application already has, with the default settings. It
    /// is used as it is: a [`ConnectionManager`](redis::aio::ConnectionManager) connects again by
    /// its own rules, a [`MultiplexedConnection`](redis::aio::MultiplexedConnection) never does.
    pub fn from_connection(connection: impl SingleServer) -> Self {
        Self::from_connection_with(connection, |builder| builder)
    }

    /// A backend over a connection that the application already has; `configure` sets what differs
    /// from the defaults.
    ///
    /// ```no_run
    /// # fn example(connection: redis::aio::ConnectionManager) -> session_core::Result<()> {
    /// use session_redis_rs::RedisRsBackend;
    ///
    /// let prefix = "shop:".parse()?;
    /// let backend = RedisRsBackend::from_connection_with(connection, |it| it.key_prefix(prefix));
    /// # let _ = backend;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_connection_with(
        connection: impl SingleServer,
        configure: impl FnOnce(RedisRsBuilder) -> RedisRsBuilder,
    ) -> Self {
        configure(RedisRsBuilder::new("")).over(connection.into_given())
    }
}

/// Builds a [`RedisRsBackend`].
///
/// | setting | default |
/// |---|---|
/// | [`key_prefix`](Self::key_prefix) | `session:` |
/// | [`id_storage`](Self::id_storage) | [`IdStorage::Plain`], the Redis guide's format |
/// | [`policy`](Self::policy) | [`SessionPolicy::new`] |
/// | [`deadline`](Self::deadline) | 500 ms |
/// | [`eviction`](Self::eviction) | [`Eviction::Warn`] |
/// | [`credentials`](Self::credentials), [`tls`](Self::tls) | the URL's |
/// | [`sentinel_credentials`](Self::sentinel_credentials), [`sentinel_tls`](Self::sentinel_tls) | the URL's |
/// | [`observer`](Self::observer) | none |
#[must_use]
pub struct RedisRsBuilder {
    url: String,
    settings: Settings,
    tls: Option<Tls>,
    sentinel_tls: Option<Tls>,
}

impl RedisRsBuilder {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            settings: Settings::default(),
            tls: None,
            sentinel_tls: None,
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

    /// A backend that connects when it is first used, which must be within a Tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](session_core::ErrorKind::Config) when the URL cannot be used, with
    /// [`InvalidUrl`](crate::InvalidUrl) as its source; when the deadline is zero.
    pub fn build(self) -> Result<RedisRsBackend> {
        let url = ServerUrl::parse(&self.url)?;
        let url = url.with_tls(self.tls, self.sentinel_tls)?;
        let built = RedisBackend::at(RedisRsConnect::to, url, self.settings);
        let built = built.map_err(|error| error.during(Operation::Connect))?;
        Ok(RedisRsBackend(built))
    }

    /// A backend that is connected, with a server on which sessions can be stored.
    ///
    /// # Errors
    /// As [`build`](Self::build), and those of a first
    /// [`ping`](session_core::SessionBackend::ping).
    pub async fn connect(self) -> Result<RedisRsBackend> {
        let backend = self.build()?;
        backend
            .ping()
            .await
            .map_err(|error| error.during(Operation::Connect))?;
        Ok(backend)
    }

    /// A backend over a connection that the application has; the URL is not used.
    pub(crate) fn over(self, connection: Given) -> RedisRsBackend {
        let connect = RedisRsConnect::given(connection);
        // The connection knows where it leads.
        let nowhere = Endpoint::tcp("", 0);
        RedisRsBackend(RedisBackend::standalone(connect, nowhere, self.settings))
    }
}

impl fmt::Debug for RedisRsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("RedisRsBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use session_core::{Effect, ErrorKind};

    use super::*;

    #[tokio::test]
    async fn no_deadline_is_refused_and_any_other_can_be_used() {
        let built = |deadline| {
            let builder = RedisRsBackend::builder("redis://127.0.0.1:1");
            builder.deadline(deadline).build()
        };
        let error = built(Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        for deadline in [Duration::from_nanos(1), Duration::MAX] {
            let error = built(deadline).unwrap().ping().await.unwrap_err();
            assert_eq!(
                error.effect(),
                Effect::NotApplied,
                "{deadline:?}: {error:?}"
            );
        }
    }
}
