//! How a backend is built.

use std::fmt;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};
use session_core::{
    Effect, Error, ErrorKind, Operation, Result, SessionBackend as _, SessionPolicy,
};
use session_redis_wire::cluster::{ClusterUrl, Node};
use session_redis_wire::{IdStorage, KeyPrefix, KeySpace, refuse_tls};

use crate::backend::RedisRsBackend;
use crate::cluster::{Carrier, Cluster};
use crate::connection::{IntoLink as _, Link, SingleServer};
use crate::convert::ClientError;

/// The time within which an operation ends, unless the builder says otherwise.
const DEADLINE: Duration = Duration::from_millis(500);

/// Builds a [`RedisRsBackend`].
///
/// | setting | default |
/// |---|---|
/// | [`key_prefix`](Self::key_prefix) | `session:` |
/// | [`id_storage`](Self::id_storage) | [`IdStorage::Plain`], the guide's format |
/// | [`policy`](Self::policy) | [`SessionPolicy::new`] |
/// | [`deadline`](Self::deadline) | 500 ms |
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

impl RedisRsBuilder {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self {
            servers: Servers::Url(url.into()),
            settings: Settings::default(),
        }
    }

    pub(crate) fn of_cluster<N: IntoConnectionInfo>(nodes: impl IntoIterator<Item = N>) -> Self {
        let nodes = nodes.into_iter().map(N::into_connection_info);
        Self {
            servers: Servers::Cluster(nodes.collect()),
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

    /// A backend that connects when it is first used. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the URL cannot be used, or asks for TLS, which is not offered yet.
    pub fn build(self) -> Result<RedisRsBackend> {
        if let Servers::Url(url) = &self.servers {
            refuse_tls(url)?;
        }
        let carrier = carrier(self.servers, self.settings.deadline)
            .map_err(|error| error.during(Operation::Connect))?;
        Ok(RedisRsBackend::over(carrier, self.settings))
    }

    /// A backend that is connected, with a server that is new enough.
    ///
    /// # Errors
    /// As [`build`](Self::build), and those of a first [`ping`](session_core::SessionBackend::ping).
    pub async fn connect(self) -> Result<RedisRsBackend> {
        let backend = self.build()?;
        backend
            .ping()
            .await
            .map_err(|error| error.during(Operation::Connect))?;
        Ok(backend)
    }

    /// A backend over a connection that the application has; the URL is not used.
    pub(crate) fn over<C: SingleServer>(self, connection: C) -> RedisRsBackend {
        RedisRsBackend::over(Carrier::OneServer(connection.into_link()), self.settings)
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

fn carrier(servers: Servers, deadline: Duration) -> Result<Carrier> {
    let (like, seeds) = match servers {
        Servers::Url(url) if ClusterUrl::is_meant(&url) => {
            let url = ClusterUrl::parse(&url).ok_or_else(not_a_cluster)?;
            let like = url.first.into_connection_info().map_err(configuration)?;
            (like, url.nodes)
        }
        Servers::Url(url) => {
            let info = url.into_connection_info().map_err(configuration)?;
            let link = lazy_connection(info, deadline).map_err(configuration)?;
            return Ok(Carrier::OneServer(link));
        }
        Servers::Cluster(nodes) => {
            let nodes = nodes.map_err(configuration)?;
            let seeds = nodes.iter().map(seed).collect::<Option<Vec<_>>>();
            let like = nodes.into_iter().next();
            like.zip(seeds).ok_or_else(not_a_cluster)?
        }
    };
    let cluster = Cluster::new(like, seeds, deadline)?;
    Ok(Carrier::Cluster(Box::new(cluster)))
}

/// The node at this address, if it is on the network.
fn seed(info: &ConnectionInfo) -> Option<Node> {
    match info.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            Some(Node::new(host.as_str(), *port))
        }
        _ => None,
    }
}

fn not_a_cluster() -> Error {
    Error::new(ErrorKind::Config, Effect::NotApplied)
        .with_source("a cluster needs the host and port of at least one node")
}

/// A connection that is made when it is first needed.
pub(crate) fn lazy_connection(
    info: ConnectionInfo,
    deadline: Duration,
) -> redis::RedisResult<Link> {
    // RESP3 tells of a closed connection at once, RESP2 only by the next command's failure. The
    // client leaves Nagle's algorithm on.
    let settings = info
        .redis_settings()
        .clone()
        .set_protocol(ProtocolVersion::RESP3);
    let tcp = TcpSettings::default().set_nodelay(true);
    let client = Client::open(info.set_redis_settings(settings).set_tcp_settings(tcp))?;
    // By default a command waits through six reconnections, more than nine seconds.
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(0)
        .set_connection_timeout(Some(deadline))
        .set_response_timeout(Some(deadline))
        .set_pipeline_buffer_size(1024);
    Ok(ConnectionManager::new_lazy_with_config(client, config)?.into_link())
}

pub(crate) fn configuration(error: redis::RedisError) -> Error {
    Error::new(ErrorKind::Config, Effect::NotApplied).with_source(ClientError::from(error))
}
