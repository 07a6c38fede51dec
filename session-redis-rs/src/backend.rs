//! The backend's name and its constructors.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use redis::IntoConnectionInfo;
use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, SessionSummary, WriteOutcome,
    WriteRequest,
};
use session_core::{Result, SessionBackend, SessionId, SessionPolicy};
use session_redis::{RedisAdmin, RedisBackend};

use crate::builder::RedisRsBuilder;
use crate::connection::{RedisRsConnect, SingleServer};

/// Sessions on Redis through the `redis` crate. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct RedisRsBackend(pub(crate) RedisBackend<RedisRsConnect>);

/// The admin API of the sessions of a [`RedisRsBackend`].
pub type RedisRsAdmin = RedisAdmin<RedisRsConnect>;

impl RedisRsBackend {
    /// Builds a backend for the server at this URL, `redis://[user:password@]host[:port][/db]`, or for the
    /// cluster: `redis-cluster://[user:password@]host[:port][?node=host:port&node=…]`.
    pub fn builder(url: impl Into<String>) -> RedisRsBuilder {
        RedisRsBuilder::new(url)
    }

    /// Builds a backend for the cluster of these nodes, of which one that replies is enough to find the
    /// others. All are reached with the first one's credentials and settings.
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

    /// A backend over a connection that the application already has, with the default settings. It is used
    /// as it is: a [`ConnectionManager`](redis::aio::ConnectionManager) connects again by its own rules, a
    /// [`MultiplexedConnection`](redis::aio::MultiplexedConnection) never does.
    pub fn from_connection(connection: impl SingleServer) -> Self {
        Self::from_connection_with(connection, |builder| builder)
    }

    /// A backend over a connection that the application already has; `configure` sets what differs
    /// from the defaults.
    ///
    /// ```no_run
    /// # fn example(connection: redis::aio::ConnectionManager) -> Result<(), session_redis_rs::InvalidPrefix> {
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

    /// The admin API of these sessions: lists all of them, and ends any. Over the same connection; its
    /// account needs the right to `SCAN` as well.
    pub fn admin(&self) -> RedisRsAdmin {
        self.0.admin()
    }
}

impl fmt::Debug for RedisRsBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisRsBackend").field(&self.0).finish()
    }
}

#[async_trait]
impl SessionBackend for RedisRsBackend {
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
