//! A backend that is made to draw an id that is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, WriteOutcome, WriteRequest,
};
use session_core::{ListedSession, Result, SessionBackend, SessionId, SessionPolicy, async_trait};

/// Forwards the required steps, but its first inserts and renames go to a certain id.
#[derive(Debug)]
pub(crate) struct ForcedIds {
    backend: Arc<dyn SessionBackend>,
    id: SessionId,
    forced: usize,
    drawn: AtomicUsize,
}

impl ForcedIds {
    /// A backend whose first so many inserts and renames go to this id.
    pub(crate) fn new(backend: Arc<dyn SessionBackend>, id: &SessionId, forced: usize) -> Self {
        Self {
            backend,
            id: id.clone(),
            forced,
            drawn: AtomicUsize::new(0),
        }
    }

    /// How many ids were drawn.
    pub(crate) fn drawn(&self) -> usize {
        self.drawn.load(Ordering::Relaxed)
    }

    fn draw(&self, id: &mut SessionId) {
        if self.drawn.fetch_add(1, Ordering::Relaxed) < self.forced {
            *id = self.id.clone();
        }
    }
}

#[async_trait]
impl SessionBackend for ForcedIds {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        let mut request = request.clone();
        self.draw(&mut request.id);
        self.backend.insert(&request).await
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        self.backend.read(request).await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        self.backend.write(request).await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        let mut request = request.clone();
        self.draw(&mut request.to);
        self.backend.rename(&request).await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        self.backend.remove(request).await
    }

    async fn list(&self, request: &ListRequest) -> Result<Vec<ListedSession>> {
        self.backend.list(request).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<u64> {
        self.backend.revoke(request).await
    }

    async fn ping(&self) -> Result<()> {
        self.backend.ping().await
    }

    fn policy(&self) -> &SessionPolicy {
        self.backend.policy()
    }

    fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
        self.backend.successor_id(old)
    }
}
