//! Keys that are no session: planted, as another client of a shared store would leave them.

use std::time::Duration;

use session_core::{Delta, Effect, ErrorKind, NewSession, PublicId, SessionBackend, SessionId};

use crate::onto::Onto;
use crate::{Setup, count_one, name, principal, secs};

const VALID: [(&str, &str); 4] = [
    ("created_at", "2025-12-31T12:34:56Z"),
    ("last_accessed_at", "yesterday"),
    ("session_ttl", "15"),
    ("n", "5"),
];

fn with(field: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut hash = VALID.to_vec();
    hash.retain(|(name, _)| *name != field);
    hash.push((field, value));
    hash
}

fn without(field: &str) -> Vec<(&'static str, &'static str)> {
    let mut hash = VALID.to_vec();
    hash.retain(|(name, _)| *name != field);
    hash
}

/// Every operation says that there is no session, and the key stays as it is.
async fn assert_left_alone(setup: &Setup, id: &SessionId) {
    let before = setup.raw.dump(id).unwrap();
    let backend = &setup.backend;
    assert_eq!(backend.get_session(id).await.unwrap(), None);
    assert_eq!(backend.peek_session(id).await.unwrap(), None);
    assert_eq!(backend.ttl(id).await.unwrap(), None);
    assert_eq!(backend.configured_ttl(id).await.unwrap(), None);
    assert_eq!(backend.update_session(id, count_one()).await.unwrap(), None);
    assert_eq!(
        backend.increment_field(id, name("n"), 1).await.unwrap(),
        None
    );
    assert!(!backend.remove_fields(id, vec![name("n")]).await.unwrap());
    assert!(!backend.set_session_ttl(id, secs(5)).await.unwrap());
    assert_eq!(backend.rotate_session(id, count_one()).await.unwrap(), None);
    assert!(!backend.delete_session(id).await.unwrap());
    let ann = principal("ann");
    let public_id = PublicId::of_unbound(id);
    assert!(!backend.revoke_session(&ann, &public_id).await.unwrap());
    assert_eq!(backend.revoke_sessions(&ann, None).await.unwrap(), 0);
    assert_eq!(setup.raw.dump(id), Some(before.clone()));

    // The id is taken.
    let onto = Onto {
        backend: backend.clone(),
        id: id.clone(),
    };
    let error = onto
        .create_session(NewSession::default())
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.effect()),
        (ErrorKind::IdExhausted, Effect::NotApplied)
    );
    let other = setup.session(60).await;
    let error = onto.rotate_session(&other, Delta::new()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.effect()),
        (ErrorKind::IdExhausted, Effect::NotApplied)
    );
    assert!(setup.is_live(&other).await);
    assert_eq!(setup.raw.dump(id), Some(before));
}

#[tokio::test]
async fn a_hash_that_is_no_session_is_left_alone() {
    let setup = Setup::new();
    let hashes = [
        without("created_at"),
        without("last_accessed_at"),
        without("session_ttl"),
        vec![("n", "5")],
        with("session_ttl", "0"),
        with("session_ttl", "-5"),
        with("session_ttl", "abc"),
        with("session_ttl", "1e30"),
        with("session_deadline", "soon"),
        with("session_deadline", "1767225600000"),
        with("session_deadline", "1"),
    ];
    for hash in hashes {
        for expires_in in [None, Some(Duration::from_secs(60))] {
            let id = SessionId::random().unwrap();
            setup.raw.plant_hash(&id, hash.clone(), expires_in);
            assert_left_alone(&setup, &id).await;
        }
    }
}

#[tokio::test]
async fn a_key_of_another_type_is_left_alone() {
    let setup = Setup::new();
    let id = SessionId::random().unwrap();
    setup.raw.plant_other_type(&id, None);
    assert_left_alone(&setup, &id).await;
    assert_eq!(setup.raw.dump(&id).unwrap().hash, None);
}

#[tokio::test]
async fn a_foreign_session_keeps_what_it_has_and_a_touch_sets_its_expiry() {
    let setup = Setup::new();
    let id = SessionId::random().unwrap();
    let hidden = [(b"\xff\xfe".to_vec(), b"\0kept".to_vec())];
    let hash = VALID.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    setup
        .raw
        .plant_hash(&id, hash.into_iter().chain(hidden.clone()), None);
    assert_eq!(setup.raw.dump(&id).unwrap().expires_in, None);

    let counted = setup
        .backend
        .increment_field(&id, name("n"), 1)
        .await
        .unwrap();
    assert_eq!(counted, Some(6));
    let key = setup.raw.dump(&id).unwrap();
    assert_eq!(key.expires_in, Some(Duration::from_secs(15)));
    let hash = key.hash.unwrap();
    assert!(hash.contains(&hidden[0]));
    assert!(hash.contains(&(b"created_at".to_vec(), b"2025-12-31T12:34:56Z".to_vec())));
    setup.advance_ms(15_001);
    setup.backend.ping().await.unwrap();
    assert_eq!(setup.backend.len(), 0);
}

#[tokio::test]
async fn what_is_stored_is_the_guides_hash() {
    let setup = Setup::new();
    let id = setup.session(60).await;
    let key = setup.raw.dump(&id).unwrap();
    let expected = [
        ("created_at", "2026-01-01T00:00:00+00:00"),
        ("last_accessed_at", "2026-01-01T00:00:00+00:00"),
        ("n", "1"),
        ("session_ttl", "60"),
    ];
    let expected = expected.map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec()));
    assert_eq!(key.hash.unwrap(), expected);
    assert_eq!(key.expires_in, Some(Duration::from_secs(60)));
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
