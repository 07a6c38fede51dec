//! Limits of size.

use session_core::{
    Delta, Effect, Error, ErrorKind, FieldName, Fields, Limit, Limits, NewSession, SessionBackend,
    Touch,
};

use crate::harness::{Harness, RawHash};
use crate::kit::{Bench, Counting, add, fields, guide_hash, lasting, name, secs, set, ttl, with};

/// A workbench whose policy has these limits.
pub(super) async fn limited(h: &dyn Harness, limits: Limits) -> Bench<'_> {
    Bench::with(h, |policy| policy.with_limits(limits)).await
}

#[track_caller]
pub(super) fn assert_limit(error: &Error, limit: Limit, what: &str) {
    assert_eq!(error.kind(), ErrorKind::LimitExceeded(limit), "{what}");
    assert_eq!(error.effect(), Effect::NotApplied, "{what}");
}

/// Asserts that an update and a rotation by this delta are refused, and change nothing.
pub(super) async fn assert_refused(
    b: &Bench<'_>,
    id: &session_core::SessionId,
    delta: Delta,
    limit: Limit,
) {
    let_time_pass(b).await;
    let before = b.snapshot(id).await;
    let what = format!("{delta:?}");
    let error = b.update_session(id, delta.clone()).await.expect_err(&what);
    assert_limit(&error, limit, &what);
    b.assert_unchanged(id, &before, &what).await;
    let error = b.rotate_session(id, delta.clone()).await.expect_err(&what);
    assert_limit(&error, limit, &what);
    b.assert_unchanged(id, &before, &what).await;
    let quiet = delta.touch(Touch::Never);
    let error = b.update_session(id, quiet).await.expect_err(&what);
    assert_limit(&error, limit, &what);
    b.assert_unchanged(id, &before, &what).await;
}

/// Lets some time pass, so that a touch shows.
async fn let_time_pass(b: &Bench<'_>) {
    b.h.advance(secs(5)).await;
    b.clock.forward(secs(5));
}

/// Asserts that an update by this delta is applied.
pub(super) async fn assert_applied(b: &Bench<'_>, id: &session_core::SessionId, delta: Delta) {
    let what = format!("{delta:?}");
    let written = b.update_session(id, delta).await.expect(&what);
    assert!(written.is_some(), "{what}");
}

/// A name or value one byte over its limit is refused on every path, and nothing changes; at its
/// limit it is not.
pub async fn a_name_or_value_over_its_limit_is_refused(h: &dyn Harness) {
    let limits = Limits::default().with_name_bytes(5).with_value_bytes(30);
    let b = limited(h, limits).await;
    let fits = name("näme");
    let long = name("nämes");
    let (full, over) = ("x".repeat(30), "x".repeat(31));
    let id = b
        .create(NewSession::new(Fields::new().with(fits.clone(), &*full)))
        .await;
    assert_applied(&b, &id, Delta::new().set(name("a"), &*full)).await;
    assert_applied(&b, &id, Delta::new().increment(name("nämi"), 1)).await;
    for (field, value, limit) in [
        (long.clone(), "x", Limit::NameBytes),
        (fits, &*over, Limit::ValueBytes),
    ] {
        let new = NewSession::new(Fields::new().with(field.clone(), value));
        let error = b.create_session(new).await.expect_err("too long");
        assert_limit(&error, limit, "a creation");
        assert_refused(&b, &id, Delta::new().set(field, value), limit).await;
    }
    assert_refused(
        &b,
        &id,
        Delta::new().increment(long.clone(), 1),
        Limit::NameBytes,
    )
    .await;
    let error = b.increment_field(&id, long, 1).await.expect_err("too long");
    assert_limit(&error, Limit::NameBytes, "increment_field");
}

/// The default limits: 128 bytes per name, 64 KiB per value.
pub async fn the_default_limits_hold(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let named = |n| FieldName::new("n".repeat(n)).expect("a name");
    let new = Fields::new().with(named(128), "v".repeat(64 * 1024));
    let id = b.create(NewSession::new(new)).await;
    assert_refused(&b, &id, Delta::new().set(named(129), "v"), Limit::NameBytes).await;
    let over = Delta::new().set(name("a"), "v".repeat(64 * 1024 + 1));
    assert_refused(&b, &id, over, Limit::ValueBytes).await;
}

