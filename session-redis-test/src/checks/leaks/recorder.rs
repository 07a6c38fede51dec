//! Every id that a backend is asked about, whoever drew it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, RevokeTarget, Target, WriteOutcome,
    WriteRequest,
};
use session_core::{ListedSession, Result, SessionBackend, SessionId, SessionPolicy, async_trait};

/// The ids of a store's whole life.
#[derive(Debug, Clone, Default)]
pub(super) struct Ids {
    /// All that a step named: also those that never opened anything.
    pub(super) used: BTreeSet<SessionId>,
    /// Those under which a session was stored at some time.
    pub(super) stored: BTreeSet<SessionId>,
}

/// A backend whose ids are written down. The ids of refused creations and rotations, which no caller is told,
/// are among them.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    backend: Arc<dyn SessionBackend>,
    ids: Arc<Mutex<Ids>>,
}

impl Recorder {
    pub(super) fn new(backend: Arc<dyn SessionBackend>, ids: &Arc<Mutex<Ids>>) -> Self {
        let ids = Arc::clone(ids);
        Self { backend, ids }
    }

    fn note<const N: usize>(&self, ids: [&SessionId; N]) {
        let mut all = self.ids.lock().expect("not poisoned");
        all.used.extend(ids.into_iter().cloned());
    }

    fn note_target(&self, target: &Target) {
        if let Target::Id(id) = target {
            self.note([id]);
        }
    }

    fn note_stored(&self, id: &SessionId) {
        let mut all = self.ids.lock().expect("not poisoned");
        all.stored.insert(id.clone());
    }
}

#[async_trait]
impl SessionBackend for Recorder {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        self.note([&request.id]);
        let answer = self.backend.insert(request).await?;
        if matches!(answer, InsertOutcome::Inserted(_)) {
            self.note_stored(&request.id);
        }
        Ok(answer)
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        self.note_target(&request.target);
        self.backend.read(request).await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        self.note_target(&request.target);
        self.backend.write(request).await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        self.note([&request.from, &request.to]);
        let answer = self.backend.rename(request).await?;
        if matches!(answer, RenameOutcome::Renamed(_)) {
            self.note_stored(&request.to);
        }
        Ok(answer)
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        self.note_target(&request.target);
        self.backend.remove(request).await
    }

    async fn list(&self, request: &ListRequest) -> Result<Vec<ListedSession>> {
        self.backend.list(request).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<u64> {
        if let RevokeTarget::AllExcept(id) = &request.target {
            self.note([id]);
        }
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
