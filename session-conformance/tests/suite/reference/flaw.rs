//! Where a flaw can be put.

use std::fmt;
use std::sync::Arc;

use session_core::rules::State;
use session_core::steps::{
    InsertOutcome, InsertRequest, ReadRequest, RenameOutcome, RenameRequest, RevokeRequest,
    SessionSummary, Target, WriteOutcome, WriteRequest,
};
use session_core::{
    PageRequest, Principal, PublicId, Result, RevokeInPageRequest, RevokedInPage, SessionAdmin,
    SessionBackend, SessionId, SessionPage, SessionRecord, UnixMillis, async_trait,
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

    /// The id of the session that a principal and a public id name. The steps receive ids only.
    fn resolve(
        &self,
        store: &Store,
        principal: &Principal,
        public_id: &PublicId,
    ) -> Option<SessionId> {
        store.id_of(principal, public_id)
    }

    async fn insert(&self, store: &Store, request: InsertRequest) -> Result<InsertOutcome> {
        Ok(store.insert(&request))
    }

    async fn read(&self, store: &Store, request: ReadRequest) -> Result<Option<SessionRecord>> {
        Ok(store.read(&request))
    }

    async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
        Ok(store.write(&request))
    }

    async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
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

/// The id that a request names, once its target is resolved.
pub(crate) trait Named {
    fn target(&self) -> &Target;

    fn id(&self) -> &SessionId {
        match self.target() {
            Target::Id(id) => id,
            other => panic!("not resolved: {other:?}"),
        }
    }
}

impl Named for ReadRequest {
    fn target(&self) -> &Target {
        &self.target
    }
}

impl Named for WriteRequest {
    fn target(&self) -> &Target {
        &self.target
    }
}
