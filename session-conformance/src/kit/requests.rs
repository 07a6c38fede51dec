//! Steps asked by hand: requests with an id of the case's choice.
//!
//! Only the provided methods build requests. So a case lets them build one for a backend that keeps
//! it, changes its id, and asks the backend under test.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use session_core::steps::{
    InsertAnswer, InsertRequest, ListRequest, ReadRequest, RemoveRequest, RenameAnswer,
    RenameRequest, RevokeRequest, WriteAnswer, WriteRequest,
};
use session_core::{
    Delta, Effect, Error, ErrorKind, NewSession, Result, SessionBackend, SessionId, SessionPolicy,
    SessionRecord, SessionSummary, async_trait,
};

/// The request that creates this session under this id.
pub(crate) async fn insert_request(
    policy: &SessionPolicy,
    id: &SessionId,
    new: NewSession,
) -> InsertRequest {
    let catcher = Catcher::new(policy);
    let _ = catcher.create_session(new).await;
    let caught = catcher.insert.lock().expect("not poisoned").take();
    let mut request = caught.expect("an insert");
    request.id = id.clone();
    request
}

/// The request that moves a session from one id to another and applies this delta.
pub(crate) async fn rename_request(
    policy: &SessionPolicy,
    from: &SessionId,
    to: &SessionId,
    delta: Delta,
) -> RenameRequest {
    let catcher = Catcher::new(policy);
    let _ = catcher.rotate_session(from, delta).await;
    let caught = catcher.rename.lock().expect("not poisoned").take();
    let mut request = caught.expect("a rename");
    request.to = to.clone();
    request
}

/// A backend that keeps what it was asked, counts the steps, and does nothing.
#[derive(Debug)]
pub(crate) struct Catcher {
    policy: SessionPolicy,
    steps: AtomicUsize,
    insert: Mutex<Option<InsertRequest>>,
    rename: Mutex<Option<RenameRequest>>,
}

impl Catcher {
    pub(crate) fn new(policy: &SessionPolicy) -> Self {
        Self {
            policy: policy.clone(),
            steps: AtomicUsize::new(0),
            insert: Mutex::default(),
            rename: Mutex::default(),
        }
    }

    /// How many steps it was asked for.
    pub(crate) fn steps(&self) -> usize {
        self.steps.load(Ordering::Relaxed)
    }

    fn nothing_done<T>(&self) -> Result<T> {
        self.steps.fetch_add(1, Ordering::Relaxed);
        Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied))
    }
}

#[async_trait]
impl SessionBackend for Catcher {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertAnswer> {
        *self.insert.lock().expect("not poisoned") = Some(request.clone());
        self.nothing_done()
    }

    async fn read(&self, _: &ReadRequest) -> Result<Option<SessionRecord>> {
        self.nothing_done()
    }

    async fn write(&self, _: &WriteRequest) -> Result<WriteAnswer> {
        self.nothing_done()
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameAnswer> {
        *self.rename.lock().expect("not poisoned") = Some(request.clone());
        self.nothing_done()
    }

    async fn remove(&self, _: &RemoveRequest) -> Result<bool> {
        self.nothing_done()
    }

    async fn list(&self, _: &ListRequest) -> Result<Vec<SessionSummary>> {
        self.nothing_done()
    }

    async fn revoke(&self, _: &RevokeRequest) -> Result<u64> {
        self.nothing_done()
    }

    async fn ping(&self) -> Result<()> {
        self.nothing_done()
    }

    fn policy(&self) -> &SessionPolicy {
        &self.policy
    }
}
