//! Limits of names, values, fields, and of bytes in all.

use session_core::{
    Delta, ErrorKind, FieldName, Fields, Limit, Limits, NewSession, SessionBackend, SessionId,
    Touch,
};

use crate::harness::{Harness, RawHash};
use crate::kit::{
    Bench, Finding, Spy, Step, add, fields, fresh_principal, guide_hash, lasting, name, secs, set,
    ttl, with,
};

/// A workbench whose policy has these limits.
async fn limited(h: &dyn Harness, limits: Limits) -> Bench<'_> {
    Bench::with(h, |policy| policy.with_limits(limits)).await
}

/// Asserts that a creation is refused.
async fn assert_not_created(b: &Bench<'_>, new: NewSession, limit: Limit) {
    let error = b.create_session(new).refused().await;
    assert_eq!(error.kind(), ErrorKind::LimitExceeded(limit));
}

/// Asserts that an update and a rotation by this delta are refused under each touch, and change
/// nothing.
async fn assert_refused(b: &Bench<'_>, id: &SessionId, delta: Delta, limit: Limit) {
    // So that a touch would show.
    b.pass(5).await;
    let (what, kind) = (format!("{delta:?}"), ErrorKind::LimitExceeded(limit));
    b.assert_refused(id, delta.clone(), kind, &what).await;
    let quiet = delta.touch(Touch::Never);
    b.assert_refused(id, quiet, kind, &what).await;
}

/// A name or value one byte over its limit is refused on every path, and nothing changes; at its
/// limit it is not.
pub async fn a_name_or_value_over_its_limit_is_refused(h: &dyn Harness) {
    let limits = Limits::default().with_name_bytes(5).with_value_bytes(30);
    let b = limited(h, limits).await;
    let fits = name("näme");
    let long = name("nämes");
    let (full, over) = ("x".repeat(30), "x".repeat(31));
    let new = NewSession::new(Fields::new().with(fits.clone(), &*full));
    let id = b.create(new).await;
    b.update(&id, Delta::new().set(name("a"), &*full)).await;
    b.update(&id, Delta::new().increment(name("nämi"), 1)).await;
    for (field, value, limit) in [
        (long.clone(), "x", Limit::NameBytes),
        (fits, &*over, Limit::ValueBytes),
    ] {
        let new = NewSession::new(Fields::new().with(field.clone(), value));
        assert_not_created(&b, new, limit).await;
        assert_refused(&b, &id, Delta::new().set(field, value), limit).await;
    }
    let counter = Delta::new().increment(long.clone(), 1);
    assert_refused(&b, &id, counter, Limit::NameBytes).await;
    let error = b.increment_field(&id, long, 1).refused().await;
    assert_eq!(error.kind(), ErrorKind::LimitExceeded(Limit::NameBytes));
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
    let spy = Spy::new(b.shared());
    let long = || name("nämes");
    let new = NewSession::new(Fields::new().with(long(), "x"));
    assert!(spy.create_session(new).await.is_err());
    let value = Delta::new().set(name("a"), "x".repeat(31));
    assert!(spy.update_session(&id, value.clone()).await.is_err());
    assert!(spy.rotate_session(&id, value).await.is_err());
    assert!(spy.increment_field(&id, long(), 1).await.is_err());
    assert_eq!(spy.steps(), 0);
    spy.update_session(&id, Delta::new()).found().await;
    assert_eq!(spy.steps(), 1);
}

/// A name of any length can be removed: another client may have set it.
pub async fn a_long_name_can_be_removed(h: &dyn Harness) {
    let limits = Limits::default().with_name_bytes(8);
    let b = limited(h, limits).await;
    let hash = with(guide_hash("100"), "a very long name", "x");
    let id = b.plant(hash, None).await;
    let removal = Delta::new().remove(name("a very long name"));
    b.update(&id, removal).await;
    assert_eq!(b.stored(&id).await.field("a very long name"), None);
}

