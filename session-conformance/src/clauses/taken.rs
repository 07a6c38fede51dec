//! Ids that are taken.

use session_core::steps::{InsertOutcome, InsertRequest, RenameOutcome};
use session_core::{Delta, ErrorKind, NewSession, SessionBackend, SessionId};

use crate::harness::Harness;
use crate::kit::{
    Bench, Finding, Snapshot, Spy, Step, fields, fresh_id, guide_hash, insert_request,
    rename_request, secs, session, set, ttl, with, without,
};

/// What may stand under an id, session or not.
const KINDS: [&str; 5] = [
    "a session",
    "a tombstone",
    "an invalid hash",
    "a passed deadline",
    "a list",
];

/// Puts something under an id.
async fn occupy(b: &Bench<'_>, id: &SessionId, kind: &str) -> Snapshot {
    match kind {
        "a session" => b.h.plant(id, guide_hash("100"), Some(secs(100))).await,
        "an invalid hash" => {
            let hash = without(guide_hash("100"), "created_at");
            b.h.plant(id, hash, None).await;
        }
        "a tombstone" => {
            let future = b.h.now().await.get() + 100_000;
            let hash = with(Vec::new(), "session_rotated", future.to_string());
            b.h.plant(id, hash, Some(secs(100))).await;
        }
        "a passed deadline" => {
            let passed = b.h.now().await.get() - 1;
            let hash = with(guide_hash("100"), "session_deadline", passed.to_string());
            b.h.plant(id, hash, Some(secs(100))).await;
        }
        _ => b.h.plant_other_type(id).await,
    }
    b.snapshot(id).await
}

/// An insert never touches what is under its id.
pub async fn insert_onto_a_taken_id_is_refused(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for kind in KINDS {
        let id = fresh_id();
        let before = occupy(&b, &id, kind).await;
        let request = insert_request(b.policy(), &id, session(50));
        let outcome = b.insert(&request).done().await;
        assert_eq!(outcome, InsertOutcome::IdTaken, "{kind}");
        b.assert_unchanged(&id, &before, kind).await;
    }
}

/// A rename never touches what is under its new id, and its session stays where it is.
pub async fn rename_onto_a_taken_id_is_refused(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for kind in KINDS {
        let from = b.create(session(100)).await;
        let to = b.successor_id(&from).expect("an id");
        let taken = occupy(&b, &to, kind).await;
        let session = b.snapshot(&from).await;
        let delta = set("username", "mallory");
        let request = rename_request(b.policy(), &from, &to, delta);
        let outcome = b.rename(&request).done().await;
        assert_eq!(outcome, RenameOutcome::IdTaken, "{kind}");
        b.assert_unchanged(&to, &taken, kind).await;
        b.assert_unchanged(&from, &session, kind).await;
    }
}

/// A session's own id is taken, too.
pub async fn rename_onto_itself_is_refused(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    let before = b.snapshot(&id).await;
    let request = rename_request(b.policy(), &id, &id, Delta::new());
    let outcome = b.rename(&request).done().await;
    assert_eq!(outcome, RenameOutcome::IdTaken);
    b.assert_unchanged(&id, &before, "the rename").await;
}

/// Inserts under an id that is free.
async fn insert(b: &Bench<'_>, request: &InsertRequest) {
    let outcome = b.insert(request).done().await;
    assert!(matches!(outcome, InsertOutcome::Inserted(_)), "{outcome:?}");
}

/// The id of a key that has expired is free, and nothing of the old session is left in the new one.
pub async fn an_expired_id_is_free(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let first = NewSession::new(fields([("old", "1"), ("both", "2")])).ttl(ttl(50));
    let request = insert_request(b.policy(), &fresh_id(), first);
    let id = request.id.clone();
    insert(&b, &request).await;
    h.advance(secs(51)).await;
    let second = NewSession::new(fields([("both", "3")])).ttl(ttl(100));
    let request = insert_request(b.policy(), &id, second);
    insert(&b, &request).await;
    let key = b.stored(&id).await;
    assert_eq!(key.fields().len(), 4);
    assert_eq!(key.field("both"), Some(b"3".as_slice()));
    h.advance(secs(60)).await;
    assert!(b.is_alive(&id).await);
}

/// Creation and rotation draw again when their id is taken.
pub async fn a_taken_id_is_drawn_again(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let old = b.create(session(100)).await;
    let taken = b.successor_id(&old).expect("an id");
    let before = occupy(&b, &taken, "a session").await;

    let spy = Spy::new(b.shared()).drawing(&taken, 1);
    let id = spy.create_session(session(100)).done().await.id;
    assert_eq!(spy.steps(), 2);
    assert!(id != taken && b.is_alive(&id).await);

    let spy = Spy::new(b.shared()).drawing(&taken, 2);
    let id = spy.rotate_session(&old, Delta::new()).found().await.id;
    assert_eq!(spy.steps(), 3);
    assert!(id != taken && b.is_alive(&id).await);
    b.assert_unchanged(&taken, &before, "a taken id").await;
}

/// When every draw is taken the randomness is broken: an error, and nothing is changed.
pub async fn broken_randomness_overwrites_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let old = b.create(session(100)).await;
    let taken = b.successor_id(&old).expect("an id");
    let before = occupy(&b, &taken, "a session").await;
    let session_before = b.snapshot(&old).await;

    let spy = Spy::new(b.shared()).drawing(&taken, usize::MAX);
    let error = spy.create_session(session(100)).refused().await;
    assert_eq!(error.kind(), ErrorKind::IdExhausted);
    let error = spy.rotate_session(&old, set("a", "b")).refused().await;
    assert_eq!(error.kind(), ErrorKind::IdExhausted);
    b.assert_unchanged(&taken, &before, "a taken id").await;
    b.assert_unchanged(&old, &session_before, "no new id").await;
}