/// Before the backend is asked: no step is called.
pub async fn nothing_too_long_reaches_the_backend(h: &dyn Harness) {
    let limits = Limits::default().with_name_bytes(5).with_value_bytes(30);
    let b = limited(h, limits).await;
    let id = b.create(NewSession::default()).await;
    let counter = Counting::new(b.policy());
    let long = || name("nämes");
    let new = NewSession::new(Fields::new().with(long(), "x"));
    assert!(counter.create_session(new).await.is_err());
    let value = Delta::new().set(name("a"), "x".repeat(31));
    assert!(counter.update_session(&id, value.clone()).await.is_err());
    assert!(counter.rotate_session(&id, value).await.is_err());
    assert!(counter.increment_field(&id, long(), 1).await.is_err());
    assert_eq!(counter.steps(), 0);
    assert!(counter.update_session(&id, Delta::new()).await.is_err());
    assert_eq!(counter.steps(), 1);
}

/// A name of any length can be removed: another client may have set it.
pub async fn a_long_name_can_be_removed(h: &dyn Harness) {
    let limits = Limits::default().with_name_bytes(8);
    let b = limited(h, limits).await;
    let id = b
        .plant(with(guide_hash("100"), "a very long name", "x"), None)
        .await;
    assert_applied(&b, &id, Delta::new().remove(name("a very long name"))).await;
    assert_eq!(b.stored(&id).await.field("a very long name"), None);
}

/// At creation, by a set and by a counter; reserved fields do not count.
pub async fn too_many_fields_are_refused(h: &dyn Harness) {
    let b = limited(h, Limits::default().with_fields(3)).await;
    let four = fields([("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
    let error = b
        .create_session(NewSession::new(four))
        .await
        .expect_err("too many");
    assert_limit(&error, Limit::Fields, "a creation");
    let three = fields([("a", "1"), ("b", "2"), ("c", "3")]);
    let new = NewSession::new(three).max_lifetime(lasting(5000));
    let id = b.create(new.bind(crate::kit::fresh_principal("ann"))).await;
    for delta in [
        set("d", "4"),
        add("d", 1),
        set("d", "4").ttl(ttl(50)),
        set("d", "4").set(name("e"), "5").remove(name("a")),
        add("d", 1).set(name("a"), "changed").remove(name("absent")),
        set("d", "4").bind(crate::kit::fresh_principal("bob")),
    ] {
        assert_refused(&b, &id, delta, Limit::Fields).await;
    }
}

/// What replaces, swaps or removes does not grow the number.
pub async fn a_full_session_can_be_changed(h: &dyn Harness) {
    let b = limited(h, Limits::default().with_fields(3)).await;
    let three = fields([("a", "1"), ("b", "2"), ("c", "3")]);
    let id = b.create(NewSession::new(three)).await;
    for delta in [
        set("a", "changed"),
        add("b", 1),
        set("d", "4").remove(name("c")),
        add("e", 1).remove(name("d")),
        Delta::new().ttl(ttl(50)),
        Delta::new(),
    ] {
        assert_applied(&b, &id, delta).await;
    }
    let rotated = b.rotate_session(&id, set("f", "1").remove(name("e"))).await;
    let id = rotated.expect("no error").expect("a session").id;
    assert_applied(&b, &id, Delta::new().remove(name("f"))).await;
    assert_applied(&b, &id, add("g", 1)).await;
}

/// A hash of so many numbered fields beyond the reserved ones, one of them hidden.
pub(super) fn large_hash(count: usize) -> RawHash {
    let hash = with(guide_hash("100000"), [0xff, 0xfe], "hidden");
    // The guide's hash has two fields of its own.
    (3..count).fold(hash, |hash, n| with(hash, format!("f{n}"), "0"))
}

/// A session that another client made larger can be read, changed in place and shrunk, not grown.
/// Hidden fields count.
pub async fn a_session_with_too_many_fields_can_shrink(h: &dyn Harness) {
    let b = limited(h, Limits::default().with_fields(5)).await;
    let id = b.plant(large_hash(9), Some(secs(90_000))).await;
    assert!(b.get_session(&id).await.expect("no error").is_some());
    assert_refused(&b, &id, set("new", "x"), Limit::Fields).await;
    assert_refused(&b, &id, add("new", 1), Limit::Fields).await;
    assert_applied(&b, &id, set("f3", "changed")).await;
    assert_applied(&b, &id, add("f4", 1)).await;
    assert_applied(&b, &id, set("new", "x").remove(name("f3"))).await;
    assert_applied(
        &b,
        &id,
        set("newer", "x").remove(name("new")).remove(name("f4")),
    )
    .await;
    let names = vec![name("f5"), name("f6"), name("f7")];
    assert!(b.remove_fields(&id, names).await.expect("no error"));
    // Five are left: username, page_views, the hidden one, f8 and newer.
    assert_refused(&b, &id, set("one more", "x"), Limit::Fields).await;
    assert!(
        b.remove_fields(&id, vec![name("f8")])
            .await
            .expect("no error")
    );
    assert_applied(&b, &id, set("one more", "x")).await;
}
