//! A principal's list of sessions.

use std::time::Duration;

use session_core::{Delta, NewSession, Principal, SessionId, SessionSummary, Touch};

use crate::harness::Harness;
use crate::kit::{
    Bench, add, fresh_id, fresh_principal, guide_hash, secs, session, set, ttl, with, without,
};

/// Binds a live session by a write.
async fn bind(b: &Bench<'_>, id: &SessionId, principal: &Principal) {
    let delta = Delta::new().bind(principal.clone());
    assert!(
        b.update_session(id, delta)
            .await
            .expect("an answer")
            .is_some()
    );
}

/// Rotates a live session.
async fn rotate(b: &Bench<'_>, id: &SessionId, delta: Delta) -> SessionId {
    let rotated = b.rotate_session(id, delta).await.expect("an answer");
    rotated.expect("a session").id
}

/// Listed with its handle and its timestamps as stored; nobody else's list has it.
pub async fn a_session_bound_at_creation_is_listed(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let id = b.create(session(100).bind(ann.clone())).await;
    let created = b.clock.text();
    b.clock.forward(secs(60));
    assert!(b.get_session(&id).await.expect("an answer").is_some());
    let list = b.list_sessions(&ann).await.expect("a list");
    let (created, accessed) = (created.as_str().into(), b.clock.text().into());
    let expected = SessionSummary::new(id.handle(), created, accessed);
    assert_eq!(list, [expected]);
    b.assert_listed(&bob, &[]).await;
}

/// All of them, the nearest deadline first; sessions without a principal are in no list.
pub async fn the_list_begins_with_the_nearest_deadline(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let mut expected = Vec::new();
    for lifetime in [5000, 1000, 9000, 3000, 7000] {
        let new = session(100).bind(ann.clone()).max_lifetime(ttl(lifetime));
        expected.push((lifetime, b.create(new).await.handle()));
        b.create(session(100)).await;
    }
    expected.sort();
    let expected: Vec<_> = expected.into_iter().map(|(_, handle)| handle).collect();
    assert_eq!(b.listed(&ann).await, expected);
}

/// Many at once, and each exactly once.
pub async fn a_long_list_is_complete(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let mut ids = Vec::new();
    for n in 0..300 {
        let new = NewSession::default()
            .bind(ann.clone())
            .max_lifetime(ttl(1000 + n));
        ids.push(b.create(new).await);
    }
    b.assert_listed(&ann, &ids.iter().collect::<Vec<_>>()).await;
}

/// Whatever their names: none is taken for another's prefix, pattern or key.
pub async fn principals_are_kept_apart_whatever_their_names(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let tail = fresh_id().handle().to_string();
    let names = [
        "ann", "Ann", "ann ", "ann:", "ann:1", "*", "ann*", "{ann}", "a\0", "a\r\nb", "🦀", "[a]",
        "\"", "naïve",
    ];
    let long = "x".repeat(Principal::MAX_LEN - tail.len());
    let mut bound = Vec::new();
    for name in names.iter().copied().chain([long.as_str()]) {
        let principal = Principal::new(format!("{name}{tail}")).expect("a principal");
        let id = b.create(session(100).bind(principal.clone())).await;
        bound.push((principal, id));
    }
    for (principal, id) in &bound {
        b.assert_listed(principal, &[id]).await;
        let record = b
            .peek_session(id)
            .await
            .expect("an answer")
            .expect("a session");
        assert_eq!(record.principal().as_ref(), Some(principal));
    }
}

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
        let written = b.update_session(&id, delta.bind(ann.clone())).await;
        let written = written.expect("an answer").expect("a session");
        if let Some(record) = written.record {
            assert_eq!(record.principal(), Some(ann.clone()));
            assert!(record.deadline().is_some());
        }
        let stored = b.stored_text(&id, "session_principal").await;
        assert_eq!(stored.as_deref(), Some(ann.as_str()));
        ids.push(id);
    }
    b.assert_listed(&ann, &ids.iter().collect::<Vec<_>>()).await;
}

