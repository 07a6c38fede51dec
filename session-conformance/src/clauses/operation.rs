//! What holds for every operation.

use session_core::{Delta, Limits, NewSession, Principal};

use crate::harness::Harness;
use crate::kit::{
    Bench, POLLS, SECRET, Step, add, assert_silent, fields, fresh_principal, guide_hash, name,
    poll_and_drop, rename_request, secs, session, set, shown, with,
};

/// The store replies, and nothing changes.
pub async fn ping_succeeds(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    let before = b.snapshot(&id).await;
    for _ in 0..3 {
        b.ping().done().await;
        b.assert_unchanged(&id, &before, "ping").await;
    }
}

/// After a write that was dropped, its delta is in the session as a whole or not at all.
pub async fn a_dropped_write_is_whole_or_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let new = fields([("a", "0"), ("b", "0"), ("n", "0")]);
    let id = b.create(NewSession::new(new)).await;
    for round in 1..=60 {
        let number = round.to_string();
        let delta = set("a", &number).set(name("b"), &*number);
        let write = b.update_session(&id, delta.increment(name("n"), 1));
        poll_and_drop(write, round % POLLS).await;
        let record = b.peek(&id).await;
        let fields = record.fields();
        assert_eq!(fields.get_str("a"), fields.get_str("b"), "round {round}");
    }
    assert!(b.count(&id, "n", 0).await <= 60);
}

/// After reads and writes that were dropped, every later reply belongs to its own request.
pub async fn dropped_operations_mix_up_no_replies(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let mut ids = Vec::new();
    for owner in ["ann", "bob", "cleo"] {
        let new = NewSession::new(fields([("owner", owner)]));
        ids.push((owner, b.create(new).await));
    }
    for (round, count) in (0..60).zip(1_i64..) {
        for (n, (owner, id)) in ids.iter().enumerate() {
            let (_, other) = &ids[(n + 1) % ids.len()];
            poll_and_drop(b.get_session(other), round % POLLS).await;
            poll_and_drop(b.update_session(other, set("x", "y")), (round + 1) % POLLS).await;
            poll_and_drop(b.ttl(other), (round + 2) % POLLS).await;
            let read = b.get(id).await;
            let written = b.update(id, add("n", 1).returning_record()).await;
            assert_eq!(written.counter("n"), Some(count), "round {round}");
            for record in [read, written.record.expect("a record")] {
                let shown = record.fields().get_str("owner");
                assert_eq!(shown, Some(*owner), "round {round}");
            }
        }
    }
}

/// After a rotation that was dropped, the session is under one of its two ids.
pub async fn a_dropped_rotation_moves_or_not(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for round in 0..30 {
        let from = b.create(session(100)).await;
        let to = b.successor_id(&from).expect("an id");
        let request = rename_request(b.policy(), &from, &to, set("a", "b"));
        poll_and_drop(b.rename(&request), round % POLLS).await;
        // It may still be on its way. If it is not found here, it has arrived there.
        if !b.is_alive(&from).await {
            assert!(b.is_alive(&to).await, "round {round}: lost");
        }
        // And if it has arrived there, it is not found here.
        if b.is_alive(&to).await {
            assert!(!b.is_alive(&from).await, "round {round}: doubled");
            assert_eq!(b.stored_text(&to, "a").await.as_deref(), Some("b"));
        }
    }
}

/// After a login that was dropped, the session is bound as a whole or not at all.
pub async fn a_dropped_binding_is_whole_or_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for round in 0..30 {
        let ann = fresh_principal("ann");
        let id = b.create(session(100)).await;
        let write = b.update_session(&id, Delta::new().bind(ann.clone()));
        poll_and_drop(write, round % POLLS).await;
        let record = b.peek(&id).await;
        assert_eq!(record.principal().is_some(), record.deadline().is_some());
        if record.principal().is_some() {
            b.assert_listed(&ann, [&id]).await;
        }
    }
}

/// Neither the backend nor a record shows an id or a value.
pub async fn nothing_secret_is_shown(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let new = NewSession::new(fields([("password", SECRET)]));
    let new = new.bind(Principal::new(SECRET).expect("a principal"));
    let created = b.create_session(new).done().await;
    let id = created.id.clone();
    let text = format!("{created:?} {created:#?}");
    assert_silent(&text, &id, "a created session");
    let record = b.get(&id).await;
    assert_silent(&format!("{record:?} {record:#?}"), &id, "a record");
    let hidden = with(guide_hash("100"), [0xff, 0xfe], SECRET);
    let hidden = with(hidden, "created_at", SECRET);
    let hidden = with(hidden, "last_accessed_at", SECRET);
    let foreign = b.plant(hidden, Some(secs(100))).await;
    let record = b.peek(&foreign).await;
    assert_silent(&format!("{record:?} {record:#?}"), &foreign, "a record");
    let delta = Delta::new().returning_record();
    let rotated = b.rotate(&id, delta).await;
    assert_silent(&format!("{rotated:?}"), &rotated.id, "a rotated session");
    let backend = format!("{:?} {:#?}", b.shared(), b.shared());
    for id in [&id, &rotated.id, &foreign] {
        assert_silent(&backend, id, "the backend");
    }
}

/// Nor does an error, its sources included.
pub async fn no_error_shows_a_secret(h: &dyn Harness) {
    let limits = Limits::default().with_fields(2).with_value_bytes(40);
    let b = Bench::with(h, |policy| policy.with_limits(limits)).await;
    let new = fields([("password", SECRET), ("max", "9223372036854775807")]);
    let id = b.create(NewSession::new(new)).await;
    let long = format!("{SECRET}{}", "x".repeat(40));
    for delta in [
        add("password", 1),
        add("max", 1).set(name("password"), SECRET),
        set("new", SECRET),
        set("password", &long),
    ] {
        let error = b.update_session(&id, delta.clone()).refused().await;
        assert_silent(&shown(&error), &id, "an error");
        let error = b.rotate_session(&id, delta).refused().await;
        assert_silent(&shown(&error), &id, "an error");
    }
}
