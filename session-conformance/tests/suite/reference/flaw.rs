//! Where a flaw can be put.

use std::fmt;
use std::sync::Arc;

use session_core::rules::State;
use session_core::steps::{
    InsertAnswer, InsertRequest, ReadRequest, RenameAnswer, RenameRequest, RevokeRequest,
    SessionSummary, WriteAnswer, WriteRequest,
};
use session_core::{
    ConvertedPage, PageRequest, Principal, Result, RevokeInPageRequest, RevokedInPage,
    SessionAdmin, SessionBackend, SessionId, SessionPage, SessionRecord, UnixMillis, async_trait,
};

use super::{Key, Reference, ReferenceAdmin, Store};

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

    async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
        store.page(&request)
    }

    async fn revoke_in_page(
        &self,
        store: &Store,
        request: RevokeInPageRequest,
    ) -> Result<RevokedInPage> {
        store.revoke_in_page(&request)
    }

    async fn convert_page(&self, store: &Store, request: PageRequest) -> Result<ConvertedPage> {
        store.convert_page(&request)
    }

    /// The backend as it is handed out: for flaws in provided methods.
    fn dress(&self, backend: Reference) -> Arc<dyn SessionBackend> {
        Arc::new(backend)
    }

    /// The administration as it is handed out.
    fn dress_admin(&self, admin: ReferenceAdmin) -> Arc<dyn SessionAdmin> {
        Arc::new(admin)
    }
}

/// No defect.
#[derive(Debug)]
pub(crate) struct Flawless;

impl Flaw for Flawless {}
