//! What a page shows of a session.

use std::time::Duration;

use session_core::{
    NewSession, PageRequest, PageSize, Principal, Remaining, SessionId, SessionOverview,
};

use crate::harness::{Harness, RawKey};
use crate::kit::{
    Bench, ClientHash, Operator, Step as _, clients, fields, fresh_id, fresh_principal,
    fresh_public_id, guide_hash, lasting, secs, session, set, stored_deadline, ttl, with,
};

/// Asserts that an overview shows what was stored just before and just after it was made.
fn assert_shows_key(shown: &SessionOverview, before: &RawKey, after: &RawKey) {
    assert_eq!(before.value, after.value, "the case leaves it alone");
    let text = |name: &str| before.field(name).expect("a reserved field");
    let (session, ttl) = (&shown.session, shown.configured_ttl.to_string());
    assert_eq!(session.created_at_text.as_bytes(), text("created_at"));
    let accessed = session.last_accessed_at_text.as_bytes();
    assert_eq!(accessed, text("last_accessed_at"));
    assert_eq!(ttl.as_bytes(), text("session_ttl"));
    assert_eq!(shown.deadline, stored_deadline(before));
    let principal = before.field("session_principal");
    let principal = principal.and_then(|text| Principal::new(std::str::from_utf8(text).ok()?).ok());
    assert_eq!(shown.principal, principal);
    match (before.expires_in, shown.ttl, after.expires_in) {
        (None, Remaining::NoExpiry, None) => {}
        (Some(most), Remaining::In(left), Some(least)) => assert!(
            least <= left && left <= most,
            "{left:?} remains, expected {least:?} to {most:?}"
        ),
        (before, shown, _) => panic!("{shown:?} remains, expected {before:?}"),
    }
}

/// Asserts that a scan shows of each of these sessions what is stored, whatever the size of its
/// pages.
async fn assert_shows_what_is_stored(b: &Bench<'_>, operator: &Operator<'_>, ids: &[SessionId]) {
    for keys in [2, 256] {
        let mut before = Vec::new();
        for id in ids {
            before.push(b.stored(id).await);
        }
        let shown = operator.all(PageSize::new(keys).expect("a size")).await;
        assert_eq!(shown.len(), ids.len());
        for (id, before) in ids.iter().zip(&before) {
            let shown = &shown[&b.public_id(id).await];
            assert_shows_key(shown, before, &b.stored(id).await);
        }
    }
}

/// Sessions of all kinds that the operations make, before and after they are used.
pub async fn every_fact_is_as_stored(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let mut ids = Vec::new();
    for (n, new) in [
        session(1000),
        session(2000).max_lifetime(lasting(70_000)),
        session(3000).bind(ann.clone()),
        session(4000).bind(ann.clone()).max_lifetime(lasting(5000)),
        session(5000).bind(bob.clone()).max_lifetime(lasting(600)),
        session(4_294_967_295),
    ]
    .into_iter()
    .enumerate()
    {
        b.clock.forward(secs(60 * n as u64));
        ids.push(b.create(new).await);
    }
    assert_shows_what_is_stored(&b, &operator, &ids).await;
    h.advance(Duration::from_millis(123_456)).await;
    b.clock.forward(secs(123));
    assert_shows_what_is_stored(&b, &operator, &ids).await;
    let (used, quiet) = ids.split_at(3);
    for id in used {
        b.get(id).await;
    }
    for id in &quiet[..1] {
        let delta = set("a", "b").ttl(ttl(700)).bind(bob.clone());
        b.update(id, delta).await;
    }
    assert_shows_what_is_stored(&b, &operator, &ids).await;
}

/// Sessions that other clients wrote, with texts and expiries of their own.
pub async fn foreign_sessions_are_shown_as_stored(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let mut ids = Vec::new();
    for ClientHash { hash, .. } in clients() {
        ids.push(b.plant(hash, Some(secs(900))).await);
    }
    let texts: [&[u8]; 7] = [
        b"",
        b"yesterday",
        b"1775133296",
        b"2026-04-02 12:34:56",
        b"\0\r\n",
        &[0xff, 0xfe],
        &[b'x'; 5000],
    ];
    for text in texts {
        let hash = with(guide_hash("100"), "created_at", text);
        ids.push(b.plant(hash, Some(secs(100))).await);
        let hash = with(guide_hash("100"), "last_accessed_at", text);
        ids.push(b.plant(hash, Some(secs(100))).await);
    }
    for seconds in ["1", "4294967295"] {
        ids.push(b.plant(guide_hash(seconds), Some(secs(5000))).await);
        // Without an expiry.
        ids.push(b.plant(guide_hash(seconds), None).await);
    }
    // With a deadline, near or far, and no expiry.
    let soon = h.now().await.plus_millis(500_000).get().to_string();
    for deadline in [soon.as_str(), "999999999999999"] {
        let hash = with(guide_hash("100"), "session_deadline", deadline);
        ids.push(b.plant(hash, None).await);
    }
    // A text that is no principal is none.
    let long = vec![b'x'; Principal::MAX_LEN + 1];
    for text in [b"".as_slice(), &[0xff, 0xfe], &long] {
        let hash = with(guide_hash("100"), "session_principal", text);
        ids.push(b.plant(hash, Some(secs(86_400))).await);
    }
    assert_shows_what_is_stored(&b, &operator, &ids).await;
}

/// Each session is shown with its own principal, whatever the name.
pub async fn every_principal_is_shown_with_its_sessions(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let long = "x".repeat(Principal::MAX_LEN);
    let id_like = fresh_id();
    let names = [
        "ann", "Ann", "ann ", "*", "{ann}", "a\0", "a\r\nb", "🦀", "\"", "0",
    ];
    let mut ids = Vec::new();
    for name in names.into_iter().chain([&*long, id_like.expose()]) {
        let principal = Principal::new(name).expect("a principal");
        ids.push(b.create(session(1000).bind(principal)).await);
    }
    ids.push(b.create(session(1000)).await);
    assert_shows_what_is_stored(&b, &operator, &ids).await;
}

/// Of a bound one and of one of nobody; of no other on its page, and without a touch.
pub async fn the_fields_of_a_named_session_are_shown(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let held = fields([("cart", "3 apples"), ("step", "")]);
    let new = || NewSession::new(held.clone());
    let (free, bound) = (
        b.create(new()).await,
        b.create(new().bind(fresh_principal("ann"))).await,
    );
    let ended = b.create(new()).await;
    let ended_public_id = b.public_id(&ended).await;
    assert!(b.delete(&ended).await);
    h.advance(secs(2)).await;
    for id in [&free, &bound] {
        let (before, public_id) = (b.snapshot(id).await, b.public_id(id).await);
        let shown = operator.show_session(&public_id).done().await;
        let shown = shown.expect("it is there").session;
        assert_eq!((shown.public_id, shown.fields), (public_id, held.clone()));
        b.assert_unchanged(id, &before, "a look at its fields")
            .await;
        let mut request = PageRequest::new(None, PageSize::MAX).with_fields_of(public_id);
        loop {
            let page = operator.page(&request).done().await;
            for shown in page.sessions {
                let is_named = shown.session.public_id == public_id;
                assert_eq!(shown.session.fields.is_empty(), !is_named);
            }
            request.cursor = page.next;
            if request.cursor.is_none() {
                break;
            }
        }
    }
    for public_id in [ended_public_id, fresh_public_id()] {
        assert_eq!(operator.show_session(&public_id).done().await, None);
    }
}