/// At creation, by a set and by a counter; reserved fields do not count.
pub async fn too_many_fields_are_refused(h: &dyn Harness) {
    let b = limited(h, Limits::default().with_fields(3)).await;
    let four = fields([("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
    assert_not_created(&b, NewSession::new(four), Limit::Fields).await;
    let three = fields([("a", "1"), ("b", "2"), ("c", "3")]);
    let new = NewSession::new(three).max_lifetime(lasting(5000));
    let id = b.create(new.bind(fresh_principal("ann"))).await;
    for delta in [
        set("d", "4"),
        add("d", 1),
        set("d", "4").ttl(ttl(50)),
        set("d", "4").set(name("e"), "5").remove(name("a")),
        add("d", 1).set(name("a"), "changed").remove(name("absent")),
        set("d", "4").bind(fresh_principal("bob")),
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
        b.update(&id, delta).await;
    }
    let id = b.rotate(&id, set("f", "1").remove(name("e"))).await.id;
    b.update(&id, Delta::new().remove(name("f"))).await;
    b.update(&id, add("g", 1)).await;
}

/// A hash of so many numbered fields beyond the reserved ones, one of them hidden.
fn large_hash(count: usize) -> RawHash {
    let hash = with(guide_hash("100000"), [0xff, 0xfe], "hidden");
    // The guide's hash has two fields of its own.
    (3..count).fold(hash, |hash, n| with(hash, format!("f{n}"), "0"))
}

/// A session that another client made larger can be read, changed in place and shrunk, not grown.
/// Hidden fields count.
pub async fn a_session_with_too_many_fields_can_shrink(h: &dyn Harness) {
    let b = limited(h, Limits::default().with_fields(5)).await;
    let id = b.plant(large_hash(9), Some(secs(90_000))).await;
    b.get(&id).await;
    assert_refused(&b, &id, set("new", "x"), Limit::Fields).await;
    assert_refused(&b, &id, add("new", 1), Limit::Fields).await;
    b.update(&id, set("f3", "changed")).await;
    b.update(&id, add("f4", 1)).await;
    b.update(&id, set("new", "x").remove(name("f3"))).await;
    let swap = set("newer", "x").remove(name("new"));
    b.update(&id, swap.remove(name("f4"))).await;
    let names = vec![name("f5"), name("f6"), name("f7")];
    assert!(b.remove_fields(&id, names).done().await);
    // Five are left: username, page_views, the hidden one, f8 and newer.
    assert_refused(&b, &id, set("one more", "x"), Limit::Fields).await;
    assert!(b.remove_fields(&id, vec![name("f8")]).done().await);
    b.update(&id, set("one more", "x")).await;
}

/// A session of 20 bytes: names and values of the fields `a` and `b`.
fn twenty_bytes() -> NewSession {
    NewSession::new(fields([("a", "123456789"), ("b", "999999999")])).ttl(ttl(90_000))
}

/// At creation, by longer values, by new fields, and by a counter that gains a digit.
pub async fn too_many_bytes_are_refused(h: &dyn Harness) {
    let limits = Limits::default().with_session_bytes(20);
    let b = limited(h, limits).await;
    let large = NewSession::new(fields([("a", "123456789"), ("b", "9999999990")]));
    assert_not_created(&b, large, Limit::SessionBytes).await;
    let id = b.create(twenty_bytes().bind(fresh_principal("ann"))).await;
    assert_eq!(b.stored_text(&id, "b").await.as_deref(), Some("999999999"));
    for delta in [
        set("a", "1234567890"),
        set("c", ""),
        add("c", 1),
        add("b", 1),
        add("b", -1_999_999_999),
        set("a", "12345678")
            .increment(name("b"), 1)
            .set(name("c"), "1"),
        set("c", "123456789")
            .remove(name("a"))
            .increment(name("b"), 1),
    ] {
        assert_refused(&b, &id, delta, Limit::SessionBytes).await;
    }
    assert_eq!(b.stored_text(&id, "b").await.as_deref(), Some("999999999"));
}

/// What keeps the size, or makes it smaller, is not refused.
pub async fn a_full_session_can_be_rewritten(h: &dyn Harness) {
    let limits = Limits::default().with_session_bytes(20);
    let b = limited(h, limits).await;
    let id = b.create(twenty_bytes()).await;
    for delta in [
        set("a", "987654321"),
        add("b", -1),
        set("cc", "12345678").remove(name("a")),
        add("b", 1).set(name("cc"), "1234567"),
        add("b", 1),
        Delta::new().ttl(ttl(50_000)),
        Delta::new(),
    ] {
        b.update(&id, delta).await;
    }
    assert_refused(&b, &id, set("c", ""), Limit::SessionBytes).await;
    b.rotate(&id, add("b", -1).set(name("c"), "")).await;
}

/// A session that another client made larger can be changed in place and shrunk, not grown. Hidden
/// fields count.
pub async fn a_session_with_too_many_bytes_can_shrink(h: &dyn Harness) {
    let limits = Limits::default().with_session_bytes(40);
    let b = limited(h, limits).await;
    // username, page_views and the hidden field are 14 + 11 + 8 bytes; x is 11.
    let hash = with(large_hash(3), "x", "0123456789");
    let id = b.plant(hash, Some(secs(90_000))).await;
    assert_refused(&b, &id, set("y", ""), Limit::SessionBytes).await;
    assert_refused(&b, &id, add("page_views", 7), Limit::SessionBytes).await;
    b.update(&id, set("x", "9876543210")).await;
    b.update(&id, add("page_views", 1)).await;
    b.update(&id, set("x", "012345678")).await;
    assert_refused(&b, &id, set("x", "0123456789"), Limit::SessionBytes).await;
    b.update(&id, set("x", "")).await;
    b.update(&id, set("x", "012345")).await;
    assert_refused(&b, &id, set("x", "0123456"), Limit::SessionBytes).await;
}
