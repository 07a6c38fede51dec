//! Sessions that an operator ends.

use std::collections::HashSet;

use session_core::{
    Delta, ErrorKind, NewSession, OnExcess, PageRequest, PageSize, RevokeInPageRequest, Selection,
    Timestamp,
};

use crate::harness::Harness;
use crate::kit::{
    Bench, Operator, Step, assert_nothing_there, fresh_id, fresh_principal, guide_hash,
    in_other_case, lasting, limit, secs, session, with, without,
};
use crate::races;

/// The session of that public id has ended as if deleted, bound or not; the others are as they
/// were.
pub async fn an_operator_ends_that_session(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let others = [
        b.create(session(5000)).await,
        b.create(session(5000).bind(ann.clone())).await,
        b.create(session(5000).bind(bob.clone())).await,
        b.plant(guide_hash("100"), None).await,
    ];
    let before = b.snapshots(&others).await;
    let deadline = h.now().await.plus_millis(500_000).get().to_string();
    let foreign = with(guide_hash("100"), "session_principal", [0xff, 0xfe]);
    for id in [
        b.create(session(5000)).await,
        b.create(session(5000).bind(ann.clone())).await,
        b.create(session(5000).max_lifetime(lasting(6000))).await,
        b.plant(guide_hash("100"), None).await,
        b.plant(with(guide_hash("100"), "session_deadline", deadline), None)
            .await,
        b.plant(foreign, Some(secs(100))).await,
    ] {
        assert!(b.is_alive(&id).await);
        assert!(operator.revoke(&id).await);
        assert_nothing_there(&b, &id, "a session that was ended").await;
        assert!(!operator.revoke(&id).await, "there was none any more");
        b.assert_all_unchanged(&before, "another's end").await;
    }
    operator.assert_shows(&others, PageSize::MAX).await;
    b.assert_listed(&ann, [&others[1]]).await;
    b.assert_listed(&bob, [&others[2]]).await;
}

/// Bound and unbound ones, in one scan; one that has ended is not among those that it has ended.
pub async fn several_are_ended_in_one_scan(h: &dyn Harness) {
    let (b, operator) = (Bench::unlimited(h).await, Operator::new(h).await);
    let ann = fresh_principal("ann");
    let (mut ids, mut public_ids) = (Vec::new(), Vec::new());
    for n in 0..40 {
        let id = match n % 2 {
            0 => b.create(session(5000)).await,
            _ => b.create(session(5000).bind(ann.clone())).await,
        };
        public_ids.push(b.public_id(&id).await);
        ids.push(id);
    }
    assert!(b.delete(&ids[0]).await && b.delete(&ids[1]).await);
    let ended = operator.revoke_named(&public_ids[..30]).done().await;
    assert_eq!(ended, public_ids[2..30].iter().copied().collect());
    h.catch_up().await;
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(b.is_alive(id).await, n >= 30, "session {n}");
    }
    b.assert_listed(&ann, ids[30..].iter().skip(1).step_by(2))
        .await;
    assert!(operator.revoke_named(&[]).done().await.is_empty());
}

/// Ends what is meant of one page after the other: how many, and of how many that cannot be told.
async fn revoke_all(operator: &Operator<'_>, which: &Selection) -> (usize, u64) {
    let (mut ended, mut undecided) = (HashSet::new(), 0);
    let page = PageRequest::new(None, PageSize::DEFAULT);
    let mut request = RevokeInPageRequest::new(page, which.clone());
    loop {
        let revoked = operator.revoke_in_page(&request).done().await;
        for public_id in revoked.ended {
            assert!(ended.insert(public_id), "it had ended already");
        }
        undecided += revoked.undecided;
        request.page.cursor = revoked.next;
        if request.page.cursor.is_none() {
            return (ended.len(), undecided);
        }
    }
}

/// Bound or not, however many are on a page, while the store grows: in one pass none is missed.
pub async fn page_by_page_all_are_ended(h: &dyn Harness) {
    let (b, operator) = (Bench::unlimited(h).await, Operator::new(h).await);
    let ann = fresh_principal("ann");
    let mut ids = Vec::new();
    for n in 0..300 {
        ids.push(match n % 2 {
            0 => b.create(session(5000)).await,
            _ => b.create(session(5000).bind(ann.clone())).await,
        });
    }
    assert_eq!(revoke_all(&operator, &Selection::All).await, (300, 0));
    operator.assert_shows([], PageSize::MAX).await;
    assert_eq!(h.index_len(&ann).await, None);
}

/// By what is stored of their creation, to the second; what has no time is left alone, and counted.
pub async fn those_of_an_age_are_ended(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let mut left = Vec::new();
    for (created_at, is_left) in [
        ("2020-04-02T12:34:55+00:00", false),
        ("2020-04-02T14:34:55+02:00", false),
        ("2020-04-02T12:34:56+00:00", true),
        ("2020-04-02T12:34:56Z", true),
        ("2999-04-02T12:34:56+00:00", true),
        ("yesterday", true),
        ("", true),
    ] {
        let hash = with(guide_hash("5000"), "created_at", created_at);
        let id = b.plant(hash, Some(secs(5000))).await;
        left.extend(is_left.then_some(id));
    }
    let before = b.snapshots(&left).await;
    let time = Timestamp::parse("2020-04-02T12:34:56+00:00").expect("a time");
    let which = Selection::CreatedBefore(time);
    assert_eq!(revoke_all(&operator, &which).await, (2, 2));
    operator.assert_shows(&left, PageSize::MAX).await;
    b.assert_all_unchanged(&before, "the end of others").await;
    assert_eq!(revoke_all(&operator, &which).await, (0, 2));
}

