//! Where a flaw can be put.

use std::fmt;
use std::sync::Arc;

use session_core::rules::State;
use session_core::steps::{
    InsertAnswer, InsertRequest, ReadRequest, RenameAnswer, RenameRequest, RevokeRequest,
    SessionSummary, WriteAnswer, WriteRequest,
};
use session_core::{
    Principal, Result, SessionBackend, SessionId, SessionRecord, UnixMillis, async_trait,
};

use super::{Key, Reference, Store};

/// One defect: what a backend does otherwise than the reference. As provided, nothing.
///
/// The requests are the flaw's own, to be changed before they are passed on.
#[async_trait]
pub(crate) trait Flaw: fmt::Debug + Send + Sync + 'static {
    /// The live session that a key holds.
    fn load(&self, key: &Key, now: UnixMillis) -> Option<State> {
        key.session().filter(|state| state.is_live(now))
    }

    /// Changes what is about to be stored in the place of what was.
    fn save(&self, before: Option<&Key>, after: &mut Key, now: UnixMillis) {
        let _ = (before, after, now);
    }

    async fn insert(&self, store: &Store, request: InsertRequest) -> Result<InsertAnswer> {
        Ok(store.insert(&request))
    }

    async fn read(&self, store: &Store, request: ReadRequest) -> Result<Option<SessionRecord>> {
        Ok(store.read(&request))
    }

    async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteAnswer> {
        Ok(store.write(&request))
    }

    async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameAnswer> {
        Ok(store.rename(&request))
    }

    async fn remove(&self, store: &Store, id: SessionId) -> Result<bool> {
        Ok(store.remove(&id))
    }

    async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
        Ok(store.list(&principal))
    }

    async fn revoke(&self, store: &Store, request: RevokeRequest) -> Result<u64> {
        Ok(store.revoke(&request))
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
        let _ = old;
        SessionId::random()
    }

    /// The backend as it is handed out: for flaws in provided methods.
    fn dress(&self, backend: Reference) -> Arc<dyn SessionBackend> {
        Arc::new(backend)
    }
}

/// No defect.
#[derive(Debug)]
pub(crate) struct Flawless;

impl Flaw for Flawless {}
