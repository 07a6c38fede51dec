//! A principal's list of sessions.

use std::time::Duration;

use session_core::{ListedSession, Principal};

use crate::harness::Harness;
use crate::kit::{
    Bench, Step, fresh_principal, fresh_public_id, guide_hash, lasting, secs, session, with,
    without,
};

/// Listed with its public id, its timestamps and the time of its log-in as stored; nobody else's
/// list has it.
pub async fn a_session_bound_at_creation_is_listed(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let id = b.create(session(100).bind(ann.clone())).await;
    let created = b.clock.text();
    b.clock.forward(secs(60));
    b.get(&id).await;
    let list = b.list_sessions(&ann).done().await;
    let (created, accessed) = (created.as_str().into(), b.clock.text().into());
    let login_at = b.peek(&id).await.login_at();
    let expected = ListedSession::new(b.public_id(&id).await, created, accessed, login_at);
    assert_eq!(list, [expected]);
    b.assert_listed(&bob, []).await;
}

/// All of many, the nearest deadline first; sessions without a principal are in no list.
pub async fn the_list_begins_with_the_nearest_deadline(h: &dyn Harness) {
    let b = Bench::unlimited(h).await;
    let ann = fresh_principal("ann");
    let mut expected = Vec::new();
    for n in 0..300 {
        // Every minute of five hours once, in another order.
        let lifetime = 1000 + 60 * (n * 7 % 300);
        let new = session(100).max_lifetime(lasting(lifetime));
        if n % 30 == 0 {
            b.create(new.clone()).await;
        }
        let id = b.create(new.bind(ann.clone())).await;
        expected.push((lifetime, b.public_id(&id).await));
    }
    expected.sort();
    let expected: Vec<_> = expected.into_iter().map(|(_, it)| it).collect();
    assert_eq!(b.listed(&ann).await, expected);
}

/// Whatever their names: none is taken for another's prefix, pattern or key. They differ in one
/// byte, at any length, in the case of a letter, or in what another store would trim.
pub async fn principals_are_kept_apart_whatever_their_names(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let unique = fresh_public_id().to_string();
    let texts = [
        "ann", "Ann", "ann ", "ann:", "ann:1", "*", "ann*", "{ann}", "a\0", "a\r\nb", "🦀", "🦞",
        "[a]", "\"", "naïve", "naive", " ", "\0", "\n", "\t",
    ];
    let mut names = vec![unique.clone()];
    for text in texts.into_iter().chain(["nai\u{308}ve"]) {
        names.extend([format!("{text}{unique}"), format!("{unique}{text}")]);
    }
    for common in [32, 64, 100, 127, 128, 191, Principal::MAX_LEN - 1] {
        let padded = format!("{unique:x<common$}");
        names.extend(["a", "b"].map(|last| format!("{padded}{last}")));
    }
    let mut bound = Vec::new();
    for name in names {
        let principal = Principal::new(name).expect("a principal");
        let id = b.create(session(100).bind(principal.clone())).await;
        bound.push((principal, id));
    }
    for (principal, id) in &bound {
        b.assert_listed(principal, [id]).await;
        let record = b.peek(id).await;
        assert_eq!(record.principal().as_ref(), Some(principal));
    }
    for (principal, _) in &bound {
        let ended = b.revoke_sessions(principal, None).done().await;
        assert_eq!(ended, 1);
    }
}

/// Expired, deleted, at its deadline, or made invalid by another client: not listed.
pub async fn ended_sessions_are_not_listed(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let bound = |seconds| session(seconds).bind(ann.clone());
    let alive = b.create(bound(5000)).await;
    let deleted = b.create(bound(5000)).await;
    assert!(b.delete(&deleted).await);
    let invalid = b.create(bound(5000)).await;
    h.plant(&invalid, without(guide_hash("100"), "created_at"), None)
        .await;
    let replaced = b.create(bound(5000)).await;
    h.plant(&replaced, guide_hash("5000"), Some(secs(5000)))
        .await;
    b.assert_listed(&ann, [&alive]).await;
    let expiring = b.create(bound(100)).await;
    let ending = b.create(bound(5000).max_lifetime(lasting(100))).await;
    b.assert_listed(&ann, [&alive, &expiring, &ending]).await;
    h.advance(Duration::from_millis(100_001)).await;
    b.assert_listed(&ann, [&alive]).await;
    assert!(b.is_alive(&alive).await);
}

/// A deadline that has passed unlists a session whose key another client keeps alive.
pub async fn a_session_at_its_deadline_is_not_listed(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let new = session(100).bind(ann.clone()).max_lifetime(lasting(60));
    let id = b.create(new).await;
    let hash = b.stored(&id).await.fields().to_vec();
    h.plant(&id, hash, Some(secs(5000))).await;
    b.assert_listed(&ann, [&id]).await;
    h.advance(secs(60)).await;
    assert!(h.dump(&id).await.is_some());
    b.assert_listed(&ann, []).await;
}

/// Listing takes the ended out of the index, and an index of none goes away in time.
pub async fn the_ended_are_pruned_from_the_index(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let new = |ttl| session(ttl).bind(ann.clone()).max_lifetime(lasting(9000));
    let alive = b.create(new(5000)).await;
    for _ in 0..5 {
        b.create(new(100)).await;
    }
    assert_eq!(h.index_len(&ann).await, Some(6));
    h.advance(secs(101)).await;
    b.assert_listed(&ann, [&alive]).await;
    assert_eq!(h.index_len(&ann).await, Some(1));
    h.advance(secs(9000)).await;
    b.assert_listed(&ann, []).await;
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
    let hash = with(guide_hash("100"), "session_principal", ann.as_str());
    let hash = with(hash, "session_deadline", "999999999999999");
    ids.push(b.plant(hash, None).await);
    b.pass(40).await;
    let before = b.snapshots(&ids).await;
    for _ in 0..2 {
        assert!(b.listed(&ann).await.len() >= 3);
        b.assert_all_unchanged(&before, "list_sessions").await;
    }
}
