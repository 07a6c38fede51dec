//! Inserting and renaming onto an id of the test's choice.

use std::time::Duration;

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, WriteOutcome, WriteRequest,
};
use session_core::{
    Delta, ListedSession, NewSession, Result, SessionBackend, SessionId, SessionPolicy, async_trait,
};
use session_memory::MemoryBackend;

use crate::{Setup, count_one};

/// A backend that puts new and rotated sessions under this id, whatever was drawn.
#[derive(Debug)]
pub(crate) struct Onto {
    pub(crate) backend: MemoryBackend,
    pub(crate) id: SessionId,
}

#[async_trait]
impl SessionBackend for Onto {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        let mut request = request.clone();
        request.id = self.id.clone();
        self.backend.insert(&request).await
    }
    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        self.backend.read(request).await
    }
    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        self.backend.write(request).await
    }
    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        let mut request = request.clone();
        request.to = self.id.clone();
        self.backend.rename(&request).await
    }
    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        self.backend.remove(request).await
    }
    async fn list(&self, request: &ListRequest) -> Result<Vec<ListedSession>> {
        self.backend.list(request).await
    }
    async fn revoke(&self, request: &RevokeRequest) -> Result<u64> {
        self.backend.revoke(request).await
    }
    async fn ping(&self) -> Result<()> {
        self.backend.ping().await
    }
    fn policy(&self) -> &SessionPolicy {
        self.backend.policy()
    }
}

#[tokio::test]
async fn keys_that_are_no_session_expire_and_free_their_id() {
    let setup = Setup::new();
    let id = SessionId::random().unwrap();
    let onto = Onto {
        backend: setup.backend.clone(),
        id: id.clone(),
    };
    for n in 0..2 {
        let expires_in = Some(Duration::from_secs(5));
        match n {
            0 => setup.raw.plant_hash(&id, [("n", "5")], expires_in),
            _ => setup.raw.plant_other_type(&id, expires_in),
        }
        setup.advance_ms(5_000);
        assert!(onto.create_session(NewSession::default()).await.is_err());
        setup.advance_ms(1);
        onto.create_session(NewSession::default()).await.unwrap();
        assert!(setup.is_live(&id).await);
    }
    setup.advance_ms(1_800_001);
    setup.backend.ping().await.unwrap();
    assert_eq!(setup.backend.len(), 0);
}

#[tokio::test]
async fn an_expired_key_does_not_exist_even_while_it_is_held() {
    let setup = Setup::new();
    // More than one operation frees.
    let mut expired = Vec::new();
    for _ in 0..100 {
        expired.push(setup.session(5).await);
    }
    let living = setup.session(60).await;
    setup.advance_ms(5_001);
    let onto = |id: &SessionId| Onto {
        backend: setup.backend.clone(),
        id: id.clone(),
    };
    let held = setup.backend.len();
    expired.sort();
    let (first, last) = (&expired[0], &expired[99]);
    // In the queue, the expired keys lie in order of their ids.
    onto(last)
        .create_session(NewSession::default())
        .await
        .unwrap();
    assert!(setup.backend.len() > held / 2);
    assert!(setup.is_live(last).await);
    assert!(!setup.is_live(first).await);
    onto(&expired[98])
        .rotate_session(&living, Delta::new())
        .await
        .unwrap()
        .unwrap();
    assert!(setup.is_live(&expired[98]).await);
}

#[tokio::test]
async fn a_rotation_moves_onto_an_id_whose_key_has_expired() {
    let setup = Setup::new();
    let (from, to) = (setup.session(60).await, setup.session(5).await);
    setup.advance_ms(5_001);
    let onto = Onto {
        backend: setup.backend.clone(),
        id: to.clone(),
    };
    let rotated = onto
        .rotate_session(&from, count_one())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(rotated.written.counter("n"), Some(2));
    assert!(setup.is_live(&to).await);
    assert_eq!(setup.backend.len(), 1);
}
