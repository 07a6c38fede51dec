//! A mock of the required steps, with the provided methods live.

use std::fmt;
use std::ops::{Deref, DerefMut};

use async_trait::async_trait;
use mockall::mock;

use crate::backend::SessionBackend;
use crate::error::Result;
use crate::page::{ListedPage, RevokedPage};
use crate::policy::SessionPolicy;
use crate::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, WriteOutcome, WriteRequest,
};

mock! {
    /// The required steps of a [`MockSessionBackend`].
    pub Steps {
        /// See [`SessionBackend::insert`].
        pub async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome>;
        /// See [`SessionBackend::read`].
        pub async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome>;
        /// See [`SessionBackend::write`].
        pub async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome>;
        /// See [`SessionBackend::rename`].
        pub async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome>;
        /// See [`SessionBackend::remove`].
        pub async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome>;
        /// See [`SessionBackend::list`].
        pub async fn list(&self, request: &ListRequest) -> Result<ListedPage>;
        /// See [`SessionBackend::revoke`].
        pub async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage>;
        /// See [`SessionBackend::ping`].
        pub async fn ping(&self) -> Result<()>;
    }
}

/// A backend whose required steps are scripted with [mockall](https://docs.rs/mockall): it
/// dereferences to [`MockSteps`], which has an `expect_…` method for each. The provided methods are
/// the real ones, under a policy that is the default unless one is given.
///
/// The mock is for expectations and scripted failures; for behaviour, use `session-memory`.
///
/// ```
/// use session_core::{Effect, Error, ErrorKind, MockSessionBackend, SessionBackend, SessionId};
///
/// let mut backend = MockSessionBackend::new();
/// backend
///     .expect_read()
///     .once()
///     .returning(|_| Err(Error::new(ErrorKind::Unavailable, Effect::NotApplied)));
/// # let runtime = futures_executor_block_on;
/// # fn futures_executor_block_on<F: Future>(future: F) -> F::Output {
/// #     let mut future = std::pin::pin!(future);
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     loop {
/// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
/// #             break output;
/// #         }
/// #     }
/// # }
/// let id = SessionId::random()?;
/// let error = runtime(backend.get_session(&id)).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Unavailable);
/// # Ok::<(), Error>(())
/// ```
#[derive(Default)]
pub struct MockSessionBackend {
    steps: MockSteps,
    policy: SessionPolicy,
}

impl MockSessionBackend {
    /// A mock that expects nothing yet, with the default policy.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same mock with this policy.
    #[must_use]
    pub fn with_policy(mut self, policy: SessionPolicy) -> Self {
        self.policy = policy;
        self
    }
}

impl Deref for MockSessionBackend {
    type Target = MockSteps;

    fn deref(&self) -> &MockSteps {
        &self.steps
    }
}

impl DerefMut for MockSessionBackend {
    fn deref_mut(&mut self) -> &mut MockSteps {
        &mut self.steps
    }
}

impl fmt::Debug for MockSessionBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockSessionBackend")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionBackend for MockSessionBackend {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        self.steps.insert(request).await
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        self.steps.read(request).await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        self.steps.write(request).await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        self.steps.rename(request).await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        self.steps.remove(request).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
        self.steps.list(request).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        self.steps.revoke(request).await
    }

    async fn ping(&self) -> Result<()> {
        self.steps.ping().await
    }

    fn policy(&self) -> &SessionPolicy {
        &self.policy
    }
}
