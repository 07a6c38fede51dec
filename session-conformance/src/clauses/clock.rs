//! The application's clock, which decides nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use session_core::Touch;

use crate::harness::Harness;
use crate::kit::{Bench, Finding, lasting, secs, session};

/// Times that an application's clock may tell, right or wrong.
fn clocks() -> [SystemTime; 4] {
    let year = Duration::from_secs(365 * 86_400);
    [
        UNIX_EPOCH,
        UNIX_EPOCH + year * 30,
        UNIX_EPOCH + year * 200,
        UNIX_EPOCH + year * 56,
    ]
}

/// Whatever the application's clock tells, and however it jumps, sessions end by the store's.
pub async fn the_applications_clock_decides_no_expiry(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for created in clocks() {
        for used in clocks() {
            b.clock.set(created);
            let mut timer = b.timer().await;
            let id = b.create(session(100).max_lifetime(lasting(1000))).await;
            timer.advance(secs(60)).await;
            b.clock.set(used);
            assert!(b.is_alive(&id).await);
            timer.restart().await;
            b.get(&id).await;
            timer.assert_expiry(&id, secs(100)).await;
            timer.advance(Duration::from_millis(100_001)).await;
            assert!(!b.is_alive(&id).await);
        }
    }
}

/// It decides no deadline and no throttle either.
pub async fn the_applications_clock_decides_no_deadline_and_no_throttle(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for time in clocks() {
        let mut timer = b.timer().await;
        let id = b.create(session(100).max_lifetime(lasting(1000))).await;
        b.clock.set(time);
        let throttled = Touch::IfOlderThan(secs(30));
        timer.advance(secs(20)).await;
        b.get_session_with(&id, throttled).found().await;
        timer.assert_expiry(&id, secs(100)).await;
        timer.assert_deadline(&id, secs(1000)).await;
        h.advance(secs(20)).await;
        timer.restart().await;
        b.get_session_with(&id, throttled).found().await;
        timer.assert_expiry(&id, secs(100)).await;
    }
}

/// It writes the two texts, to the second, at each operation.
pub async fn the_applications_clock_writes_the_timestamps(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for time in clocks() {
        b.clock.set(time);
        let id = b.create(session(100)).await;
        let created = b.clock.text();
        b.clock.forward(secs(86_400));
        b.get(&id).await;
        let key = b.stored(&id).await;
        let now = b.clock.text();
        assert_eq!(key.field("created_at"), Some(created.as_bytes()));
        assert_eq!(key.field("last_accessed_at"), Some(now.as_bytes()));
    }
}
