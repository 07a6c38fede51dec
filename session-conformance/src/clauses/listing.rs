//! A principal's list of sessions.

use std::time::Duration;

use session_core::{ListedSession, NewSession, Principal};

use crate::harness::Harness;
use crate::kit::{
    Bench, fresh_principal, fresh_public_id, guide_hash, lasting, secs, session, with, without,
};

/// Listed with its public id, its timestamps and the time of its log-in as stored; nobody else's
/// list has it.
pub async fn a_session_bound_at_creation_is_listed(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let id = b.create(session(100).bind(ann.clone())).await;
    let created = b.clock.text();
    b.clock.forward(secs(60));
    assert!(b.get_session(&id).await.expect("no error").is_some());
    let list = b.list_sessions(&ann).await.expect("a list");
    let (created, accessed) = (created.as_str().into(), b.clock.text().into());
    let record = b.peek_session(&id).await.expect("no error");
    let login_at = record.expect("a session").login_at();
    let expected = ListedSession::new(b.public_id(&id).await, created, accessed, login_at);
    assert_eq!(list, [expected]);
    b.assert_listed(&bob, &[]).await;
}

/// All of them, the nearest deadline first; sessions without a principal are in no list.
pub async fn the_list_begins_with_the_nearest_deadline(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let mut expected = Vec::new();
    for lifetime in [5000, 1000, 9000, 3000, 7000] {
        let new = session(100)
            .bind(ann.clone())
            .max_lifetime(lasting(lifetime));
        let id = b.create(new).await;
        expected.push((lifetime, b.public_id(&id).await));
        b.create(session(100)).await;
    }
    expected.sort();
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(_, public_id)| public_id)
        .collect();
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
            .max_lifetime(lasting(1000 + n));
        ids.push(b.create(new).await);
    }
    b.assert_listed(&ann, &ids.iter().collect::<Vec<_>>()).await;
}

/// Whatever their names: none is taken for another's prefix, pattern or key. They differ in one
/// byte, at any length, in the case of a letter, or in what another store would trim.
pub async fn principals_are_kept_apart_whatever_their_names(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let unique = fresh_public_id().to_string();
    let texts = [
        "ann",
        "Ann",
        "ann ",
        "ann:",
        "ann:1",
        "*",
        "ann*",
        "{ann}",
        "a\0",
        "a\r\nb",
        "🦀",
        "🦞",
        "[a]",
        "\"",
        "naïve",
        "naive",
        "nai\u{308}ve",
        " ",
        "\0",
        "\n",
        "\t",
    ];
    let mut names = vec![unique.clone()];
    for text in texts {
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
        b.assert_listed(principal, &[id]).await;
        let record = b
            .peek_session(id)
            .await
            .expect("no error")
            .expect("a session");
        assert_eq!(record.principal().as_ref(), Some(principal));
    }
    for (principal, _) in &bound {
        let ended = b.revoke_sessions(principal, None).await;
        assert_eq!(ended.expect("a number"), 1);
    }
}

/// Expired, deleted, at its deadline, or made invalid by another client: not listed.
pub async fn ended_sessions_are_not_listed(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let bound = |seconds| session(seconds).bind(ann.clone());
    let alive = b.create(bound(5000)).await;
    let deleted = b.create(bound(5000)).await;
    assert!(b.delete_session(&deleted).await.expect("no error"));
    let invalid = b.create(bound(5000)).await;
    h.plant(&invalid, without(guide_hash("100"), "created_at"), None)
        .await;
    let replaced = b.create(bound(5000)).await;
    h.plant(&replaced, guide_hash("5000"), Some(secs(5000)))
        .await;
    b.assert_listed(&ann, &[&alive]).await;
    let expiring = b.create(bound(100)).await;
    let ending = b.create(bound(5000).max_lifetime(lasting(100))).await;
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
        .create(session(100).bind(ann.clone()).max_lifetime(lasting(60)))
        .await;
    let key = b.stored(&id).await;
    h.plant(&id, key.fields().to_vec(), Some(secs(5000))).await;
    h.advance(secs(60)).await;
    assert!(h.dump(&id).await.is_some());
    b.assert_listed(&ann, &[]).await;
}

/// Listing takes the ended out of the index, and an index of none goes away in time.
pub async fn the_ended_are_pruned_from_the_index(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let alive = b
        .create(session(5000).bind(ann.clone()).max_lifetime(lasting(9000)))
        .await;
    for _ in 0..5 {
        b.create(session(100).bind(ann.clone()).max_lifetime(lasting(9000)))
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
