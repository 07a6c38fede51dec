//! How a backend is built, and over which connections.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{ConnectionInfo, IntoConnectionInfo};
use session_core::{
    ConnectionObserver, Effect, Error, ErrorKind, Operation, Result, SessionBackend as _,
    SessionPolicy,
};
use session_redis::{
    ClusterUrl, Endpoint, Eviction, IdStorage, KeyPrefix, RedisBackend, Settings, refuse_tls,
};

use crate::backend::RedisRsBackend;
use crate::connection::{Given, RedisRsConnect, SingleServer, endpoint};
use crate::convert::ClientError;

impl RedisRsBackend {
    /// Builds a backend for the server at this URL, `redis://[user:password@]host[:port][/db]`, or
    /// for the cluster: `redis-cluster://[user:password@]host[:port][?node=host:port&node=…]`.
    pub fn builder(url: impl Into<String>) -> RedisRsBuilder {
        RedisRsBuilder::new(url)
    }

    /// Builds a backend for the cluster of these nodes, of which one that replies is enough to find
    /// the others. All are reached with the first one's credentials and settings.
    ///
    /// ```no_run
    /// # async fn example() -> session_core::Result<()> {
    /// use session_redis_rs::RedisRsBackend;
    ///
    /// let nodes = ["redis://10.0.0.1:6379", "redis://10.0.0.2:6379"];
    /// let backend = RedisRsBackend::cluster_builder(nodes).connect().await?;
    /// # let _ = backend;
    /// # Ok(())
    /// # }
    /// ```
    pub fn cluster_builder<N: IntoConnectionInfo>(
        nodes: impl IntoIterator<Item = N>,
    ) -> RedisRsBuilder {
        RedisRsBuilder::of_cluster(nodes)
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
/// | [`observer`](Self::observer) | none |
#[must_use]
pub struct RedisRsBuilder {
    servers: Servers,
    settings: Settings,
}

/// Where to connect.
enum Servers {
    Url(String),
    Cluster(redis::RedisResult<Vec<ConnectionInfo>>),
}

impl RedisRsBuilder {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self::to(Servers::Url(url.into()))
    }

    pub(crate) fn of_cluster<N: IntoConnectionInfo>(nodes: impl IntoIterator<Item = N>) -> Self {
        let nodes = nodes.into_iter().map(N::into_connection_info);
        Self::to(Servers::Cluster(nodes.collect()))
    }

    fn to(servers: Servers) -> Self {
        let settings = Settings::default();
        Self { servers, settings }
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

    /// Who is told what becomes of the connections.
    pub fn observer(mut self, observer: Arc<dyn ConnectionObserver>) -> Self {
        self.settings.observer = Some(observer);
        self
    }

    /// A backend that connects when it is first used, which must be within a Tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the URL cannot be used, or asks for TLS, which is not offered
    /// yet; when the deadline is zero.
    pub fn build(self) -> Result<RedisRsBackend> {
        let settings = self.settings.checked();
        let built = settings.and_then(|settings| build(self.servers, settings));
        built.map_err(|error| error.during(Operation::Connect))
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

fn build(servers: Servers, settings: Settings) -> Result<RedisRsBackend> {
    let (like, seeds) = match servers {
        Servers::Url(url) => {
            refuse_tls(&url)?;
            if let Some(url) = ClusterUrl::parse(&url)? {
                let like = url.first.into_connection_info().map_err(configuration)?;
                (like, url.nodes)
            } else {
                let info = url.into_connection_info().map_err(configuration)?;
                let endpoint = endpoint(info.addr()).ok_or_else(|| refused(NO_ENDPOINT))?;
                let connect = RedisRsConnect::like(&info);
                let backend = RedisBackend::standalone(connect, endpoint, settings);
                return Ok(RedisRsBackend(backend));
            }
        }
        Servers::Cluster(nodes) => {
            let nodes = nodes.map_err(configuration)?;
            let seeds = nodes.iter().map(|node| endpoint(node.addr()));
            let seeds = seeds.collect::<Option<Vec<_>>>();
            let like = nodes.into_iter().next();
            like.zip(seeds).ok_or_else(|| refused(NO_NODE))?
        }
    };
    let connect = RedisRsConnect::like(&like);
    Ok(RedisRsBackend(RedisBackend::cluster(
        connect, seeds, settings,
    )))
}

const NO_ENDPOINT: &str = "the URL must lead to a host and port, or to a unix socket, without TLS";
const NO_NODE: &str = "a cluster needs the host and port of at least one node";

fn refused(why: &'static str) -> Error {
    Error::new(ErrorKind::Config, Effect::NotApplied).with_source(why)
}

fn configuration(error: redis::RedisError) -> Error {
    Error::new(ErrorKind::Config, Effect::NotApplied).with_source(ClientError::from(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URLS_REFUSED: &str = "redis redis:// redis://:@ redis://:6379 redis://h:65536 redis://h:x \
        http://h redis-sentinel://h:26379 REDIS-CLUSTER://h redis-cluster:// redis-cluster://:7000 \
        redis-cluster://h:65536 redis-cluster://h?node= redis://h/x redis://%FF:%FF@h rediss://h ";
    const URLS_TAKEN: &str = "redis://h redis://h:0 REDIS://h redis://[::1] redis://[::1]:7000/3 \
        redis+unix:///s redis-cluster://[::1]:7000?node=[::1]";

    #[test]
    fn urls_that_lead_nowhere_are_refused() {
        for url in URLS_REFUSED.split(' ') {
            let error = RedisRsBuilder::new(url).build().expect_err(url);
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
        }
        for url in URLS_TAKEN.split(' ') {
            assert!(RedisRsBuilder::new(url).build().is_ok(), "{url}");
        }
        for nodes in [vec![], vec!["redis://h", "rediss://h"], vec!["h:1"]] {
            let error = RedisRsBackend::cluster_builder(nodes).build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
        }
    }

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
