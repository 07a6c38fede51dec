//! Several processes of an application, behind one backend.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, Target, WriteOutcome, WriteRequest,
};
use session_core::{
    ListedPage, Result, RevokedPage, SessionBackend, SessionId, SessionPolicy, async_trait,
};

/// The ids of a store's whole life.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ids {
    /// All that a step named: also those that never opened anything, and those of refused creations
    /// and rotations, which no caller is told.
    pub(crate) used: BTreeSet<SessionId>,
    /// Those under which a session was stored at some time.
    pub(crate) stored: BTreeSet<SessionId>,
}

/// Backends that take turns, and a record of the ids they are called with.
#[derive(Debug)]
pub(super) struct Processes {
    backends: Vec<Arc<dyn SessionBackend>>,
    calls: AtomicUsize,
    ids: Arc<Mutex<Ids>>,
}

impl Processes {
    pub(super) fn new(backends: Vec<Arc<dyn SessionBackend>>, ids: &Arc<Mutex<Ids>>) -> Self {
        Self {
            backends,
            calls: AtomicUsize::new(0),
            ids: Arc::clone(ids),
        }
    }

    /// The one that will be called next.
    fn current(&self) -> &dyn SessionBackend {
        let turn = self.calls.load(Ordering::Relaxed) % self.backends.len();
        &**self.backends.get(turn).expect("there are some")
    }

    fn next(&self) -> &dyn SessionBackend {
        let next = self.current();
        self.calls.fetch_add(1, Ordering::Relaxed);
        next
    }

    /// The same, called with these ids.
    fn next_for(&self, ids: impl IntoIterator<Item = SessionId>) -> &dyn SessionBackend {
        self.ids.lock().expect("not poisoned").used.extend(ids);
        self.next()
    }

    fn note_stored(&self, id: &SessionId) {
        let mut ids = self.ids.lock().expect("not poisoned");
        ids.stored.insert(id.clone());
    }
}

fn id_of(target: &Target) -> Option<SessionId> {
    match target {
        Target::Id(id) => Some(id.clone()),
        _ => None,
    }
}

#[async_trait]
impl SessionBackend for Processes {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        let backend = self.next_for([request.id.clone()]);
        let outcome = backend.insert(request).await;
        if let Ok(InsertOutcome::Inserted(_)) = outcome {
            self.note_stored(&request.id);
        }
        outcome
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        self.next_for(id_of(&request.target)).read(request).await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        self.next_for(id_of(&request.target)).write(request).await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        let backend = self.next_for([request.from.clone(), request.to.clone()]);
        let outcome = backend.rename(request).await;
        if let Ok(RenameOutcome::Renamed(_)) = outcome {
            self.note_stored(&request.to);
        }
        outcome
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        self.next_for(id_of(&request.target)).remove(request).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
        self.next().list(request).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        self.next().revoke(request).await
    }

    async fn ping(&self) -> Result<()> {
        self.next().ping().await
    }

    fn policy(&self) -> &SessionPolicy {
        self.current().policy()
    }

    /// A rotation is one process's: it draws the id, and then renames.
    fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
        self.current().successor_id(old)
    }

    fn deadline(&self) -> Duration {
        self.current().deadline()
    }
}
