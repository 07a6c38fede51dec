//! What a write changes.

use std::time::Duration;

use session_core::{Delta, Fields, NewSession, SessionId};

use crate::harness::Harness;
use crate::kit::{
    Bench, Step, assert_not_found_and_left_alone, assert_nothing_there, fields, fresh_id,
    fresh_principal, name, secs, session, set, ttl,
};
use crate::races;

/// Asserts which fields a session holds, reserved ones apart, in the store and in a record.
async fn assert_fields<const N: usize>(
    b: &Bench<'_>,
    id: &SessionId,
    expected: [(&'static str, &str); N],
) {
    let key = b.stored(id).await;
    for (field, value) in &expected {
        let stored = key.field(field).map(<[u8]>::escape_ascii);
        let stored = stored.map(|text| text.to_string());
        assert_eq!(stored.as_deref(), Some(*value), "{field}");
    }
    assert_eq!(key.fields().len(), N + 3, "{:?}", key.value);
    let record = b.peek(id).await;
    assert_eq!(record.fields(), &fields(expected));
}

/// It sets new fields, replaces, removes, and leaves the rest.
pub async fn a_write_changes_the_fields_it_names(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let before = fields([
        ("kept", "1"),
        ("replaced", "2"),
        ("removed", "3"),
        ("emptied", "4"),
    ]);
    let id = b.create(NewSession::new(before)).await;
    let delta = set("replaced", "two")
        .set(name("added"), "five")
        .set(name("emptied"), "")
        .remove(name("removed"));
    b.update(&id, delta).await;
    let after = [
        ("kept", "1"),
        ("replaced", "two"),
        ("added", "five"),
        ("emptied", ""),
    ];
    assert_fields(&b, &id, after).await;
}

/// Removing what is not there is no error and hinders nothing.
pub async fn removing_an_absent_field_is_no_error(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    assert!(b.remove_fields(&id, vec![name("absent")]).done().await);
    let delta = set("a", "1").remove(name("absent")).remove(name("other"));
    b.update(&id, delta).await;
    let both = vec![name("absent"), name("a")];
    assert!(b.remove_fields(&id, both).done().await);
    assert_fields(&b, &id, [("username", "andrew")]).await;
}

/// Two sessions share nothing.
pub async fn a_write_changes_one_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    let other = b.create(session(100)).await;
    let before = b.snapshot(&other).await;
    let delta = set("username", "x").increment(name("n"), 1).ttl(ttl(50));
    b.update(&id, delta).await;
    b.assert_unchanged(&other, &before, "another's write").await;
}

/// Sets, removals, counters, a TTL and a binding, all in one.
pub async fn a_delta_of_everything_is_applied(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let before = fields([
        ("kept", "1"),
        ("replaced", "2"),
        ("removed", "3"),
        ("views", "41"),
    ]);
    let id = b.create(NewSession::new(before).ttl(ttl(100))).await;
    let principal = fresh_principal("ann");
    let delta = set("replaced", "two")
        .set(name("added"), "x")
        .remove(name("removed"))
        .remove(name("absent"))
        .increment(name("views"), 1)
        .increment(name("hits"), -7)
        .ttl(ttl(700))
        .bind(principal.clone());
    let mut timer = b.timer().await;
    let written = b.update(&id, delta).await;
    assert_eq!(written.counter("views"), Some(42));
    assert_eq!(written.counter("hits"), Some(-7));
    timer.assert_expiry(&id, secs(700)).await;
    let record = b.peek(&id).await;
    let after = fields([
        ("kept", "1"),
        ("replaced", "two"),
        ("added", "x"),
        ("views", "42"),
        ("hits", "-7"),
    ]);
    assert_eq!(record.fields(), &after);
    assert_eq!(record.configured_ttl(), ttl(700));
    assert_eq!(record.principal(), Some(principal.clone()));
    b.assert_listed(&principal, [&id]).await;
}

/// As many fields as the default limit allows, of each kind of change.
pub async fn a_large_delta_is_applied(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let numbered = |n: usize| name(format!("field {n}"));
    let full: Fields = (0..128).map(|n| (numbered(n), "1".into())).collect();
    let id = b.create(NewSession::new(full)).await;
    let delta = (0..128).fold(Delta::new(), |delta, n| match n % 3 {
        0 => delta.set(numbered(n), "new"),
        1 => delta.increment(numbered(n), 1),
        _ => delta.remove(numbered(n)),
    });
    let written = b.update(&id, delta).await;
    assert_eq!(written.counters.len(), 43);
    let expected: Fields = (0..128)
        .filter(|n| n % 3 != 2)
        .map(|n| (numbered(n), if n % 3 == 0 { "new" } else { "2" }.into()))
        .collect();
    let record = b.peek(&id).await;
    assert_eq!(record.fields(), &expected);
}

/// Deleted, expired, rotated or never known: a write finds nothing and leaves nothing.
pub async fn a_write_to_no_session_creates_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    assert_nothing_there(&b, &fresh_id(), "an unknown id").await;

    let deleted = b.create(session(100)).await;
    assert!(b.delete(&deleted).await);
    assert_nothing_there(&b, &deleted, "a deleted session").await;

    let rotated = b.create(session(100)).await;
    // For another principal, so that a deletion does not follow.
    let log_in = Delta::new().bind(fresh_principal("ann"));
    b.rotate(&rotated, log_in).await;
    assert_not_found_and_left_alone(&b, &rotated, "a rotated session").await;

    let expired = b.create(session(100)).await;
    h.advance(Duration::from_millis(100_001)).await;
    assert_nothing_there(&b, &expired, "an expired session").await;
}

/// Writers of different fields of one session, and none loses another's value.
pub async fn concurrent_writers_lose_nothing(h: &dyn Harness) {
    races::updates_of_different_fields(h, 20).await;
}

/// Nobody sees half of a delta.
pub async fn readers_see_whole_deltas(h: &dyn Harness) {
    races::reads_against_updates(h, 20).await;
}
