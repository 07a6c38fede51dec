//! Absolute lifetimes.

use std::time::Duration;

use session_core::{Delta, NewSession, SessionId, Touch};

use crate::harness::Harness;
use crate::kit::{
    Bench, Step, assert_nothing_there, fresh_principal, guide_hash, lasting, secs, session, set,
    stored_deadline, ttl, with,
};

/// Asked for at creation, or by the policy; the session's own comes first. Without either there is
/// none.
pub async fn a_lifetime_fixes_the_deadline(h: &dyn Harness) {
    let own = Bench::new(h).await;
    let policy = Bench::with(h, |policy| policy.with_max_lifetime(lasting(5000))).await;
    for (b, new, lifetime) in [
        (&own, session(100).max_lifetime(lasting(3000)), 3000),
        (&own, session(100).max_lifetime(lasting(50)), 50),
        (&policy, session(100), 5000),
        (&policy, session(100).max_lifetime(lasting(3000)), 3000),
        (&policy, session(100).max_lifetime(lasting(9000)), 9000),
        (&policy, session(100).bind(fresh_principal("ann")), 5000),
        (
            &own,
            session(100)
                .bind(fresh_principal("ann"))
                .max_lifetime(lasting(70)),
            70,
        ),
    ] {
        let mut timer = b.timer().await;
        let created = b.create_session(new).done().await;
        timer.assert_deadline(&created.id, secs(lifetime)).await;
        let text = b.stored_text(&created.id, "session_deadline").await;
        let returned = created.record.deadline().map(|at| at.get().to_string());
        assert_eq!(returned, text);
    }
    let created = own.create_session(session(100)).done().await;
    assert_eq!(created.record.deadline(), None);
}

/// Asserts that a session's expiry is at its deadline and not beyond.
async fn assert_capped(b: &Bench<'_>, id: &SessionId, what: &str) {
    let before = b.h.now().await;
    let key = b.stored(id).await;
    let passed = b.h.now().await.since(before);
    let deadline = stored_deadline(&key).expect(what).since(before);
    let expiry = key.expires_in.expect(what);
    // What passed in between only shortens the expiry.
    let is_capped = expiry <= deadline && deadline <= expiry + passed;
    assert!(is_capped, "{what}: {expiry:?} and not {deadline:?}");
}

/// Not at creation, not after any use, not after a longer TTL.
pub async fn the_expiry_never_lies_beyond_the_deadline(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(1000).max_lifetime(lasting(300))).await;
    assert_capped(&b, &id, "creation").await;
    h.advance(secs(20)).await;
    b.get(&id).await;
    assert_capped(&b, &id, "a read").await;
    b.update(&id, set("a", "b")).await;
    assert_capped(&b, &id, "a write").await;
    b.count(&id, "n", 1).await;
    assert_capped(&b, &id, "an increment").await;
    assert!(b.set_session_ttl(&id, ttl(100_000)).done().await);
    assert_capped(&b, &id, "a longer TTL").await;
    for touch in [Touch::Always, Touch::Never, Touch::IfOlderThan(secs(1))] {
        let delta = Delta::new().ttl(ttl(200_000)).touch(touch);
        b.update(&id, delta).await;
        assert_capped(&b, &id, "a delta with a longer TTL").await;
    }
    let id = b.rotate(&id, Delta::new().ttl(ttl(4_294_967_295))).await.id;
    assert_capped(&b, &id, "a rotation").await;
}

/// Nor when a binding gives the deadline to a session that had a farther expiry, touched or not.
pub async fn a_binding_caps_the_expiry(h: &dyn Harness) {
    let b = Bench::with(h, |policy| policy.with_principal_lifetime(lasting(300))).await;
    let bind = || Delta::new().bind(fresh_principal("ann"));
    for touch in [Touch::Always, Touch::Never, Touch::IfOlderThan(secs(100))] {
        let id = b.create(session(1000)).await;
        let delta = bind().touch(touch);
        b.update(&id, delta.clone()).await;
        assert_capped(&b, &id, "a binding by a write").await;
        let id = b.create(session(1000)).await;
        let rotated = b.rotate(&id, delta).await;
        assert_capped(&b, &rotated.id, "a binding by a rotation").await;
    }
}

/// A key that another client left without expiry, or with one too far, expires at its deadline.
pub async fn a_touch_caps_a_foreign_key_at_its_deadline(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for expires_in in [None, Some(secs(90_000))] {
        let deadline = h.now().await.plus_millis(300_000).get().to_string();
        let hash = with(guide_hash("1000"), "session_deadline", deadline);
        let id = b.plant(hash, expires_in).await;
        b.get(&id).await;
        assert_capped(&b, &id, "a read").await;
    }
}

/// Updates, TTL changes, touches, rotations and bindings leave it where it is.
pub async fn the_deadline_survives_every_use(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let mut timer = b.timer().await;
    let mut id = b.create(session(100).max_lifetime(lasting(900))).await;
    for turn in 0..6 {
        timer.advance(secs(50)).await;
        match turn {
            0 => drop(b.get(&id).await),
            1 => drop(b.update(&id, set("a", "b")).await),
            2 => assert!(b.set_session_ttl(&id, ttl(400)).done().await),
            3 => assert!(b.remove_fields(&id, Vec::new()).done().await),
            4 => drop(b.bind(&id, &fresh_principal("ann")).await),
            _ => id = b.rotate(&id, Delta::new()).await.id,
        }
        timer.assert_deadline(&id, secs(900)).await;
    }
}

/// A policy that has changed since does not move it.
pub async fn a_later_policy_leaves_the_deadline(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let mut timer = b.timer().await;
    let id = b.create(session(100).max_lifetime(lasting(900))).await;
    let plain = b.create(session(100)).await;
    let later = Bench::with(h, |policy| {
        let policy = policy.with_max_lifetime(lasting(5000));
        policy.with_principal_lifetime(lasting(7000))
    })
    .await;
    later.get(&id).await;
    later.update(&id, set("a", "b")).await;
    timer.assert_deadline(&id, secs(900)).await;
    later.update(&plain, set("a", "b")).await;
    assert_eq!(b.stored(&plain).await.field("session_deadline"), None);
}

/// However much it is used, it ends.
pub async fn a_used_session_ends_at_its_deadline(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let mut id = b.create(session(100).max_lifetime(lasting(500))).await;
    for _ in 0..8 {
        h.advance(secs(60)).await;
        b.get(&id).await;
        b.update(&id, set("a", "b").ttl(ttl(10_000))).await;
        id = b.rotate(&id, Delta::new()).await.id;
    }
    h.advance(secs(21)).await;
    assert_nothing_there(&b, &id, "a session at its deadline").await;
}

/// The millisecond of the deadline is the first without the session. Checked where the clock stands
/// still.
pub async fn a_session_does_not_live_through_its_deadline(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let new = NewSession::default().max_lifetime(lasting(300));
    let id = b.create(new).await;
    if h.clock_stands_still() {
        h.advance(secs(300) - Duration::from_millis(1)).await;
        b.get(&id).await;
        h.advance(Duration::from_millis(1)).await;
    } else {
        h.advance(secs(290)).await;
        b.get(&id).await;
        h.advance(secs(10)).await;
    }
    assert!(!b.is_alive(&id).await);
    assert_eq!(b.ttl(&id).done().await, None);
    assert!(!b.delete(&id).await);
}
