//! What a write returns.

use session_core::{Delta, Touch};

use crate::harness::Harness;
use crate::kit::{Bench, add, fields, name, secs, session, set, ttl};

/// The record that a write returns is the session after it; without being asked, it returns none.
pub async fn a_write_returns_the_session_after_it(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    b.pass(40).await;
    for (step, rotate) in [(1, false), (2, true)] {
        let mut timer = b.timer().await;
        let all = set("a", "1")
            .increment(name("n"), 2)
            .remove(name("username"));
        let delta = all.ttl(ttl(300)).returning_record();
        let (id, written) = if rotate {
            let rotated = b.rotate(&id, delta).await;
            (rotated.id, rotated.written)
        } else {
            let written = b.update(&id, delta).await;
            (id.clone(), written)
        };
        let record = written.record.expect("a record");
        let count = (2 * step).to_string();
        assert_eq!(record.fields(), &fields([("a", "1"), ("n", &count)]));
        assert_eq!(record.configured_ttl(), ttl(300));
        assert_eq!(record.last_accessed_at_text(), b.clock.value());
        assert_eq!(record.ttl(), written.ttl);
        let peeked = b.peek(&id).await;
        assert_eq!(peeked.fields(), record.fields());
        timer.assert_remaining(record.ttl(), secs(300)).await;
        timer.assert_remaining(peeked.ttl(), secs(300)).await;
    }
}

/// Without being asked, a write returns no record.
pub async fn a_write_returns_no_record_unasked(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    for delta in [
        set("a", "1"),
        add("n", 1),
        Delta::new(),
        set("a", "2").touch(Touch::Never),
    ] {
        let written = b.update(&id, delta).await;
        assert_eq!(written.record, None);
    }
}

/// A write of nothing returns the session as well.
pub async fn an_empty_write_returns_the_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    for touch in [Touch::Always, Touch::Never] {
        let delta = Delta::new().touch(touch).returning_record();
        let record = b.update(&id, delta).await.record.expect("a record");
        assert_eq!(record.fields(), &fields([("username", "andrew")]));
    }
}
