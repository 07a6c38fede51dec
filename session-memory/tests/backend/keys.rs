//! Keys that are held although they have expired, keys that were planted, and the index over them.

use std::time::Duration;

use session_core::steps::{
    InsertOutcome, InsertRequest, RenameOutcome, RenameRequest, RevokeRequest, RevokeTarget,
};
use session_core::{Delta, NewSession, OnExcess, PageRequest, PageSize, SessionBackend, SessionId};

use crate::{Setup, principal, secs};

impl Setup {
    /// Whether a session can be created under this id.
    async fn insert(&self, id: &SessionId) -> bool {
        let policy = self.backend.policy();
        let request = InsertRequest::new(policy, id.clone(), NewSession::default()).unwrap();
        let outcome = self.backend.insert(&request).await.unwrap();
        matches!(outcome, InsertOutcome::Inserted(_))
    }

    /// Whether a session can be rotated onto this id.
    async fn rename(&self, from: &SessionId, to: &SessionId) -> bool {
        let (policy, delta) = (self.backend.policy(), Delta::new());
        let request = RenameRequest::new(policy, from.clone(), to.clone(), delta).unwrap();
        let outcome = self.backend.rename(&request).await.unwrap();
        matches!(outcome, RenameOutcome::Renamed(_))
    }

    /// Some sixty sessions in each table that live this many seconds: what an operation frees are
    /// these, and not what expires after them.
    async fn due_first(&self, ttl: u64) {
        for _ in 0..16_000 {
            self.session(ttl).await;
        }
    }
}

#[tokio::test]
async fn keys_that_are_no_session_expire_and_free_their_id() {
    let setup = Setup::new();
    let id = SessionId::random().unwrap();
    for is_hash in [true, false] {
        let expires_in = Some(Duration::from_secs(5));
        match is_hash {
            true => setup.raw.plant_hash(&id, [("n", "5")], expires_in),
            false => setup.raw.plant_other_type(&id, expires_in),
        }
        setup.advance_ms(5_000);
        assert!(!setup.insert(&id).await);
        setup.advance_ms(1);
        assert!(setup.insert(&id).await);
        assert!(setup.is_live(&id).await);
    }
    setup.advance_ms(1_800_001);
    setup.backend.ping().await.unwrap();
    assert_eq!(setup.backend.len(), 0);
}

#[tokio::test]
async fn an_expired_key_does_not_exist_even_while_it_is_held() {
    let setup = Setup::new();
    setup.due_first(5).await;
    let (read, inserted) = (setup.session(6).await, setup.session(6).await);
    let (renamed, living) = (setup.session(6).await, setup.session(60).await);
    setup.advance_ms(6_001);
    let held = setup.backend.len();
    assert!(!setup.is_live(&read).await);
    let is_free = (
        setup.insert(&inserted).await,
        setup.rename(&living, &renamed).await,
    );
    assert_eq!(is_free, (true, true));
    assert!(setup.is_live(&inserted).await && setup.is_live(&renamed).await);
    // Each of the five steps has freed eight at most, from however many tables.
    assert!(setup.backend.len() >= held - 5 * 8);
}

#[tokio::test]
async fn a_rotation_moves_onto_an_id_whose_key_has_expired() {
    let setup = Setup::new();
    let (from, to) = (setup.session(60).await, setup.session(5).await);
    setup.advance_ms(5_001);
    assert!(setup.rename(&from, &to).await);
    assert!(setup.is_live(&to).await);
    assert_eq!(setup.backend.len(), 2, "the session and the tombstone");
}

#[tokio::test]
async fn what_has_ended_is_nobodys_even_while_it_is_held() {
    let setup = Setup::limited(usize::MAX, 3, OnExcess::Refuse);
    let (ann, bob) = (principal("ann"), principal("bob"));
    setup.due_first(5).await;
    // Idle for too long, and not near their deadline.
    for _ in 0..3 {
        let new = NewSession::default().bind(ann.clone());
        setup.create(new.ttl(secs(6))).await;
    }
    setup.login(&bob, 1000).await;
    setup.advance_ms(6_001);
    assert_eq!(setup.listed(&ann).await, []);
    assert_eq!(setup.raw.index_len(&ann), 3);
    assert_eq!(setup.backend.revoke_sessions(&ann, None).await.unwrap(), 0);
    assert_eq!(setup.raw.index_len(&ann), 0);
    setup.login(&ann, 1000).await;
    assert_eq!(setup.backend.revoke_sessions(&ann, None).await.unwrap(), 1);
}

#[tokio::test]
async fn a_planted_session_is_listed_once_it_is_rotated() {
    let setup = Setup::new();
    let ann = principal("ann");
    let source = setup.login(&ann, 100).await;
    let hash = setup.raw.dump(&source).unwrap().hash.unwrap();
    assert!(setup.backend.delete_session(&source).await.unwrap());
    let id = SessionId::random().unwrap();
    setup
        .raw
        .plant_hash(&id, hash, Some(Duration::from_secs(50)));
    assert_eq!(setup.listed(&ann).await, []);
    let id = setup.rotate(&id).await;
    assert_eq!(setup.listed(&ann).await, [setup.public_id(&id).await]);
}

#[tokio::test]
async fn sessions_with_the_same_deadline_are_listed_in_order_of_their_public_ids() {
    let setup = Setup::new();
    let ann = principal("ann");
    let mut expected = Vec::new();
    for _ in 0..20 {
        let id = setup.login(&ann, 100).await;
        expected.push(setup.public_id(&id).await);
    }
    expected.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    assert_eq!(setup.listed(&ann).await, expected);
}

#[tokio::test]
async fn a_page_that_ends_with_the_last_session_is_the_last() {
    let setup = Setup::new();
    let (ann, size) = (principal("ann"), PageSize::new(2).unwrap());
    for (sessions, has_more) in [(1, false), (2, false), (3, true)] {
        for _ in 0..sessions {
            setup.login(&ann, 100).await;
        }
        let listed = setup
            .backend
            .list_sessions_page(&ann, Vec::new(), None, size);
        assert_eq!(listed.await.unwrap().next.is_some(), has_more);
        let page = PageRequest::new(None, size);
        let request = RevokeRequest::new(ann.clone(), RevokeTarget::All, page);
        let revoked = setup.backend.revoke(&request).await.unwrap();
        assert_eq!(revoked.next.is_some(), has_more);
    }
}

#[tokio::test]
async fn planting_replaces_and_an_empty_hash_does_not_exist() {
    let setup = Setup::new();
    let id = setup.session(60).await;
    setup.raw.plant_hash(&id, [("n", "1"), ("n", "2")], None);
    let hash = setup.raw.dump(&id).unwrap().hash;
    assert_eq!(hash, Some(vec![(b"n".to_vec(), b"2".to_vec())]));
    setup.raw.plant_hash(&id, [("", ""); 0], None);
    assert_eq!(setup.raw.dump(&id), None);
    assert_eq!(setup.raw.count(), 0);
}
