//! Absolute lifetimes.

use std::time::Duration;

use session_core::{Delta, NewSession, SessionId, Touch};

use crate::harness::Harness;
use crate::kit::{
    Bench, assert_nothing_there, fresh_principal, guide_hash, lasting, secs, session, set, ttl,
    with,
};

/// Asked for at creation, or by the policy; the session's own comes first.
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
        let created = b.create_session(new).await.expect("a session");
        let stored = b.deadline_in(&created.id).await;
        let elapsed = timer.elapsed().await;
        elapsed.assert_left(stored, secs(lifetime));
        let text = b.stored_text(&created.id, "session_deadline").await;
        let returned = created.record.deadline().map(|at| at.get().to_string());
        assert_eq!(returned, text);
    }
}

/// Without either there is none.
pub async fn without_a_lifetime_there_is_no_deadline(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let created = b.create_session(session(100)).await.expect("a session");
    assert_eq!(created.record.deadline(), None);
    assert_eq!(b.stored(&created.id).await.field("session_deadline"), None);
}

/// Asserts that a session's expiry is at its deadline and not beyond.
async fn assert_capped(b: &Bench<'_>, id: &SessionId, what: &str) {
    let before = b.h.now().await;
    let deadline = b.deadline_in(id).await;
    let expiry = b.expires_in(id).await;
    let passed = b.h.now().await.since(before);
    // The deadline was read first: what passed in between only shortens the expiry.
    assert!(
        expiry <= deadline,
        "{what}: {expiry:?} lies beyond {deadline:?}"
    );
    assert!(
        deadline <= expiry + passed,
        "{what}: {expiry:?} lies before {deadline:?}"
    );
}

/// Not at creation, not after any use, not after a longer TTL.
pub async fn the_expiry_never_lies_beyond_the_deadline(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(1000).max_lifetime(lasting(300))).await;
    assert_capped(&b, &id, "creation").await;
    h.advance(secs(20)).await;
    assert!(b.get_session(&id).await.expect("no error").is_some());
    assert_capped(&b, &id, "a read").await;
    let written = b.update_session(&id, set("a", "b")).await;
    assert!(written.expect("no error").is_some());
    assert_capped(&b, &id, "a write").await;
    let value = b.increment_field(&id, crate::kit::name("n"), 1).await;
    assert!(value.expect("no error").is_some());
    assert_capped(&b, &id, "an increment").await;
    assert!(
        b.set_session_ttl(&id, ttl(100_000))
            .await
            .expect("no error")
    );
    assert_capped(&b, &id, "a longer TTL").await;
    for touch in [Touch::Always, Touch::Never, Touch::IfOlderThan(secs(1))] {
        let delta = Delta::new().ttl(ttl(200_000)).touch(touch);
        assert!(
            b.update_session(&id, delta)
                .await
                .expect("no error")
                .is_some()
        );
        assert_capped(&b, &id, "a delta with a longer TTL").await;
    }
    let rotated = b
        .rotate_session(&id, Delta::new().ttl(ttl(4_294_967_295)))
        .await;
    let id = rotated.expect("no error").expect("a session").id;
    assert_capped(&b, &id, "a rotation").await;
}

/// Nor when a binding gives the deadline to a session that had a farther expiry, touched or not.
pub async fn a_binding_caps_the_expiry(h: &dyn Harness) {
    let b = Bench::with(h, |policy| policy.with_principal_lifetime(lasting(300))).await;
    let bind = || Delta::new().bind(fresh_principal("ann"));
    for touch in [Touch::Always, Touch::Never, Touch::IfOlderThan(secs(100))] {
        let id = b.create(session(1000)).await;
        let delta = bind().touch(touch);
        assert!(
            b.update_session(&id, delta.clone())
                .await
                .expect("no error")
                .is_some()
        );
        assert_capped(&b, &id, "a binding by a write").await;
        let id = b.create(session(1000)).await;
        let rotated = b.rotate_session(&id, delta).await.expect("no error");
        assert_capped(
            &b,
            &rotated.expect("a session").id,
            "a binding by a rotation",
        )
        .await;
    }
}

/// A key that another client left without expiry, or with one too far, expires at its deadline.
pub async fn a_touch_caps_a_foreign_key_at_its_deadline(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for expires_in in [None, Some(secs(90_000))] {
        let deadline = h.now().await.plus_millis(300_000).get().to_string();
        let hash = with(guide_hash("1000"), "session_deadline", deadline);
        let id = b.plant(hash, expires_in).await;
        assert!(b.get_session(&id).await.expect("no error").is_some());
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
            0 => drop(
                b.get_session(&id)
                    .await
                    .expect("no error")
                    .expect("a session"),
            ),
            1 => drop(
                b.update_session(&id, set("a", "b"))
                    .await
                    .expect("no error"),
            ),
            2 => assert!(b.set_session_ttl(&id, ttl(400)).await.expect("no error")),
            3 => assert!(b.remove_fields(&id, Vec::new()).await.expect("no error")),
            4 => {
                let bind = Delta::new().bind(fresh_principal("ann"));
                drop(b.update_session(&id, bind).await.expect("no error"));
            }
            _ => {
                let rotated = b.rotate_session(&id, Delta::new()).await;
                id = rotated.expect("no error").expect("a session").id;
            }
        }
        let deadline = b.deadline_in(&id).await;
        timer.elapsed().await.assert_left(deadline, secs(900));
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
    assert!(later.get_session(&id).await.expect("no error").is_some());
    assert!(
        later
            .update_session(&id, set("a", "b"))
            .await
            .expect("no error")
            .is_some()
    );
    let deadline = later.deadline_in(&id).await;
    timer.elapsed().await.assert_left(deadline, secs(900));
    assert!(
        later
            .update_session(&plain, set("a", "b"))
            .await
            .expect("no error")
            .is_some()
    );
    assert_eq!(b.stored(&plain).await.field("session_deadline"), None);
}

/// However much it is used, it ends.
pub async fn a_used_session_ends_at_its_deadline(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let mut id = b.create(session(100).max_lifetime(lasting(500))).await;
    for turn in 0..8 {
        h.advance(secs(60)).await;
        assert!(
            b.get_session(&id).await.expect("no error").is_some(),
            "at {turn}"
        );
        let delta = set("a", "b").ttl(ttl(10_000));
        assert!(
            b.update_session(&id, delta)
                .await
                .expect("no error")
                .is_some()
        );
        let rotated = b.rotate_session(&id, Delta::new()).await;
        id = rotated.expect("no error").expect("a session").id;
    }
    h.advance(secs(21)).await;
    assert_nothing_there(&b, &id, "a session at its deadline").await;
}

/// The millisecond of the deadline is the first without the session. Checked where the clock stands
/// still.
pub async fn a_session_does_not_live_through_its_deadline(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let new = || NewSession::default().max_lifetime(lasting(300));
    let id = b.create(new()).await;
    if h.clock_stands_still() {
        h.advance(secs(300) - Duration::from_millis(1)).await;
        assert!(b.get_session(&id).await.expect("no error").is_some());
        h.advance(Duration::from_millis(1)).await;
    } else {
        h.advance(secs(290)).await;
        assert!(b.get_session(&id).await.expect("no error").is_some());
        h.advance(secs(10)).await;
    }
    assert!(!b.is_alive(&id).await);
    assert_eq!(b.ttl(&id).await.expect("no error"), None);
    assert!(!b.delete_session(&id).await.expect("no error"));
}
