//! The limit of bytes in all.

use session_core::{Delta, Limit, Limits, NewSession};

use super::limits::{assert_applied, assert_limit, assert_refused, large_hash, limited};
use crate::harness::Harness;
use crate::kit::{add, fields, fresh_principal, name, secs, set, ttl, with};

/// A session of 20 bytes: names and values of the fields `a` and `b`.
fn twenty_bytes() -> NewSession {
    NewSession::new(fields([("a", "123456789"), ("b", "999999999")])).ttl(ttl(90_000))
}

/// At creation, by longer values, by new fields, and by a counter that gains a digit.
pub async fn too_many_bytes_are_refused(h: &dyn Harness) {
    let limits = Limits::default().with_session_bytes(20);
    let b = limited(h, limits).await;
    let large = NewSession::new(fields([("a", "123456789"), ("b", "9999999990")]));
    let error = b.create_session(large).await.expect_err("too large");
    assert_limit(&error, Limit::SessionBytes, "a creation");
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
        assert_applied(&b, &id, delta).await;
    }
    assert_refused(&b, &id, set("c", ""), Limit::SessionBytes).await;
    let rotated = b.rotate_session(&id, add("b", -1).set(name("c"), "")).await;
    assert!(rotated.expect("no error").is_some());
}

/// A session that another client made larger can be changed in place and shrunk, not grown. Hidden
/// fields count.
pub async fn a_session_with_too_many_bytes_can_shrink(h: &dyn Harness) {
    let limits = Limits::default().with_session_bytes(40);
    let b = limited(h, limits).await;
    // username, page_views and the hidden field are 14 + 11 + 8 bytes; x is 11.
    let id = b
        .plant(with(large_hash(3), "x", "0123456789"), Some(secs(90_000)))
        .await;
    assert_refused(&b, &id, set("y", ""), Limit::SessionBytes).await;
    assert_refused(&b, &id, add("page_views", 7), Limit::SessionBytes).await;
    assert_applied(&b, &id, set("x", "9876543210")).await;
    assert_applied(&b, &id, add("page_views", 1)).await;
    assert_applied(&b, &id, set("x", "012345678")).await;
    assert_refused(&b, &id, set("x", "0123456789"), Limit::SessionBytes).await;
    assert_applied(&b, &id, set("x", "")).await;
    assert_applied(&b, &id, set("x", "012345")).await;
    assert_refused(&b, &id, set("x", "0123456"), Limit::SessionBytes).await;
}
