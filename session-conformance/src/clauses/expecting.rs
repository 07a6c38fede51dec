//! Writes that expect fields to be as they were.

use session_core::{Delta, ErrorKind, Limits, NewSession, Touch};

use crate::harness::Harness;
use crate::kit::{
    Bench, Step, add, fields, fresh_id, fresh_principal, guide_hash, name, secs, session, with,
};

fn equals(field: &'static str, value: &str) -> Delta {
    Delta::new().expect_value(name(field), value)
}

fn absent(field: &'static str) -> Delta {
    Delta::new().expect_absent(name(field))
}

/// What is as expected is no obstacle: any bytes, the empty text, an absent field.
pub async fn a_write_whose_expectations_hold_is_applied(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let bytes = [0, 0xff, b'\r', b'\n'];
    for is_rotation in [false, true] {
        let hash = with(guide_hash("100"), "empty", "");
        let id = b.plant(with(hash, "bytes", bytes), Some(secs(100))).await;
        let delta = equals("username", "andrew")
            .expect_value(name("empty"), "")
            .expect_value(name("bytes"), bytes.as_slice())
            .expect_value(name("page_views"), "3")
            .expect_absent(name("cart"))
            .set(name("cart"), "1")
            .set(name("username"), "ann")
            .increment(name("page_views"), 1);
        let (id, written) = b.change(&id, delta, is_rotation).await;
        assert_eq!(written.counter("page_views"), Some(4));
        assert_eq!(b.stored_text(&id, "cart").await.as_deref(), Some("1"));
        assert_eq!(b.stored_text(&id, "username").await.as_deref(), Some("ann"));
    }
}

/// One that does not hold refuses the whole delta: `Conflict`, nothing changed, nothing touched,
/// nobody bound.
pub async fn a_failed_expectation_changes_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let hash = with(guide_hash("100"), "empty", "");
    let id = b.plant(with(hash, "bytes", [0xff]), Some(secs(100))).await;
    b.pass(10).await;
    let expectations = [
        equals("username", "Andrew"),
        equals("username", ""),
        equals("username", "andrew\0"),
        equals("page_views", "03"),
        equals("empty", "x"),
        equals("bytes", "\u{fffd}"),
        equals("absent", ""),
        absent("username"),
        absent("empty"),
        // The first of two holds, and the second of two.
        equals("username", "andrew").expect_absent(name("page_views")),
        equals("username", "ann").expect_value(name("page_views"), "3"),
    ];
    for (n, expectation) in expectations.into_iter().enumerate() {
        let what = format!("expectation {n}");
        let change = expectation.clone().set(name("cart"), "1").bind(ann.clone());
        for delta in [
            expectation.clone(),
            change.clone(),
            change.clone().touch(Touch::Never),
            change.keep_only([]),
        ] {
            b.assert_refused(&id, delta, ErrorKind::Conflict, &what)
                .await;
        }
    }
    b.assert_listed(&ann, []).await;
}

/// Whether there is a session comes before them, counters and limits come after them.
pub async fn expectations_are_checked_in_their_turn(h: &dyn Harness) {
    let limits = Limits::default().with_fields(1);
    let b = Bench::with(h, |policy| policy.with_limits(limits)).await;
    let delta = absent("username").increment(name("username"), 1);
    let unknown = fresh_id();
    let written = b.update_session(&unknown, delta.clone()).done().await;
    assert_eq!(written, None);
    let rotated = b.rotate_session(&unknown, delta.clone()).done().await;
    assert_eq!(rotated, None);

    let id = b.create(session(100)).await;
    let holds = equals("username", "andrew");
    for (what, delta, kind) in [
        ("a counter later", delta, ErrorKind::Conflict),
        (
            "a limit later",
            absent("username").set(name("a"), ""),
            ErrorKind::Conflict,
        ),
        (
            "a counter",
            holds.increment(name("username"), 1),
            ErrorKind::NotAnInteger,
        ),
    ] {
        b.assert_refused(&id, delta, kind, what).await;
    }
}

/// They are about the session before the step: what the same delta does to a field comes later.
pub async fn expectations_see_the_session_before_the_step(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let new = fields([("n", "1"), ("s", "x")]);
    let id = b.create(NewSession::new(new)).await;
    for delta in [
        add("n", 1).expect_value(name("n"), "1"),
        equals("s", "x").set(name("s"), "y"),
        equals("s", "y").remove(name("s")),
        absent("s").set(name("s"), "z"),
        equals("s", "z").keep_only([]),
        absent("s").expect_absent(name("n")),
    ] {
        b.update(&id, delta).await;
    }
    let too_early = equals("s", "x").set(name("s"), "x");
    b.assert_refused(&id, too_early, ErrorKind::Conflict, "a later value")
        .await;
}

/// Of tasks that claim the same field one succeeds, and the field is its.
pub async fn one_of_racing_claims_succeeds(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for _ in 0..10 {
        let id = b.create(session(100)).await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..6 {
            let (backend, id) = (b.shared(), id.clone());
            tasks.spawn(async move {
                let claim = absent("owner").set(name("owner"), n);
                match backend.update_session(&id, claim).await {
                    Ok(written) => {
                        assert!(written.is_some());
                        Some(n)
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Conflict);
                        None
                    }
                }
            });
        }
        let winners: Vec<i64> = tasks.join_all().await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "{winners:?}");
        let owner = b.stored_text(&id, "owner").await;
        assert_eq!(owner, Some(winners[0].to_string()));
    }
}
