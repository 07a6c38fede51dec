//! `Touch::IfOlderThan`, and a new TTL under each touch.

use std::time::Duration;

use session_core::{Delta, SessionId, Touch};

use crate::harness::Harness;
use crate::kit::{Bench, Finding, guide_hash, lasting, secs, session, set, ttl, with};

/// A time before a boundary: the millisecond before it where the clock stands still, else so early
/// that the real time of a few calls does not matter.
fn before(h: &dyn Harness, boundary: Duration) -> Duration {
    let early = if h.clock_stands_still() { 1 } else { 10_000 };
    boundary - Duration::from_millis(early)
}

/// A way to use a session.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Use {
    Read,
    Write,
    Rotate,
}

const USES: [Use; 3] = [Use::Read, Use::Write, Use::Rotate];

/// Uses a session under a touch policy; its id after that, and whether that touched it.
async fn touches(b: &Bench<'_>, id: SessionId, how: Use, touch: Touch) -> (SessionId, bool) {
    b.clock.forward(secs(3));
    let was = b.stored(&id).await.expires_in;
    let delta = set("used", "yes").touch(touch);
    let id = match how {
        Use::Read => {
            b.get_session_with(&id, touch).found().await;
            id
        }
        Use::Write => b.change(&id, delta, false).await.0,
        Use::Rotate => b.change(&id, delta, true).await.0,
    };
    let key = b.stored(&id).await;
    // A write that is not due changes its fields.
    assert!(how == Use::Read || key.field("used").is_some(), "{how:?}");
    let is_stamped = key.field("last_accessed_at") == Some(b.clock.text().as_bytes());
    let is_slid = was.is_none() && key.expires_in.is_some() || key.expires_in > was;
    // Where the deadline caps the expiry, a touch cannot be seen in it.
    assert!(is_stamped || !is_slid, "{how:?} slid without a timestamp");
    (id, is_stamped)
}

/// Asserts that a session of this TTL is touched from this age on, and not before.
async fn assert_due_at(b: &Bench<'_>, seconds: u64, touch: Touch, age: Duration) {
    for how in USES {
        let id = b.create(session(seconds)).await;
        let early = before(b.h, age);
        b.h.advance(early).await;
        let (id, touched) = touches(b, id, how, touch).await;
        assert!(!touched, "{how:?} {touch:?} at {early:?} of {seconds} s");
        let left = b.expires_in(&id).await;
        assert!(
            left <= secs(seconds) - early,
            "{how:?} {touch:?} slid the expiry"
        );
        b.h.advance(age - early).await;
        let mut timer = b.timer().await;
        let (id, touched) = touches(b, id, how, touch).await;
        assert!(touched, "{how:?} {touch:?} at {age:?} of {seconds} s");
        timer.assert_expiry(&id, secs(seconds)).await;
    }
}

/// From the given age on, and not before.
pub async fn a_throttled_use_touches_from_its_age_on(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for age in [20, 30, 49] {
        let touch = Touch::IfOlderThan(secs(age));
        assert_due_at(&b, 100, touch, secs(age)).await;
    }
    let touch = Touch::IfOlderThan(Duration::from_millis(12_345));
    assert_due_at(&b, 100, touch, Duration::from_millis(12_345)).await;
}

/// From half the TTL on, when the given age is greater: the session must not die between two uses.
pub async fn a_throttled_use_touches_from_half_the_ttl_on(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for age in [secs(50), secs(60), secs(1000), Duration::MAX] {
        assert_due_at(&b, 100, Touch::IfOlderThan(age), secs(50)).await;
    }
    let touch = Touch::IfOlderThan(secs(60));
    assert_due_at(&b, 101, touch, Duration::from_millis(50_500)).await;
}

/// An age of nothing is always reached.
pub async fn an_age_of_zero_is_always_due(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for how in USES {
        let mut id = b.create(session(100)).await;
        for _ in 0..2 {
            let (moved, touched) = touches(&b, id, how, Touch::IfOlderThan(Duration::ZERO)).await;
            assert!(touched, "{how:?}");
            id = moved;
        }
    }
}

