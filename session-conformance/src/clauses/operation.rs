//! What holds for every operation.

use session_core::{Delta, Limits, NewSession};

use crate::harness::Harness;
use crate::kit::{
    Bench, Finding, POLLS, SECRET, Step, add, assert_silent, fields, fresh_principal, guide_hash,
    name, poll_and_drop, rename_request, secs, session, set, shown, with,
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
    let id = b
        .create(NewSession::new(fields([
            ("a", "0"),
            ("b", "0"),
            ("n", "0"),
        ])))
        .await;
    for round in 1..=60 {
        let number = round.to_string();
        let delta = set("a", &number)
            .set(name("b"), &*number)
            .increment(name("n"), 1);
        let write = b.update_session(&id, delta);
        poll_and_drop(write, round % POLLS).await;
        let record = b.peek(&id).await;
        let fields = record.fields();
        assert_eq!(fields.get_str("a"), fields.get_str("b"), "round {round}");
    }
    let value = b.increment_field(&id, name("n"), 0).found().await;
    assert!(value <= 60);
}

/// After reads and writes that were dropped, every later reply belongs to its own request.
pub async fn dropped_operations_mix_up_no_replies(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let mut ids = Vec::new();
    for owner in ["ann", "bob", "cleo"] {
        ids.push((
            owner,
            b.create(NewSession::new(fields([("owner", owner)]))).await,
        ));
    }
    for (round, count) in (0..60).zip(1_i64..) {
        for (n, (owner, id)) in ids.iter().enumerate() {
            let (_, other) = &ids[(n + 1) % ids.len()];
            poll_and_drop(b.get_session(other), round % POLLS).await;
            poll_and_drop(b.update_session(other, set("x", "y")), (round + 1) % POLLS).await;
            poll_and_drop(b.ttl(other), (round + 2) % POLLS).await;
            let record = b.get(id).await;
            assert_eq!(
                record.fields().get_str("owner"),
                Some(*owner),
                "round {round}"
            );
            let written = b.update_session(id, add("n", 1).returning_record()).await;
            let written = written.expect("no error").expect("a session");
            assert_eq!(written.counter("n"), Some(count), "round {round}");
            let record = written.record.expect("a record");
            assert_eq!(
                record.fields().get_str("owner"),
                Some(*owner),
                "round {round}"
            );
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
        poll_and_drop(
            b.update_session(&id, Delta::new().bind(ann.clone())),
            round % POLLS,
        )
        .await;
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
    let new = new.bind(session_core::Principal::new(SECRET).expect("a principal"));
    let created = b.create_session(new).done().await;
    let id = created.id.clone();
    assert_silent(
        &format!("{created:?} {created:#?}"),
        &id,
        "a created session",
    );
    let record = b.get_session(&id).done().await;
    assert_silent(&format!("{record:?} {record:#?}"), &id, "a record");
    let hidden = with(guide_hash("100"), [0xff, 0xfe], SECRET);
    let hidden = with(
        with(hidden, "created_at", SECRET),
        "last_accessed_at",
        SECRET,
    );
    let foreign = b.plant(hidden, Some(secs(100))).await;
    let record = b.peek_session(&foreign).done().await;
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
        let error = b
            .update_session(&id, delta.clone())
            .await
            .expect_err("refused");
        assert_silent(&shown(&error), &id, "an error");
        let error = b.rotate_session(&id, delta).await.expect_err("refused");
        assert_silent(&shown(&error), &id, "an error");
    }
}
