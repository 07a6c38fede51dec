//! Writes that remove all fields but some.

use session_core::{Delta, ErrorKind, FieldName, Limits, LogIn, NewSession, SessionId, Touch};

use crate::harness::{Harness, RawHash};
use crate::kit::{
    Bench, GUIDE_CREATED_AT, Step, add, fields, fresh_principal, guide_hash, lasting, name, secs,
    session, set, with,
};

/// The fields that carry the session itself.
const RESERVED: [&str; 3] = ["created_at", "last_accessed_at", "session_ttl"];

/// A hash with fields of all kinds, the hidden kind included.
fn rich_hash() -> RawHash {
    let hash = with(guide_hash("1000"), "theme", "dark");
    with(hash, [0xff, 0xfe], "hidden")
}

/// Asserts which fields are stored beside the three of the guide, and that nothing else is.
async fn assert_fields(b: &Bench<'_>, id: &SessionId, expected: &[(&str, &str)], what: &str) {
    let key = b.stored(id).await;
    let mut stored: Vec<_> = key
        .fields()
        .iter()
        .filter(|(name, _)| !RESERVED.iter().any(|reserved| name == reserved.as_bytes()))
        .map(|(name, value)| (name.as_slice(), value.as_slice()))
        .collect();
    let mut expected: Vec<_> = expected
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    stored.sort_unstable();
    expected.sort_unstable();
    assert_eq!(stored, expected, "{what}");
}

fn keep<const N: usize>(delta: Delta, names: [&'static str; N]) -> Delta {
    delta.keep_only(names.map(name))
}

fn keep_if<const N: usize>(delta: Delta, names: [&'static str; N]) -> Delta {
    delta.keep_only_if_principal_changes(names.map(name))
}

/// What is neither named nor written goes, hidden fields too; the session's own fields stay.
pub async fn only_kept_and_written_fields_are_left(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for is_rotation in [false, true] {
        let id = b.plant(rich_hash(), Some(secs(1000))).await;
        let delta = set("cart", "1").remove(name("theme"));
        let delta = keep(delta, ["username", "theme", "absent"]);
        let id = b.change(&id, delta, is_rotation).await.0;
        let expected = [("username", "andrew"), ("cart", "1")];
        assert_fields(&b, &id, &expected, "kept and written").await;
        let created = b.stored_text(&id, "created_at").await;
        assert_eq!(created.as_deref(), Some(GUIDE_CREATED_AT));
        assert_eq!(
            b.stored_text(&id, "session_ttl").await.as_deref(),
            Some("1000")
        );
    }
}

/// A counter that is not kept begins again, whatever was in its field; one that is kept goes on.
pub async fn a_counter_that_is_not_kept_counts_from_zero(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for is_rotation in [false, true] {
        let id = b.plant(rich_hash(), Some(secs(1000))).await;
        let delta = keep(add("theme", 5).increment(name("page_views"), 1), []);
        let id = b.change(&id, delta, is_rotation).await.0;
        let expected = [("theme", "5"), ("page_views", "1")];
        assert_fields(&b, &id, &expected, "begun again").await;
        let delta = keep(add("page_views", 1), ["page_views"]);
        let written = b.update(&id, delta).await;
        assert_eq!(written.counter("page_views"), Some(2));
        assert_fields(&b, &id, &[("page_views", "2")], "kept").await;
    }
}

/// A session without fields is a session: bound, listed, with its deadline.
pub async fn keeping_nothing_leaves_the_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let new = session(100).bind(ann.clone()).max_lifetime(lasting(5000));
    let mut timer = b.timer().await;
    let id = b.create(new).await;
    let public_id = b.public_id(&id).await;
    let delta = keep(Delta::new().returning_record(), []);
    let record = b.update(&id, delta).await.record.expect("a record");
    assert!(record.fields().is_empty());
    assert_eq!(record.principal(), Some(ann.clone()));
    assert_eq!(b.listed(&ann).await, [public_id]);
    timer.assert_deadline(&id, secs(5000)).await;
}

/// A counter that is refused, or an expectation, refuses the removal too.
pub async fn a_refused_removal_removes_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.plant(rich_hash(), Some(secs(1000))).await;
    let counter = keep(add("theme", 1), ["theme"]);
    let expectation = keep(Delta::new().expect_absent(name("theme")), []);
    for (delta, kind) in [
        (counter, ErrorKind::NotAnInteger),
        (expectation, ErrorKind::Conflict),
    ] {
        b.assert_refused(&id, delta, kind, "a removal").await;
    }
}