/// A key that lives longer than its TTL was not used long ago, as far as that tells.
pub async fn a_key_that_outlives_its_ttl_is_not_due(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for how in USES {
        let id = b.plant(guide_hash("100"), Some(secs(5000))).await;
        let (id, touched) = touches(&b, id, how, Touch::IfOlderThan(secs(20))).await;
        assert!(!touched, "{how:?}");
        assert!(b.expires_in(&id).await > secs(4900), "{how:?}");
    }
}

/// Once the deadline caps the expiry, a touch would move nothing: it is spared.
pub async fn a_capped_session_is_not_touched(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let touch = Touch::IfOlderThan(secs(20));
    for how in USES {
        let capped = b.create(session(1000).max_lifetime(lasting(500))).await;
        h.advance(secs(450)).await;
        let (capped, touched) = touches(&b, capped, how, touch).await;
        assert!(!touched, "{how:?}");
        // An unconditional touch still writes the timestamp.
        let (_, touched) = touches(&b, capped, how, Touch::Always).await;
        assert!(touched, "{how:?}");
    }
}

/// While the deadline is farther than the TTL, the throttle is the usual one.
pub async fn a_session_with_a_far_deadline_is_touched(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let touch = Touch::IfOlderThan(secs(20));
    for how in USES {
        let id = b.create(session(100).max_lifetime(lasting(190))).await;
        h.advance(secs(60)).await;
        let (id, touched) = touches(&b, id, how, touch).await;
        assert!(touched, "{how:?}: 130 s to the deadline");
        h.advance(secs(60)).await;
        let (id, touched) = touches(&b, id, how, touch).await;
        assert!(touched, "{how:?}: 70 s to the deadline");
        h.advance(secs(40)).await;
        let (_, touched) = touches(&b, id, how, touch).await;
        assert!(!touched, "{how:?}: capped");
    }
}

/// A key without expiry gets one, with a deadline too.
pub async fn a_key_without_expiry_is_due(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for how in USES {
        let id = b.plant(guide_hash("100"), None).await;
        let mut timer = b.timer().await;
        let (id, touched) = touches(&b, id, how, Touch::IfOlderThan(secs(30))).await;
        assert!(touched, "{how:?}");
        timer.assert_expiry(&id, secs(100)).await;

        timer.restart().await;
        let deadline = h.now().await.plus_millis(60_000).get().to_string();
        let id = b
            .plant(with(guide_hash("100"), "session_deadline", deadline), None)
            .await;
        let (id, touched) = touches(&b, id, how, Touch::IfOlderThan(secs(30))).await;
        assert!(touched, "{how:?}");
        timer.assert_expiry(&id, secs(60)).await;
    }
}

/// A new TTL sets the expiry at once, though the last use was just now.
pub async fn a_new_ttl_is_due(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for (seconds, is_rotation) in [(500, false), (50, false), (500, true)] {
        let id = b.create(session(100)).await;
        b.clock.forward(secs(3));
        let mut timer = b.timer().await;
        let touch = Touch::IfOlderThan(secs(30));
        let delta = Delta::new().ttl(ttl(seconds)).touch(touch);
        let id = b.change(&id, delta, is_rotation).await.0;
        timer.assert_expiry(&id, secs(seconds)).await;
        let accessed = b.stored_text(&id, "last_accessed_at").await;
        assert_eq!(accessed, Some(b.clock.text()));
    }
}

/// With `Touch::Never` it is stored, and used by the next touch.
pub async fn a_quiet_new_ttl_is_only_stored(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for seconds in [500, 50] {
        let mut timer = b.timer().await;
        let id = b.create(session(100)).await;
        let created = b.clock.text();
        b.clock.forward(secs(3));
        timer.advance(secs(20)).await;
        let delta = Delta::new().ttl(ttl(seconds)).touch(Touch::Never);
        let returned = b.update(&id, delta).await.ttl;
        timer.assert_remaining(returned, secs(100)).await;
        timer.assert_expiry(&id, secs(100)).await;
        let configured = b.configured_ttl(&id).found().await;
        assert_eq!(configured, ttl(seconds));
        let accessed = b.stored_text(&id, "last_accessed_at").await;
        assert_eq!(accessed, Some(created));
        timer.restart().await;
        b.get(&id).await;
        timer.assert_expiry(&id, secs(seconds)).await;
    }
}
