//! How many sessions a principal may have.

use session_core::steps::{InsertOutcome, RenameOutcome};
use session_core::{Delta, ErrorKind, Limit, Limits, NewSession, OnExcess, Principal};

use crate::harness::Harness;
use crate::kit::{
    Bench, Step, add, assert_nothing_there, fresh_id, fresh_principal, guide_hash, insert_request,
    lasting, limit, name, rename_request, secs, session, set,
};
use crate::races;

/// A workbench whose policy limits each principal's sessions.
async fn limited(h: &dyn Harness, max: u32, on_excess: OnExcess) -> Bench<'_> {
    let limit = limit(max, on_excess);
    Bench::with(h, |policy| policy.with_principal_limit(limit)).await
}

/// A session of a principal that ends after so many seconds at the latest.
fn bound(principal: &Principal, lifetime: u64) -> NewSession {
    let new = session(100_000).max_lifetime(lasting(lifetime));
    new.bind(principal.clone())
}

fn bind(principal: &Principal) -> Delta {
    set("a", "b").bind(principal.clone())
}

/// Asserts that there is no room for one more.
async fn assert_too_many(b: &Bench<'_>, principal: &Principal) {
    let error = b.create_session(bound(principal, 3000)).refused().await;
    assert_eq!(error.kind(), ErrorKind::TooManySessions);
}

/// By a creation, a write and a rotation; nothing changes, no list either.
pub async fn a_binding_beyond_the_limit_is_refused(h: &dyn Harness) {
    let b = limited(h, 2, OnExcess::Refuse).await;
    let ann = fresh_principal("ann");
    let first = b.create(bound(&ann, 1000)).await;
    let second = b.create(bound(&ann, 2000)).await;
    let unbound = b.create(session(100)).await;
    b.pass(40).await;
    assert_too_many(&b, &ann).await;
    let kind = ErrorKind::TooManySessions;
    b.assert_refused(&unbound, bind(&ann), kind, "a binding")
        .await;
    b.assert_listed(&ann, [&first, &second]).await;

    let bob = fresh_principal("bob");
    b.create(bound(&bob, 1000)).await;
    b.update(&unbound, bind(&bob)).await;
}

/// A session that expired, was deleted, was revoked or reached its deadline leaves its place.
pub async fn ended_sessions_do_not_count(h: &dyn Harness) {
    let b = limited(h, 1, OnExcess::Refuse).await;
    let ann = fresh_principal("ann");
    let expiring = session(100).bind(ann.clone());
    let id = b.create(expiring.clone()).await;
    assert_too_many(&b, &ann).await;
    assert!(b.delete(&id).await);
    let id = b.create(expiring.clone()).await;
    let public_id = b.public_id(&id).await;
    assert!(b.revoke_session(&ann, &public_id).done().await);
    b.create(expiring).await;
    h.advance(secs(101)).await;
    b.create(bound(&ann, 100)).await;
    assert_too_many(&b, &ann).await;
    h.advance(secs(101)).await;
    let id = b.create(bound(&ann, 100)).await;
    b.assert_listed(&ann, [&id]).await;
}

/// Many ended ones, more than are looked at in one batch.
pub async fn very_many_ended_sessions_do_not_count(h: &dyn Harness) {
    let unlimited = Bench::new(h).await;
    let ann = fresh_principal("ann");
    for _ in 0..300 {
        unlimited.create(session(100).bind(ann.clone())).await;
    }
    h.advance(secs(101)).await;
    let b = limited(h, 1, OnExcess::Refuse).await;
    let id = b.create(bound(&ann, 90_000)).await;
    assert_too_many(&b, &ann).await;
    b.assert_listed(&ann, [&id]).await;
}

/// Binding it again, and rotating it, take no second place.
pub async fn a_bound_session_does_not_count_twice(h: &dyn Harness) {
    let b = limited(h, 1, OnExcess::Refuse).await;
    let ann = fresh_principal("ann");
    let id = b.create(bound(&ann, 1000)).await;
    b.update(&id, bind(&ann)).await;
    let id = b.rotate(&id, bind(&ann)).await.id;
    let id = b.rotate(&id, Delta::new()).await.id;
    b.assert_listed(&ann, [&id]).await;
    assert_too_many(&b, &ann).await;
}

/// A session that is bound to another leaves its place.
pub async fn a_session_bound_to_another_does_not_count(h: &dyn Harness) {
    let b = limited(h, 1, OnExcess::Refuse).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let id = b.create(bound(&ann, 1000)).await;
    b.update(&id, bind(&bob)).await;
    let next = b.create(bound(&ann, 1000)).await;
    b.assert_listed(&ann, [&next]).await;
    b.assert_listed(&bob, [&id]).await;
}

