//! Scans through the store: that they end, and miss nobody.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use session_core::{Delta, NewSession, PageSize, PublicId, SessionId};

use crate::harness::Harness;
use crate::kit::{Bench, Finding, Operator, Step, fresh_principal, session, set, ttl};

/// A page of about so many keys.
fn size(keys: u32) -> PageSize {
    PageSize::new(keys).expect("a page's size")
}

/// Creates sessions, every third of them bound.
async fn crowd(b: &Bench<'_>, count: usize) -> Vec<SessionId> {
    let mut ids = Vec::new();
    for n in 0..count {
        let new = NewSession::default().ttl(ttl(5000));
        ids.push(match n % 3 {
            0 => b.create(new.bind(fresh_principal("ann"))).await,
            _ => b.create(new).await,
        });
    }
    ids
}

/// Asserts that each of these sessions is among those that were shown.
async fn assert_all_shown(b: &Bench<'_>, ids: &[SessionId], shown: &HashSet<PublicId>) {
    let mut missed = 0;
    for id in ids {
        missed += usize::from(!shown.contains(&b.public_id(id).await));
    }
    assert_eq!(missed, 0, "of {} sessions were missed", ids.len());
}

/// None, a few and several hundred sessions are shown, by pages of any size.
pub async fn a_scan_shows_all(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let mut ids = Vec::new();
    for more in [0, 1, 1, 1, 300] {
        ids.extend(crowd(&b, more).await);
        for size in [PageSize::MAX, PageSize::DEFAULT, size(2), size(1)] {
            operator.assert_shows(&ids, size).await;
        }
    }
}

/// A page is about as large as was asked for, so that no step takes long: a few keys more, not
/// hundreds.
pub async fn pages_are_about_as_large_as_was_asked_for(h: &dyn Harness) {
    const MORE: usize = 60;
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    crowd(&b, 400).await;
    for keys in [1, 20] {
        let size = size(keys);
        let mut scan = operator.scan(size);
        while let Some(page) = scan.page().await {
            let most = usize::from(size.get()) + MORE;
            let shown = page.len();
            assert!(shown <= most, "{shown} on a page of {size} keys");
        }
    }
}

/// Two scans at once, by turns, do not disturb each other.
pub async fn scans_are_independent(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let ids = crowd(&b, 120).await;
    let (mut few, mut many) = (operator.scan(size(10)), operator.scan(size(50)));
    let mut shown = [HashSet::new(), HashSet::new()];
    loop {
        let pages = [few.ids().await, many.ids().await];
        if pages.iter().all(Option::is_none) {
            break;
        }
        for (shown, page) in shown.iter_mut().zip(pages) {
            shown.extend(page.into_iter().flatten());
        }
    }
    for shown in &shown {
        assert_all_shown(&b, &ids, shown).await;
        assert_eq!(shown.len(), ids.len());
    }
}

/// Sessions that are read, changed, bound and given a TTL between the pages are shown; so are those
/// that live beside others that are created, rotated and deleted.
pub async fn sessions_in_use_are_shown(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let ids = crowd(&b, 150).await;
    // A binding gives another public id: it is shown under one of those that it has had.
    let mut names = Vec::new();
    for id in &ids {
        names.push(vec![b.public_id(id).await]);
    }
    let mut passing = crowd(&b, 90).await;
    let mut shown = HashSet::new();
    let mut scan = operator.scan(size(4));
    let mut turn = 0;
    while let Some(page) = scan.ids().await {
        shown.extend(page);
        turn += 1;
        let number = turn * 7 % ids.len();
        let id = &ids[number];
        let delta = match turn % 4 {
            0 => Delta::new(),
            1 => set("theme", "dark"),
            2 => Delta::new().ttl(ttl(9000)),
            _ => Delta::new().bind(fresh_principal("bob")),
        };
        b.update(id, delta).await;
        names[number].push(b.public_id(id).await);
        match passing.pop() {
            Some(id) if turn % 2 == 0 => assert!(b.delete(&id).await),
            Some(id) => drop(b.rotate(&id, Delta::new()).await),
            None => {}
        }
        if turn < 200 {
            b.create(session(5000)).await;
        }
    }
    let missed = names
        .iter()
        .filter(|names| !names.iter().any(|name| shown.contains(name)));
    assert_eq!(missed.count(), 0, "of {} sessions were missed", ids.len());
}

/// A store that grows a lot and shrinks again between the pages hides nobody.
pub async fn a_store_that_grows_and_shrinks_hides_nobody(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let ids = crowd(&b, 60).await;
    let mut passing = Vec::new();
    let mut shown = HashSet::new();
    let mut scan = operator.scan(size(3));
    let mut turn = 0;
    while let Some(page) = scan.ids().await {
        shown.extend(page);
        turn += 1;
        if turn <= 8 {
            passing.extend(crowd(&b, 50).await);
        } else {
            for id in passing.drain(passing.len().saturating_sub(50)..) {
                assert!(b.delete(&id).await);
            }
        }
    }
    assert_all_shown(&b, &ids, &shown).await;
}

/// Nor is anybody missed while tasks use the store at the same time.
pub async fn a_scan_beside_others_misses_nobody(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let ids = Arc::new(crowd(&b, 100).await);
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..4 {
        let (backend, ids, is_over) = (b.shared(), Arc::clone(&ids), Arc::clone(&is_over));
        tasks.spawn(async move {
            for n in 0..500 {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let id = &ids[(n * 4 + task) % ids.len()];
                backend.get_session(id).found().await;
                let new = NewSession::default().ttl(ttl(5000));
                let other = backend.create_session(new).done().await.id;
                if n % 2 == 0 {
                    assert!(backend.delete_session(&other).done().await);
                }
                tokio::task::yield_now().await;
            }
        });
    }
    for keys in [7, 30] {
        let mut shown = HashSet::new();
        let mut scan = operator.scan(size(keys));
        while let Some(page) = scan.ids().await {
            shown.extend(page);
            tokio::task::yield_now().await;
        }
        assert_all_shown(&b, &ids, &shown).await;
    }
    is_over.store(true, Ordering::Relaxed);
    tasks.join_all().await;
}
