//! What counts as use.

use std::time::Duration;

use session_core::{Delta, ErrorKind, Limit, Limits, NewSession, Touch};

use crate::harness::Harness;
use crate::kit::{
    Bench, Finding, Step, add, fields, fresh_principal, name, secs, session, set, ttl,
};

/// Asserts that this operation touches: it sets the last access, and the expiry to 100 s from now.
macro_rules! assert_touches {
    ($b:ident, $what:expr, |$id:ident| $operation:expr) => {{
        let $id = &$b.create(session(100)).await;
        let created = $b.clock.text();
        $b.pass(40).await;
        let mut timer = $b.timer().await;
        $operation;
        let key = $b.stored($id).await;
        timer.assert_expiry($id, secs(100)).await;
        let now = $b.clock.text();
        let accessed = key.field("last_accessed_at");
        assert_eq!(accessed, Some(now.as_bytes()), "{}", $what);
        let kept = key.field("created_at");
        assert_eq!(kept, Some(created.as_bytes()), "{}", $what);
    }};
}

/// A read touches, and returns the session as it is after that.
pub async fn a_read_touches(h: &dyn Harness) {
    let b = Bench::new(h).await;
    assert_touches!(b, "get_session", |id| {
        let mut timer = b.timer().await;
        let record = b.get(id).await;
        assert_eq!(record.last_accessed_at_text(), b.clock.value());
        timer.assert_remaining(record.ttl(), secs(100)).await;
    });
    assert_touches!(b, "get_session_with", |id| {
        let record = b.get_session_with(id, Touch::Always).found().await;
        assert_eq!(record.last_accessed_at_text(), b.clock.value());
    });
}

/// Peek and the two queries change nothing, however often.
pub async fn peeks_and_queries_change_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    b.pass(40).await;
    let before = b.snapshot(&id).await;
    for _ in 0..3 {
        let peeked = b.peek(&id).await;
        assert_ne!(peeked.last_accessed_at_text(), b.clock.value());
        b.assert_unchanged(&id, &before, "peek_session").await;
        b.ttl(&id).found().await;
        b.assert_unchanged(&id, &before, "ttl").await;
        b.configured_ttl(&id).found().await;
        b.assert_unchanged(&id, &before, "configured_ttl").await;
        b.get_session_with(&id, Touch::Never).found().await;
        b.assert_unchanged(&id, &before, "get_session_with").await;
    }
    h.advance(Duration::from_millis(60_001)).await;
    assert!(!b.is_alive(&id).await);
}

/// Every write touches, also one that changes nothing.
pub async fn every_write_touches(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for (what, delta) in [
        ("a set", set("theme", "dark")),
        ("a set of the same value", set("username", "andrew")),
        ("an increment", add("views", 1)),
        ("an increment by 0", add("views", 0)),
        ("a removal", Delta::new().remove(name("username"))),
        ("a removal of nothing", Delta::new().remove(name("absent"))),
        ("an empty delta", Delta::new()),
        (
            "an empty delta that returns",
            Delta::new().returning_record(),
        ),
        ("the same TTL", Delta::new().ttl(ttl(100))),
        ("a binding", Delta::new().bind(fresh_principal("ann"))),
        ("an unbinding of nobody's", Delta::new().unbind()),
    ] {
        assert_touches!(b, what, |id| {
            let remaining = b.update(id, delta).await.ttl;
            assert_eq!(remaining.whole_seconds(), Some(100), "{what}");
        });
    }
}

/// So do the operations that are made of writes.
pub async fn every_writing_operation_touches(h: &dyn Harness) {
    let b = Bench::new(h).await;
    assert_touches!(b, "increment_field", |id| {
        assert_eq!(b.count(id, "views", 1).await, 1);
    });
    assert_touches!(b, "remove_fields", |id| {
        assert!(b.remove_fields(id, vec![name("username")]).done().await);
    });
    assert_touches!(b, "remove_fields of none", |id| {
        assert!(b.remove_fields(id, Vec::new()).done().await);
    });
    assert_touches!(b, "set_session_ttl", |id| {
        assert!(b.set_session_ttl(id, ttl(100)).done().await);
    });
}

/// `Touch::Never`: the fields change, neither timestamp nor expiry does, and what is returned says
/// so.
pub async fn a_quiet_write_changes_only_fields(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for delta in [
        set("x", "1"),
        add("x", 1),
        set("x", "1").remove(name("username")),
        set("x", "1").increment(name("y"), 7),
    ] {
        let mut timer = b.timer().await;
        let id = b.create(session(100)).await;
        let created = b.clock.text();
        timer.advance(secs(40)).await;
        b.clock.forward(secs(40));
        let quiet = delta.touch(Touch::Never).returning_record();
        let written = b.update(&id, quiet).await;
        let key = b.stored(&id).await;
        timer.assert_expiry(&id, secs(100)).await;
        timer.assert_remaining(written.ttl, secs(100)).await;
        assert_eq!(key.field("x"), Some(b"1".as_slice()));
        assert_eq!(key.field("last_accessed_at"), Some(created.as_bytes()));
        let record = written.record.expect("a record");
        assert_eq!(record.last_accessed_at_text().as_str(), Ok(&*created));
    }
}

/// `get_session` is a peek under `Touch::Never`, and throttled under `IfOlderThan`.
pub async fn get_follows_the_policys_touch(h: &dyn Harness) {
    for (touch, touches_at) in [
        (Touch::Always, [true, true]),
        (Touch::Never, [false, false]),
        (Touch::IfOlderThan(secs(30)), [false, true]),
    ] {
        let b = Bench::with(h, |policy| policy.with_touch(touch)).await;
        for (age, touches) in [20, 40].into_iter().zip(touches_at) {
            let id = b.create(session(100)).await;
            b.pass(age).await;
            let shown = b.get(&id).await.last_accessed_at_text();
            let is_new = shown.as_str() == Ok(&*b.clock.text());
            assert_eq!(is_new, touches, "{touch:?} after {age} s");
            let left = b.expires_in(&id).await;
            let is_slid = left > secs(100 - age);
            assert_eq!(is_slid, touches, "{touch:?} after {age} s: {left:?} left");
        }
    }
}

/// A policy's touch is for `get_session`: a write touches under each.
pub async fn writes_do_not_follow_the_policys_touch(h: &dyn Harness) {
    let b = Bench::with(h, |policy| policy.with_touch(Touch::Never)).await;
    assert_touches!(b, "a write", |id| {
        b.update(id, set("a", "b")).await;
    });
}

/// A write that is refused changes neither timestamp nor expiry.
pub async fn a_refused_write_does_not_touch(h: &dyn Harness) {
    let limits = Limits::default().with_fields(3);
    let b = Bench::with(h, |policy| policy.with_limits(limits)).await;
    let full = fields([("text", "x"), ("max", "9223372036854775807")]);
    let id = b.create(NewSession::new(full).ttl(ttl(100))).await;
    b.pass(40).await;
    let grown = set("a", "1").set(name("b"), "2");
    let limit = ErrorKind::LimitExceeded(Limit::Fields);
    for (what, delta, kind) in [
        ("not an integer", add("text", 1), ErrorKind::NotAnInteger),
        ("an overflow", add("max", 1), ErrorKind::Overflow),
        ("too many fields", grown, limit),
    ] {
        b.assert_refused(&id, delta, kind, what).await;
    }
    let before = b.snapshot(&id).await;
    let error = b.increment_field(&id, name("text"), 1).refused().await;
    assert_eq!(error.kind(), ErrorKind::NotAnInteger);
    b.assert_unchanged(&id, &before, "increment_field").await;
}
