//! The backend: each step under one lock.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, SessionSummary, Target,
    WriteOutcome, WriteRequest,
};
use session_core::{
    Effect, Error, ErrorKind, Principal, PublicId, Result, SessionBackend, SessionId,
    SessionPolicy, SessionRecord, async_trait,
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

    pub(crate) fn insert(&self, request: &InsertRequest) -> InsertOutcome {
        self.lock().insert(self.flaw(), request)
    }

    pub(crate) fn read(&self, request: &ReadRequest) -> Option<SessionRecord> {
        self.lock().read(self.flaw(), request)
    }

    pub(crate) fn write(&self, request: &WriteRequest) -> WriteOutcome {
        self.lock().write(self.flaw(), request)
    }

    pub(crate) fn rename(&self, request: &RenameRequest) -> RenameOutcome {
        self.lock().rename(self.flaw(), request)
    }

    pub(crate) fn remove(&self, id: &SessionId) -> bool {
        self.lock().remove(self.flaw(), id)
    }

    pub(crate) fn id_of(&self, principal: &Principal, public_id: &PublicId) -> Option<SessionId> {
        self.lock().id_of(self.flaw(), principal, public_id)
    }

    /// The id to try for a target, after the one that was tried in vain. A session that was rotated
    /// in between is found again under its public id.
    fn next_id(&self, target: &Target, tried: &mut Option<SessionId>) -> Result<Option<SessionId>> {
        let id = match target {
            Target::Id(id) => Some(id.clone()),
            Target::PublicId {
                principal,
                public_id,
            } => self.flaw.resolve(self, principal, public_id),
            _ => return Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
        };
        if id == *tried {
            return Ok(None);
        }
        tried.clone_from(&id);
        Ok(id)
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
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        self.store.flaw.insert(&self.store, request.clone()).await
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        let (mut request, target) = (request.clone(), request.target.clone());
        let mut tried = None;
        while let Some(id) = self.store.next_id(&target, &mut tried)? {
            request.target = Target::Id(id);
            let read = self.store.flaw.read(&self.store, request.clone());
            if let Some(record) = read.await? {
                return Ok(ReadOutcome::Found(record));
            }
        }
        Ok(ReadOutcome::NotFound)
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        let (mut request, target) = (request.clone(), request.target.clone());
        let mut tried = None;
        while let Some(id) = self.store.next_id(&target, &mut tried)? {
            request.target = Target::Id(id);
            let write = self.store.flaw.write(&self.store, request.clone());
            match write.await? {
                WriteOutcome::NotFound => {}
                outcome => return Ok(outcome),
            }
        }
        Ok(WriteOutcome::NotFound)
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        self.store.flaw.rename(&self.store, request.clone()).await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        let mut tried = None;
        while let Some(id) = self.store.next_id(&request.target, &mut tried)? {
            if self.store.flaw.remove(&self.store, id).await? {
                return Ok(RemoveOutcome::Removed);
            }
        }
        Ok(RemoveOutcome::NotFound)
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
