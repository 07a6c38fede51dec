//! What a session is stored as.

use session_core::{LogIn, NewSession, SessionRecord};

use crate::harness::{Harness, RawHash};
use crate::kit::{
    Bench, Step, add, fields, fresh_principal, lasting, name, secs, session, set, ttl,
};

/// The hash of these fields, as dumps have it.
fn hash<const N: usize>(pairs: [(&str, &str); N]) -> RawHash {
    let mut hash: RawHash = pairs
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    hash.sort();
    hash
}

/// A new session is the caller's fields, if any, and the three reserved ones, and its key expires.
pub async fn a_new_session_is_the_guides_hash(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let new = NewSession::new(fields([("username", "andrew"), ("page_views", "1")]));
    let id = b.create(new.ttl(ttl(900))).await;
    let key = b.stored(&id).await;
    let expected = hash([
        ("username", "andrew"),
        ("page_views", "1"),
        ("created_at", "2026-04-02T12:34:56+00:00"),
        ("last_accessed_at", "2026-04-02T12:34:56+00:00"),
        ("session_ttl", "900"),
    ]);
    assert_eq!(key.fields(), expected);
    assert!(key.expires_in.is_some());
    let id = b.create(NewSession::default()).await;
    let expected = hash([
        ("created_at", "2026-04-02T12:34:56+00:00"),
        ("last_accessed_at", "2026-04-02T12:34:56+00:00"),
        ("session_ttl", "1800"),
    ]);
    assert_eq!(b.stored(&id).await.fields(), expected);
}

/// It stays exactly such a hash whatever is done to it.
pub async fn a_used_session_stays_the_guides_hash(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(900)).await;
    b.clock.forward(secs(61));
    b.get(&id).await;
    let delta = set("theme", "dark").increment(name("page_views"), 2);
    b.update(&id, delta).await;
    assert!(b.remove_fields(&id, vec![name("username")]).done().await);
    assert!(b.set_session_ttl(&id, ttl(60)).done().await);
    let id = b.rotate(&id, add("page_views", -3)).await.id;
    let expected = hash([
        ("theme", "dark"),
        ("page_views", "-1"),
        ("created_at", "2026-04-02T12:34:56+00:00"),
        ("last_accessed_at", "2026-04-02T12:35:57+00:00"),
        ("session_ttl", "60"),
    ]);
    let key = b.stored(&id).await;
    assert_eq!(key.fields(), expected);
    assert!(key.expires_in.is_some());
}

/// Creation returns what a peek right after it does; what remains differs by the time between.
pub async fn creation_returns_what_is_stored(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let plain = || NewSession::new(fields([("a", "1"), ("b", "")]));
    let principal = fresh_principal("ann");
    for new in [
        plain(),
        NewSession::default(),
        plain().ttl(ttl(50)),
        plain().ttl(ttl(100)).max_lifetime(lasting(1000)),
        plain().ttl(ttl(100)).max_lifetime(lasting(70)),
        plain().bind(principal.clone()),
        plain().bind(LogIn::new(principal.clone()).persistent(true)),
        plain().bind(principal).max_lifetime(lasting(70)),
    ] {
        let mut timer = b.timer().await;
        let created = b.create_session(new).done().await;
        let peeked = b.peek(&created.id).await;
        assert_same_but_for_time(&created.record, &peeked);
        let remaining = created.record.ttl().as_duration().expect("an expiry");
        timer.assert_remaining(peeked.ttl(), remaining).await;
    }
}

fn assert_same_but_for_time(a: &SessionRecord, b: &SessionRecord) {
    assert_eq!(a.fields(), b.fields());
    assert_eq!(a.created_at_text(), b.created_at_text());
    assert_eq!(a.last_accessed_at_text(), b.last_accessed_at_text());
    assert_eq!(a.configured_ttl(), b.configured_ttl());
    assert_eq!(a.deadline(), b.deadline());
    assert_eq!(a.principal(), b.principal());
}

/// A session without a lifetime and a principal never has their fields. A lifetime alone stores no
/// principal; a binding stores both.
pub async fn optional_fields_are_stored_when_used(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.create(session(100)).await;
    let id = b.rotate(&id, set("a", "1")).await.id;
    let key = b.stored(&id).await;
    for field in [
        "session_deadline",
        "session_principal",
        "session_persistent",
    ] {
        assert_eq!(key.field(field), None, "{field}");
    }
    let record = b.peek(&id).await;
    assert_eq!((record.deadline(), record.principal()), (None, None));

    let id = b.create(session(100).max_lifetime(lasting(1000))).await;
    let key = b.stored(&id).await;
    assert!(key.field("session_deadline").is_some());
    assert_eq!(key.field("session_principal"), None);

    let principal = fresh_principal("ann");
    let id = b.create(session(100).bind(principal.clone())).await;
    let key = b.stored(&id).await;
    assert!(key.field("session_deadline").is_some());
    let stored = key.field("session_principal");
    assert_eq!(stored, Some(principal.as_str().as_bytes()));
    let record = b.peek(&id).await;
    assert_eq!(record.principal(), Some(principal));
    let text = b.stored_text(&id, "session_deadline").await;
    let deadline = record.deadline().map(|deadline| deadline.get().to_string());
    assert_eq!(deadline, text);
}