/// The nearest deadline ends, not the oldest session nor the one that is bound.
pub async fn the_nearest_deadline_is_evicted(h: &dyn Harness) {
    let b = limited(h, 3, OnExcess::EvictOldest).await;
    let ann = fresh_principal("ann");
    let far = b.create(bound(&ann, 9000)).await;
    let near = b.create(bound(&ann, 1000)).await;
    let middle = b.create(bound(&ann, 5000)).await;
    b.assert_listed(&ann, [&far, &near, &middle]).await;

    let by_creation = b.create(bound(&ann, 7000)).await;
    assert_nothing_there(&b, &near, "an evicted session").await;
    b.assert_listed(&ann, [&far, &middle, &by_creation]).await;

    let by_write = b.create(session(100).max_lifetime(lasting(8000))).await;
    b.update(&by_write, bind(&ann)).await;
    assert_nothing_there(&b, &middle, "an evicted session").await;
    b.assert_listed(&ann, [&far, &by_creation, &by_write]).await;

    let old = b.create(session(100)).await;
    let by_rotation = b.rotate(&old, bind(&ann)).await.id;
    assert_nothing_there(&b, &by_creation, "an evicted session").await;
    b.assert_listed(&ann, [&far, &by_write, &by_rotation]).await;
}

/// The session that is being bound stays, though its own deadline is the nearest.
pub async fn the_bound_session_is_not_evicted(h: &dyn Harness) {
    let b = limited(h, 2, OnExcess::EvictOldest).await;
    let ann = fresh_principal("ann");
    let far = b.create(bound(&ann, 9000)).await;
    let near = b.create(bound(&ann, 5000)).await;
    let nearest = b.create(bound(&ann, 1000)).await;
    b.assert_listed(&ann, [&far, &nearest]).await;
    assert!(!b.is_alive(&near).await);
    // Bound again: it keeps its place, and nobody else's is taken.
    b.update(&nearest, bind(&ann)).await;
    let nearest = b.rotate(&nearest, bind(&ann)).await.id;
    b.assert_listed(&ann, [&far, &nearest]).await;
}

/// As many as it takes, when the limit was higher before; ended ones take nobody's place.
pub async fn as_many_are_evicted_as_it_takes(h: &dyn Harness) {
    let unlimited = Bench::new(h).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let others = unlimited.create(bound(&bob, 100)).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(unlimited.create(bound(&ann, 1000 * (n + 1))).await);
    }
    assert!(unlimited.delete(&ids[3]).await);
    let b = limited(h, 3, OnExcess::EvictOldest).await;
    let new = b.create(bound(&ann, 900)).await;
    b.assert_listed(&ann, [&ids[2], &ids[4], &new]).await;
    for id in [&ids[2], &ids[4], &new, &others] {
        assert!(b.is_alive(id).await);
    }
    for id in [&ids[0], &ids[1]] {
        assert_nothing_there(&b, id, "an evicted session").await;
    }
}

/// Whatever refuses a binding, it makes no room: nobody ends for a session that is not bound.
pub async fn a_refused_binding_evicts_nobody(h: &dyn Harness) {
    let limit = limit(2, OnExcess::EvictOldest);
    let limits = Limits::default().with_fields(2);
    let b = Bench::with(h, |policy| {
        policy.with_principal_limit(limit).with_limits(limits)
    })
    .await;
    let ann = fresh_principal("ann");
    let bound = [
        b.create(bound(&ann, 1000)).await,
        b.create(bound(&ann, 2000)).await,
    ];
    let unbound = b.create(session(100)).await;
    let [first, second] = bound.clone();
    let before = b.snapshots(&[first, second, unbound.clone()]).await;
    let assert_nothing_changed = async |what: &str| {
        b.assert_all_unchanged(&before, what).await;
        b.assert_listed(&ann, &bound).await;
    };

    let conflict = bind(&ann).expect_absent(name("username"));
    let grown = set("b", "1").set(name("c"), "2").bind(ann.clone());
    let limit = ErrorKind::LimitExceeded(Limit::Fields);
    for (delta, kind) in [
        (conflict, ErrorKind::Conflict),
        (
            add("username", 1).bind(ann.clone()),
            ErrorKind::NotAnInteger,
        ),
        (grown, limit),
    ] {
        let what = format!("{kind:?}");
        b.assert_refused(&unbound, delta, kind, &what).await;
        assert_nothing_changed(&what).await;
    }

    let unknown = fresh_id();
    let written = b.update_session(&unknown, bind(&ann)).done().await;
    assert_eq!(written, None);
    assert_nothing_changed("a write to no session").await;
    let rotated = b.rotate_session(&unknown, bind(&ann)).done().await;
    assert_eq!(rotated, None);
    assert_nothing_changed("a rotation of no session").await;

    let taken = b.successor_id(&unbound).expect("an id");
    h.plant(&taken, guide_hash("100"), Some(secs(100))).await;
    let request = rename_request(b.policy(), &unbound, &taken, bind(&ann));
    let outcome = b.rename(&request).done().await;
    assert_eq!(outcome, RenameOutcome::IdTaken);
    assert_nothing_changed("a rotation to a taken id").await;
    let request = insert_request(b.policy(), &taken, session(100).bind(ann.clone()));
    let outcome = b.insert(&request).done().await;
    assert_eq!(outcome, InsertOutcome::IdTaken);
    assert_nothing_changed("an insert under a taken id").await;
}

/// Logins that race each other do not exceed the limit together.
pub async fn racing_logins_keep_the_limit(h: &dyn Harness) {
    races::logins_against_limit(h, 20).await;
}
