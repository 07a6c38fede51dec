//! How a backend is built, and over which connections.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::ClientLike as _;
use fred::types::config::Config;
use session_core::{
    ConnectionObserver, Effect, Error, ErrorKind, Operation, Result, SessionBackend as _,
    SessionPolicy,
};
use session_redis::{
    ClusterUrl, Endpoint, Eviction, IdStorage, KeyPrefix, RedisBackend, Settings, refuse_tls,
};

use crate::backend::FredBackend;
use crate::connection::{FredConnect, endpoint};
use crate::convert::ClientError;

impl FredBackend {
    /// Builds a backend for the server at this URL, `redis://[user:password@]host[:port][/db]`, or
    /// for the cluster: `redis-cluster://[user:password@]host[:port][?node=host:port&node=…]`.
    pub fn builder(url: impl Into<String>) -> FredBuilder {
        FredBuilder::new(url)
    }

    /// Builds a backend for the cluster of this configuration, of whose hosts one that replies is
    /// enough to find the others. All are reached with its credentials and settings.
    ///
    /// ```no_run
    /// # async fn example() -> session_core::Result<()> {
    /// use fred::types::config::{Config, ServerConfig};
    /// use session_fred::FredBackend;
    ///
    /// let nodes = vec![("10.0.0.1", 6379), ("10.0.0.2", 6379)];
    /// let config = Config {
    ///     server: ServerConfig::new_clustered(nodes),
    ///     ..Config::default()
    /// };
    /// let backend = FredBackend::cluster_builder(config).connect().await?;
    /// # let _ = backend;
    /// # Ok(())
    /// # }
    /// ```
    pub fn cluster_builder(config: Config) -> FredBuilder {
        FredBuilder::of_cluster(config)
    }

    /// A backend over a client that the application already has, with the default settings. It is
    /// used as it is, and connects again by its own policy.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](session_core::ErrorKind::Config) when the client may send a command
    /// more than once: its connection config must have `max_command_attempts = 1`, and it must not
    /// be a cluster's (for these there is [`cluster_builder`](Self::cluster_builder)).
    pub fn from_client(client: Client) -> Result<Self> {
        Self::from_client_with(client, |builder| builder)
    }

    /// A backend over a client that the application already has; `configure` sets what differs from
    /// the defaults.
    ///
    /// # Errors
    /// As [`from_client`](Self::from_client).
    ///
    /// ```no_run
    /// # fn example(client: fred::clients::Client) -> session_core::Result<()> {
    /// use session_fred::FredBackend;
    ///
    /// let prefix = "shop:".parse()?;
    /// let backend = FredBackend::from_client_with(client, |it| it.key_prefix(prefix))?;
    /// # let _ = backend;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_client_with(
        client: Client,
        configure: impl FnOnce(FredBuilder) -> FredBuilder,
    ) -> Result<Self> {
        configure(FredBuilder::new("")).over(client)
    }
}

/// Builds a [`FredBackend`].
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
pub struct FredBuilder {
    servers: Servers,
    settings: Settings,
}

/// Where to connect.
enum Servers {
    Url(String),
    Cluster(Box<Config>),
}

impl FredBuilder {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self::to(Servers::Url(url.into()))
    }

    pub(crate) fn of_cluster(config: Config) -> Self {
        Self::to(Servers::Cluster(Box::new(config)))
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
    pub fn build(self) -> Result<FredBackend> {
        let settings = self.settings.checked();
        let built = settings.and_then(|settings| build(self.servers, settings));
        built.map_err(|error| error.during(Operation::Connect))
    }

    /// A backend that is connected, with a server on which sessions can be stored.
    ///
    /// # Errors
    /// As [`build`](Self::build), and those of a first
    /// [`ping`](session_core::SessionBackend::ping).
    pub async fn connect(self) -> Result<FredBackend> {
        let backend = self.build()?;
        backend
            .ping()
            .await
            .map_err(|error| error.during(Operation::Connect))?;
        Ok(backend)
    }

    /// A backend over a client that the application has; the URL is not used.
    pub(crate) fn over(self, client: Client) -> Result<FredBackend> {
        let refused = |why| Err(refused(why).during(Operation::Connect));
        if client.connection_config().max_command_attempts != 1 {
            return refused(COUNTS_TWICE);
        }
        if client.is_clustered() {
            return refused(IS_CLUSTERED);
        }
        // The client knows where it leads.
        let nowhere = Endpoint::tcp("", 0);
        let connect = FredConnect::given(client);
        let settings = self.settings.checked();
        let settings = settings.map_err(|error| error.during(Operation::Connect))?;
        let backend = RedisBackend::standalone(connect, nowhere, settings);
        Ok(FredBackend(backend))
    }
}

