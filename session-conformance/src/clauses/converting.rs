//! Sessions that are given another form, where there is none to give.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use session_core::{Delta, SessionId};

use crate::harness::Harness;
use crate::kit::{
    Bench, Operator, add, fresh_id, fresh_principal, guide_hash, name, secs, session, ttl, with,
    without,
};

/// Nothing is in another form: zero, and every session is as it was.
pub async fn converting_changes_no_session(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let ann = fresh_principal("ann");
    assert_eq!(operator.convert_sessions().await.expect("a number"), 0);
    let deadline = h.now().await.plus_millis(9_000_000).get().to_string();
    let ids = [
        b.create(session(5000)).await,
        b.create(session(5000).bind(ann.clone())).await,
        b.create(session(5000).max_lifetime(ttl(6000))).await,
        b.plant(guide_hash("100"), None).await,
        b.plant(guide_hash("100"), Some(secs(90_000))).await,
        b.plant(with(guide_hash("100"), "session_deadline", deadline), None)
            .await,
        b.plant(with(guide_hash("100"), [0xff, 0xfe], "hidden"), None)
            .await,
    ];
    h.advance(secs(40)).await;
    b.clock.forward(secs(40));
    let mut before = Vec::new();
    for id in &ids {
        before.push(b.snapshot(id).await);
    }
    for _ in 0..2 {
        assert_eq!(operator.convert_sessions().await.expect("a number"), 0);
        for (id, before) in ids.iter().zip(&before) {
            b.assert_unchanged(id, before, "convert_sessions").await;
        }
        b.assert_listed(&ann, &[&ids[1]]).await;
        assert_eq!(h.index_len(&ann).await, Some(1));
    }
}

/// Several hundred of them.
pub async fn converting_changes_none_of_many(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let mut ids = Vec::new();
    for _ in 0..200 {
        ids.push(b.create(session(5000)).await);
    }
    assert_eq!(operator.convert_sessions().await.expect("a number"), 0);
    for id in &ids {
        assert!(b.is_alive(id).await);
    }
    assert_eq!(operator.count_sessions().await.expect("a number"), 200);
}

/// Sessions can be used, rotated, listed and ended afterwards, by the ids that they had.
pub async fn sessions_are_usable_after_converting(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let ann = fresh_principal("ann");
    let create = async || b.create(session(5000).bind(ann.clone())).await;
    let (used, deleted, revoked) = (create().await, create().await, create().await);
    assert_eq!(operator.convert_sessions().await.expect("a number"), 0);
    b.assert_listed(&ann, &[&used, &deleted, &revoked]).await;
    let views = b.increment_field(&used, name("page_views"), 1).await;
    assert_eq!(views.expect("an answer"), Some(1));
    let rotated = b.rotate_session(&used, Delta::new()).await;
    let used = rotated.expect("an answer").expect("a session").id;
    assert!(b.delete_session(&deleted).await.expect("an answer"));
    assert!(operator.revoke(&revoked).await);
    b.assert_listed(&ann, &[&used]).await;
}

/// What is no session is left alone, and does not hinder it.
pub async fn converting_leaves_what_is_no_session(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let mut ids: Vec<SessionId> = Vec::new();
    for hash in [
        without(guide_hash("100"), "last_accessed_at"),
        guide_hash("x"),
        with(guide_hash("100"), "session_deadline", "1"),
    ] {
        ids.push(b.plant(hash, None).await);
    }
    ids.push(fresh_id());
    h.plant_other_type(&ids[3]).await;
    for id in &ids {
        let before = b.snapshot(id).await;
        assert_eq!(operator.convert_sessions().await.expect("a number"), 0);
        b.assert_unchanged(id, &before, "convert_sessions").await;
    }
}

/// Nobody who uses a session meanwhile loses a write, or the session.
pub async fn converting_beside_uses_loses_nothing(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let id = b.create(session(5000)).await;
        let (backend, is_over) = (b.shared(), Arc::clone(&is_over));
        tasks.spawn(async move {
            let mut count = 0;
            while !is_over.load(Ordering::Relaxed) && count < 2000 {
                let written = backend.update_session(&id, add("n", 1)).await;
                let written = written.expect("an answer").expect("a session");
                count += 1;
                assert_eq!(written.counter("n"), Some(count));
                tokio::task::yield_now().await;
            }
        });
    }
    for _ in 0..10 {
        assert_eq!(operator.convert_sessions().await.expect("a number"), 0);
        tokio::task::yield_now().await;
    }
    is_over.store(true, Ordering::Relaxed);
    tasks.join_all().await;
}
