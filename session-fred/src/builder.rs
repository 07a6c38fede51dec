//! How a backend is built.

use std::fmt;
use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::ClientLike as _;
use fred::types::Builder;
use fred::types::config::{
    Config, ReconnectError, ReconnectPolicy, Server, TcpConfig, UnresponsiveConfig,
};
use session_core::{
    Effect, Error, ErrorKind, Operation, Result, SessionBackend as _, SessionPolicy,
};
use session_redis_wire::cluster::{ClusterUrl, Node};
use session_redis_wire::{IdStorage, KeyPrefix, KeySpace, refuse_tls};

use crate::backend::FredBackend;
use crate::cluster::{Carrier, Cluster};
use crate::connection::Link;
use crate::convert::ClientError;

/// The time within which an operation ends, unless the builder says otherwise.
const DEADLINE: Duration = Duration::from_millis(500);

/// Builds a [`FredBackend`].
///
/// | setting | default |
/// |---|---|
/// | [`key_prefix`](Self::key_prefix) | `session:` |
/// | [`id_storage`](Self::id_storage) | [`IdStorage::Plain`], the guide's format |
/// | [`policy`](Self::policy) | [`SessionPolicy::new`] |
/// | [`deadline`](Self::deadline) | 500 ms |
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

/// What a backend is built with, whatever its connection.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) prefix: KeyPrefix,
    pub(crate) storage: IdStorage,
    pub(crate) policy: SessionPolicy,
    pub(crate) deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prefix: KeyPrefix::default(),
            storage: IdStorage::default(),
            policy: SessionPolicy::default(),
            deadline: DEADLINE,
        }
    }
}

impl Settings {
    pub(crate) fn keys(&self) -> KeySpace {
        KeySpace::new(self.prefix.clone(), self.storage)
    }
}

impl FredBuilder {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self {
            servers: Servers::Url(url.into()),
            settings: Settings::default(),
        }
    }

    pub(crate) fn of_cluster(config: Config) -> Self {
        Self {
            servers: Servers::Cluster(Box::new(config)),
            settings: Settings::default(),
        }
    }

    /// What all keys begin with.
    pub fn key_prefix(mut self, prefix: KeyPrefix) -> Self {
        self.settings.prefix = prefix;
        self
    }

    /// Whether key names show ids or their hashes.
    pub fn id_storage(mut self, storage: IdStorage) -> Self {
        self.settings.storage = storage;
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

    /// A backend that connects in the background. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the URL cannot be used, or asks for TLS, which is not offered yet.
    pub fn build(self) -> Result<FredBackend> {
        if let Servers::Url(url) = &self.servers {
            refuse_tls(url)?;
        }
        let carrier = carrier(self.servers, self.settings.deadline)
            .map_err(|error| error.during(Operation::Connect))?;
        Ok(FredBackend::over(carrier, self.settings))
    }

    /// A backend that is connected, with a server that is new enough.
    ///
    /// # Errors
    /// As [`build`](Self::build), and those of a first [`ping`](session_core::SessionBackend::ping).
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
        let refused = |why| {
            let error = Error::new(ErrorKind::Config, Effect::NotApplied).with_source(why);
            Err(error.during(Operation::Connect))
        };
        if client.connection_config().max_command_attempts != 1 {
            return refused(
                "the client must have max_command_attempts = 1, or it would count twice",
            );
        }
        if client.is_clustered() {
            return refused(
                "a cluster's client cannot be taken over; FredBackend::cluster_builder can",
            );
        }
        let link = Link::of(client, self.settings.deadline);
        Ok(FredBackend::over(Carrier::OneServer(link), self.settings))
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

fn carrier(servers: Servers, deadline: Duration) -> Result<Carrier> {
    let (like, seeds) = match servers {
        Servers::Url(url) if ClusterUrl::is_meant(&url) => {
            let url = ClusterUrl::parse(&url).ok_or_else(not_a_cluster)?;
            let like = config_of(&url.first)?;
            (like, url.nodes)
        }
        Servers::Url(url) => {
            let config = config_of(&url)?;
            let link = lazy_connection(config, deadline, reconnect_errors());
            return link.map(Carrier::OneServer).map_err(configuration);
        }
        Servers::Cluster(config) => {
            let hosts = config.server.hosts();
            let node = |server: Server| Node::new(&*server.host, server.port);
            let seeds: Vec<Node> = hosts.into_iter().map(node).collect();
            (*config, seeds)
        }
    };
    if seeds.is_empty() {
        return Err(not_a_cluster());
    }
    let cluster = Cluster::new(like, seeds, deadline)?;
    Ok(Carrier::Cluster(Box::new(cluster)))
}

/// The client's configuration for a server's URL. Refused when the URL asks for TLS and the client was built
/// without: it would go on in the clear.
fn config_of(url: &str) -> Result<Config> {
    let config = Config::from_url(url).map_err(configuration)?;
    let asks_for_tls = url.starts_with("rediss") || url.starts_with("valkeys");
    if asks_for_tls && !config.uses_tls() {
        return Err(Error::new(ErrorKind::Config, Effect::NotApplied)
            .with_source("the URL asks for TLS, and none of the client's TLS features is on"));
    }
    Ok(config)
}

fn not_a_cluster() -> Error {
    Error::new(ErrorKind::Config, Effect::NotApplied)
        .with_source("a cluster needs the host and port of at least one node")
}

/// The server's answers after which another may be found under its name.
fn reconnect_errors() -> Vec<ReconnectError> {
    vec![
        ReconnectError::ClusterDown,
        ReconnectError::Loading,
        ReconnectError::MasterDown,
        ReconnectError::ReadOnly,
    ]
}

/// A connection that is made in the background.
pub(crate) fn lazy_connection(
    mut config: Config,
    deadline: Duration,
    reconnect_errors: Vec<ReconnectError>,
) -> Result<Link, fred::error::Error> {
    // Not "fail fast" but "give up": the first refused connection would end the client.
    config.fail_fast = false;
    // The client waits for the first of these before its first attempt, too.
    let mut reconnect = ReconnectPolicy::new_exponential(0, 1, 500, 2);
    reconnect.set_jitter(5);
    let client = Builder::from_config(config)
        .with_connection_config(|connection| {
            connection.connection_timeout = deadline;
            connection.internal_command_timeout = deadline;
            // By default a command is sent up to three times.
            connection.max_command_attempts = 1;
            connection.max_command_buffer_len = 10_000;
            connection.reconnect_on_auth_error = true;
            connection.tcp = TcpConfig {
                nodelay: Some(true),
                ..TcpConfig::default()
            };
            connection.unresponsive = UnresponsiveConfig {
                max_timeout: Some(2 * deadline),
                interval: deadline / 2,
            };
            connection.reconnect_errors = reconnect_errors;
        })
        .set_policy(reconnect)
        .build()?;
    Ok(Link::connecting(client, deadline))
}

pub(crate) fn configuration(error: fred::error::Error) -> Error {
    Error::new(ErrorKind::Config, Effect::NotApplied).with_source(ClientError::from(error))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