/// A session with as many fields as it may have takes as many others in one step.
pub async fn a_full_session_can_be_exchanged(h: &dyn Harness) {
    let limits = Limits::default().with_fields(3);
    let b = Bench::with(h, |policy| policy.with_limits(limits)).await;
    let new = fields([("a", "1"), ("b", "2"), ("c", "3")]);
    let id = b.create(NewSession::new(new)).await;
    let delta = set("d", "4").set(name("e"), "5").set(name("f"), "6");
    let id = b.change(&id, keep(delta, []), false).await.0;
    let expected = [("d", "4"), ("e", "5"), ("f", "6")];
    assert_fields(&b, &id, &expected, "exchanged").await;
}

/// Nobody's session that is bound, the principal's own that is bound again, a rotation or a write
/// without a binding, and nobody's session that is unbound keep their fields, their beginning and
/// their deadline.
pub async fn fields_stay_unless_the_principal_changes(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    for is_rotation in [false, true] {
        for (is_bound, delta) in [
            (false, Delta::new().bind(ann.clone())),
            (false, Delta::new().unbind()),
            (false, Delta::new()),
            (true, Delta::new().bind(ann.clone())),
            (true, Delta::new()),
        ] {
            let mut timer = b.timer().await;
            let deadline = h.now().await.plus_millis(700_000).get().to_string();
            let hash = with(rich_hash(), "session_deadline", deadline);
            let id = b.plant(hash, Some(secs(600))).await;
            let id = match is_bound {
                true => b.change(&id, Delta::new().bind(ann.clone()), false).await.0,
                false => id,
            };
            b.clock.forward(secs(1));
            let what = format!("{delta:?}, bound before: {is_bound}");
            let delta = keep_if(delta, ["username"]);
            let id = b.change(&id, delta, is_rotation).await.0;
            let key = b.stored(&id).await;
            assert_eq!(key.field("theme"), Some(b"dark".as_slice()), "{what}");
            let hidden = key.field([0xff, 0xfe]);
            assert_eq!(hidden, Some(b"hidden".as_slice()), "{what}");
            let created = key.field("created_at");
            assert_eq!(created, Some(GUIDE_CREATED_AT.as_bytes()), "{what}");
            timer.assert_deadline(&id, secs(700)).await;
        }
    }
}

/// A session that another logs into starts again: kept and written fields, a new beginning, a
/// deadline of its own.
pub async fn another_principals_session_starts_again(h: &dyn Harness) {
    let b = Bench::with(h, |policy| policy.with_principal_lifetime(lasting(3000))).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    for is_rotation in [false, true] {
        for (delta, lifetime) in [
            (Delta::new().bind(bob.clone()), 3000),
            (Delta::new().bind_for(bob.clone(), lasting(400)), 400),
            (Delta::new().bind(bob.clone()).touch(Touch::Never), 3000),
        ] {
            let id = b.plant(rich_hash(), Some(secs(1000))).await;
            let bind = Delta::new().bind_for(ann.clone(), lasting(9000));
            let id = b.change(&id, bind, false).await.0;
            b.clock.forward(secs(60));
            let created = b.clock.text();
            let mut timer = b.timer().await;
            let delta = keep_if(delta.set(name("cart"), "1"), ["theme"]);
            let id = b.change(&id, delta, is_rotation).await.0;
            timer.assert_deadline(&id, secs(lifetime)).await;
            assert_eq!(b.stored_text(&id, "created_at").await, Some(created));
            let key = b.stored(&id).await;
            assert_eq!(key.field("theme"), Some(b"dark".as_slice()));
            assert_eq!(key.field("cart"), Some(b"1".as_slice()));
            for removed in [b"username".as_slice(), b"page_views", &[0xff, 0xfe]] {
                assert_eq!(key.field(removed), None, "{}", removed.escape_ascii());
            }
            b.assert_listed(&ann, []).await;
            let revoked = b.revoke_sessions(&bob, None).done().await;
            assert_eq!(revoked, 1);
        }
    }
}

