//! A backend that keeps what it has read.

use std::sync::Mutex;

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, WriteOutcome, WriteRequest,
};
use session_core::{ListedPage, Result, RevokedPage, SessionBackend, SessionPolicy, async_trait};
use session_memory::MemoryBackend;

/// Keeps the one session that it has read, and hears of no other process's changes.
#[derive(Debug, Default)]
pub struct Near {
    pub store: MemoryBackend,
    kept: Mutex<Option<ReadOutcome>>,
}

impl Near {
    pub fn over(store: MemoryBackend) -> Self {
        Self {
            store,
            ..Self::default()
        }
    }

    pub fn keep(&self, kept: Option<ReadOutcome>) {
        *self.kept.lock().unwrap() = kept;
    }
}

#[async_trait]
impl SessionBackend for Near {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        self.store.insert(request).await
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        let kept = self.kept.lock().unwrap().clone();
        if let Some(kept) = kept.filter(|_| !request.is_fresh) {
            return Ok(kept);
        }
        let outcome = self.store.read(request).await?;
        self.keep(Some(outcome.clone()));
        Ok(outcome)
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        self.keep(None);
        self.store.write(request).await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        self.keep(None);
        self.store.rename(request).await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        self.keep(None);
        self.store.remove(request).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
        self.store.list(request).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        self.keep(None);
        self.store.revoke(request).await
    }

    async fn ping(&self) -> Result<()> {
        self.store.ping().await
    }

    fn policy(&self) -> &SessionPolicy {
        self.store.policy()
    }
}