impl fmt::Debug for FredBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("FredBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn build(servers: Servers, settings: Settings) -> Result<FredBackend> {
    let (like, seeds) = match servers {
        Servers::Url(url) => {
            refuse_tls(&url)?;
            if let Some(url) = ClusterUrl::parse(&url)? {
                (config_of(&url.first)?, url.nodes)
            } else {
                let config = config_of(&url)?;
                let server = config.server.hosts().into_iter().next();
                let endpoint = endpoint(&server.ok_or_else(|| refused(NO_ENDPOINT))?);
                let connect = FredConnect::like(config);
                let backend = RedisBackend::standalone(connect, endpoint, settings);
                return Ok(FredBackend(backend));
            }
        }
        Servers::Cluster(config) => {
            let seeds = config.server.hosts().iter().map(endpoint).collect();
            (*config, seeds)
        }
    };
    if seeds.is_empty() {
        return Err(refused(NO_NODE));
    }
    let connect = FredConnect::like(like);
    Ok(FredBackend(RedisBackend::cluster(connect, seeds, settings)))
}

/// The client's configuration for a server's URL. Refused when it is not that of one server, or
/// when the URL asks for TLS and the client was built without: it would go on in the clear.
fn config_of(url: &str) -> Result<Config> {
    let config = Config::from_url(url).map_err(configuration)?;
    // The client takes any scheme that it does not know for this one.
    let scheme = url.split_once(':').map_or(url, |(scheme, _)| scheme);
    let is_known = SCHEMES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(scheme));
    if !is_known || !config.server.is_centralized() {
        return Err(refused(NO_ENDPOINT));
    }
    if asks_for_tls(url) && !config.uses_tls() {
        return Err(refused(NO_TLS));
    }
    Ok(config)
}

fn asks_for_tls(url: &str) -> bool {
    let scheme = url.split_once(':').map_or(url, |(scheme, _)| scheme);
    let scheme = scheme.to_ascii_lowercase();
    scheme.starts_with("rediss") || scheme.starts_with("valkeys")
}

const SCHEMES: [&str; 4] = ["redis", "rediss", "valkey", "valkeys"];
const NO_ENDPOINT: &str = "the URL must lead to the host and port of one server";
const NO_NODE: &str = "a cluster needs the host and port of at least one node";
const NO_TLS: &str = "the URL asks for TLS, and none of the client's TLS features is on";
const COUNTS_TWICE: &str = "the client must have max_command_attempts = 1, or it would count twice";
const IS_CLUSTERED: &str =
    "a cluster's client cannot be taken over; FredBackend::cluster_builder can";

fn refused(why: &'static str) -> Error {
    Error::new(ErrorKind::Config, Effect::NotApplied).with_source(why)
}

fn configuration(error: fred::error::Error) -> Error {
    Error::new(ErrorKind::Config, Effect::NotApplied).with_source(ClientError::from(error))
}

#[cfg(test)]
mod tests {
    use fred::types::Builder;
    use fred::types::config::ServerConfig;

    use super::*;

    const URLS_REFUSED: &str = "redis redis:// redis://:@ redis://:6379 redis://h:65536 redis://h:x \
        http://h redis-sentinel://h:26379?sentinelServiceName=m REDIS-CLUSTER://h redis-cluster:// \
        redis-cluster://:7000 redis-cluster://h:65536 redis-cluster://h?node= redis+unix:///s \
        redis://%FF:%FF@h redis-cluster://%FF:%FF@h ";
    const URLS_TAKEN: &str = "redis://h redis://h:0 REDIS://h redis://[::1] redis://[::1]:7000/3 \
        redis-cluster://[::1]:7000?node=[::1]";

    #[tokio::test]
    async fn a_url_that_asks_for_tls_is_refused_and_never_served_without() {
        for url in [
            "rediss://127.0.0.1",
            "rediss-cluster://127.0.0.1",
            "valkeys://127.0.0.1",
        ] {
            let error = FredBuilder::new(url).build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
        }
    }

    #[tokio::test]
    async fn urls_that_lead_nowhere_are_refused() {
        for url in URLS_REFUSED.split(' ') {
            let error = FredBuilder::new(url).build().expect_err(url);
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
        }
        for url in URLS_TAKEN.split(' ') {
            assert!(FredBuilder::new(url).build().is_ok(), "{url}");
        }
        let nobody = ServerConfig::new_clustered(Vec::<(String, u16)>::new());
        let nobody = Config {
            server: nobody,
            ..Config::default()
        };
        let error = FredBuilder::of_cluster(nobody).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
    }

    #[tokio::test]
    async fn no_deadline_is_refused_and_any_other_can_be_used() {
        let url = "redis://127.0.0.1:1";
        let built = |deadline| {
            let client = Builder::default_centralized()
                .with_connection_config(|connection| connection.max_command_attempts = 1)
                .build()
                .unwrap();
            [
                FredBackend::builder(url).deadline(deadline).build(),
                FredBackend::from_client_with(client, |it| it.deadline(deadline)),
            ]
        };
        for refused in built(Duration::ZERO) {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Config);
        }
        for deadline in [Duration::from_nanos(1), Duration::MAX] {
            let [own, given] = built(deadline).map(Result::unwrap);
            let error = own.ping().await.unwrap_err();
            assert_eq!(
                error.effect(),
                Effect::NotApplied,
                "{deadline:?}: {error:?}"
            );
            drop(given);
        }
    }
}