/// Nobody's session, the principal's own and another one's start again with a fresh log-in, with
/// what the write sets and counts.
pub async fn a_fresh_log_in_starts_the_session_again(h: &dyn Harness) {
    let b = Bench::with(h, |policy| policy.with_principal_lifetime(lasting(3000))).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let fresh = LogIn::new(ann.clone()).fresh();
    for is_rotation in [false, true] {
        for before in [None, Some(&ann), Some(&bob)] {
            for (log_in, lifetime) in [
                (fresh.clone(), 3000),
                (fresh.clone().lifetime(lasting(400)), 400),
            ] {
                let mut id = b.plant(rich_hash(), Some(secs(1000))).await;
                if let Some(before) = before {
                    let bind = Delta::new().bind_for(before.clone(), lasting(9000));
                    id = b.change(&id, bind, false).await.0;
                }
                b.clock.forward(secs(60));
                let created = b.clock.text();
                let mut timer = b.timer().await;
                // What else is said of fields to keep does not count.
                let delta = keep_if(add("page_views", 7).set(name("cart"), "1"), ["theme"]);
                let delta = delta.bind(log_in);
                let id = b.change(&id, delta, is_rotation).await.0;
                timer.assert_deadline(&id, secs(lifetime)).await;
                let record = b.peek(&id).await;
                let expected = fields([("page_views", "7"), ("cart", "1")]);
                assert_eq!(*record.fields(), expected, "bound before: {before:?}");
                assert_eq!(b.stored(&id).await.field([0xff, 0xfe]), None);
                assert_eq!(b.stored_text(&id, "created_at").await, Some(created));
                assert_eq!(b.listed(&ann).await, [b.public_id(&id).await]);
                assert_eq!(b.revoke_sessions(&ann, None).done().await, 1);
            }
        }
    }
}

/// A session that is unbound starts again as one without a deadline.
pub async fn an_unbound_session_starts_again(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    for is_rotation in [false, true] {
        let id = b.plant(rich_hash(), Some(secs(1000))).await;
        let bind = Delta::new().bind_for(ann.clone(), lasting(500));
        let id = b.change(&id, bind, false).await.0;
        b.clock.forward(secs(60));
        let created = b.clock.text();
        let mut timer = b.timer().await;
        let unbind = keep_if(Delta::new().unbind(), ["theme"]);
        let id = b.change(&id, unbind, is_rotation).await.0;
        assert_fields(&b, &id, &[("theme", "dark")], "unbound").await;
        assert_eq!(b.stored_text(&id, "created_at").await, Some(created));
        // Nothing caps its expiry any more.
        timer.assert_expiry(&id, secs(1000)).await;
        b.assert_listed(&ann, []).await;
    }
}

/// A stored text that is no principal binds nobody: binding its session is no change.
pub async fn a_foreign_text_as_principal_is_no_principal_that_changes(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let names: [FieldName; 0] = [];
    for text in [b"".as_slice(), &[0xff], &[b'x'; 257]] {
        let hash = with(rich_hash(), "session_principal", text);
        let id = b.plant(hash, Some(secs(1000))).await;
        let delta = Delta::new().bind(fresh_principal("ann"));
        let delta = delta.keep_only_if_principal_changes(names.clone());
        let id = b.change(&id, delta, false).await.0;
        let key = b.stored(&id).await;
        assert_eq!(key.field("theme"), Some(b"dark".as_slice()));
    }
}
