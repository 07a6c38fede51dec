//! Deletion.

use session_core::{Delta, NewSession};

use crate::harness::Harness;
use crate::kit::{
    Bench, Step, assert_nothing_there, fields, fresh_principal, guide_hash, secs, session, with,
};
use crate::races;

/// Nothing is left of it, also if it was read before, and other sessions stay.
pub async fn delete_leaves_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let other = b.create(session(100)).await;
    let before = b.snapshot(&other).await;
    let many = fields([("a", "1"), ("b", "2"), ("c", "3")]);
    for new in [session(100), NewSession::default(), NewSession::new(many)] {
        let id = b.create(new).await;
        b.get(&id).await;
        assert!(b.delete(&id).await);
        assert_nothing_there(&b, &id, "a deleted session").await;
    }
    b.assert_unchanged(&other, &before, "a deletion").await;
}

/// Hidden fields and optional ones go with it.
pub async fn delete_leaves_no_hidden_field(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let hash = with(guide_hash("100"), [0xff, 0xfe], "hidden");
    let future = h.now().await.plus_millis(100_000).get().to_string();
    let hash = with(hash, "session_deadline", future);
    for expires_in in [Some(secs(50)), None] {
        let id = b.plant(hash.clone(), expires_in).await;
        assert!(b.delete(&id).await);
        assert_nothing_there(&b, &id, "a deleted session").await;
    }
}

/// A bound session leaves its principal's list.
pub async fn delete_unlists(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let principal = fresh_principal("ann");
    let id = b.create(session(100).bind(principal.clone())).await;
    let other = b.create(session(100).bind(principal.clone())).await;
    assert!(b.delete(&id).await);
    assert_nothing_there(&b, &id, "a deleted session").await;
    b.assert_listed(&principal, [&other]).await;
}

/// The second time there is none; also under an id that was rotated.
pub async fn deleting_again_returns_false(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    assert!(b.delete(&id).await);
    for _ in 0..3 {
        assert!(!b.delete(&id).await);
    }
    let old = b.create(session(100)).await;
    let new = b.rotate(&old, Delta::new()).await.id;
    assert!(b.delete(&new).await);
    assert!(!b.delete(&new).await);
    assert!(!b.delete(&old).await);
}

/// Of concurrent deletions one returns `true`.
pub async fn one_of_concurrent_deletions_succeeds(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for _ in 0..10 {
        let id = b.create(session(100)).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let (backend, id) = (b.shared(), id.clone());
            tasks.spawn(async move { backend.delete_session(&id).done().await });
        }
        let outcomes = tasks.join_all().await;
        assert_eq!(outcomes.iter().filter(|deleted| **deleted).count(), 1);
        assert_eq!(h.dump(&id).await, None);
    }
}

/// After it was acknowledged nothing exists, though writers go on meanwhile.
pub async fn nothing_comes_back_after_a_delete(h: &dyn Harness) {
    races::logout_against_increments(h, 20).await;
}

/// Nor by a read, a touch, a new TTL or a login that races it.
pub async fn no_racing_use_brings_a_session_back(h: &dyn Harness) {
    races::logout_against_uses(h, 20).await;
}
