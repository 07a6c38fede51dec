//! The backend's name and its constructors.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, WriteOutcome, WriteRequest,
};
use session_core::{ListedSession, Result, SessionBackend, SessionId, SessionPolicy};
use session_redis::{RedisAdmin, RedisBackend};

use crate::connection::RedisRsConnect;

/// Sessions on Redis through the `redis` crate. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct RedisRsBackend(pub(crate) RedisBackend<RedisRsConnect>);

/// The admin API of the sessions of a [`RedisRsBackend`].
pub type RedisRsAdmin = RedisAdmin<RedisRsConnect>;

impl RedisRsBackend {
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

    async fn list(&self, request: &ListRequest) -> Result<Vec<ListedSession>> {
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
