//! The wrapper.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, WriteOutcome, WriteRequest,
};
use session_core::{
    ListedPage, Result, RevokedPage, SessionBackend, SessionId, SessionPolicy, async_trait,
};

use crate::event::SessionObserver;
use crate::lives::Lives;
use crate::observe::Observe;
use crate::step::{Step, Steps};

/// A backend whose steps are seen from outside. Made by [`Observe::wrap`].
///
/// It is the backend in every other respect: policy, deadline, successor ids, outcomes and errors
/// are the inner one's. What the trait provides (`get_session`, `rotate_session`, …) runs on the
/// observed steps, so that each step is observed once, whichever way it came. A clone has the same
/// metrics.
#[derive(Clone)]
pub struct Observed<B> {
    inner: B,
    steps: Arc<Steps>,
    observer: Option<Arc<dyn SessionObserver>>,
}

impl<B: SessionBackend> Observed<B> {
    pub(crate) fn new(inner: B, backend: &'static str, observe: Observe) -> Self {
        let system = observe.system.unwrap_or(backend);
        Self {
            inner,
            steps: Arc::new(Steps::new(backend, system, observe.server)),
            observer: observe.observer,
        }
    }

    /// The backend itself: what is done through it is not seen.
    pub fn inner(&self) -> &B {
        &self.inner
    }

    /// What becomes of sessions, where somebody wants to know.
    fn lives<'a>(
        &'a self,
        of: impl FnOnce(&'a dyn SessionObserver) -> Lives<'a>,
    ) -> Option<Box<Lives<'a>>> {
        self.observer
            .as_deref()
            .map(|observer| Box::new(of(observer)))
    }
}

// Not `deny(clippy::missing_trait_methods)`: a provided method that was forwarded would run on the
// inner backend's steps, unseen.
#[async_trait]
impl<B: SessionBackend> SessionBackend for Observed<B> {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        let lives = self.lives(|observer| Lives::of_insert(observer, request));
        let step = self.steps.begin(Step::Insert, lives);
        step.run(self.inner.insert(request)).await
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        let step = self.steps.begin(Step::Read, None);
        step.run(self.inner.read(request)).await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        let lives = self.lives(|observer| Lives::of_write(observer, request));
        let step = self.steps.begin(Step::Write, lives);
        step.run(self.inner.write(request)).await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        let lives = self.lives(|observer| Lives::of_rename(observer, request));
        let step = self.steps.begin(Step::Rename, lives);
        step.run(self.inner.rename(request)).await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        let lives = self.lives(|observer| Lives::of_remove(observer, request));
        let step = self.steps.begin(Step::Remove, lives);
        step.run(self.inner.remove(request)).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
        let step = self.steps.begin(Step::List, None);
        step.run(self.inner.list(request)).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        let lives = self.lives(|observer| Lives::of_revoke(observer, request));
        let step = self.steps.begin(Step::Revoke, lives);
        step.run(self.inner.revoke(request)).await
    }

    async fn ping(&self) -> Result<()> {
        let step = self.steps.begin(Step::Ping, None);
        step.run(self.inner.ping()).await
    }

    fn policy(&self) -> &SessionPolicy {
        self.inner.policy()
    }

    fn deadline(&self) -> Duration {
        self.inner.deadline()
    }

    fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
        self.inner.successor_id(old)
    }
}

/// Not the backend: what that shows of itself, a key prefix, say, is seen through
/// [`inner`](Observed::inner).
impl<B> fmt::Debug for Observed<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed")
            .field("backend", &self.steps.backend())
            .finish_non_exhaustive()
    }
}
