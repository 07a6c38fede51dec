//! The adaptors that forward only the required steps.

use std::time::Duration;

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, WriteOutcome, WriteRequest,
};
use session_core::{
    ListedPage, PageRequest, Result, RevokeInPageRequest, RevokedInPage, RevokedPage, SessionAdmin,
    SessionBackend, SessionId, SessionPage, SessionPolicy, async_trait,
};

/// A backend that forwards the required steps, `policy`, `deadline` and `successor_id`, and lets
/// the trait provide the rest: a provided method that the inner backend overrides is not called. A
/// backend that passes the suite itself and fails it so, or the other way round, overrides one
/// wrongly.
#[derive(Debug, Clone)]
pub struct RequiredOnly<B>(pub B);

#[async_trait]
impl<B: SessionBackend> SessionBackend for RequiredOnly<B> {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        self.0.insert(request).await
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        self.0.read(request).await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        self.0.write(request).await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        self.0.rename(request).await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        self.0.remove(request).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
        self.0.list(request).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        self.0.revoke(request).await
    }

    async fn ping(&self) -> Result<()> {
        self.0.ping().await
    }

    fn policy(&self) -> &SessionPolicy {
        self.0.policy()
    }

    fn deadline(&self) -> Duration {
        self.0.deadline()
    }

    fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
        self.0.successor_id(old)
    }
}

/// The same of an admin API.
#[derive(Debug, Clone)]
pub struct AdminRequiredOnly<A>(pub A);

#[async_trait]
impl<A: SessionAdmin> SessionAdmin for AdminRequiredOnly<A> {
    async fn page(&self, request: &PageRequest) -> Result<SessionPage> {
        self.0.page(request).await
    }

    async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage> {
        self.0.revoke_in_page(request).await
    }
}
