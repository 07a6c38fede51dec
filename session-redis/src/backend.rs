//! The backend: each required step as an operation over the client's connections.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, SessionSummary, WriteOutcome,
    WriteRequest,
};
use session_core::{Result, SessionBackend, SessionId, SessionPolicy};
use tokio::time::Instant;

use crate::admin::RedisAdmin;
use crate::cluster::Cluster;
use crate::connection::Connect;
use crate::endpoint::Endpoint;
use crate::keys::{KeySpace, Topology};
use crate::link::Link;
use crate::operation::{Operation, Servers};
use crate::settings::Settings;
use crate::slot::successor_id;

/// Sessions on Redis, over the connections that a client crate makes. Cheap to clone; clones share them.
pub struct RedisBackend<C: Connect>(Arc<Inner<C>>);

struct Inner<C: Connect> {
    servers: Servers<C>,
    keys: KeySpace,
    settings: Settings,
}

impl<C: Connect> RedisBackend<C> {
    /// On one server. Connects when it is first used.
    pub fn standalone(connect: C, endpoint: Endpoint, settings: Settings) -> Self {
        let link = Link::new(Arc::new(connect), endpoint, settings.deadline);
        Self::over(Servers::Standalone(link), Topology::Standalone, settings)
    }

    /// On a Redis Cluster of which these nodes are known; one that replies is enough to find the others.
    /// Connects when it is first used.
    pub fn cluster(connect: C, seeds: Vec<Endpoint>, settings: Settings) -> Self {
        let cluster = Cluster::new(Arc::new(connect), seeds, settings.deadline);
        Self::over(
            Servers::Cluster(Box::new(cluster)),
            Topology::Cluster,
            settings,
        )
    }

    fn over(servers: Servers<C>, topology: Topology, settings: Settings) -> Self {
        let keys = KeySpace::new(settings.key_prefix.clone(), settings.id_storage);
        Self(Arc::new(Inner {
            servers,
            keys: keys.at(topology),
            settings,
        }))
    }

    /// The admin API of these sessions: lists all of them, and ends any. Over the same connections; the
    /// account needs the right to `SCAN` as well.
    pub fn admin(&self) -> RedisAdmin<C> {
        RedisAdmin::of(self.clone())
    }

    /// An operation that begins now.
    pub(crate) fn operation(&self) -> Operation<'_, C> {
        Operation {
            keys: &self.0.keys,
            servers: &self.0.servers,
            deadline: deadline(self.0.settings.deadline),
        }
    }
}

/// The end of an operation that begins now and may take so long; a century is as good as for ever.
fn deadline(duration: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
    Instant::now() + duration.min(CENTURY)
}

impl<C: Connect> Clone for RedisBackend<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Connect> fmt::Debug for RedisBackend<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBackend")
            .field("keys", &self.0.keys)
            .field("deadline", &self.0.settings.deadline)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<C: Connect> SessionBackend for RedisBackend<C> {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        self.operation().insert(request).await
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        self.operation().read(request).await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        self.operation().write(request).await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        self.operation().rename(request).await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        self.operation().remove(request).await
    }

    async fn list(&self, request: &ListRequest) -> Result<Vec<SessionSummary>> {
        self.operation().list(request).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<u64> {
        self.operation().revoke(request).await
    }

    /// In a cluster: that one node replies. An application that calls itself unready while a part of its
    /// sessions is away takes the rest away as well.
    async fn ping(&self) -> Result<()> {
        self.operation().ping().await
    }

    fn policy(&self) -> &SessionPolicy {
        &self.0.settings.policy
    }

    fn deadline(&self) -> Duration {
        self.0.settings.deadline
    }

    fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
        successor_id(&self.0.keys, old)
    }
}
