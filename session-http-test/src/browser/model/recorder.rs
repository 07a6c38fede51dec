//! A backend for one request, which tells what its steps were, and waits around each.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, Target, WriteOutcome, WriteRequest,
};
use session_core::{
    ListedPage, Result, RevokedPage, SessionBackend, SessionId, SessionPolicy, async_trait,
};

use super::history::{Event, History, Outcome, Step};

/// What a step waits for before it or after it.
pub type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

pub struct Recorder {
    pub inner: Arc<dyn SessionBackend>,
    /// The request's number.
    pub request: usize,
    pub history: Arc<History>,
    /// Begins a pause; whether it is the one before a step.
    pub pause: fn(bool) -> Pause,
}

impl Recorder {
    async fn step<T>(
        &self,
        name: &'static str,
        (id, to): (&SessionId, Option<&SessionId>),
        step: impl Future<Output = Result<T>> + Send,
        outcome: fn(&T) -> Outcome,
    ) -> Result<T> {
        (self.pause)(true).await;
        let result = step.await;
        let step = Step {
            name,
            id: id.clone(),
            to: to.cloned(),
            outcome: result.as_ref().map_or(Outcome::Failed, outcome),
        };
        self.history.add(Event::Step(self.request, step));
        (self.pause)(false).await;
        result
    }
}

/// What a step came to that succeeds with this outcome.
macro_rules! outcome {
    ($of:ident :: $done:ident $($with:tt)?) => {
        |outcome: &$of| match outcome {
            $of::$done $($with)? => Outcome::Done,
            $of::NotFound => Outcome::NotFound,
            $of::Rotated => Outcome::Rotated,
            _ => Outcome::Failed,
        }
    };
}

#[async_trait]
impl SessionBackend for Recorder {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        let step = self.inner.insert(request);
        self.step(
            "insert",
            (&request.id, None),
            step,
            |outcome| match outcome {
                InsertOutcome::Inserted(_) => Outcome::Done,
                _ => Outcome::Failed,
            },
        )
        .await
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        let step = self.inner.read(request);
        let outcome = outcome!(ReadOutcome::Found(_));
        self.step("read", (id(&request.target), None), step, outcome)
            .await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        let step = self.inner.write(request);
        let outcome = outcome!(WriteOutcome::Written(_));
        self.step("write", (id(&request.target), None), step, outcome)
            .await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        let step = self.inner.rename(request);
        let outcome = outcome!(RenameOutcome::Renamed(_));
        self.step("rename", (&request.from, Some(&request.to)), step, outcome)
            .await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        let step = self.inner.remove(request);
        let outcome = outcome!(RemoveOutcome::Removed);
        self.step("remove", (id(&request.target), None), step, outcome)
            .await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
        self.inner.list(request).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        self.inner.revoke(request).await
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
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

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recorder").field(&self.request).finish()
    }
}

fn id(target: &Target) -> &SessionId {
    match target {
        Target::Id(id) => id,
        other => unreachable!("a request knows ids only: {other:?}"),
    }
}
