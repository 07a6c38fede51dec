//! A backend in memory with one defect.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_conformance::{Breakable, Harness, MemoryHarness, RawHash, RawKey};
use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, Target, WriteOutcome, WriteRequest,
};
use session_core::{
    ListedPage, PageRequest, Principal, Result, RevokeInPageRequest, RevokedInPage, RevokedPage,
    SessionAdmin, SessionBackend, SessionId, SessionPage, SessionPolicy, StoredSession, UnixMillis,
    async_trait,
};

/// The fields of a hash, by name.
pub(crate) type RawFields = BTreeMap<Vec<u8>, Vec<u8>>;

/// The backend in memory, and its keys. Dereferences to the backend without a defect.
pub(crate) struct Memory {
    backend: Arc<dyn SessionBackend>,
    pub(crate) admin: Arc<dyn SessionAdmin>,
    harness: MemoryHarness,
    ids: Arc<Mutex<BTreeSet<SessionId>>>,
}

impl Deref for Memory {
    type Target = dyn SessionBackend;

    fn deref(&self) -> &Self::Target {
        &*self.backend
    }
}

impl Memory {
    /// All ids that were ever stored under.
    pub(crate) fn ids(&self) -> Vec<SessionId> {
        self.ids.lock().unwrap().iter().cloned().collect()
    }

    fn note(&self, id: &SessionId) {
        self.ids.lock().unwrap().insert(id.clone());
    }

    pub(crate) async fn now(&self) -> UnixMillis {
        self.harness.now().await
    }

    /// The key under an id.
    pub(crate) async fn key(&self, id: &SessionId) -> Option<RawKey> {
        self.harness.dump(id).await
    }

    /// The session that a key holds, live or not.
    pub(crate) async fn session(&self, id: &SessionId) -> Option<StoredSession> {
        let key = self.key(id).await?;
        StoredSession::parse(key.fields().to_vec()).ok()
    }

    /// Whether there is a session.
    pub(crate) async fn is_live(&self, id: &SessionId) -> bool {
        self.peek_session(id).await.unwrap().is_some()
    }

    /// Puts a hash under an id; one without fields deletes the key.
    pub(crate) async fn put(&self, id: &SessionId, fields: RawFields, left: Option<Duration>) {
        self.note(id);
        let hash = fields.into_iter().collect();
        self.harness.plant(id, hash, left).await;
    }

    /// Puts back what was there, if anything was.
    pub(crate) async fn put_back(&self, id: &SessionId, key: Option<RawKey>) {
        if let Some(key) = key {
            let fields = key.fields().iter().cloned().collect();
            self.put(id, fields, key.expires_in).await;
        }
    }

    pub(crate) async fn delete_key(&self, id: &SessionId) {
        self.put(id, RawFields::new(), None).await;
    }

    /// Changes the fields of a key, if there is one.
    pub(crate) async fn edit(&self, id: &SessionId, change: impl FnOnce(&mut RawFields)) {
        if let Some(key) = self.key(id).await.filter(|key| !key.fields().is_empty()) {
            let mut fields = key.fields().iter().cloned().collect();
            change(&mut fields);
            self.put(id, fields, key.expires_in).await;
        }
    }

    /// Sets the time to the expiry of a key, if there is one.
    pub(crate) async fn expire(&self, id: &SessionId, left: Option<Duration>) {
        if let Some(key) = self.key(id).await.filter(|key| !key.fields().is_empty()) {
            let fields = key.fields().iter().cloned().collect();
            self.put(id, fields, left).await;
        }
    }

    /// The id of the session that a step is about, if there ever was one.
    pub(crate) async fn id(&self, target: &Target) -> SessionId {
        let (principal, public_id) = match target {
            Target::Id(id) => return id.clone(),
            Target::PublicId {
                principal,
                public_id,
            } => (principal, public_id),
            other => panic!("an unknown target: {other:?}"),
        };
        for id in self.ids() {
            let session = self.session(&id).await;
            if session.is_some_and(|session| {
                session.principal().as_ref() == Some(principal)
                    && session.public_id() == Some(*public_id)
            }) {
                return id;
            }
        }
        SessionId::random().unwrap()
    }
}

