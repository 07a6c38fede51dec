//! Every TTL in the range.

use std::time::Duration;

use crate::harness::Harness;
use crate::kit::{
    Bench, Step, assert_nothing_there, fresh_principal, guide_hash, lasting, secs, session, ttl,
    with,
};

/// TTLs on which arithmetic fails: powers of two and ten, the ends of integer types.
const EDGES: [u64; 12] = [
    59,
    60,
    65_535,
    65_536,
    4_294_967,
    4_294_968,
    16_777_217,
    999_999_999,
    2_147_483_647,
    2_147_483_648,
    4_294_967_294,
    4_294_967_295,
];

/// At creation, by a change, as a lifetime, and by every touch after that.
pub async fn every_ttl_is_accepted(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let changed = b.create(session(100)).await;
    for seconds in EDGES {
        let mut timer = b.timer().await;
        let new = session(seconds).max_lifetime(lasting(4_294_967_295));
        let id = b.create(new).await;
        timer.assert_expiry(&id, secs(seconds)).await;
        assert!(b.set_session_ttl(&changed, ttl(seconds)).done().await);
        timer.assert_expiry(&changed, secs(seconds)).await;
        b.get(&changed).await;
        timer.assert_expiry(&changed, secs(seconds)).await;
        let text = b.stored_text(&changed, "session_ttl").await;
        assert_eq!(text, Some(seconds.to_string()));
    }
}

/// One second is a TTL: its session ends after it.
pub async fn the_least_ttl_is_accepted(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let created = b.create_session(session(1)).done().await;
    assert_eq!(created.record.configured_ttl(), ttl(1));
    let changed = b.create(session(100)).await;
    assert!(b.set_session_ttl(&changed, ttl(1)).done().await);
    if h.clock_stands_still() {
        h.advance(secs(1)).await;
        assert!(b.is_alive(&created.id).await);
        assert!(b.is_alive(&changed).await);
    }
    h.advance(Duration::from_millis(1001)).await;
    assert_nothing_there(&b, &created.id, "a session of one second").await;
    assert_nothing_there(&b, &changed, "a session of one second").await;
}

/// A binding to a principal for the greatest lifetime fits as well.
pub async fn the_greatest_lifetime_is_accepted(h: &dyn Harness) {
    let greatest = lasting(4_294_967_295);
    let b = Bench::with(h, |policy| policy.with_principal_lifetime(greatest)).await;
    let principal = fresh_principal("ann");
    let mut timer = b.timer().await;
    let new = session(4_294_967_295).bind(principal.clone());
    let id = b.create(new).await;
    timer.assert_expiry(&id, secs(4_294_967_295)).await;
    timer.assert_deadline(&id, secs(4_294_967_295)).await;
    b.assert_listed(&principal, [&id]).await;
    let planted = with(guide_hash("4294967295"), "a", "b");
    let id = b.plant(planted, Some(secs(100))).await;
    b.get(&id).await;
}
