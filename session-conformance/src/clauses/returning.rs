//! What a write returns.

use session_core::{Delta, Touch};

use crate::harness::Harness;
use crate::kit::{Bench, add, fields, name, secs, session, set, ttl};

/// The record that a write returns is the session after it; without being asked, it returns none.
pub async fn a_write_returns_the_session_after_it(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    h.advance(secs(40)).await;
    b.clock.forward(secs(40));
    for (step, rotate) in [(1, false), (2, true)] {
        let mut timer = b.timer().await;
        let all = set("a", "1")
            .increment(name("n"), 2)
            .remove(name("username"));
        let delta = all.ttl(ttl(300)).returning_record();
        let (id, written) = if rotate {
            let rotated = b.rotate_session(&id, delta).await.expect("no error");
            let rotated = rotated.expect("a session");
            (rotated.id, rotated.written)
        } else {
            let written = b.update_session(&id, delta).await.expect("no error");
            (id.clone(), written.expect("a session"))
        };
        let record = written.record.expect("a record");
        let count = (2 * step).to_string();
        assert_eq!(record.fields(), &fields([("a", "1"), ("n", &count)]));
        assert_eq!(record.configured_ttl(), ttl(300));
        assert_eq!(
            record.last_accessed_at_text().as_str(),
            Ok(&*b.clock.text())
        );
        assert_eq!(record.ttl(), written.ttl);
        let peeked = b
            .peek_session(&id)
            .await
            .expect("no error")
            .expect("a session");
        assert_eq!(peeked.fields(), record.fields());
        let elapsed = timer.elapsed().await;
        elapsed.assert_remaining(record.ttl(), secs(300));
        elapsed.assert_remaining(peeked.ttl(), secs(300));
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
        let written = b.update_session(&id, delta).await.expect("no error");
        assert_eq!(written.expect("a session").record, None);
    }
}

/// A write of nothing returns the session as well.
pub async fn an_empty_write_returns_the_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    for touch in [Touch::Always, Touch::Never] {
        let delta = Delta::new().touch(touch).returning_record();
        let written = b.update_session(&id, delta).await.expect("no error");
        let record = written.expect("a session").record.expect("a record");
        assert_eq!(record.fields(), &fields([("username", "andrew")]));
    }
}
