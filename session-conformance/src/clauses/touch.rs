//! What counts as use.

use std::time::Duration;

use session_core::{Delta, ErrorKind, Limits, NewSession, Touch};

use crate::harness::Harness;
use crate::kit::{Bench, add, fields, fresh_principal, name, secs, session, set, ttl};

/// Asserts that this operation touches: it sets the last access, and the expiry to 100 s from now.
macro_rules! assert_touches {
    ($b:ident, $what:expr, |$id:ident| $operation:expr) => {{
        let $id = &$b.create(session(100)).await;
        let created = $b.clock.text();
        $b.h.advance(secs(40)).await;
        $b.clock.forward(secs(40));
        let mut timer = $b.timer().await;
        $operation;
        let key = $b.stored($id).await;
        let left = key.expires_in.expect("an expiry");
        timer.elapsed().await.assert_left(left, secs(100));
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
        let record = b
            .get_session(id)
            .await
            .expect("no error")
            .expect("a session");
        assert_eq!(
            record.last_accessed_at_text().as_str(),
            Ok(&*b.clock.text())
        );
        timer
            .elapsed()
            .await
            .assert_remaining(record.ttl(), secs(100));
    });
    assert_touches!(b, "get_session_with", |id| {
        let record = b
            .get_session_with(id, Touch::Always)
            .await
            .expect("no error");
        let record = record.expect("a session");
        assert_eq!(
            record.last_accessed_at_text().as_str(),
            Ok(&*b.clock.text())
        );
    });
}

/// A session that is read in time lives on and on.
pub async fn a_session_that_is_read_lives_on(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    for _ in 0..5 {
        h.advance(secs(80)).await;
        assert!(b.get_session(&id).await.expect("no error").is_some());
    }
    h.advance(Duration::from_millis(100_001)).await;
    assert!(!b.is_alive(&id).await);
}

/// Peek and the two queries change nothing, however often.
pub async fn peeks_and_queries_change_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    h.advance(secs(40)).await;
    b.clock.forward(secs(40));
    let before = b.snapshot(&id).await;
    for _ in 0..3 {
        let peeked = b.peek_session(&id).await.expect("no error");
        assert_ne!(
            peeked.expect("a session").last_accessed_at_text().as_str(),
            Ok(&*b.clock.text())
        );
        b.assert_unchanged(&id, &before, "peek_session").await;
        assert!(b.ttl(&id).await.expect("no error").is_some());
        b.assert_unchanged(&id, &before, "ttl").await;
        assert!(b.configured_ttl(&id).await.expect("no error").is_some());
        b.assert_unchanged(&id, &before, "configured_ttl").await;
        let read = b
            .get_session_with(&id, Touch::Never)
            .await
            .expect("no error");
        assert!(read.is_some());
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
    ] {
        assert_touches!(b, what, |id| {
            let written = b.update_session(id, delta).await.expect("no error");
            let remaining = written.expect("a session").ttl;
            assert_eq!(remaining.whole_seconds(), Some(100), "{what}");
        });
    }
}

/// So do the operations that are made of writes.
pub async fn every_writing_operation_touches(h: &dyn Harness) {
    let b = Bench::new(h).await;
    assert_touches!(b, "increment_field", |id| {
        let value = b.increment_field(id, name("views"), 1).await;
        assert_eq!(value.expect("no error"), Some(1));
    });
    assert_touches!(b, "remove_fields", |id| {
        let removed = b.remove_fields(id, vec![name("username")]).await;
        assert!(removed.expect("no error"));
    });
    assert_touches!(b, "remove_fields of none", |id| {
        assert!(b.remove_fields(id, Vec::new()).await.expect("no error"));
    });
    assert_touches!(b, "set_session_ttl", |id| {
        assert!(b.set_session_ttl(id, ttl(100)).await.expect("no error"));
    });
}

/// `Touch::Never`: the fields change, neither timestamp nor expiry does, and what is returned says so.
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
        let written = b.update_session(&id, quiet).await.expect("no error");
        let written = written.expect("a session");
        let key = b.stored(&id).await;
        let elapsed = timer.elapsed().await;
        elapsed.assert_left(key.expires_in.expect("an expiry"), secs(100));
        elapsed.assert_remaining(written.ttl, secs(100));
        assert_eq!(key.field("x"), Some(b"1".as_slice()));
        assert_eq!(key.field("last_accessed_at"), Some(created.as_bytes()));
        let record = written.record.expect("a record");
        assert_eq!(record.last_accessed_at_text().as_str(), Ok(&*created));
    }
}

/// An empty quiet write changes nothing at all, and says whether there is a session.
pub async fn an_empty_quiet_write_changes_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    h.advance(secs(40)).await;
    b.clock.forward(secs(40));
    let before = b.snapshot(&id).await;
    let written = b
        .update_session(&id, Delta::new().touch(Touch::Never))
        .await;
    assert!(written.expect("no error").is_some());
    b.assert_unchanged(&id, &before, "the write").await;
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
            h.advance(secs(age)).await;
            b.clock.forward(secs(age));
            let got = b.get_session(&id).await.expect("no error");
            let shown = got.expect("a session").last_accessed_at_text().clone();
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
        let written = b.update_session(id, set("a", "b")).await;
        assert!(written.expect("no error").is_some());
    });
}

/// A write that is refused changes neither timestamp nor expiry.
pub async fn a_refused_write_does_not_touch(h: &dyn Harness) {
    let limits = Limits::default().with_fields(3);
    let b = Bench::with(h, |policy| policy.with_limits(limits)).await;
    let full = fields([("text", "x"), ("max", "9223372036854775807")]);
    let id = b.create(NewSession::new(full).ttl(ttl(100))).await;
    h.advance(secs(40)).await;
    b.clock.forward(secs(40));
    let before = b.snapshot(&id).await;
    let grown = set("a", "1").set(name("b"), "2");
    for (what, delta) in [
        ("not an integer", add("text", 1)),
        ("an overflow", add("max", 1)),
        ("too many fields", grown),
    ] {
        assert!(
            b.update_session(&id, delta.clone()).await.is_err(),
            "{what}"
        );
        b.assert_unchanged(&id, &before, what).await;
        assert!(b.rotate_session(&id, delta).await.is_err(), "{what}");
        b.assert_unchanged(&id, &before, what).await;
    }
    let error = b
        .increment_field(&id, name("text"), 1)
        .await
        .expect_err("a text");
    assert_eq!(error.kind(), ErrorKind::NotAnInteger);
    b.assert_unchanged(&id, &before, "increment_field").await;
}
