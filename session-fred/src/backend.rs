//! The backend's name and its constructors.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use fred::clients::Client;
use fred::types::config::Config;
use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, SessionSummary, WriteOutcome,
    WriteRequest,
};
use session_core::{Result, SessionBackend, SessionId, SessionPolicy};
use session_redis::{RedisAdmin, RedisBackend};

use crate::builder::FredBuilder;
use crate::connection::FredConnect;

/// Sessions on Redis through the `fred` crate. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct FredBackend(pub(crate) RedisBackend<FredConnect>);

/// The admin API of the sessions of a [`FredBackend`].
pub type FredAdmin = RedisAdmin<FredConnect>;

impl FredBackend {
    /// Builds a backend for the server at this URL, `redis://[user:password@]host[:port][/db]`, or for the
    /// cluster: `redis-cluster://[user:password@]host[:port][?node=host:port&node=…]`.
    pub fn builder(url: impl Into<String>) -> FredBuilder {
        FredBuilder::new(url)
    }

    /// Builds a backend for the cluster of this configuration, of whose hosts one that replies is enough to
    /// find the others. All are reached with its credentials and settings.
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

    /// A backend over a client that the application already has, with the default settings. It is used as
    /// it is, and connects again by its own policy.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](session_core::ErrorKind::Config) when the client may send a command more than
    /// once: its connection config must have `max_command_attempts = 1`, and it must not be a cluster's (for
    /// these there is [`cluster_builder`](Self::cluster_builder)).
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
    /// use session_fred::{FredBackend, KeyPrefix};
    ///
    /// let prefix: KeyPrefix = "shop:".parse().expect("a valid prefix");
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

    /// The admin API of these sessions: lists all of them, and ends any. Over the same connection; its
    /// account needs the right to `SCAN` as well.
    pub fn admin(&self) -> FredAdmin {
        self.0.admin()
    }
}

impl fmt::Debug for FredBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FredBackend").field(&self.0).finish()
    }
}

#[async_trait]
impl SessionBackend for FredBackend {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        self.0.insert(request).await
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        self.0.read(request).await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        self.0.write(request).await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        self.0.rename(request).await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        self.0.remove(request).await
    }

    async fn list(&self, request: &ListRequest) -> Result<Vec<SessionSummary>> {
        self.0.list(request).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<u64> {
        self.0.revoke(request).await
    }

    async fn ping(&self) -> Result<()> {
        self.0.ping().await
    }

    fn policy(&self) -> &SessionPolicy {
        self.0.policy()
    }

    fn deadline(&self) -> Duration {
        self.0.deadline()
    }

    fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
        self.0.successor_id(old)
    }
}