/// One defect: what a step does otherwise than that of the backend in memory. As provided, nothing.
///
/// The requests are the flaw's own, to be changed before they are passed on.
#[async_trait]
pub(crate) trait Flaw: fmt::Debug + Send + Sync + 'static {
    async fn insert(&self, memory: &Memory, request: InsertRequest) -> Result<InsertOutcome> {
        memory.insert(&request).await
    }

    async fn read(&self, memory: &Memory, request: ReadRequest) -> Result<ReadOutcome> {
        memory.read(&request).await
    }

    async fn write(&self, memory: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
        memory.write(&request).await
    }

    async fn rename(&self, memory: &Memory, request: RenameRequest) -> Result<RenameOutcome> {
        memory.rename(&request).await
    }

    async fn remove(&self, memory: &Memory, request: RemoveRequest) -> Result<RemoveOutcome> {
        memory.remove(&request).await
    }

    async fn list(&self, memory: &Memory, request: ListRequest) -> Result<ListedPage> {
        memory.list(&request).await
    }

    async fn revoke(&self, memory: &Memory, request: RevokeRequest) -> Result<RevokedPage> {
        memory.revoke(&request).await
    }

    async fn ping(&self, memory: &Memory) -> Result<()> {
        memory.ping().await
    }

    async fn page(&self, memory: &Memory, request: PageRequest) -> Result<SessionPage> {
        memory.admin.page(&request).await
    }

    async fn revoke_in_page(
        &self,
        memory: &Memory,
        request: RevokeInPageRequest,
    ) -> Result<RevokedInPage> {
        memory.admin.revoke_in_page(&request).await
    }

    /// The policy of a backend.
    fn policy(&self, policy: SessionPolicy) -> SessionPolicy {
        policy
    }

    /// The backend as it is handed out: for flaws in provided methods.
    fn dress(&self, backend: Flawed) -> Arc<dyn SessionBackend> {
        Arc::new(backend)
    }

    /// The admin API as it is handed out.
    fn dress_admin(&self, admin: Flawed) -> Arc<dyn SessionAdmin> {
        Arc::new(admin)
    }
}

/// The backend in memory, and its admin API, with a flaw.
pub(crate) struct Flawed {
    flaw: Arc<dyn Flaw>,
    memory: Memory,
}

impl fmt::Debug for Flawed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.flaw.fmt(f)
    }
}

#[async_trait]
impl SessionBackend for Flawed {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        self.memory.note(&request.id);
        self.flaw.insert(&self.memory, request.clone()).await
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        self.flaw.read(&self.memory, request.clone()).await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        self.flaw.write(&self.memory, request.clone()).await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        self.memory.note(&request.to);
        self.flaw.rename(&self.memory, request.clone()).await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        self.flaw.remove(&self.memory, request.clone()).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
        self.flaw.list(&self.memory, request.clone()).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        self.flaw.revoke(&self.memory, request.clone()).await
    }

    async fn ping(&self) -> Result<()> {
        self.flaw.ping(&self.memory).await
    }

    fn policy(&self) -> &SessionPolicy {
        self.memory.policy()
    }
}

#[async_trait]
impl SessionAdmin for Flawed {
    async fn page(&self, request: &PageRequest) -> Result<SessionPage> {
        self.flaw.page(&self.memory, request.clone()).await
    }

    async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage> {
        let request = request.clone();
        self.flaw.revoke_in_page(&self.memory, request).await
    }
}

/// The harness of such a backend.
pub(crate) struct FlawedHarness {
    flaw: Arc<dyn Flaw>,
    harness: MemoryHarness,
    ids: Arc<Mutex<BTreeSet<SessionId>>>,
}

impl FlawedHarness {
    pub(crate) fn new(flaw: Arc<dyn Flaw>) -> Self {
        Self {
            flaw,
            harness: MemoryHarness::new(),
            ids: Arc::default(),
        }
    }

    async fn flawed(&self, policy: SessionPolicy) -> Flawed {
        let memory = Memory {
            backend: self.harness.backend_with(self.flaw.policy(policy)).await,
            admin: self.harness.admin().await,
            harness: self.harness.clone(),
            ids: Arc::clone(&self.ids),
        };
        let flaw = Arc::clone(&self.flaw);
        Flawed { flaw, memory }
    }
}

#[async_trait]
impl Harness for FlawedHarness {
    async fn backend_with(&self, policy: SessionPolicy) -> Arc<dyn SessionBackend> {
        self.flaw.dress(self.flawed(policy).await)
    }

    async fn admin(&self) -> Arc<dyn SessionAdmin> {
        self.flaw
            .dress_admin(self.flawed(SessionPolicy::new()).await)
    }

    async fn breakable(&self, policy: SessionPolicy) -> Breakable {
        let memory = self.harness.breakable(policy.clone()).await;
        Breakable {
            backend: self.backend_with(policy).await,
            ..memory
        }
    }

    async fn plant(&self, id: &SessionId, hash: RawHash, expires_in: Option<Duration>) {
        self.ids.lock().unwrap().insert(id.clone());
        self.harness.plant(id, hash, expires_in).await;
    }

    async fn plant_other_type(&self, id: &SessionId) {
        self.ids.lock().unwrap().insert(id.clone());
        self.harness.plant_other_type(id).await;
    }

    async fn dump(&self, id: &SessionId) -> Option<RawKey> {
        self.harness.dump(id).await
    }

    async fn advance(&self, by: Duration) {
        self.harness.advance(by).await;
    }

    async fn now(&self) -> UnixMillis {
        self.harness.now().await
    }

    async fn index_len(&self, principal: &Principal) -> Option<usize> {
        self.harness.index_len(principal).await
    }

    fn clock_stands_still(&self) -> bool {
        true
    }
}
