//! A backend that counts its steps, and can be made to draw an id that is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, WriteOutcome, WriteRequest,
};
use session_core::{
    ListedPage, Result, RevokedPage, SessionBackend, SessionId, SessionPolicy, async_trait,
};

/// Forwards the required steps and counts them. Its first inserts and renames may go to another id
/// than was drawn.
#[derive(Debug)]
pub(crate) struct Spy {
    backend: Arc<dyn SessionBackend>,
    /// For how many steps which id is drawn.
    forced: Option<(usize, SessionId)>,
    steps: AtomicUsize,
}

impl Spy {
    pub(crate) fn new(backend: Arc<dyn SessionBackend>) -> Self {
        Self {
            backend,
            forced: None,
            steps: AtomicUsize::new(0),
        }
    }

    /// With this id drawn in the first so many steps.
    pub(crate) fn drawing(self, id: &SessionId, steps: usize) -> Self {
        let forced = Some((steps, id.clone()));
        Self { forced, ..self }
    }

    /// How many steps it was called for.
    pub(crate) fn steps(&self) -> usize {
        self.steps.load(Ordering::Relaxed)
    }

    fn step(&self) -> &dyn SessionBackend {
        self.steps.fetch_add(1, Ordering::Relaxed);
        &*self.backend
    }

    fn draw(&self, id: &mut SessionId) {
        if let Some((steps, forced)) = &self.forced
            && self.steps() < *steps
        {
            *id = forced.clone();
        }
    }
}

#[async_trait]
impl SessionBackend for Spy {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        let mut request = request.clone();
        self.draw(&mut request.id);
        self.step().insert(&request).await
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        self.step().read(request).await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        self.step().write(request).await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        let mut request = request.clone();
        self.draw(&mut request.to);
        self.step().rename(&request).await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        self.step().remove(request).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
        self.step().list(request).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        self.step().revoke(request).await
    }

    async fn ping(&self) -> Result<()> {
        self.step().ping().await
    }

    fn policy(&self) -> &SessionPolicy {
        self.backend.policy()
    }

    fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
        self.backend.successor_id(old)
    }
}
