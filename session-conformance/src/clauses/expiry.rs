//! How the expiry is set, and what it means.

use std::time::Duration;

use session_core::{NewSession, Remaining};

use crate::harness::Harness;
use crate::kit::{
    Bench, Finding, Step, assert_nothing_there, guide_hash, lasting, secs, session, ttl,
};

/// The policy's TTL, where the session has none of its own.
pub async fn creation_expires_by_the_policys_ttl(h: &dyn Harness) {
    let b = Bench::with(h, |policy| policy.with_default_ttl(ttl(77))).await;
    let mut timer = b.timer().await;
    let id = b.create(NewSession::default()).await;
    timer.assert_expiry(&id, secs(77)).await;
    assert_eq!(
        b.stored_text(&id, "session_ttl").await.as_deref(),
        Some("77")
    );

    timer.restart().await;
    let id = b.create(session(33)).await;
    timer.assert_expiry(&id, secs(33)).await;

    let default = Bench::new(h).await;
    let id = default.create(NewSession::default()).await;
    timer.assert_expiry(&id, secs(1800)).await;
}

/// Found before, not found after, by every operation, and nothing comes back. The expiry counts,
/// not what the hash says: a longer `session_ttl` keeps nothing alive.
pub async fn a_session_ends_at_its_expiry(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    let planted = b.plant(guide_hash("100000"), Some(secs(100))).await;
    let other = b.create(session(1000)).await;
    h.advance(secs(60)).await;
    assert!(b.is_alive(&id).await && b.is_alive(&planted).await);
    h.advance(Duration::from_millis(40_001)).await;
    for id in [&id, &planted] {
        assert_nothing_there(&b, id, "an expired session").await;
    }
    assert!(b.is_alive(&other).await);
}

/// The millisecond of the expiry is the last of the session's life. Checked where the clock stands
/// still.
pub async fn a_session_lives_through_its_last_millisecond(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    let used = b.create(session(100)).await;
    if h.clock_stands_still() {
        h.advance(secs(100)).await;
        let left = b.ttl(&id).done().await;
        assert_eq!(left, Some(Remaining::In(Duration::ZERO)));
        b.get(&used).await;
        h.advance(Duration::from_millis(1)).await;
    } else {
        h.advance(Duration::from_millis(90_000)).await;
        b.get(&used).await;
        h.advance(Duration::from_millis(10_001)).await;
    }
    assert!(!b.is_alive(&id).await);
    assert!(b.is_alive(&used).await);
}

/// `ttl` is the time to the key's expiry.
pub async fn ttl_is_what_remains(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let mut timer = b.timer().await;
    let id = b.create(session(100)).await;
    for step in [0, 1, 32_123, 40_000] {
        timer.advance(Duration::from_millis(step)).await;
        let left = b.ttl(&id).found().await;
        timer.assert_remaining(left, secs(100)).await;
    }
    let left = b.peek(&id).await.ttl();
    timer.assert_remaining(left, secs(100)).await;
}

/// Also of a key whose expiry another client set, and of one whose deadline is nearer than its TTL;
/// `NoExpiry`, not a number, for a key without expiry.
pub async fn ttl_is_the_keys_expiry_not_the_stored_ttl(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let mut timer = b.timer().await;
    let planted = Duration::from_millis(45_678);
    let id = b.plant(guide_hash("900"), Some(planted)).await;
    let left = b.ttl(&id).found().await;
    timer.assert_remaining(left, planted).await;

    timer.restart().await;
    let id = b.create(session(900).max_lifetime(lasting(60))).await;
    timer.advance(secs(10)).await;
    let left = b.ttl(&id).found().await;
    timer.assert_remaining(left, secs(60)).await;

    let id = b.plant(guide_hash("900"), None).await;
    assert_eq!(b.ttl(&id).found().await, Remaining::NoExpiry);
}

/// What is stored, not what remains.
pub async fn configured_ttl_is_the_stored_one(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    h.advance(secs(50)).await;
    assert_eq!(b.configured_ttl(&id).found().await, ttl(100));
    let planted = b.plant(guide_hash("4321"), Some(secs(50))).await;
    assert_eq!(b.configured_ttl(&planted).found().await, ttl(4321));
    assert!(b.set_session_ttl(&planted, ttl(99)).done().await);
    assert_eq!(b.configured_ttl(&planted).found().await, ttl(99));
}

/// Longer and shorter: stored, the expiry set at once, and used by later touches.
pub async fn a_new_ttl_is_stored_and_sets_the_expiry(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    for seconds in [700, 50] {
        h.advance(secs(40)).await;
        let mut timer = b.timer().await;
        assert!(b.set_session_ttl(&id, ttl(seconds)).done().await);
        timer.assert_expiry(&id, secs(seconds)).await;
        let text = b.stored_text(&id, "session_ttl").await;
        assert_eq!(text, Some(seconds.to_string()));

        timer.advance(secs(20)).await;
        timer.restart().await;
        b.get(&id).await;
        timer.assert_expiry(&id, secs(seconds)).await;
    }
    h.advance(secs(51)).await;
    assert_nothing_there(&b, &id, "a session with a shorter TTL").await;
}
