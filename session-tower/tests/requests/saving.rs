//! Saving before the response, and trying to change something after it.

use std::error::Error as _;
use std::sync::Arc;

use crate::common::{World, kind, principal};
use session_core::{
    Error, ErrorKind, Limit, Limits, OnExcess, PrincipalLimit, SessionBackend, SessionCount,
    SessionPolicy, SessionTtl,
};
use session_memory::Step;
use session_tower::{Session, SessionError};

#[tokio::test]
async fn a_save_that_is_refused_can_be_put_right() {
    let limits = Limits::default().with_value_bytes(20).with_fields(3);
    let world = World::with_policy(SessionPolicy::new().with_limits(limits));
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.insert("a", "1")?;
            // A value that is too long is known at once, and named.
            let error = session.insert("long", "x".repeat(21)).unwrap_err();
            assert_eq!(kind(&error), ErrorKind::LimitExceeded(Limit::ValueBytes));
            let why = error.backend().and_then(Error::source).unwrap().to_string();
            assert!(why.contains("`long` has 21 bytes") && why.contains("allows 20"));
            session.insert("b", "1")?;
            session.insert("c", "1")?;
            let error = session.save().await.unwrap_err();
            assert_eq!(kind(&error), ErrorKind::LimitExceeded(Limit::Fields));
            session.remove("c")?;
            session.save().await
        })
        .await;
    reply.assert_cost(&[(Step::Write, 2)]);
    assert_eq!(world.peek(&id).await.unwrap().fields().len(), 3);
}

#[tokio::test]
async fn a_principal_with_too_many_sessions_is_told_by_save() {
    let one = PrincipalLimit {
        max: SessionCount::new(1).unwrap(),
        on_excess: OnExcess::Refuse,
    };
    let world = World::with_policy(SessionPolicy::new().with_principal_limit(one));
    let log_in = async |session: Session| {
        session.log_in(principal("ann"))?;
        match session.save().await {
            Err(error) if kind(&error) == ErrorKind::TooManySessions => {
                session.destroy()?;
                Err(error)
            }
            other => other.map(|_| ()),
        }
    };
    assert_eq!(world.visit(None, log_in).await.status(), 200);
    let reply = world.visit(None, log_in).await;
    assert_eq!(reply.status(), 418);
    assert_eq!(reply.set_cookie(), None);
    assert_eq!(world.backend.len(), 1);
}

#[tokio::test]
async fn changing_the_session_after_the_response_is_an_error() {
    let world = World::new();
    let id = world.session().await;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let reply = world
        .visit(Some(&id), async move |session: Session| {
            session.insert("a", "1")?;
            assert!(sender.send(session).is_ok());
            Ok(())
        })
        .await;
    assert_eq!(reply.status(), 200);
    let session = receiver.await.unwrap();
    let committed = |result: Result<(), SessionError>| {
        assert!(matches!(result, Err(SessionError::Committed)), "{result:?}");
    };
    committed(session.insert("a", "1"));
    committed(session.remove("a"));
    committed(session.rotate());
    committed(session.destroy());
    committed(session.set_ttl(SessionTtl::MIN));
    committed(session.discard());
    committed(session.increment("n", 1).await.map(|_| ()));
    committed(session.increment_and_load("n", 1).await.map(|_| ()));
    committed(session.save().await);
    committed(session.save_and_load().await.map(|_| ()));
    committed(session.take::<String>("seen").await.map(|_| ()));
    // Reading is no change, and the backend can still be asked.
    let read = session.get::<String>("a").await.unwrap();
    assert_eq!(read.as_deref(), Some("1"));
    let id = session.id().expect("a live session");
    let set = session.backend().set_session_ttl(&id, SessionTtl::MIN);
    assert!(set.await.unwrap());
}

#[tokio::test]
async fn it_is_an_error_even_if_there_was_nothing_to_commit() {
    let world = World::new();
    let id = world.session().await;
    for is_read in [false, true] {
        let session = Session::for_test(Arc::new(world.backend.clone()), Some(id.clone()));
        if is_read {
            session.get_raw("seen").await.unwrap();
        }
        session.commit_for_test().await.unwrap();
        let late = session.insert("a", "1");
        assert!(matches!(late, Err(SessionError::Committed)));
    }
}
