//! Binding: how a session comes into a list, and into another.

use session_core::{Delta, Touch};

use crate::harness::Harness;
use crate::kit::{Bench, Step, add, fresh_principal, lasting, secs, session, set};
use crate::races;

/// Bound by an update, with other changes or alone, under each touch.
pub async fn a_session_bound_by_a_write_is_listed(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let mut ids = Vec::new();
    for delta in [
        Delta::new(),
        set("a", "b"),
        add("n", 1),
        Delta::new().touch(Touch::Never),
        Delta::new()
            .touch(Touch::IfOlderThan(secs(50)))
            .returning_record(),
    ] {
        let id = b.create(session(100)).await;
        let written = b.update(&id, delta.bind(ann.clone())).await;
        if let Some(record) = written.record {
            assert_eq!(record.principal(), Some(ann.clone()));
            assert!(record.deadline().is_some());
        }
        let stored = b.stored_text(&id, "session_principal").await;
        assert_eq!(stored.as_deref(), Some(ann.as_str()));
        ids.push(id);
    }
    b.assert_listed(&ann, &ids).await;
}

/// Bound by a rotation (log in): under its public id.
pub async fn a_session_bound_by_a_rotation_is_listed(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let mut ids = Vec::new();
    for delta in [
        Delta::new(),
        set("a", "b"),
        Delta::new().touch(Touch::Never),
    ] {
        let old = b.create(session(100)).await;
        ids.push(b.rotate(&old, delta.bind(ann.clone())).await.id);
    }
    b.assert_listed(&ann, &ids).await;
}

/// The policy's lifetime from the binding on, 12 hours by default.
pub async fn a_binding_gives_a_deadline(h: &dyn Harness) {
    let default = Bench::new(h).await;
    let policy = Bench::with(h, |policy| policy.with_principal_lifetime(lasting(700))).await;
    for (b, lifetime) in [(&default, 43_200), (&policy, 700)] {
        let ann = fresh_principal("ann");
        let mut timer = b.timer().await;
        let created = b.create(session(100).bind(ann.clone())).await;
        timer.assert_deadline(&created, secs(lifetime)).await;

        let id = b.create(session(100)).await;
        h.advance(secs(50)).await;
        timer.restart().await;
        b.bind(&id, &ann).await;
        timer.assert_deadline(&id, secs(lifetime)).await;

        let old = b.create(session(100)).await;
        timer.restart().await;
        let id = b.rotate(&old, Delta::new().bind(ann)).await.id;
        timer.assert_deadline(&id, secs(lifetime)).await;
    }
}

/// A deadline that the session already has stays: its own, and that of an earlier binding.
pub async fn a_binding_keeps_a_deadline(h: &dyn Harness) {
    let b = Bench::with(h, |policy| policy.with_principal_lifetime(lasting(700))).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    for (new, lifetime) in [
        (session(100).max_lifetime(lasting(300)), 300),
        (session(100).max_lifetime(lasting(9000)), 9000),
        (session(100).bind(ann.clone()), 700),
    ] {
        let mut timer = b.timer().await;
        let id = b.create(new).await;
        timer.advance(secs(50)).await;
        b.bind(&id, &ann).await;
        timer.advance(secs(50)).await;
        b.bind(&id, &bob).await;
        let id = b.rotate(&id, Delta::new().bind(ann.clone())).await.id;
        timer.assert_deadline(&id, secs(lifetime)).await;
    }
}

/// It moves from one list to the other, by a write, a rotation, and back.
pub async fn binding_to_another_moves_the_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let id = b.create(session(100).bind(ann.clone())).await;
    let other = b.create(session(100).bind(ann.clone())).await;
    b.bind(&id, &bob).await;
    b.assert_listed(&ann, [&other]).await;
    b.assert_listed(&bob, [&id]).await;
    let moved = b.rotate(&id, Delta::new().bind(ann.clone())).await.id;
    b.assert_listed(&ann, [&other, &moved]).await;
    b.assert_listed(&bob, []).await;
    b.bind(&moved, &bob).await;
    b.bind(&moved, &ann).await;
    b.assert_listed(&ann, [&other, &moved]).await;
    b.assert_listed(&bob, []).await;
}

/// What was another's before is not ended with the other's sessions.
pub async fn the_former_principal_has_no_hold(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let id = b.create(session(100).bind(ann.clone())).await;
    b.bind(&id, &bob).await;
    let public_id = b.public_id(&id).await;
    assert!(!b.revoke_session(&ann, &public_id).done().await);
    assert_eq!(b.revoke_sessions(&ann, None).done().await, 0);
    assert!(b.is_alive(&id).await);
    assert_eq!(b.revoke_sessions(&bob, None).done().await, 1);
    assert!(!b.is_alive(&id).await);
}

/// A rotation keeps the binding: one entry, under the same public id, however often.
pub async fn a_rotated_session_stays_its_principals(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let mut id = b.create(session(100).bind(ann.clone())).await;
    let public_id = b.public_id(&id).await;
    for _ in 0..3 {
        let old = id;
        id = b.rotate(&old, set("a", "b")).await.id;
        b.assert_listed(&ann, [&id]).await;
        let record = b.peek(&id).await;
        assert_eq!(record.principal(), Some(ann.clone()));
        assert_eq!(b.listed(&ann).await, [public_id]);
    }
    assert!(b.revoke_session(&ann, &public_id).done().await);
    assert!(!b.is_alive(&id).await);
}

/// Bindings that race each other end in one list.
pub async fn racing_bindings_end_in_one_list(h: &dyn Harness) {
    races::bindings(h, 20).await;
}
