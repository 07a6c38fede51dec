//! Sessions named by their principal and public id.

use session_core::steps::{
    ReadOutcome, ReadRequest, RemoveOutcome, RemoveRequest, Target, WriteOutcome, WriteRequest,
};
use session_core::{Delta, ErrorKind, Principal, PublicId, Touch};

use crate::harness::Harness;
use crate::kit::{
    Bench, Finding, Step, add, assert_nothing_there, fresh_principal, fresh_public_id,
    in_other_case, name, secs, session, set, ttl, with,
};

/// What no principal's session is named by: another principal, another public id, one that differs
/// in the case of a letter, one that a session had before, one of a session that has ended or is
/// bound to nobody.
async fn strangers(b: &Bench<'_>, ann: &Principal) -> Vec<(Principal, PublicId)> {
    let bob = fresh_principal("bob");
    let bound = async |principal: &Principal| {
        let id = b.create(session(1000).bind(principal.clone())).await;
        let public_id = b.public_id(&id).await;
        (id, public_id)
    };
    let (_, own) = bound(ann).await;
    let (_, bobs) = bound(&bob).await;
    let unbound = b.create(session(1000)).await;
    let (again, former) = bound(ann).await;
    b.bind(&again, ann).await;
    let (moved, anns) = bound(ann).await;
    b.bind(&moved, &bob).await;
    let (left, of_left) = bound(ann).await;
    b.update(&left, Delta::new().unbind()).await;
    let (deleted, of_deleted) = bound(ann).await;
    assert!(b.delete(&deleted).await);
    let (expired, of_expired) = bound(ann).await;
    assert!(b.set_session_ttl(&expired, ttl(50)).done().await);
    // Another client bound it to somebody else.
    let (foreign, of_foreign) = bound(ann).await;
    let hash = b.stored(&foreign).await.fields().to_vec();
    let hash = with(hash, "session_principal", bob.as_str());
    b.h.plant(&foreign, hash, Some(secs(1000))).await;
    // And made this one no session.
    let (invalid, of_invalid) = bound(ann).await;
    let hash = b.stored(&invalid).await.fields().to_vec();
    let hash = with(hash, "session_ttl", "never");
    b.h.plant(&invalid, hash, Some(secs(1000))).await;
    b.h.advance(secs(51)).await;

    let nobody = fresh_principal("nobody");
    let mut strangers = vec![
        (bob.clone(), own),
        (nobody, own),
        (ann.clone(), bobs),
        (bob, anns),
    ];
    let of_ann = [
        fresh_public_id(),
        in_other_case(&own),
        PublicId::of_unbound(&unbound),
        PublicId::of_unbound(&again),
        former,
        anns,
        of_left,
        of_deleted,
        of_expired,
        of_foreign,
        of_invalid,
    ];
    strangers.extend(of_ann.map(|public_id| (ann.clone(), public_id)));
    strangers
}

fn target(principal: &Principal, public_id: PublicId) -> Target {
    Target::PublicId {
        principal: principal.clone(),
        public_id,
    }
}

/// The same record as by the id, and the touch that is asked for.
pub async fn a_read_by_public_id_is_a_read(h: &dyn Harness) {
    let age = secs(30);
    let b = Bench::with(h, |policy| policy.with_touch(Touch::IfOlderThan(age))).await;
    let ann = fresh_principal("ann");
    let id = b.create(session(100).bind(ann.clone())).await;
    b.create(session(100).bind(ann.clone())).await;
    let public_id = b.public_id(&id).await;
    b.pass(20).await;
    let before = b.snapshot(&id).await;
    let peeked = b.peek_session_of(&ann, &public_id).found().await;
    b.assert_unchanged(&id, &before, "peek_session_of").await;
    let got = b.get_session_of(&ann, &public_id).found().await;
    b.assert_unchanged(&id, &before, "get_session_of").await;
    for record in [got, b.peek(&id).await] {
        assert_eq!(record.fields(), peeked.fields());
        assert_eq!(record.public_id(), Some(public_id));
        let accessed = record.last_accessed_at_text();
        assert_eq!(accessed, peeked.last_accessed_at_text());
    }

    for touch in [Touch::Always, Touch::IfOlderThan(age)] {
        b.pass(35).await;
        let mut timer = b.timer().await;
        let request = ReadRequest::new(b.policy(), target(&ann, public_id), touch);
        let ReadOutcome::Found(record) = b.read(&request).done().await else {
            panic!("{touch:?}: not found");
        };
        let accessed = record.last_accessed_at_text();
        assert_eq!(accessed, b.clock.value(), "{touch:?}");
        timer.assert_remaining(record.ttl(), secs(100)).await;
        let accessed = b.stored_text(&id, "last_accessed_at").await;
        assert_eq!(accessed, Some(b.clock.text()));
    }
    h.advance(secs(35)).await;
    let mut timer = b.timer().await;
    let remaining = b.get_session_of(&ann, &public_id).found().await.ttl();
    timer.assert_remaining(remaining, secs(100)).await;
}

/// A rotation changes nothing about it.
pub async fn a_rotated_session_is_found_by_its_public_id(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let mut id = b.create(session(100).bind(ann.clone())).await;
    let public_id = b.public_id(&id).await;
    for n in 1..=4 {
        id = b.rotate(&id, add("n", 1)).await.id;
        let record = b.get_session_of(&ann, &public_id).found().await;
        assert_eq!(record.fields().get_str("n"), Some(&*n.to_string()));
    }
}

