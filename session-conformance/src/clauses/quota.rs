//! How many sessions a principal may have.

use session_core::steps::{InsertOutcome, RenameOutcome};
use session_core::{Delta, ErrorKind, Limit, Limits, NewSession, OnExcess, Principal};

use crate::harness::Harness;
use crate::kit::{
    Bench, Step, add, assert_nothing_there, fresh_id, fresh_principal, guide_hash, insert_request,
    lasting, limit, name, rename_request, secs, session, set, with, without,
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
    let unlimited = Bench::unlimited(h).await;
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

/// The oldest log-in ends: not the nearest deadline, nor the session that was created first, nor
/// the one that is bound.
pub async fn the_oldest_log_in_is_evicted(h: &dyn Harness) {
    let b = limited(h, 3, OnExcess::EvictOldest).await;
    let ann = fresh_principal("ann");
    let (by_write, by_rotation) = (
        b.create(session(100).max_lifetime(lasting(80_000))).await,
        b.create(session(100)).await,
    );
    let mut logged_in = Vec::new();
    for lifetime in [9000, 1000, 5000] {
        b.pass(1).await;
        logged_in.push(b.create(bound(&ann, lifetime)).await);
    }
    let [first, second, third] = &*logged_in else {
        unreachable!("three")
    };
    b.assert_listed(&ann, &logged_in).await;

    b.pass(1).await;
    let by_creation = b.create(bound(&ann, 900)).await;
    assert_nothing_there(&b, first, "an evicted session").await;
    b.assert_listed(&ann, [second, third, &by_creation]).await;

    b.pass(1).await;
    b.update(&by_write, bind(&ann)).await;
    assert_nothing_there(&b, second, "an evicted session").await;
    b.assert_listed(&ann, [third, &by_creation, &by_write])
        .await;

    b.pass(1).await;
    let by_rotation = b.rotate(&by_rotation, bind(&ann)).await.id;
    assert_nothing_there(&b, third, "an evicted session").await;
    b.assert_listed(&ann, [&by_creation, &by_write, &by_rotation])
        .await;
}

/// The session that is being bound stays, though its own log-in was the oldest; then it is the
/// newest one.
pub async fn the_bound_session_is_not_evicted(h: &dyn Harness) {
    let b = limited(h, 2, OnExcess::EvictOldest).await;
    let ann = fresh_principal("ann");
    let first = b.create(bound(&ann, 1000)).await;
    b.pass(1).await;
    let second = b.create(bound(&ann, 9000)).await;
    // Bound again: it keeps its place, and nobody else's is taken.
    b.pass(1).await;
    b.update(&first, bind(&ann)).await;
    let first = b.rotate(&first, bind(&ann)).await.id;
    b.assert_listed(&ann, [&first, &second]).await;
    b.pass(1).await;
    let third = b.create(bound(&ann, 5000)).await;
    b.assert_listed(&ann, [&first, &third]).await;
    assert_nothing_there(&b, &second, "an evicted session").await;
}

/// Sessions that do not say when they were logged in are the oldest, the least public id first.
pub async fn sessions_without_a_log_in_are_the_oldest(h: &dyn Harness) {
    let b = limited(h, 3, OnExcess::EvictOldest).await;
    let ann = fresh_principal("ann");
    let old = b.create(bound(&ann, 1000)).await;
    let mut unknown = Vec::new();
    for text in [None, Some("never")] {
        b.pass(1).await;
        let id = b.create(bound(&ann, 9000)).await;
        let hash = without(b.stored(&id).await.fields().to_vec(), "session_login_at");
        let hash = text.map_or(hash.clone(), |text| with(hash, "session_login_at", text));
        h.plant(&id, hash, Some(secs(9000))).await;
        unknown.push((b.public_id(&id).await, id));
    }
    unknown.sort_unstable_by_key(|(public_id, _)| *public_id);
    b.pass(1).await;
    let mut left = vec![old];
    for n in [1, 2] {
        left.push(b.create(bound(&ann, 500)).await);
        let unknown = unknown.iter().skip(n).map(|(_, id)| id);
        b.assert_listed(&ann, left.iter().chain(unknown)).await;
        b.pass(1).await;
    }
}

/// As many as it takes, when the limit was higher before; ended ones take nobody's place.
pub async fn as_many_are_evicted_as_it_takes(h: &dyn Harness) {
    let unlimited = Bench::unlimited(h).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let others = unlimited.create(bound(&bob, 100)).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        unlimited.pass(1).await;
        ids.push(unlimited.create(bound(&ann, 9000 - 1000 * n)).await);
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

/// Very many more than a limit that came later: as few are left as it says.
pub async fn very_many_are_evicted_for_a_new_limit(h: &dyn Harness) {
    let unlimited = Bench::unlimited(h).await;
    let ann = fresh_principal("ann");
    for n in 0..300 {
        unlimited.create(bound(&ann, 1000 + n)).await;
    }
    let b = limited(h, 2, OnExcess::EvictOldest).await;
    b.pass(1).await;
    let new = b.create(bound(&ann, 900)).await;
    let listed = b.listed(&ann).await;
    assert!(listed.len() == 2 && listed.contains(&b.public_id(&new).await));
}

/// Without another word a principal has at most a hundred sessions.
pub async fn a_hundred_sessions_are_the_default(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let first = b.create(bound(&ann, 9000)).await;
    b.pass(1).await;
    let mut ids = Vec::new();
    for n in 0..100 {
        assert!(b.is_alive(&first).await, "after {n}");
        ids.push(b.create(bound(&ann, 1000)).await);
    }
    assert_nothing_there(&b, &first, "an evicted session").await;
    b.assert_listed(&ann, &ids).await;
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