/// One that differs in the case of a letter is another, and ends nobody.
pub async fn public_ids_are_compared_byte_for_byte(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    for new in [session(5000), session(5000).bind(fresh_principal("ann"))] {
        let id = b.create(new).await;
        let other = in_other_case(&b.public_id(&id).await);
        assert!(!operator.revoke_session(&other).done().await);
        assert!(b.is_alive(&id).await);
        assert!(operator.revoke(&id).await);
    }
}

/// It leaves its principal's list, and the index behind it.
pub async fn an_ended_session_is_unlisted(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let ann = fresh_principal("ann");
    let ids = [
        b.create(session(5000).bind(ann.clone())).await,
        b.create(session(5000).bind(ann.clone())).await,
    ];
    let unbound = b.create(session(5000)).await;
    let bind = Delta::new().bind(ann.clone());
    let late = b.rotate(&unbound, bind).await.id;
    assert_eq!(h.index_len(&ann).await, Some(3));
    assert!(operator.revoke(&ids[0]).await);
    assert_eq!(h.index_len(&ann).await, Some(2));
    b.assert_listed(&ann, [&ids[1], &late]).await;
    assert!(operator.revoke(&late).await);
    assert!(operator.revoke(&ids[1]).await);
    assert_eq!(h.index_len(&ann).await, None);
    b.assert_listed(&ann, []).await;
    let ended = b.revoke_sessions(&ann, None).done().await;
    assert_eq!(ended, 0);
}

/// One session in place of the one that was ended keeps a principal's limit.
pub async fn an_ended_session_makes_room(h: &dyn Harness) {
    let limit = limit(2, OnExcess::Refuse);
    let b = Bench::with(h, |policy| policy.with_principal_limit(limit)).await;
    let operator = Operator::new(h).await;
    let ann = fresh_principal("ann");
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(b.create(session(5000).bind(ann.clone())).await);
    }
    for _ in 0..3 {
        let new = session(5000).bind(ann.clone());
        let error = b.create_session(new).refused().await;
        assert_eq!(error.kind(), ErrorKind::TooManySessions);
        assert!(operator.revoke(&ids.remove(0)).await);
        ids.push(b.create(session(5000).bind(ann.clone())).await);
        b.assert_listed(&ann, [&ids[0], &ids[1]]).await;
    }
}

/// Whatever there was has ended: nothing to end, and nothing is changed.
pub async fn ending_what_has_ended_returns_false(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let ann = fresh_principal("ann");
    let expired = b.create(session(100).bind(ann.clone())).await;
    let ended = b.create(session(5000).max_lifetime(lasting(100))).await;
    let deleted = b.create(session(5000).bind(ann.clone())).await;
    assert!(b.delete(&deleted).await);
    let old = b.create(session(5000).bind(ann.clone())).await;
    let new = b.rotate(&old, Delta::new()).await.id;
    h.advance(secs(101)).await;
    for id in [&expired, &ended, &deleted, &old, &fresh_id()] {
        assert!(!operator.revoke(id).await);
        assert_eq!(h.dump(id).await, None);
    }
    assert!(b.is_alive(&new).await);
    b.assert_listed(&ann, [&new]).await;
}

/// What is no session is not ended, and stays as it is.
pub async fn what_is_no_session_is_not_ended(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let mut ids = Vec::new();
    for hash in [
        without(guide_hash("100"), "created_at"),
        guide_hash("0"),
        with(guide_hash("100"), "session_deadline", "1"),
        with(guide_hash("100"), "session_deadline", "soon"),
    ] {
        ids.push(b.plant(hash, None).await);
    }
    ids.push(fresh_id());
    h.plant_other_type(&ids[4]).await;
    for id in &ids {
        let before = b.snapshot(id).await;
        assert!(!operator.revoke(id).await);
        b.assert_unchanged(id, &before, "an operator").await;
    }
}

/// One of several hundred of a principal, wherever it is; the next ones are still found.
pub async fn one_of_hundreds_is_ended(h: &dyn Harness) {
    let (b, operator) = (Bench::unlimited(h).await, Operator::new(h).await);
    let ann = fresh_principal("ann");
    let mut ids = Vec::new();
    for n in 0..300 {
        let new = NewSession::default();
        ids.push(match n % 2 {
            0 => b.create(new).await,
            _ => b.create(new.bind(ann.clone())).await,
        });
    }
    for n in (0..300).rev().step_by(25) {
        let id = ids.remove(n);
        assert!(operator.revoke(&id).await, "session {n}");
        assert_eq!(h.dump(&id).await, None);
    }
    let counted = operator.count_sessions().done().await;
    assert_eq!(counted, ids.len() as u64);
    for id in &ids {
        assert!(b.is_alive(id).await);
    }
}

/// Of an operator's revocation, a log-out and other revocations of one session one is acknowledged.
pub async fn one_of_racing_endings_is_acknowledged(h: &dyn Harness) {
    races::endings(h, 10).await;
}

/// A rotation that races an operator has moved the session, or finds it ended.
pub async fn a_racing_rotation_escapes_or_is_told(h: &dyn Harness) {
    races::rotations_against_operator(h, 10).await;
}

/// After it was acknowledged nothing exists, though the session is in use meanwhile.
pub async fn nothing_comes_back_after_an_operator(h: &dyn Harness) {
    races::operator_against_uses(h, 10).await;
}
