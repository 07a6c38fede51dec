//! The greatest number of sessions.

use std::num::NonZeroU32;
use std::sync::Arc;

use session_core::{
    Delta, Effect, ErrorKind, NewSession, OnExcess, PrincipalLimit, SessionBackend, SessionPolicy,
};
use session_memory::{ManualClock, MemoryBackend};

use crate::{Setup, count_one, name, principal, secs};

fn room_for(max: usize) -> Setup {
    let clock = Arc::new(ManualClock::new());
    let policy = SessionPolicy::new().with_principal_limit(PrincipalLimit {
        max: NonZeroU32::MIN,
        on_excess: OnExcess::EvictOldest,
    });
    let backend = MemoryBackend::builder()
        .clock(clock.clone())
        .policy(policy)
        .max_sessions(max)
        .build();
    Setup::of(backend, clock)
}

#[tokio::test]
async fn a_full_store_refuses_new_sessions_and_nothing_else() {
    let setup = room_for(3);
    let ann = principal("ann");
    let id = setup.login(&ann, 1000).await;
    for _ in 0..2 {
        setup.session(60).await;
    }
    // One that would end another of its principal's is refused, too: the store is asked first.
    for new in [NewSession::default(), NewSession::default().bind(ann)] {
        let error = setup.backend.create_session(new).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.effect()),
            (ErrorKind::StoreFull, Effect::NotApplied)
        );
    }
    assert!(setup.is_live(&id).await);

    let grow = Delta::new().set(name("long"), "x".repeat(60_000));
    assert!(
        setup
            .backend
            .update_session(&id, grow)
            .await
            .unwrap()
            .is_some()
    );
    let rotated = setup
        .backend
        .rotate_session(&id, count_one())
        .await
        .unwrap()
        .unwrap();
    assert!(setup.backend.delete_session(&rotated.id).await.unwrap());
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
    let error = setup
        .backend
        .create_session(NewSession::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreFull);
}

#[tokio::test]
async fn a_store_without_room_refuses_the_first() {
    let setup = room_for(0);
    let new = NewSession::default().ttl(secs(1));
    let error = setup.backend.create_session(new).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreFull);
}
