//! Rotation: a session moves to a fresh id.

use std::collections::HashSet;
use std::time::Duration;

use session_core::steps::RenameOutcome;
use session_core::{Delta, ErrorKind, Limit, Limits, NewSession, SessionId, Touch};

use crate::harness::Harness;
use crate::kit::{
    Bench, Step, Told, add, assert_not_found_and_left_alone, assert_tombstone, fields, fresh_id,
    guide_hash, lasting, name, rename_request, secs, session, set, told, ttl, with, without,
};
use crate::races;

/// Fields, hidden ones too, creation time and TTL move to a fresh id; the use is a use.
pub async fn a_rotation_moves_the_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let hash = with(guide_hash("100"), [0xff, 0xfe], "hidden");
    let old = b.plant(hash.clone(), Some(secs(50))).await;
    let mut timer = b.timer().await;
    let rotated = b.rotate(&old, Delta::new()).await;
    assert_ne!(rotated.id, old);
    timer.assert_remaining(rotated.written.ttl, secs(100)).await;
    timer.assert_expiry(&rotated.id, secs(100)).await;
    let key = b.stored(&rotated.id).await;
    let mut expected = with(hash, "last_accessed_at", b.clock.text());
    expected.sort();
    assert_eq!(key.fields(), expected);
    assert!(b.is_alive(&rotated.id).await);
}

/// With `Touch::Never` the expiry and the timestamp stay as they are, too.
pub async fn a_quiet_rotation_keeps_the_expiry(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let mut timer = b.timer().await;
    let old = b.create(session(100)).await;
    let created = b.clock.text();
    timer.advance(secs(40)).await;
    b.clock.forward(secs(40));
    let quiet = Delta::new().touch(Touch::Never);
    let rotated = b.rotate(&old, quiet).await;
    timer.assert_remaining(rotated.written.ttl, secs(100)).await;
    timer.assert_expiry(&rotated.id, secs(100)).await;
    let accessed = b.stored_text(&rotated.id, "last_accessed_at").await;
    assert_eq!(accessed, Some(created));
}

/// The new id cannot be guessed from the old one: of many successors, none comes twice, and each
/// character beyond the first three (by which a sharded store may keep its place) changes.
pub async fn successors_are_random(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let old = b.create(session(100)).await;
    let mut seen = HashSet::from([old.clone()]);
    let mut characters = vec![HashSet::new(); SessionId::LEN];
    for _ in 0..64 {
        let id = b.successor_id(&old).expect("an id");
        for (set, character) in characters.iter_mut().zip(id.expose().chars()) {
            set.insert(character);
        }
        assert!(seen.insert(id), "a successor was drawn twice");
    }
    for (position, characters) in characters.iter().enumerate().skip(3) {
        assert!(characters.len() > 1, "character {position} never changes");
    }
}

/// Nothing exists under the old id but a tombstone, also if the session was read before.
pub async fn the_old_id_is_not_found(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let hash = with(guide_hash("100"), [0xff, 0xfe], "hidden");
    for expires_in in [Some(secs(100)), None] {
        let old = b.plant(hash.clone(), expires_in).await;
        assert!(b.is_alive(&old).await);
        let new = b.rotate(&old, set("a", "b")).await.id;
        let before = b.snapshot(&new).await;
        assert_tombstone(h, &old, "a rotated session").await;
        assert_eq!(told(&b, &old).await, Told::Rotated);
        assert_eq!(b.get_session(&old).done().await, None);
        b.assert_unchanged(&new, &before, "uses of the old id")
            .await;
    }
}

/// Sets, removals, counters and a TTL are in the session that has moved, and in what is returned.
pub async fn the_delta_of_a_rotation_is_applied(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let new = fields([("kept", "1"), ("removed", "2"), ("n", "41")]);
    let old = b.create(NewSession::new(new).ttl(ttl(100))).await;
    let delta = set("user", "ann").remove(name("removed"));
    let delta = delta.increment(name("n"), 1).increment(name("m"), -3);
    let delta = delta.ttl(ttl(700)).returning_record();
    let mut timer = b.timer().await;
    let rotated = b.rotate(&old, delta).await;
    assert_eq!(rotated.written.counter("n"), Some(42));
    assert_eq!(rotated.written.counter("m"), Some(-3));
    let record = rotated.written.record.expect("a record");
    let expected = fields([("kept", "1"), ("user", "ann"), ("n", "42"), ("m", "-3")]);
    assert_eq!(record.fields(), &expected);
    assert_eq!(record.configured_ttl(), ttl(700));
    timer.assert_expiry(&rotated.id, secs(700)).await;
    let peeked = b.peek(&rotated.id).await;
    assert_eq!(peeked.fields(), &expected);
}

