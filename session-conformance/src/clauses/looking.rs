//! Looking changes nothing; and counting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use session_core::{Delta, NewSession, PageSize, SessionId};

use crate::harness::Harness;
use crate::kit::{
    Bench, Operator, Step, fresh_id, fresh_principal, guide_hash, lasting, secs, session, with,
    without,
};

/// Sessions of all kinds, and what is none.
async fn all_kinds(b: &Bench<'_>) -> Vec<SessionId> {
    let ann = fresh_principal("ann");
    let deadline = b.h.now().await.plus_millis(9_000_000).get().to_string();
    let dated = with(guide_hash("100"), "session_deadline", &deadline);
    let mut ids = vec![
        b.create(session(5000)).await,
        b.create(session(5000).bind(ann.clone())).await,
        b.create(session(5000).max_lifetime(lasting(6000))).await,
        b.create(session(5000).bind(ann).max_lifetime(lasting(5500)))
            .await,
    ];
    for (hash, expires_in) in [
        (guide_hash("100"), None),
        (guide_hash("100"), Some(secs(90_000))),
        (dated.clone(), None),
        (with(dated, "session_principal", "bob"), None),
        (with(guide_hash("100"), [0xff, 0xfe], "hidden"), None),
        (with(guide_hash("100"), "session_principal", "bob"), None),
        (with(guide_hash("100"), "session_rotated", &deadline), None),
        (with(guide_hash("100"), "session_deadline", "1"), None),
        (with(guide_hash("100"), "session_deadline", "soon"), None),
        (without(guide_hash("100"), "created_at"), None),
        (guide_hash("0"), Some(secs(5000))),
    ] {
        ids.push(b.plant(hash, expires_in).await);
    }
    let other = fresh_id();
    b.h.plant_other_type(&other).await;
    ids.push(other);
    ids
}

/// Pages of any size, counting, and a search in vain leave what is there as it is, sessions or not.
pub async fn looking_changes_nothing(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let ids = all_kinds(&b).await;
    b.pass(40).await;
    let before = b.snapshots(&ids).await;
    for keys in [1, 3, 256] {
        let shown = operator.all(PageSize::new(keys).expect("a size")).await;
        assert_eq!(shown.len(), 9);
        b.assert_all_unchanged(&before, "a page").await;
    }
    assert_eq!(operator.count_sessions().done().await, 9);
    b.assert_all_unchanged(&before, "count_sessions").await;
    let stranger = fresh_id();
    assert!(!operator.revoke(&stranger).await);
    b.assert_all_unchanged(&before, "revoke_session").await;
    assert_eq!(h.dump(&stranger).await, None);
}

/// A page takes nobody out of an index, not even what another client has made invalid.
pub async fn looking_prunes_no_index(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let ann = fresh_principal("ann");
    let alive = b.create(session(5000).bind(ann.clone())).await;
    for _ in 0..3 {
        let id = b.create(session(5000).bind(ann.clone())).await;
        let invalid = without(guide_hash("100"), "created_at");
        h.plant(&id, invalid, None).await;
    }
    let entries = h.index_len(&ann).await;
    assert!(entries >= Some(1));
    operator.assert_shows([&alive], PageSize::DEFAULT).await;
    assert_eq!(operator.count_sessions().done().await, 1);
    assert_eq!(h.index_len(&ann).await, entries);
    b.assert_listed(&ann, [&alive]).await;
}

/// None, and more than fit on one page, bound and unbound, and the same number each time.
pub async fn each_session_counts_once(h: &dyn Harness) {
    let (b, operator) = (Bench::unlimited(h).await, Operator::new(h).await);
    let ann = fresh_principal("ann");
    for n in 0..=400 {
        if n % 100 == 0 {
            for _ in 0..2 {
                assert_eq!(operator.count_sessions().done().await, n);
            }
        }
        let (unbound, bound) = (NewSession::default(), session(1800).bind(ann.clone()));
        b.create(if n % 2 == 0 { bound } else { unbound }).await;
    }
}

/// Those that have ended in whatever way do not count, nor does what never was a session.
pub async fn the_ended_do_not_count(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    all_kinds(&b).await;
    let count = async || operator.count_sessions().done().await;
    assert_eq!(count().await, 9);
    let id = b.create(session(5000)).await;
    assert_eq!(count().await, 10);
    let id = b.rotate(&id, Delta::new()).await.id;
    assert_eq!(count().await, 10);
    assert!(operator.revoke(&id).await);
    assert_eq!(count().await, 9);
    b.create(session(100).bind(fresh_principal("ann"))).await;
    b.create(session(5000).max_lifetime(lasting(100))).await;
    assert_eq!(count().await, 11);
    h.advance(secs(101)).await;
    assert_eq!(count().await, 9);
}

/// While others come and go, those that live throughout count once, and the others at most once.
pub async fn counting_beside_others_is_near(h: &dyn Harness) {
    const LASTING: u64 = 100;
    const PASSING: u64 = 40;
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    for _ in 0..LASTING {
        b.create(NewSession::default()).await;
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let (backend, over) = (b.shared(), Arc::clone(&is_over));
    let others = tokio::spawn(async move {
        for _ in 0..PASSING {
            let created = backend.create_session(session(5000)).done().await;
            let id = created.id;
            tokio::task::yield_now().await;
            assert!(backend.delete_session(&id).done().await);
            if over.load(Ordering::Relaxed) {
                break;
            }
        }
    });
    for _ in 0..5 {
        let counted = operator.count_sessions().done().await;
        assert!(
            (LASTING..=LASTING + PASSING).contains(&counted),
            "{counted}"
        );
        tokio::task::yield_now().await;
    }
    is_over.store(true, Ordering::Relaxed);
    others.await.expect("the others");
    assert_eq!(operator.count_sessions().done().await, LASTING);
}
