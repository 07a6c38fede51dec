//! A mock of the required steps, with the provided methods live.

use async_trait::async_trait;
use mockall::mock;

use crate::backend::{Result, SessionBackend};
use crate::record::SessionRecord;
use crate::steps::{
    InsertAnswer, InsertRequest, ListRequest, ReadRequest, RemoveRequest, RenameAnswer,
    RenameRequest, RevokeRequest, SessionSummary, WriteAnswer, WriteRequest,
};

mock! {
    /// A backend whose required steps are scripted with [mockall](https://docs.rs/mockall); the
    /// provided methods are the real ones, under the default policy.
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
    pub SessionBackend {}

    impl std::fmt::Debug for SessionBackend {
        fn fmt<'a>(&self, f: &mut std::fmt::Formatter<'a>) -> std::fmt::Result;
    }

    #[async_trait]
    impl SessionBackend for SessionBackend {
        async fn insert(&self, request: &InsertRequest) -> Result<InsertAnswer>;
        async fn read(&self, request: &ReadRequest) -> Result<Option<SessionRecord>>;
        async fn write(&self, request: &WriteRequest) -> Result<WriteAnswer>;
        async fn rename(&self, request: &RenameRequest) -> Result<RenameAnswer>;
        async fn remove(&self, request: &RemoveRequest) -> Result<bool>;
        async fn list(&self, request: &ListRequest) -> Result<Vec<SessionSummary>>;
        async fn revoke(&self, request: &RevokeRequest) -> Result<u64>;
        async fn ping(&self) -> Result<()>;
    }
}
