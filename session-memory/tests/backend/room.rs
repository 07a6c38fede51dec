//! The greatest number of sessions.

use session_core::{Delta, Effect, ErrorKind, NewSession, OnExcess, SessionBackend};

use crate::{Setup, name, principal};

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
