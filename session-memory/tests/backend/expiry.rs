//! What has expired is freed.

use session_core::{SessionBackend, SessionPolicy};

use crate::{Setup, principal, secs};

#[tokio::test]
async fn unrelated_operations_free_everything_that_expired() {
    const EXPIRED: usize = 1000;
    let policy = SessionPolicy::new().without_principal_limit();
    let setup = Setup::with(usize::MAX, policy);
    let ann = principal("ann");
    for _ in 0..EXPIRED / 2 {
        setup.session(10).await;
        setup.login(&ann, 10).await;
    }
    let living = setup.session(60).await;
    setup.advance_ms(10_001);
    assert_eq!((setup.backend.len(), setup.raw.count()), (EXPIRED + 1, 1));
    assert_eq!(setup.raw.index_len(&ann), EXPIRED / 2);

    // Each operation frees up to eight, whichever it is, once it comes to a table that has some.
    for operation in 0..EXPIRED / 8 + 1000 {
        let before = setup.backend.len();
        match operation % 3 {
            0 => setup.backend.ping().await.unwrap(),
            1 => drop(setup.backend.get_session(&living).await.unwrap()),
            _ => drop(setup.count(&living).await.unwrap()),
        }
        assert!(before - setup.backend.len() <= 8);
    }
    assert_eq!(setup.backend.len(), 1);
    assert_eq!(setup.raw.index_len(&ann), 0);
    assert!(setup.is_live(&living).await);
}

#[tokio::test]
async fn sessions_that_were_used_are_freed_after_their_last_use() {
    let setup = Setup::new();
    let mut ids = Vec::new();
    for _ in 0..100 {
        ids.push(setup.session(10).await);
    }
    for _ in 0..3 {
        setup.advance_ms(8_000);
        for id in &ids {
            assert!(setup.backend.get_session(id).await.unwrap().is_some());
        }
    }
    assert_eq!(setup.backend.len(), 100);
    setup.advance_ms(10_001);
    // Some have to be queued again first: two looks at each are enough.
    for _ in 0..2 * 100 / 8 + 1 {
        setup.backend.ping().await.unwrap();
    }
    assert_eq!(setup.backend.len(), 0);
}

#[tokio::test]
async fn a_ttl_that_shrinks_frees_in_time() {
    let setup = Setup::new();
    let id = setup.session(1000).await;
    assert!(setup.backend.set_session_ttl(&id, secs(5)).await.unwrap());
    setup.advance_ms(5_001);
    setup.backend.ping().await.unwrap();
    assert_eq!(setup.backend.len(), 0);
}

#[tokio::test]
async fn deletion_and_rotation_leave_tombstones_for_their_time_and_nothing_else() {
    let setup = Setup::new();
    let ann = principal("ann");
    for n in 1..=50 {
        let id = setup.login(&ann, 100).await;
        let new = setup.rotate(&id).await;
        let deleted = if n % 2 == 0 { id } else { new };
        assert!(setup.backend.delete_session(&deleted).await.unwrap());
        assert_eq!((setup.backend.len(), setup.raw.index_len(&ann)), (n, 0));
    }
    setup.advance_ms(10_001);
    assert_eq!(setup.raw.count(), 0);
    for _ in 0..50 / 8 + 1 {
        setup.backend.ping().await.unwrap();
    }
    assert_eq!(setup.backend.len(), 0);
}
