//! What steps find between the end of another one's locks and its last work, and what two make of
//! each other that begin at once.

use std::collections::HashSet;
use std::sync::Barrier;

use session_core::steps::{
    ListRequest, RemoveRequest, RenameRequest, Target, WriteOutcome, WriteRequest,
};
use session_core::{
    Delta, NewSession, OnExcess, PageRequest, PageSize, Principal, PrincipalLimit, SessionBackend,
    SessionCount, SessionId, SessionPolicy,
};

use super::invariants::check;
use super::{After, Key, Store, lock};
use crate::MemoryBackend;

/// A backend where a principal has one session at most.
fn backend() -> MemoryBackend {
    let limit = PrincipalLimit {
        max: SessionCount::new(1).unwrap(),
        on_excess: OnExcess::Refuse,
    };
    let policy = SessionPolicy::new().with_principal_limit(limit);
    MemoryBackend::builder().policy(policy).build()
}

fn principal(name: &'static str) -> Principal {
    Principal::new(name).unwrap()
}

async fn session_of(backend: &MemoryBackend, name: &'static str) -> SessionId {
    let new = NewSession::default().bind(principal(name));
    backend.create_session(new).await.unwrap().id
}

fn write(backend: &MemoryBackend, target: impl Into<Target>, delta: Delta) -> WriteRequest {
    WriteRequest::new(backend.policy(), target, delta).unwrap()
}

/// Three ways to take a session from its principal. None of them has removed its entry yet.
#[tokio::test]
async fn an_entry_that_outlives_its_session_means_nobody() {
    type Leave = fn(&MemoryBackend, &SessionId, &mut After);
    let bind: Leave = |backend, id, after| {
        let request = write(backend, id, Delta::new().bind(principal("bob")));
        let outcome = backend.store().write(&request, after).unwrap();
        assert!(matches!(outcome, WriteOutcome::Written(_)));
    };
    let unbind: Leave = |backend, id, after| {
        let request = write(backend, id, Delta::new().unbind());
        backend.store().write(&request, after).unwrap();
    };
    let remove: Leave = |backend, id, after| {
        let request = RemoveRequest::new(id);
        backend.store().remove(&request, after).unwrap();
    };
    let ann = principal("ann");
    for (leave, lives) in [(bind, true), (unbind, true), (remove, false)] {
        let backend = backend();
        let id = session_of(&backend, "ann").await;
        let record = backend.peek_session(&id).await.unwrap().unwrap();
        let public_id = record.public_id().unwrap();
        let mut after = After::default();
        leave(&backend, &id, &mut after);

        let policy = backend.policy();
        let list = ListRequest::new(policy, ann.clone(), Vec::new(), PageRequest::default());
        let listed = backend.run(|store, after| store.list(&list.unwrap(), after));
        assert_eq!(listed.unwrap().sessions, []);
        let named = Target::PublicId {
            principal: ann.clone(),
            public_id,
        };
        for delta in [Delta::new(), Delta::new().bind(principal("cat"))] {
            let request = write(&backend, named.clone(), delta);
            let outcome = backend.run(|store, after| store.write(&request, after));
            assert_eq!(outcome.unwrap(), WriteOutcome::NotFound);
        }
        // It counts for nothing.
        session_of(&backend, "ann").await;
        let (size, keep) = (PageSize::DEFAULT, None);
        let revoke = |store: &Store, after: &mut After| store.revoke(&ann, keep, size, after);
        assert_eq!(backend.run(revoke).ended, 1);
        let peeked = backend.peek_session(&id).await.unwrap();
        assert_eq!(peeked.is_some(), lives);

        backend.store().finish(after);
        check(backend.store(), &HashSet::new());
    }
}

/// While the session to keep is logged in again it has two entries, and no more than one of them
/// counts for the page.
#[tokio::test]
async fn a_page_of_a_revocation_is_not_the_last_for_the_entries_of_the_one_to_keep() {
    let backend = MemoryBackend::new();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(session_of(&backend, "ann").await);
    }
    let ann = principal("ann");
    let mut after = After::default();
    let request = write(&backend, &ids[0], Delta::new().bind(ann.clone()));
    backend.store().write(&request, &mut after).unwrap();
    let size = PageSize::new(1).unwrap();
    let revoke = || backend.run(|store, after| store.revoke(&ann, Some(&ids[0]), size, after));
    let pages = std::iter::successors(Some(revoke()), |page| page.next.is_some().then(revoke));
    assert_eq!(pages.map(|page| page.ended).sum::<u64>(), 2);
    for (id, lives) in ids.iter().zip([true, false, false]) {
        let peeked = backend.peek_session(id).await.unwrap();
        assert_eq!(peeked.is_some(), lives);
    }
    backend.store().finish(after);
    check(backend.store(), &HashSet::new());
}

/// Whichever is first, the session is listed under the id and for the principal that it has then.
#[test]
fn a_rotation_and_a_binding_that_begin_at_once_are_one_after_the_other() {
    const ROUNDS: usize = 2_000;
    let names = ["ann", "bob", "cat", "dan", "eve"];
    let backend = MemoryBackend::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut id = runtime.block_on(session_of(&backend, "ann"));
    let ids: Vec<_> = (0..ROUNDS).map(|_| SessionId::random().unwrap()).collect();
    let (barrier, mut is_listed) = (Barrier::new(2), Vec::new());
    std::thread::scope(|scope| {
        let (other, barrier) = (backend.clone(), &barrier);
        let (first, ids) = (id.clone(), &ids);
        scope.spawn(move || {
            for (round, id) in std::iter::once(&first).chain(ids).take(ROUNDS).enumerate() {
                let name = principal(names[round % names.len()]);
                let bind = write(&other, id, Delta::new().bind(name));
                barrier.wait();
                drop(other.run(|store, after| store.write(&bind, after)));
                barrier.wait();
                barrier.wait();
            }
        });
        for to in ids {
            let policy = backend.policy();
            let rename = RenameRequest::new(policy, id, to.clone(), Delta::new()).unwrap();
            barrier.wait();
            backend.run(|store, after| store.rename(&rename, after));
            barrier.wait();
            // To fail here would leave the other thread waiting.
            is_listed.push(is_all_that_is_listed(backend.store(), to));
            id = to.clone();
            barrier.wait();
        }
    });
    assert!(
        is_listed.iter().all(|is_listed| *is_listed),
        "{is_listed:?}"
    );
}

fn is_all_that_is_listed(store: &Store, id: &SessionId) -> bool {
    let hashed = store.hashed(id);
    let table = lock(store.table(hashed.table()));
    let listing = table.get(hashed).and_then(Key::listing);
    let entries = store.index.entries();
    let entry = listing.map(|listing| (listing, id.clone()));
    entries.len() == 1 && entries.first() == entry.as_ref()
}
