//! A backend that counts the steps it is called for, and does nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, WriteOutcome, WriteRequest,
};
use session_core::{
    Effect, Error, ErrorKind, ListedSession, Result, SessionBackend, SessionPolicy, async_trait,
};

/// A backend that counts the steps it is called for, and does nothing.
#[derive(Debug)]
pub(crate) struct Counting {
    policy: SessionPolicy,
    steps: AtomicUsize,
}

impl Counting {
    pub(crate) fn new(policy: &SessionPolicy) -> Self {
        Self {
            policy: policy.clone(),
            steps: AtomicUsize::new(0),
        }
    }

    /// How many steps it was called for.
    pub(crate) fn steps(&self) -> usize {
        self.steps.load(Ordering::Relaxed)
    }

    fn count<T>(&self) -> Result<T> {
        self.steps.fetch_add(1, Ordering::Relaxed);
        Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied))
    }
}

#[async_trait]
impl SessionBackend for Counting {
    async fn insert(&self, _: &InsertRequest) -> Result<InsertOutcome> {
        self.count()
    }

    async fn read(&self, _: &ReadRequest) -> Result<ReadOutcome> {
        self.count()
    }

    async fn write(&self, _: &WriteRequest) -> Result<WriteOutcome> {
        self.count()
    }

    async fn rename(&self, _: &RenameRequest) -> Result<RenameOutcome> {
        self.count()
    }

    async fn remove(&self, _: &RemoveRequest) -> Result<RemoveOutcome> {
        self.count()
    }

    async fn list(&self, _: &ListRequest) -> Result<Vec<ListedSession>> {
        self.count()
    }

    async fn revoke(&self, _: &RevokeRequest) -> Result<u64> {
        self.count()
    }

    async fn ping(&self) -> Result<()> {
        self.count()
    }

    fn policy(&self) -> &SessionPolicy {
        &self.policy
    }
}
