//! Counters that are refused, and with them the whole delta.

use session_core::{ErrorKind, NewSession, SessionId, Touch};

use crate::harness::Harness;
use crate::kit::{Bench, Step, add, fields, fresh_principal, guide_hash, name, secs, ttl, with};

/// Texts that some parser of numbers takes, and Redis does not.
const NOT_INTEGERS: [&str; 25] = [
    "", " ", "abc", "andrew", "+5", "007", "00", "-0", "-01", "-", "--5", "5-", " 5", "5 ", "5\n",
    "\t5", "5\0", "1.0", "1e3", "0x10", "1_000", "nan", "inf", "٣", "５",
];
/// Numbers of more than 64 bits.
const TOO_LONG: [&str; 3] = [
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999999",
];

/// Asserts that a counter is refused in this way, alone and in a delta, and nothing changes.
async fn assert_refused(b: &Bench<'_>, id: &SessionId, by: i64, kind: ErrorKind, what: &str) {
    let before = b.snapshot(id).await;
    let error = b.increment_field(id, name("n"), by).refused().await;
    assert_eq!(error.kind(), kind, "{what}");
    b.assert_unchanged(id, &before, what).await;
    let delta = add("n", by).set(name("x"), "y");
    b.assert_refused(id, delta, kind, what).await;
}

/// Also by an amount of 0, and by one whose sum would fit.
pub async fn what_is_no_integer_is_refused(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for text in NOT_INTEGERS.into_iter().chain(TOO_LONG) {
        let id = b.create(NewSession::new(fields([("n", text)]))).await;
        for by in [1, 0, -1] {
            let what = format!("{text:?} {by:+}");
            assert_refused(&b, &id, by, ErrorKind::NotAnInteger, &what).await;
        }
    }
    let hash = with(guide_hash("100"), "n", [0xff, b'5']);
    let id = b.plant(hash, Some(secs(100))).await;
    assert_refused(&b, &id, 1, ErrorKind::NotAnInteger, "not UTF-8").await;
}

/// Both ends of the range, reached and passed.
pub async fn leaving_the_range_is_refused(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for (value, by) in [
        (i64::MAX, 1),
        (i64::MAX, i64::MAX),
        (i64::MAX - 1, 2),
        (i64::MIN, -1),
        (i64::MIN, i64::MIN),
        (i64::MIN + 1, -2),
        (-1, i64::MIN),
        (1, i64::MAX),
    ] {
        let text = value.to_string();
        let id = b.create(NewSession::new(fields([("n", &text)]))).await;
        assert_refused(&b, &id, by, ErrorKind::Overflow, &format!("{value} {by:+}")).await;
        assert_eq!(b.count(&id, "n", 0).await, value);
    }
}

/// Sets, removals, other counters, a new TTL, a binding and the touch: none of it happens, whether
/// the refused counter is the first or the last, and raw texts stay as they were.
pub async fn one_refused_counter_refuses_the_delta(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let principal = fresh_principal("ann");
    for (bad, kind) in [
        ("text", ErrorKind::NotAnInteger),
        ("max", ErrorKind::Overflow),
    ] {
        for (before, after) in [("a", "b"), ("y", "z"), ("a", "z")] {
            let new = fields([
                ("text", "x"),
                ("max", "9223372036854775807"),
                ("kept", "1"),
                ("counted", "41"),
            ]);
            let id = b.create(NewSession::new(new).ttl(ttl(100))).await;
            b.pass(40).await;
            let delta = add(bad, 1)
                .increment(name(before), 1)
                .increment(name(after), 1)
                .increment(name("counted"), 1)
                .set(name("added"), "new")
                .set(name("kept"), "changed")
                .remove(name("username"))
                .ttl(ttl(5000))
                .bind(principal.clone());
            b.assert_refused(&id, delta, kind, bad).await;
        }
    }
    b.assert_listed(&principal, []).await;
}

/// The same under each touch, and with the record asked for.
pub async fn one_refused_counter_refuses_a_quiet_delta(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(NewSession::new(fields([("m", "x")]))).await;
    let delta = add("a", 1).increment(name("m"), 1).increment(name("z"), 1);
    let delta = delta.touch(Touch::Never).returning_record();
    b.assert_refused(&id, delta, ErrorKind::NotAnInteger, "a text")
        .await;
}
