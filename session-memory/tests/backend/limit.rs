//! The limit of sessions per principal.

use std::num::NonZeroU32;
use std::sync::Arc;

use session_core::{
    Delta, ErrorKind, NewSession, OnExcess, PrincipalLimit, SessionBackend, SessionPolicy,
};
use session_memory::{ManualClock, MemoryBackend};

use crate::principals::{listed, public_ids};
use crate::{Setup, count_one, name, principal, secs};

fn limited(max: u32, on_excess: OnExcess) -> Setup {
    let clock = Arc::new(ManualClock::new());
    let limit = PrincipalLimit {
        max: NonZeroU32::new(max).unwrap(),
        on_excess,
    };
    let policy = SessionPolicy::new()
        .with_principal_limit(limit)
        .with_clock(clock.clone());
    let backend = MemoryBackend::builder()
        .policy(policy)
        .clock(clock.clone())
        .build();
    Setup::of(backend, clock)
}

#[tokio::test]
async fn a_limit_that_refuses_changes_nothing_and_counts_the_living_once() {
    let setup = limited(2, OnExcess::Refuse);
    let ann = principal("ann");
    let first = setup.login(&ann, 10).await;
    let second = setup.login(&ann, 100).await;
    let anonymous = setup.session(60).await;
    let before = setup.raw.dump(&anonymous);
    let bind = count_one().bind(ann.clone());

    let new = NewSession::default().bind(ann.clone());
    let error = setup.backend.create_session(new).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManySessions);
    let error = setup
        .backend
        .update_session(&anonymous, bind.clone())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManySessions);
    let error = setup
        .backend
        .rotate_session(&anonymous, bind.clone())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManySessions);
    assert_eq!(setup.raw.dump(&anonymous), before);
    assert_eq!(setup.backend.len(), 3);

    // Those that are ann's already do not count twice.
    setup
        .backend
        .update_session(&first, bind.clone())
        .await
        .unwrap()
        .unwrap();
    let second = setup
        .backend
        .rotate_session(&second, bind.clone())
        .await
        .unwrap()
        .unwrap();
    // What has ended does not count.
    setup.advance_ms(10_000);
    let bound = setup
        .backend
        .update_session(&anonymous, bind)
        .await
        .unwrap();
    assert!(bound.is_some());
    assert_eq!(
        listed(&setup, &ann).await,
        public_ids(&setup, [&second.id, &anonymous]).await
    );
}

#[tokio::test]
async fn a_limit_that_evicts_ends_the_nearest_deadline() {
    let setup = limited(2, OnExcess::EvictOldest);
    let ann = principal("ann");
    let late = setup.login(&ann, 300).await;
    let early = setup.login(&ann, 100).await;
    let new = setup.login(&ann, 50).await;
    assert!(!setup.is_live(&early).await);
    assert_eq!(
        listed(&setup, &ann).await,
        public_ids(&setup, [&new, &late]).await
    );

    // The session that is bound is never the one to go, although its deadline is the nearest.
    let bind = Delta::new().bind(ann.clone());
    setup
        .backend
        .update_session(&new, bind.clone())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        listed(&setup, &ann).await,
        public_ids(&setup, [&new, &late]).await
    );
    let anonymous = setup.session(60).await;
    setup
        .backend
        .update_session(&anonymous, bind)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        listed(&setup, &ann).await,
        public_ids(&setup, [&late, &anonymous]).await
    );
}

#[tokio::test]
async fn an_eviction_does_not_happen_for_a_refused_write() {
    let setup = limited(1, OnExcess::EvictOldest);
    let ann = principal("ann");
    let first = setup.login(&ann, 100).await;
    let other = setup.session(60).await;
    let delta = Delta::new().increment(name("n"), i64::MAX).bind(ann);
    let error = setup
        .backend
        .update_session(&other, delta)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overflow);
    assert!(setup.is_live(&first).await);
}

#[tokio::test]
async fn what_has_ended_is_nobodys_even_while_it_is_held() {
    let setup = limited(3, OnExcess::Refuse);
    let (ann, bob) = (principal("ann"), principal("bob"));
    for _ in 0..100 {
        setup.session(5).await;
    }
    // Idle for too long, and not near their deadline.
    for _ in 0..3 {
        let new = NewSession::default().bind(ann.clone()).ttl(secs(6));
        setup.backend.create_session(new).await.unwrap();
    }
    setup.login(&bob, 1000).await;
    setup.advance_ms(6_001);
    assert_eq!(listed(&setup, &ann).await, []);
    assert_eq!(setup.backend.revoke_sessions(&ann, None).await.unwrap(), 0);
    assert_eq!(setup.raw.index_len(&ann), 3);
    setup.login(&ann, 1000).await;
    assert_eq!(setup.backend.revoke_sessions(&ann, None).await.unwrap(), 1);
}
