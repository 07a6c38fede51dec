//! What a page does not show.

use std::time::Duration;

use session_core::{Delta, PageSize, Principal, PublicId};

use crate::harness::Harness;
use crate::kit::{
    Bench, Operator, Step, fresh_id, fresh_principal, guide_hash, lasting, secs, session, with,
    without,
};

/// One page of few sessions, and several tables of a store in one.
const SIZES: [PageSize; 2] = [PageSize::DEFAULT, PageSize::MAX];

/// Expired, deleted, past its deadline, left by a rotation or revoked: not shown.
pub async fn what_has_ended_is_not_shown(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let ann = fresh_principal("ann");
    let alive = b.create(session(5000).bind(ann.clone())).await;
    let deleted = b.create(session(5000).bind(ann.clone())).await;
    assert!(b.delete(&deleted).await);
    let revoked = b.create(session(5000).bind(ann.clone())).await;
    let public_id = b.public_id(&revoked).await;
    assert!(b.revoke_session(&ann, &public_id).done().await);
    let old = b.create(session(5000)).await;
    let rotated = b.rotate(&old, Delta::new()).await.id;
    let expiring = b.create(session(100)).await;
    let ending = b.create(session(5000).max_lifetime(lasting(100))).await;
    for size in SIZES {
        operator
            .assert_shows([&alive, &rotated, &expiring, &ending], size)
            .await;
    }
    h.advance(Duration::from_millis(100_001)).await;
    for size in SIZES {
        operator.assert_shows([&alive, &rotated], size).await;
    }
}

/// A deadline that has passed hides a session whose key another client keeps alive.
pub async fn a_session_past_its_deadline_is_not_shown(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let alive = b.create(session(5000)).await;
    let deadline = h.now().await.plus_millis(60_000).get().to_string();
    let hash = with(guide_hash("100"), "session_deadline", deadline);
    let ending = b.plant(hash.clone(), Some(secs(5000))).await;
    let eternal = b.plant(hash, None).await;
    let long_past = with(guide_hash("100"), "session_deadline", "1");
    b.plant(long_past, None).await;
    for size in SIZES {
        operator
            .assert_shows([&alive, &ending, &eternal], size)
            .await;
    }
    h.advance(secs(60)).await;
    assert!(h.dump(&ending).await.is_some() && h.dump(&eternal).await.is_some());
    for size in SIZES {
        operator.assert_shows([&alive], size).await;
    }
}

/// Ghosts, malformed hashes, and keys of another type.
pub async fn what_is_no_session_is_not_shown(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let alive = b.create(session(5000)).await;
    let ghost = vec![(b"page_views".to_vec(), b"1".to_vec())];
    let mut hashes = vec![ghost];
    for name in ["created_at", "last_accessed_at", "session_ttl"] {
        hashes.push(without(guide_hash("100"), name));
    }
    for text in [
        "",
        "0",
        "-1",
        "+100",
        "007",
        "1e3",
        "100 ",
        "9.5",
        "4294967296",
        "x",
    ] {
        hashes.push(guide_hash(text));
    }
    let long = ["1000000000000000", " 999999999999999"];
    for text in ["", "0", "-1", "soon", "9e14"].into_iter().chain(long) {
        hashes.push(with(guide_hash("100"), "session_deadline", text));
    }
    let future = h.now().await.plus_millis(100_000).get().to_string();
    for text in ["x", "1", &future] {
        hashes.push(with(guide_hash("100"), "session_rotated", text));
    }
    hashes.push(with(guide_hash("100"), "session_principal", "ann"));
    let count = hashes.len();
    for hash in hashes {
        b.plant(hash.clone(), Some(secs(5000))).await;
        b.plant(hash, None).await;
    }
    h.plant_other_type(&fresh_id()).await;
    for size in SIZES {
        operator.assert_shows([&alive], size).await;
    }
    let counted = operator.count_sessions().done().await;
    assert_eq!(counted, 1, "beside {count} hashes that are none");
}

/// Nor is what the store keeps for itself, whatever principals are called.
pub async fn indexes_are_not_shown(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let like_an_id = fresh_id();
    let mut ids = Vec::new();
    for name in ["ann", "@", ":", like_an_id.expose()] {
        let principal = Principal::new(name).expect("a principal");
        ids.push(b.create(session(5000).bind(principal)).await);
    }
    for size in SIZES {
        operator.assert_shows(&ids, size).await;
    }
}

/// What ends during a scan is on no page that is asked for later.
pub async fn what_ends_during_a_scan_is_not_shown_later(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let mut alive = Vec::new();
    for n in 0..60 {
        let new = session(5000);
        alive.push(match n % 2 {
            0 => b.create(new.bind(fresh_principal("ann"))).await,
            _ => b.create(new).await,
        });
    }
    let mut ended = std::collections::HashSet::new();
    let mut scan = operator.scan(PageSize::new(2).expect("a size"));
    while let Some(shown) = scan.ids().await {
        let mut shown = shown.iter();
        assert!(shown.all(|it| !ended.contains(it)), "an ended one is shown");
        let Some(id) = alive.pop() else { continue };
        let public_id = b.public_id(&id).await;
        let is_bound = public_id != PublicId::of_unbound(&id);
        match alive.len() % 3 {
            0 => assert!(b.delete(&id).await),
            1 => assert!(operator.revoke(&id).await),
            _ => {
                b.rotate(&id, Delta::new()).await;
                // A rotation ends the public id of an unbound session only.
                if is_bound {
                    continue;
                }
            }
        }
        ended.insert(public_id);
    }
    let shown = operator.all(PageSize::MAX).await;
    assert!(shown.keys().all(|public_id| !ended.contains(public_id)));
}

/// A page shows a session exactly as long as a read finds it.
pub async fn a_session_is_shown_as_long_as_it_is_found(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let steps: &[u64] = match h.clock_stands_still() {
        true => &[99_998, 1, 1, 1, 1],
        false => &[90_000, 9_000, 2_000],
    };
    let expiring = b.create(session(100)).await;
    let ending = b.create(session(5000).max_lifetime(lasting(100))).await;
    for millis in steps {
        h.advance(Duration::from_millis(*millis)).await;
        for id in [&expiring, &ending] {
            let was_alive = b.is_alive(id).await;
            let is_shown = operator.shown(id).await.is_some();
            let is_alive = b.is_alive(id).await;
            let is_possible = is_shown == was_alive || is_shown == is_alive;
            assert!(is_possible, "shown: {is_shown}, found: {was_alive}");
        }
    }
    operator.assert_shows([], PageSize::MAX).await;
}
