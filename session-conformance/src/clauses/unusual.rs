//! Sessions that look unusual, and are sessions.

use session_core::{Delta, Remaining, Touch};

use crate::harness::Harness;
use crate::kit::{
    Bench, Finding, GUIDE_CREATED_AT, Step, add, guide_hash, name, secs, set, ttl, with,
};

/// It is read, and neither peek nor the TTL queries set its expiry.
pub async fn a_key_without_expiry_is_a_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.plant(guide_hash("100"), None).await;
    let record = b.peek(&id).await;
    assert_eq!(record.ttl(), Remaining::NoExpiry);
    assert_eq!(record.fields().get_str("username"), Some("andrew"));
    b.configured_ttl(&id).found().await;
    b.ttl(&id).found().await;
    assert_eq!(b.stored(&id).await.expires_in, None);
    h.advance(secs(100_000)).await;
    assert!(b.is_alive(&id).await);
}

/// A read and each write sets its expiry, a rotation under its new id.
pub async fn a_use_sets_a_missing_expiry(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let mut timer = b.timer().await;
    let id = b.plant(guide_hash("100"), None).await;
    let returned = b.get(&id).await.ttl();
    timer.assert_remaining(returned, secs(100)).await;
    timer.assert_expiry(&id, secs(100)).await;
    let same_ttl = Delta::new().ttl(ttl(100));
    for delta in [Delta::new(), set("a", "b"), add("n", 1), same_ttl] {
        for is_rotation in [false, true] {
            let id = b.plant(guide_hash("100"), None).await;
            timer.restart().await;
            let (id, written) = b.change(&id, delta.clone(), is_rotation).await;
            timer.assert_remaining(written.ttl, secs(100)).await;
            timer.assert_expiry(&id, secs(100)).await;
        }
    }
}

/// What is no touch does not set it: the fields change, a rotation moves it as it is.
pub async fn a_write_that_is_no_touch_sets_no_expiry(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.plant(guide_hash("100"), None).await;
    let quiet = || set("a", "b").touch(Touch::Never);
    let written = b.update(&id, quiet()).await;
    assert_eq!(written.ttl, Remaining::NoExpiry);
    assert_eq!(b.stored(&id).await.expires_in, None);
    let rotated = b.rotate(&id, quiet()).await;
    assert_eq!(rotated.written.ttl, Remaining::NoExpiry);
    assert_eq!(b.stored(&rotated.id).await.expires_in, None);
}

/// Any text in the two timestamps makes a session, and is shown as stored. A touch replaces the
/// last access, whatever it was; the creation stays, whatever it is.
pub async fn any_text_is_a_timestamp(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let texts: [&[u8]; 8] = [
        b"",
        b"yesterday",
        b"0",
        b"1775133296",
        b"2026-04-02 12:34:56",
        b"9999-99-99T99:99:99Z",
        b"\0\r\n",
        &[0xff, 0xfe],
    ];
    for text in texts {
        let hash = with(guide_hash("100"), "created_at", text);
        let hash = with(hash, "last_accessed_at", text);
        let id = b.plant(hash, Some(secs(100))).await;
        let record = b.peek(&id).await;
        assert_eq!(record.created_at_text().as_bytes(), text);
        assert_eq!(record.last_accessed_at_text().as_bytes(), text);
        b.get(&id).await;
        b.update(&id, set("a", "b")).await;
        let key = b.stored(&id).await;
        assert_eq!(key.field("created_at"), Some(text));
        let now = b.clock.text();
        assert_eq!(key.field("last_accessed_at"), Some(now.as_bytes()));
    }
}

/// A key that another client let live for longer than the TTL is a session that long.
pub async fn a_key_that_outlives_its_ttl_is_a_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.plant(guide_hash("100"), Some(secs(5000))).await;
    h.advance(secs(4900)).await;
    assert!(b.is_alive(&id).await);
    let mut timer = b.timer().await;
    b.get(&id).await;
    timer.assert_expiry(&id, secs(100)).await;
    let created = b.stored_text(&id, "created_at").await;
    assert_eq!(created.as_deref(), Some(GUIDE_CREATED_AT));
    assert!(b.remove_fields(&id, vec![name("username")]).done().await);
}
