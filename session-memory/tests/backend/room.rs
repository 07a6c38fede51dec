//! How much the store holds at most.

use session_core::{Delta, Effect, ErrorKind, Fields, NewSession, OnExcess, SessionBackend};
use session_memory::{MemoryBackendBuilder, WhenFull};

use crate::{Setup, name, principal, secs};

fn room_for(max: usize) -> Setup {
    Setup::limited(max, 1, OnExcess::EvictOldest)
}

impl Setup {
    async fn assert_full_for(&self, new: NewSession) {
        let error = self.backend.create_session(new).await.unwrap_err();
        let facts = (error.kind(), error.effect());
        assert_eq!(facts, (ErrorKind::StoreFull, Effect::NotApplied));
    }
}

#[tokio::test]
async fn a_full_store_refuses_new_sessions_and_nothing_else() {
    let setup = room_for(3);
    let ann = principal("ann");
    let id = setup.login(&ann, 1000).await;
    for _ in 0..2 {
        setup.session(60).await;
    }
    setup.assert_full_for(NewSession::default()).await;
    // One that would end another of its principal's is refused, too: the store is asked first.
    setup.assert_full_for(NewSession::default().bind(ann)).await;
    assert!(setup.is_live(&id).await);

    let grow = Delta::new().set(name("long"), "x".repeat(60_000));
    let written = setup.backend.update_session(&id, grow).await;
    assert!(written.unwrap().is_some());
    let id = setup.rotate(&id).await;
    assert!(setup.backend.delete_session(&id).await.unwrap());
    // The tombstone has the place of the session that was rotated.
    setup.assert_full_for(NewSession::default()).await;
    setup.advance_ms(10_001);
    setup.session(60).await;
}

#[tokio::test]
async fn a_store_full_of_expired_sessions_is_not_full() {
    let setup = room_for(200);
    let mut used = Vec::new();
    for _ in 0..199 {
        used.push(setup.session(10).await);
    }
    setup.session(15).await;
    // The other 199 are due before it in the queue, but have been used since.
    setup.advance_ms(9_000);
    for id in &used {
        assert!(setup.backend.get_session(id).await.unwrap().is_some());
    }
    setup.advance_ms(6_001);
    assert_eq!((setup.backend.len(), setup.raw.count()), (200, 199));
    setup.session(10).await;
    setup.assert_full_for(NewSession::default()).await;
}

#[tokio::test]
async fn a_store_without_room_refuses_the_first() {
    room_for(0).assert_full_for(NewSession::default()).await;
}

/// A store of at most so many bytes.
fn bytes(max: usize, when_full: WhenFull) -> Setup {
    Setup::built(|builder| builder.max_bytes(max).when_full(when_full))
}

fn of_size(bytes: usize) -> NewSession {
    NewSession::new(Fields::new().with(name("long"), "x".repeat(bytes)))
}

#[tokio::test]
async fn a_store_full_of_bytes_refuses_what_may_grow_and_nothing_else() {
    let setup = bytes(10_000, WhenFull::Refuse);
    let id = setup.create(of_size(5_000)).await;
    setup.assert_full_for(of_size(5_000)).await;
    // What begins before the store is full may fill it.
    let fill = Delta::new().set(name("more"), "x".repeat(5_000));
    assert!(
        setup
            .backend
            .update_session(&id, fill)
            .await
            .unwrap()
            .is_some()
    );
    assert!(setup.backend.bytes() > 10_000);

    setup.assert_full_for(NewSession::default()).await;
    for (delta, is_refused) in [
        (Delta::new().set(name("long"), ""), true),
        (Delta::new().increment(name("n"), 1), true),
        (Delta::new().bind(principal("ann")), true),
        (Delta::new(), false),
        (Delta::new().ttl(secs(100)), false),
        (Delta::new().unbind(), false),
        (Delta::new().remove(name("absent")), false),
    ] {
        let written = setup.backend.update_session(&id, delta.clone()).await;
        let kind = written.err().map(|error| (error.kind(), error.effect()));
        let full = (ErrorKind::StoreFull, Effect::NotApplied);
        assert_eq!(kind, is_refused.then_some(full), "{delta:?}");
    }
    assert!(setup.backend.get_session(&id).await.unwrap().is_some());
    let rotated = setup.rotate(&id).await;
    let shrink = Delta::new().remove(name("more"));
    assert!(setup.backend.update_session(&rotated, shrink).await.is_ok());
    assert_eq!(setup.count(&rotated).await.unwrap(), Some(1));
    assert!(setup.backend.delete_session(&rotated).await.unwrap());
    setup.advance_ms(10_001);
    setup.backend.ping().await.unwrap();
    assert_eq!((setup.backend.len(), setup.backend.bytes()), (0, 0));
}

#[tokio::test]
async fn eviction_ends_what_is_nearest_to_its_expiry() {
    // As few keys as a look for the nearest one sees: the choice is exact.
    for limit in [
        |builder: MemoryBackendBuilder| builder.max_sessions(3),
        |builder: MemoryBackendBuilder| builder.max_bytes(1_800),
    ] {
        let evict = WhenFull::EvictNearestExpiry;
        let setup = Setup::built(|builder| limit(builder).when_full(evict));
        let ann = principal("ann");
        let used = setup.session(25).await;
        let idle = setup.session(30).await;
        let bound = NewSession::default().bind(ann.clone());
        let bound = setup.create(bound.ttl(secs(20))).await;
        setup.advance_ms(10_000);
        assert!(setup.backend.get_session(&used).await.unwrap().is_some());
        let order = [&bound, &idle, &used];
        let mut left = order.len();
        while left > 0 {
            setup.create(of_size(100).ttl(secs(100))).await;
            let before = left;
            while left > 0 && !setup.is_live(order[order.len() - left]).await {
                left -= 1;
            }
            for later in &order[order.len() - left..] {
                assert!(setup.is_live(later).await, "{left} of {before}");
            }
        }
        assert_eq!(setup.raw.index_len(&ann), 0);
        assert!(setup.backend.len() <= 4 && setup.backend.bytes() <= 1_800);
    }
}

#[tokio::test]
async fn eviction_frees_what_has_expired_first_and_ends_nothing_without_expiry() {
    let evict = WhenFull::EvictNearestExpiry;
    let setup = Setup::built(|builder| builder.max_sessions(2).max_bytes(10_000).when_full(evict));
    let (_, living) = (setup.session(5).await, setup.session(10).await);
    setup.advance_ms(5_001);
    let id = setup.session(100).await;
    // One that would not fit into an empty store ends nobody.
    setup.assert_full_for(of_size(10_000)).await;
    assert!(setup.is_live(&living).await && setup.is_live(&id).await);
    let immortal = setup.raw.dump(&living).unwrap().hash.unwrap();
    setup.raw.plant_hash(&living, immortal, None);
    let next = setup.session(3).await;
    assert!(!setup.is_live(&id).await && setup.is_live(&living).await);
    let hash = setup.raw.dump(&next).unwrap().hash.unwrap();
    setup.raw.plant_hash(&next, hash, None);
    setup.assert_full_for(NewSession::default()).await;
}