/// Bound by a rotation (log in): under the new handle only.
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
        ids.push(rotate(&b, &old, delta.bind(ann.clone())).await);
    }
    b.assert_listed(&ann, &ids.iter().collect::<Vec<_>>()).await;
}

/// A binding that is refused lists nothing.
pub async fn a_refused_binding_lists_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let id = b.create(session(100)).await;
    let before = b.snapshot(&id).await;
    let refused = add("username", 1).bind(ann.clone());
    assert!(b.update_session(&id, refused.clone()).await.is_err());
    assert!(b.rotate_session(&id, refused).await.is_err());
    b.assert_listed(&ann, &[]).await;
    b.assert_unchanged(&id, &before, "the binding").await;
}

/// The policy's lifetime from the binding on, 12 hours by default.
pub async fn a_binding_gives_a_deadline(h: &dyn Harness) {
    let default = Bench::new(h).await;
    let policy = Bench::with(h, |policy| policy.with_principal_lifetime(ttl(700))).await;
    for (b, lifetime) in [(&default, 43_200), (&policy, 700)] {
        let ann = fresh_principal("ann");
        let mut timer = b.timer().await;
        let created = b.create(session(100).bind(ann.clone())).await;
        let deadline = b.deadline_in(&created).await;
        timer.elapsed().await.assert_left(deadline, secs(lifetime));

        let id = b.create(session(100)).await;
        h.advance(secs(50)).await;
        timer.restart().await;
        bind(b, &id, &ann).await;
        let deadline = b.deadline_in(&id).await;
        timer.elapsed().await.assert_left(deadline, secs(lifetime));

        let old = b.create(session(100)).await;
        timer.restart().await;
        let id = rotate(b, &old, Delta::new().bind(ann)).await;
        let deadline = b.deadline_in(&id).await;
        timer.elapsed().await.assert_left(deadline, secs(lifetime));
    }
}

/// A deadline that the session already has stays: its own, and that of an earlier binding.
pub async fn a_binding_keeps_a_deadline(h: &dyn Harness) {
    let b = Bench::with(h, |policy| policy.with_principal_lifetime(ttl(700))).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    for (new, lifetime) in [
        (session(100).max_lifetime(ttl(300)), 300),
        (session(100).max_lifetime(ttl(9000)), 9000),
        (session(100).bind(ann.clone()), 700),
    ] {
        let mut timer = b.timer().await;
        let id = b.create(new).await;
        timer.advance(secs(50)).await;
        bind(&b, &id, &ann).await;
        timer.advance(secs(50)).await;
        bind(&b, &id, &bob).await;
        let id = rotate(&b, &id, Delta::new().bind(ann.clone())).await;
        let deadline = b.deadline_in(&id).await;
        timer.elapsed().await.assert_left(deadline, secs(lifetime));
    }
}

/// Expired, deleted, at its deadline, or made invalid by another client: not listed.
pub async fn dead_sessions_are_not_listed(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let bound = |seconds| session(seconds).bind(ann.clone());
    let alive = b.create(bound(5000)).await;
    let deleted = b.create(bound(5000)).await;
    assert!(b.delete_session(&deleted).await.expect("an answer"));
    let invalid = b.create(bound(5000)).await;
    h.plant(&invalid, without(guide_hash("100"), "created_at"), None)
        .await;
    let replaced = b.create(bound(5000)).await;
    h.plant(&replaced, guide_hash("5000"), Some(secs(5000)))
        .await;
    b.assert_listed(&ann, &[&alive]).await;
    let expiring = b.create(bound(100)).await;
    let ending = b.create(bound(5000).max_lifetime(ttl(100))).await;
    b.assert_listed(&ann, &[&alive, &expiring, &ending]).await;
    h.advance(Duration::from_millis(100_001)).await;
    b.assert_listed(&ann, &[&alive]).await;
    assert!(b.is_alive(&alive).await);
}