/// What names no session of the principal is not found, and nothing is changed.
pub async fn a_read_of_a_strangers_session_finds_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let strangers = strangers(&b, &ann).await;
    for (n, (principal, public_id)) in strangers.into_iter().enumerate() {
        let got = b.get_session_of(&principal, &public_id).done().await;
        assert_eq!(got, None, "stranger {n}");
        let peeked = b.peek_session_of(&principal, &public_id).done().await;
        assert_eq!(peeked, None, "stranger {n}");
        let request = ReadRequest::new(b.policy(), target(&principal, public_id), Touch::Always);
        let read = b.read(&request).done().await;
        assert_eq!(read, ReadOutcome::NotFound, "stranger {n}");
    }
}

/// All of a delta, as by the id; refusals too.
pub async fn a_write_by_public_id_is_a_write(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let id = b.create(session(100).bind(ann.clone())).await;
    let other = b.create(session(100).bind(ann.clone())).await;
    let public_id = b.public_id(&id).await;
    let untouched = b.snapshot(&other).await;
    let mut timer = b.timer().await;
    let delta = set("a", "1").increment(name("n"), 2).ttl(ttl(300));
    let delta = delta.remove(name("username")).returning_record();
    let written = b.update_session_of(&ann, &public_id, delta).found().await;
    assert_eq!(written.counter("n"), Some(2));
    let record = written.record.expect("a record");
    assert_eq!(record.public_id(), Some(public_id));
    timer.assert_expiry(&id, secs(300)).await;
    assert_eq!(b.stored_text(&id, "a").await.as_deref(), Some("1"));
    assert_eq!(b.stored(&id).await.field("username"), None);

    let before = b.snapshot(&id).await;
    for (delta, kind) in [
        (add("a", i64::MAX), ErrorKind::Overflow),
        (set("x", "").expect_absent(name("a")), ErrorKind::Conflict),
    ] {
        let refused = b.update_session_of(&ann, &public_id, delta).refused().await;
        assert_eq!(refused.kind(), kind);
        b.assert_unchanged(&id, &before, "a refused write").await;
    }

    let bind = Delta::new().bind(bob.clone());
    b.update_session_of(&ann, &public_id, bind).found().await;
    b.assert_listed(&ann, [&other]).await;
    b.assert_listed(&bob, [&id]).await;
    b.assert_unchanged(&other, &untouched, "another's write")
        .await;
}

/// What names no session of the principal is not found, and nothing is changed or created.
pub async fn a_write_to_a_strangers_session_changes_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    for (n, (principal, public_id)) in strangers(&b, &ann).await.into_iter().enumerate() {
        let listed = (b.listed(&ann).await, b.listed(&principal).await);
        let delta = set("a", "ghost").increment(name("page_views"), 1);
        let written = b.update_session_of(&principal, &public_id, delta.clone());
        assert_eq!(written.done().await, None, "stranger {n}");
        let bind = delta.bind(fresh_principal("ghost"));
        let request = WriteRequest::new(b.policy(), target(&principal, public_id), bind);
        let request = request.expect("a request within its limits");
        let written = b.write(&request).done().await;
        assert_eq!(written, WriteOutcome::NotFound, "stranger {n}");
        let after = (b.listed(&ann).await, b.listed(&principal).await);
        assert_eq!(after, listed, "stranger {n}");
        for public_id in listed.0 {
            let record = b.peek_session_of(&ann, &public_id).found().await;
            assert_eq!(record.fields().get("a"), None, "stranger {n}");
        }
    }
}

/// It is deleted as by its id, and no other is.
pub async fn a_removal_by_public_id_is_a_deletion(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let id = b.create(session(100).bind(ann.clone())).await;
    let other = b.create(session(100).bind(ann.clone())).await;
    let public_id = b.public_id(&id).await;
    let untouched = b.snapshot(&other).await;
    let request = RemoveRequest::new(target(&ann, public_id));
    let removed = b.remove(&request).done().await;
    assert_eq!(removed, RemoveOutcome::Removed);
    assert_nothing_there(&b, &id, "a session that was removed").await;
    b.assert_listed(&ann, [&other]).await;
    let again = b.remove(&request).done().await;
    assert_eq!(again, RemoveOutcome::NotFound);
    b.assert_unchanged(&other, &untouched, "another's removal")
        .await;

    let moved = b.rotate(&other, Delta::new()).await.id;
    let request = RemoveRequest::new(target(&ann, b.public_id(&moved).await));
    let removed = b.remove(&request).done().await;
    assert_eq!(removed, RemoveOutcome::Removed);
    assert_nothing_there(&b, &moved, "a rotated session that was removed").await;
}

/// What names no session of the principal ends nothing.
pub async fn a_removal_of_a_strangers_session_ends_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    for (n, (principal, public_id)) in strangers(&b, &ann).await.into_iter().enumerate() {
        let listed = (b.listed(&ann).await, b.listed(&principal).await);
        let request = RemoveRequest::new(target(&principal, public_id));
        let removed = b.remove(&request).done().await;
        assert_eq!(removed, RemoveOutcome::NotFound, "stranger {n}");
        let after = (b.listed(&ann).await, b.listed(&principal).await);
        assert_eq!(after, listed, "stranger {n}");
    }
}
