//! Sessions that look unusual, and are sessions.

use std::time::Duration;

use session_core::{Delta, Remaining, Touch};

use crate::harness::Harness;
use crate::kit::{Bench, GUIDE_CREATED_AT, add, guide_hash, name, secs, set, ttl, with};

/// It is read, and neither peek nor the TTL queries set its expiry.
pub async fn a_key_without_expiry_is_a_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.plant(guide_hash("100"), None).await;
    let record = b.peek_session(&id).await.expect("no error");
    let record = record.expect("a session");
    assert_eq!(record.ttl(), Remaining::NoExpiry);
    assert_eq!(record.fields().get_str("username"), Some("andrew"));
    assert!(b.configured_ttl(&id).await.expect("no error").is_some());
    assert!(b.ttl(&id).await.expect("no error").is_some());
    assert_eq!(b.stored(&id).await.expires_in, None);
    h.advance(secs(100_000)).await;
    assert!(b.is_alive(&id).await);
}

/// A read sets its expiry.
pub async fn a_read_sets_a_missing_expiry(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.plant(guide_hash("100"), None).await;
    let mut timer = b.timer().await;
    let record = b.get_session(&id).await.expect("no error");
    let returned = record.expect("a session").ttl();
    let left = b.expires_in(&id).await;
    let elapsed = timer.elapsed().await;
    elapsed.assert_remaining(returned, secs(100));
    elapsed.assert_left(left, secs(100));
}

/// Each write sets its expiry, a rotation under its new id.
pub async fn a_write_sets_a_missing_expiry(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for delta in [
        Delta::new(),
        set("a", "b"),
        add("n", 1),
        Delta::new().ttl(ttl(100)),
    ] {
        let id = b.plant(guide_hash("100"), None).await;
        let mut timer = b.timer().await;
        let written = b
            .update_session(&id, delta.clone())
            .await
            .expect("no error");
        let returned = written.expect("a session").ttl;
        let left = b.expires_in(&id).await;
        let elapsed = timer.elapsed().await;
        elapsed.assert_remaining(returned, secs(100));
        elapsed.assert_left(left, secs(100));

        let id = b.plant(guide_hash("100"), None).await;
        timer.restart().await;
        let rotated = b.rotate_session(&id, delta).await.expect("no error");
        let left = b.expires_in(&rotated.expect("a session").id).await;
        timer.elapsed().await.assert_left(left, secs(100));
    }
}

/// What is no touch does not set it: the fields change, a rotation moves it as it is.
pub async fn a_write_that_is_no_touch_sets_no_expiry(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.plant(guide_hash("100"), None).await;
    let quiet = || set("a", "b").touch(Touch::Never);
    let written = b.update_session(&id, quiet()).await.expect("no error");
    assert_eq!(written.expect("a session").ttl, Remaining::NoExpiry);
    assert_eq!(b.stored(&id).await.expires_in, None);
    let rotated = b.rotate_session(&id, quiet()).await.expect("no error");
    let rotated = rotated.expect("a session");
    assert_eq!(rotated.written.ttl, Remaining::NoExpiry);
    assert_eq!(b.stored(&rotated.id).await.expires_in, None);
}

/// It can be deleted.
pub async fn a_key_without_expiry_can_be_deleted(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.plant(guide_hash("100"), None).await;
    assert!(b.delete_session(&id).await.expect("no error"));
    assert_eq!(h.dump(&id).await, None);
}

/// Any text in the two timestamps makes a session, and is shown as stored.
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
        let id = b
            .plant(with(hash, "last_accessed_at", text), Some(secs(100)))
            .await;
        let record = b.peek_session(&id).await.expect("no error");
        let record = record.unwrap_or_else(|| panic!("no session: {}", text.escape_ascii()));
        assert_eq!(record.created_at_text().as_bytes(), text);
        assert_eq!(record.last_accessed_at_text().as_bytes(), text);
    }
}

/// A touch replaces the last access, whatever it was; the creation stays, whatever it is.
pub async fn an_unusual_timestamp_is_kept_or_replaced(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let hash = with(guide_hash("100"), "created_at", "long ago");
    let id = b
        .plant(with(hash, "last_accessed_at", ""), Some(secs(100)))
        .await;
    assert!(b.get_session(&id).await.expect("no error").is_some());
    let written = b.update_session(&id, set("a", "b")).await;
    assert!(written.expect("no error").is_some());
    let key = b.stored(&id).await;
    assert_eq!(key.field("created_at"), Some(b"long ago".as_slice()));
    let now = b.clock.text();
    assert_eq!(key.field("last_accessed_at"), Some(now.as_bytes()));
}

/// A key that another client let live for longer than the TTL is a session that long.
pub async fn a_key_that_outlives_its_ttl_is_a_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.plant(guide_hash("100"), Some(secs(5000))).await;
    h.advance(secs(4900)).await;
    assert!(b.is_alive(&id).await);
    let mut timer = b.timer().await;
    assert!(b.get_session(&id).await.expect("no error").is_some());
    let left: Duration = b.expires_in(&id).await;
    timer.elapsed().await.assert_left(left, secs(100));
    let created = b.stored_text(&id, "created_at").await;
    assert_eq!(created.as_deref(), Some(GUIDE_CREATED_AT));
    let removed = b.remove_fields(&id, vec![name("username")]).await;
    assert!(removed.expect("no error"));
}
