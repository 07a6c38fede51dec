//! The backend: each step under one lock.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use session_core::steps::{
    InsertAnswer, InsertRequest, ListRequest, ReadRequest, RemoveRequest, RenameAnswer,
    RenameRequest, RevokeRequest, SessionSummary, WriteAnswer, WriteRequest,
};
use session_core::{
    Principal, Result, SessionBackend, SessionId, SessionPolicy, SessionRecord, async_trait,
};

use super::{Data, Flaw, Key, RawFields};

/// The data, and the flaw of all steps on it.
pub(crate) struct Store {
    data: Mutex<Data>,
    flaw: Arc<dyn Flaw>,
    /// How many milliseconds pass with each look at the data.
    pub(crate) tick: u64,
}

impl Store {
    pub(crate) fn new(flaw: Arc<dyn Flaw>, tick: u64) -> Self {
        let data = Mutex::new(Data::new());
        Self { data, flaw, tick }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Data> {
        let mut data = self.data.lock().unwrap();
        data.now = data.now.plus_millis(self.tick);
        data
    }

    pub(crate) fn flaw(&self) -> &dyn Flaw {
        &*self.flaw
    }

    pub(crate) fn insert(&self, request: &InsertRequest) -> InsertAnswer {
        self.lock().insert(self.flaw(), request)
    }

    pub(crate) fn read(&self, request: &ReadRequest) -> Option<SessionRecord> {
        self.lock().read(self.flaw(), request)
    }

    pub(crate) fn write(&self, request: &WriteRequest) -> WriteAnswer {
        self.lock().write(self.flaw(), request)
    }

    pub(crate) fn rename(&self, request: &RenameRequest) -> RenameAnswer {
        self.lock().rename(self.flaw(), request)
    }

    pub(crate) fn remove(&self, id: &SessionId) -> bool {
        self.lock().remove(self.flaw(), id)
    }

    pub(crate) fn list(&self, principal: &Principal) -> Vec<SessionSummary> {
        self.lock().list(self.flaw(), principal)
    }

    pub(crate) fn revoke(&self, request: &RevokeRequest) -> u64 {
        self.lock()
            .revoke(self.flaw(), &request.principal, &request.target)
    }

    /// The key under an id, unless it has expired.
    pub(crate) fn key(&self, id: &SessionId) -> Option<Key> {
        self.lock().key(id).cloned()
    }

    /// Puts a key in the place of what was, whatever it was.
    pub(crate) fn set_key(&self, id: &SessionId, key: Key) {
        self.lock().keys.insert(id.clone(), key);
    }

    /// Changes the fields of a key that exists.
    pub(crate) fn edit(&self, id: &SessionId, change: impl FnOnce(&mut RawFields)) {
        let mut data = self.lock();
        if let Some(fields) = data.keys.get_mut(id).and_then(|key| key.fields.as_mut()) {
            change(fields);
        }
    }
}

/// The reference backend.
#[derive(Clone)]
pub(crate) struct Reference {
    pub(crate) store: Arc<Store>,
    policy: SessionPolicy,
}

impl Reference {
    pub(crate) fn new(store: Arc<Store>, policy: SessionPolicy) -> Self {
        Self { store, policy }
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reference").field(&self.store.flaw).finish()
    }
}

#[async_trait]
impl SessionBackend for Reference {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertAnswer> {
        self.store.flaw.insert(&self.store, request.clone()).await
    }

    async fn read(&self, request: &ReadRequest) -> Result<Option<SessionRecord>> {
        self.store.flaw.read(&self.store, request.clone()).await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteAnswer> {
        self.store.flaw.write(&self.store, request.clone()).await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameAnswer> {
        self.store.flaw.rename(&self.store, request.clone()).await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<bool> {
        self.store
            .flaw
            .remove(&self.store, request.id.clone())
            .await
    }

    async fn list(&self, request: &ListRequest) -> Result<Vec<SessionSummary>> {
        self.store
            .flaw
            .list(&self.store, request.principal.clone())
            .await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<u64> {
        self.store.flaw.revoke(&self.store, request.clone()).await
    }

    async fn ping(&self) -> Result<()> {
        self.store.flaw.ping().await
    }

    fn policy(&self) -> &SessionPolicy {
        &self.policy
    }

    fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
        self.store.flaw.successor_id(old)
    }
}