/// A deadline that has passed unlists a session whose key another client keeps alive.
pub async fn a_session_at_its_deadline_is_not_listed(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let id = b
        .create(session(100).bind(ann.clone()).max_lifetime(ttl(60)))
        .await;
    let key = b.stored(&id).await;
    h.plant(&id, key.fields().to_vec(), Some(secs(5000))).await;
    h.advance(secs(60)).await;
    assert!(h.dump(&id).await.is_some());
    b.assert_listed(&ann, &[]).await;
}

/// Listing takes the dead out of the index, and an index of none goes away in time.
pub async fn the_dead_are_pruned_from_the_index(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let alive = b
        .create(session(5000).bind(ann.clone()).max_lifetime(ttl(9000)))
        .await;
    for _ in 0..5 {
        b.create(session(100).bind(ann.clone()).max_lifetime(ttl(9000)))
            .await;
    }
    assert_eq!(h.index_len(&ann).await, Some(6));
    h.advance(secs(101)).await;
    b.assert_listed(&ann, &[&alive]).await;
    assert_eq!(h.index_len(&ann).await, Some(1));
    h.advance(secs(9000)).await;
    b.assert_listed(&ann, &[]).await;
    assert_eq!(h.index_len(&ann).await.unwrap_or(0), 0);
}

/// Listing is no use of any session.
pub async fn listing_touches_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(b.create(session(100).bind(ann.clone())).await);
    }
    ids.push(
        b.plant(
            with(guide_hash("100"), "session_principal", ann.as_str()),
            None,
        )
        .await,
    );
    h.advance(secs(40)).await;
    b.clock.forward(secs(40));
    let mut before = Vec::new();
    for id in &ids {
        before.push(b.snapshot(id).await);
    }
    for _ in 0..2 {
        assert!(b.listed(&ann).await.len() >= 3);
        for (id, before) in ids.iter().zip(&before) {
            b.assert_unchanged(id, before, "list_sessions").await;
        }
    }
}

/// It moves from one list to the other, by a write, a rotation, and back.
pub async fn binding_to_another_moves_the_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let id = b.create(session(100).bind(ann.clone())).await;
    let other = b.create(session(100).bind(ann.clone())).await;
    bind(&b, &id, &bob).await;
    b.assert_listed(&ann, &[&other]).await;
    b.assert_listed(&bob, &[&id]).await;
    let moved = rotate(&b, &id, Delta::new().bind(ann.clone())).await;
    b.assert_listed(&ann, &[&other, &moved]).await;
    b.assert_listed(&bob, &[]).await;
    bind(&b, &moved, &bob).await;
    bind(&b, &moved, &ann).await;
    b.assert_listed(&ann, &[&other, &moved]).await;
    b.assert_listed(&bob, &[]).await;
}

/// What was another's before is not ended with the other's sessions.
pub async fn the_former_principal_has_no_hold(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let id = b.create(session(100).bind(ann.clone())).await;
    bind(&b, &id, &bob).await;
    let revoked = b.revoke_session(&ann, &id.handle()).await;
    assert!(!revoked.expect("an answer"));
    assert_eq!(b.revoke_sessions(&ann, None).await.expect("an answer"), 0);
    assert!(b.is_alive(&id).await);
    assert_eq!(b.revoke_sessions(&bob, None).await.expect("an answer"), 1);
    assert!(!b.is_alive(&id).await);
}

/// A rotation keeps the binding: one entry, under the new handle, however often.
pub async fn a_rotated_session_stays_its_principals(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let mut id = b.create(session(100).bind(ann.clone())).await;
    for _ in 0..3 {
        let old = id;
        id = rotate(&b, &old, set("a", "b")).await;
        b.assert_listed(&ann, &[&id]).await;
        let record = b
            .peek_session(&id)
            .await
            .expect("an answer")
            .expect("a session");
        assert_eq!(record.principal(), Some(ann.clone()));
        let revoked = b.revoke_session(&ann, &old.handle()).await;
        assert!(!revoked.expect("an answer"));
        assert!(b.is_alive(&id).await);
    }
    let revoked = b.revoke_session(&ann, &id.handle()).await;
    assert!(revoked.expect("an answer"));
    assert!(!b.is_alive(&id).await);
}
