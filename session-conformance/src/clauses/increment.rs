//! Counters.

use session_core::{Delta, NewSession, SessionTtl};

use crate::harness::Harness;
use crate::kit::{Bench, add, fields, name, session, set};
use crate::races;

/// From 0 up, down, and by nothing; each returns the new value, and so is the stored text.
pub async fn an_absent_field_counts_from_zero(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    for (field, amounts) in [
        ("up", [1_i64, 1, 40]),
        ("down", [-1, -41, 2]),
        ("nothing", [0, 0, 0]),
        ("there and back", [5, -5, -5]),
    ] {
        let mut expected = 0;
        for by in amounts {
            expected += by;
            assert_eq!(b.count(&id, field, by).await, expected, "{field}");
            let stored = b.stored_text(&id, field).await;
            assert_eq!(stored, Some(expected.to_string()), "{field}");
        }
    }
}

/// A stored integer is counted on; several counters of one delta are returned by name.
pub async fn counters_of_a_delta_are_returned_by_name(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let new = NewSession::new(fields([("b", "-10"), ("c", "7")]));
    let id = b.create(new).await;
    let delta = add("c", 1).increment(name("a"), 2).increment(name("b"), 3);
    let delta = delta.increment(name("c"), 1).set(name("d"), "9");
    let counters = b.update(&id, delta).await.counters;
    let expected = [("a", 2), ("b", -7), ("c", 9)].map(|(field, value)| (name(field), value));
    assert_eq!(counters, expected);
    let record = b.peek(&id).await;
    assert_eq!(
        record.fields(),
        &fields([("a", "2"), ("b", "-7"), ("c", "9"), ("d", "9")])
    );
}

/// Values beyond what a double holds, and both ends of the range.
pub async fn values_are_exact(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let double = 1_i64 << 53;
    for (value, by) in [
        (double, 1),
        (double + 1, 2),
        (double - 1, 1),
        (-double, -1),
        (0, double + 1),
        (-1, -double),
        (4_611_686_018_427_387_905, 2),
        (999_999_999_999_999_999, 1),
        (i64::MAX - 1, 1),
        (i64::MIN + 1, -1),
        (i64::MIN, i64::MAX),
        (i64::MAX, i64::MIN),
        (0, i64::MAX),
        (0, i64::MIN),
    ] {
        let what = format!("{value} {by:+}");
        let text = value.to_string();
        let id = b.create(NewSession::new(fields([("n", &text)]))).await;
        let delta = add("n", by).increment(name("small"), 3).returning_record();
        let written = b.update(&id, delta).await;
        assert_eq!(written.counter("n"), Some(value + by), "{what}");
        assert_eq!(written.counter("small"), Some(3), "{what}");
        let record = written.record.expect("a record");
        let text = (value + by).to_string();
        assert_eq!(record.fields().get_str("n"), Some(&*text), "{what}");
        assert_eq!(b.stored_text(&id, "n").await, Some(text), "{what}");
        assert_eq!(b.count(&id, "n", 0).await, value + by, "{what}");
    }
}

/// Concurrent increments return each value once.
pub async fn concurrent_increments_are_distinct_and_gapless(h: &dyn Harness) {
    races::increments(h, 10).await;
}

/// The greatest TTL beside a counter: numbers of one delta do not get in each other's way.
pub async fn a_counter_and_a_ttl_are_kept_apart(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    let delta = Delta::new().ttl(SessionTtl::MAX).increment(name("ttl"), 15);
    let written = b.update(&id, delta.set(name("0"), "1")).await;
    assert_eq!(written.counter("ttl"), Some(15));
    b.update(&id, set("1", "0")).await;
    let record = b.peek(&id).await;
    let expected = fields([
        ("0", "1"),
        ("1", "0"),
        ("ttl", "15"),
        ("username", "andrew"),
    ]);
    assert_eq!(record.fields(), &expected);
    assert_eq!(record.configured_ttl(), SessionTtl::MAX);
}
