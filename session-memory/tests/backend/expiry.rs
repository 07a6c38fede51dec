//! Expiry, and that what has expired is freed.

use session_core::{Delta, Remaining, SessionBackend, Touch};

use crate::{Setup, count_one, principal, secs};

#[tokio::test]
async fn a_session_lives_through_the_millisecond_of_its_expiry() {
    let setup = Setup::new();
    let id = setup.session(10).await;
    setup.advance_ms(10_000);
    assert!(setup.is_live(&id).await);
    setup.advance_ms(1);
    assert!(!setup.is_live(&id).await);
    assert_eq!(setup.raw.dump(&id), None);
}

#[tokio::test]
async fn use_slides_the_expiry_and_a_peek_does_not() {
    let setup = Setup::new();
    let (used, peeked) = (setup.session(10).await, setup.session(10).await);
    for _ in 0..2 {
        setup.advance_ms(6_000);
        assert!(setup.backend.get_session(&used).await.unwrap().is_some());
        setup.backend.peek_session(&peeked).await.unwrap();
    }
    assert!(setup.is_live(&used).await);
    assert!(!setup.is_live(&peeked).await);
}

#[tokio::test]
async fn the_backends_clock_decides_and_the_applications_does_not() {
    let setup = Setup::new();
    // The application's clock is the system's here: years apart from the backend's.
    let backend = session_memory::MemoryBackend::builder()
        .clock(setup.clock.clone())
        .build();
    let id = backend.create_session(Default::default()).await.unwrap().id;
    assert_eq!(
        backend.ttl(&id).await.unwrap(),
        Some(Remaining::In(secs(1800).as_duration()))
    );
    setup.advance_ms(1_800_001);
    assert_eq!(backend.ttl(&id).await.unwrap(), None);
}

#[tokio::test]
async fn unrelated_operations_free_everything_that_expired() {
    const EXPIRED: usize = 1000;
    let setup = Setup::new();
    let ann = principal("ann");
    for _ in 0..EXPIRED / 2 {
        setup.session(10).await;
        setup.login(&ann, 10).await;
    }
    let living = setup.session(60).await;
    setup.advance_ms(10_001);
    assert_eq!((setup.backend.len(), setup.raw.count()), (EXPIRED + 1, 1));
    assert_eq!(setup.raw.index_len(&ann), EXPIRED / 2);

    // Each operation frees up to eight, whichever it is.
    for operation in 0..=EXPIRED / 8 {
        match operation % 3 {
            0 => setup.backend.ping().await.unwrap(),
            1 => drop(setup.backend.get_session(&living).await.unwrap()),
            _ => drop(
                setup
                    .backend
                    .update_session(&living, count_one())
                    .await
                    .unwrap(),
            ),
        }
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
async fn deletion_and_rotation_leave_nothing_behind() {
    let setup = Setup::new();
    let ann = principal("ann");
    for _ in 0..50 {
        let id = setup.login(&ann, 100).await;
        let rotated = setup
            .backend
            .rotate_session(&id, Delta::new())
            .await
            .unwrap();
        assert_eq!(setup.backend.len(), 1);
        assert!(
            setup
                .backend
                .delete_session(&rotated.unwrap().id)
                .await
                .unwrap()
        );
        assert_eq!((setup.backend.len(), setup.raw.index_len(&ann)), (0, 0));
    }
}

#[tokio::test]
async fn a_throttled_touch_is_not_due_early() {
    let setup = Setup::new();
    let id = setup.session(100).await;
    let touch = Touch::IfOlderThan(secs(30).as_duration());
    for (millis, remaining_ms) in [(29_999, 70_001), (1, 100_000), (10_000, 90_000)] {
        setup.advance_ms(millis);
        let record = setup
            .backend
            .get_session_with(&id, touch)
            .await
            .unwrap()
            .unwrap();
        let expected = std::time::Duration::from_millis(remaining_ms);
        assert_eq!(record.ttl(), Remaining::In(expected));
    }
}