/// One winner; the others are told that it was rotated.
pub async fn one_of_concurrent_rotations_wins(h: &dyn Harness) {
    races::rotations(h, 10).await;
}

/// When the delta is refused the session stays where it is, unchanged, and nothing is under the new
/// id.
pub async fn a_refused_rotation_leaves_the_session(h: &dyn Harness) {
    let limits = Limits::default().with_fields(3);
    let b = Bench::with(h, |policy| policy.with_limits(limits)).await;
    let new = fields([("text", "x"), ("max", "9223372036854775807")]);
    let id = b.create(NewSession::new(new).ttl(ttl(100))).await;
    b.pass(40).await;
    let before = b.snapshot(&id).await;
    let (text, grown) = (add("text", 1).set(name("a"), "b"), set("a", "b"));
    for (what, delta, kind) in [
        ("not an integer", text, ErrorKind::NotAnInteger),
        ("an overflow", add("max", 1), ErrorKind::Overflow),
        (
            "too many fields",
            grown.set(name("c"), "d"),
            ErrorKind::LimitExceeded(Limit::Fields),
        ),
    ] {
        let to = b.successor_id(&id).expect("an id");
        let request = rename_request(b.policy(), &id, &to, delta.clone());
        let outcome = b.rename(&request).done().await;
        let is_refused = matches!(outcome, RenameOutcome::Refused(_));
        assert!(is_refused, "{what}: {outcome:?}");
        assert_eq!(h.dump(&to).await, None, "{what}");
        b.assert_unchanged(&id, &before, what).await;
        b.assert_refused(&id, delta, kind, what).await;
    }
    let moved = b.rotate(&id, Delta::new()).await.id;
    assert!(b.is_alive(&moved).await);
}

/// A session that has ended, or never was one, does not move, and nothing is created.
pub async fn what_is_not_found_does_not_rotate(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let deleted = b.create(session(100)).await;
    assert!(b.delete(&deleted).await);
    let expired = b.create(session(100)).await;
    h.advance(Duration::from_millis(100_001)).await;
    let invalid = b
        .plant(without(guide_hash("100"), "created_at"), None)
        .await;
    let list = fresh_id();
    h.plant_other_type(&list).await;
    for (what, id) in [
        ("unknown", fresh_id()),
        ("deleted", deleted),
        ("expired", expired),
        ("invalid", invalid),
        ("another type", list),
    ] {
        let to = b.successor_id(&id).expect("an id");
        for delta in [Delta::new(), set("a", "b").touch(Touch::Never)] {
            let request = rename_request(b.policy(), &id, &to, delta);
            let outcome = b.rename(&request).done().await;
            assert_eq!(outcome, RenameOutcome::NotFound, "{what}");
            assert_eq!(h.dump(&to).await, None, "{what}");
        }
        assert_not_found_and_left_alone(&b, &id, what).await;
    }
}

/// Concurrent increments and rotations: none is acknowledged and lost.
pub async fn a_write_that_races_a_rotation_is_moved_or_refused(h: &dyn Harness) {
    races::increments_against_rotation(h, 20).await;
}

/// Again and again, with all it has; only the last id lives.
pub async fn a_session_rotates_again_and_again(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let mut timer = b.timer().await;
    let mut id = b.create(session(100).max_lifetime(lasting(1000))).await;
    for turn in 1..=8 {
        timer.advance(secs(20)).await;
        let new = b.rotate(&id, add("turns", 1)).await.id;
        assert_tombstone(h, &id, "a rotated session").await;
        let turns = b.stored_text(&new, "turns").await;
        assert_eq!(turns, Some(turn.to_string()));
        timer.assert_deadline(&new, secs(1000)).await;
        id = new;
    }
    let record = b.peek(&id).await;
    let expected = fields([("username", "andrew"), ("turns", "8")]);
    assert_eq!(record.fields(), &expected);
}
