//! The store failing is never "no session".

use std::sync::Arc;
use std::time::Duration;

use crate::common::{World, field, insert, principal};
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{HeaderValue, Response};
use session_core::{
    Effect, Error, ErrorKind, Lifetime, Limits, LogIn, MockSessionBackend, SessionBackend,
    SessionId, SessionPolicy,
};
use session_memory::Step;
use session_tower::{CookieChange, Session, SessionError, SessionLayer};
use tower::{Layer, ServiceExt, service_fn};

#[tokio::test]
async fn a_store_down_at_commit_is_503_without_a_cookie_and_the_old_one_stays_good() {
    let world = World::new();
    let id = world.session().await;
    for handler in [
        (|session| session.insert("a", "1")) as fn(&Session) -> Result<(), SessionError>,
        |session| session.rotate(),
        |session| session.log_in(principal("ann")),
        |session| session.destroy(),
        |session| {
            session.destroy()?;
            session.insert("a", "1")
        },
    ] {
        for cookie in [Some(&id), None] {
            world.backend.faults().store_down();
            let reply = world
                .visit(cookie, async move |session: Session| handler(&session))
                .await;
            world.backend.faults().clear();
            if reply.steps.is_empty() {
                // A visitor without a session has none to rotate or destroy.
                assert_eq!(reply.status(), 200);
            } else {
                assert_eq!(reply.status(), 503);
                assert_eq!(reply.response.headers()[RETRY_AFTER], "5");
                assert_eq!(reply.response.body(), "");
            }
            assert_eq!(reply.set_cookie(), None);
        }
    }
    let record = world.peek(&id).await.unwrap();
    assert_eq!(record.fields().len(), 1, "the session is as it was");
    assert_eq!(world.backend.len(), 1);
}

#[tokio::test]
async fn what_may_have_been_applied_is_not_sent_again() {
    let world = World::new();
    let id = world.session().await;
    for effect in [Effect::NotApplied, Effect::Unknown] {
        world.fault(Step::Write).fail(ErrorKind::Timeout, effect);
        let reply = world.visit(Some(&id), insert).await;
        assert_eq!((reply.status(), reply.set_cookie()), (503, None));
        assert_eq!(reply.steps, [(Step::Write, 1)]);
    }
}

#[tokio::test]
async fn a_load_that_fails_tells_the_handler_and_never_looks_like_no_session() {
    let world = World::new();
    let id = world.session().await;
    world.backend.faults().store_down();
    let reply = world
        .visit(Some(&id), async |session: Session| {
            let errors = [
                session.get_raw("seen").await.err(),
                session.fields().await.err(),
                session.load().await.err(),
                session.presence().await.err(),
                session.increment("n", 1).await.err(),
                session.take::<String>("seen").await.err(),
            ];
            for error in errors.map(Option::unwrap) {
                assert_eq!(error.status().as_u16(), 503);
                assert_eq!(error.effect(), Effect::NotApplied);
            }
            Ok(())
        })
        .await;
    // The handler chose to answer all the same; its cookie is left alone.
    assert_eq!((reply.status(), reply.set_cookie()), (200, None));
    world.backend.faults().clear();
    let reply = world
        .visit(Some(&id), async |session: Session| {
            assert_eq!(session.get::<String>("seen").await?.as_deref(), Some("yes"));
            Ok(())
        })
        .await;
    assert_eq!(reply.status(), 200);
}

#[tokio::test]
async fn a_handler_that_tolerates_a_failed_load_still_commits_when_the_store_is_back() {
    let world = World::new();
    let id = world.session().await;
    world
        .fault(Step::Read)
        .fail(ErrorKind::Timeout, Effect::Unknown);
    let reply = world
        .visit(Some(&id), async |session: Session| {
            assert!(session.get_raw("seen").await.is_err());
            session.insert("a", "1")
        })
        .await;
    assert_eq!(reply.status(), 200);
    let record = world.peek(&id).await.unwrap();
    assert_eq!(field(&record, "a"), Some("1"));
    assert_eq!(field(&record, "seen"), Some("yes"));
}

#[tokio::test]
async fn a_limit_that_only_the_commit_finds_is_413() {
    let policy = SessionPolicy::new().with_limits(Limits::default().with_fields(2));
    let world = World::with_policy(policy);
    let id = world.session().await;
    for cookie in [Some(&id), None] {
        let reply = world
            .visit(cookie, async |session: Session| {
                session.insert("a", "1")?;
                session.insert("b", "2")?;
                session.insert("c", "3")
            })
            .await;
        assert_eq!((reply.status(), reply.set_cookie()), (413, None));
        assert!(!reply.response.headers().contains_key(RETRY_AFTER));
    }
    assert_eq!(world.peek(&id).await.unwrap().fields().len(), 1);
}

#[tokio::test]
async fn a_failed_commit_says_nothing_about_a_dead_cookie() {
    let world = World::new();
    let dead = SessionId::random().unwrap();
    let fault = world.fault(Step::Insert);
    fault.fail(ErrorKind::Timeout, Effect::Unknown);
    let reply = world
        .visit(Some(&dead), async |session: Session| {
            session.get_raw("a").await?;
            session.insert("a", "1")
        })
        .await;
    assert_eq!((reply.status(), reply.set_cookie()), (503, None));
}

#[tokio::test]
async fn an_acknowledged_new_id_reaches_the_client_whatever_fails_afterwards() {
    let world = World::new();
    let id = world.session().await;
    let faults = world.backend.faults();
    faults
        .on(Step::Write)
        .every_call()
        .fail(ErrorKind::Unavailable, Effect::NotApplied);
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.rotate()?;
            session.save().await?;
            session.insert("a", "1")
        })
        .await;
    assert_eq!(reply.status(), 503);
    let new = reply.new_id().expect("else the session would be lost");
    assert!(world.peek(&new).await.is_some());
    reply.assert_headers_agree();

    // The log-out is done, the new session is not: the old cookie is dead, and says so.
    faults.clear();
    faults
        .on(Step::Insert)
        .every_call()
        .fail(ErrorKind::Unavailable, Effect::NotApplied);
    let reply = world
        .visit(Some(&new), async |session: Session| {
            session.destroy()?;
            session.insert("a", "1")
        })
        .await;
    assert_eq!((reply.status(), reply.is_cleared()), (503, true));
    assert_eq!(world.peek(&new).await, None);
}

/// A creation or a rotation whose reply is lost is looked for under the id that was drawn for it,
/// and never sent again: one session comes of it. Where the look fails too, the client is told so.
#[tokio::test]
async fn a_step_whose_reply_is_lost_is_looked_for_and_not_sent_again() {
    for (step, saves) in [
        (Step::Insert, false),
        (Step::Rename, false),
        (Step::Insert, true),
        (Step::Rename, true),
    ] {
        for is_seen in [true, false] {
            let world = World::new();
            let id = world.session().await;
            let cookie = (step == Step::Rename).then_some(&id);
            world.fault(step).lose_reply();
            if !is_seen {
                world
                    .fault(Step::Read)
                    .fail(ErrorKind::Unavailable, Effect::NotApplied);
            }
            let reply = world
                .visit(cookie, async move |session: Session| {
                    session.log_in(principal("ann"))?;
                    if saves {
                        let saved = session.save().await;
                        assert_eq!(saved.is_ok(), is_seen);
                    }
                    Ok(())
                })
                .await;
            let mut steps = reply.steps.clone();
            steps.sort();
            let mut expected = [(step, 1), (Step::Read, 1)];
            expected.sort();
            assert_eq!(steps, expected);
            // A handler that handled the error keeps its response.
            let status = if is_seen || saves { 200 } else { 503 };
            assert_eq!(reply.status(), status, "{step:?} {saves}");
            match reply.new_id() {
                Some(new) => assert!(is_seen && world.peek(&new).await.is_some()),
                None => assert!(!is_seen && reply.set_cookie().is_none()),
            }
            let others = u64::from(step == Step::Insert);
            assert_eq!(world.sessions().await, 1 + others);
        }
    }
}

fn sorry(_: &Parts, error: &SessionError) -> Response<String> {
    let mut response = Response::new(format!("{{\"error\":{:?}}}", error.to_string()));
    *response.status_mut() = error.status();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", json);
    response
}

#[tokio::test]
async fn the_failure_response_and_retry_after_are_the_applications() {
    let world = World::new();
    let layer = SessionLayer::new(Arc::new(world.backend.clone()))
        .with_retry_after(Duration::from_secs(60))
        .with_failure_response(sorry);
    let handler = service_fn(async |request: http::Request<()>| {
        let session = Session::of(request.extensions()).unwrap();
        session.insert("a", "1").unwrap();
        Ok::<_, std::convert::Infallible>(Response::new(String::from("ok")))
    });
    world.backend.faults().store_down();
    let reply = layer.layer(handler).oneshot(http::Request::new(())).await;
    let reply = reply.unwrap();
    assert_eq!(reply.status(), 503);
    assert_eq!(reply.headers()[RETRY_AFTER], "60");
    assert_eq!(reply.headers()["content-type"], "application/json");
    let body = "{\"error\":\"create_session: the session store is unavailable\"}";
    assert_eq!(reply.body(), body);
    assert_eq!(reply.headers()["vary"], "Cookie");

    let own_retry_after = |request: &Parts, error: &SessionError| {
        let mut response = sorry(request, error);
        let minute = HeaderValue::from_static("7");
        response.headers_mut().insert(RETRY_AFTER, minute);
        response
    };
    let layer = layer.with_failure_response(own_retry_after);
    let reply = layer.layer(handler).oneshot(http::Request::new(())).await;
    assert_eq!(reply.unwrap().headers()[RETRY_AFTER], "7");
}

#[tokio::test]
async fn a_handler_can_be_tested_without_http_and_with_a_scripted_backend() {
    let mut mock = MockSessionBackend::new();
    mock.expect_write()
        .once()
        .returning(|_| Err(Error::new(ErrorKind::Timeout, Effect::Unknown)));
    let backend: Arc<dyn SessionBackend> = Arc::new(mock);
    let session = Session::for_test(backend, Some(SessionId::random().unwrap()));
    session.insert("a", "1").unwrap();
    let error = session.commit_for_test().await.unwrap_err();
    assert_eq!(error.backend().unwrap().kind(), ErrorKind::Timeout);

    let world = World::new();
    let id = world.session().await;
    let session = Session::for_test(Arc::new(world.backend.clone()), Some(id.clone()));
    assert!(session.get_raw("seen").await.unwrap().is_some());
    let change = session.commit_for_test().await.unwrap();
    assert_eq!(change, CookieChange::Keep);
    let session = Session::for_test_with(Arc::new(world.backend.clone()), [].into_iter().collect());
    let session = session.await.unwrap();
    session.log_in(principal("ann")).unwrap();
    assert!(matches!(
        session.commit_for_test().await.unwrap(),
        CookieChange::Set { .. }
    ));
}

#[tokio::test]
async fn what_a_failed_save_did_not_deliver_is_committed() {
    let world = World::new();
    let id = world.session().await;
    let fault = world.fault(Step::Remove);
    fault.fail(ErrorKind::Unavailable, Effect::NotApplied);
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.destroy()?;
            session.log_in(LogIn::new(principal("ann")).lifetime(Lifetime::from_secs(60)?))?;
            session.insert("a", "1")?;
            assert!(session.save().await.is_err());
            session.insert("b", "2")
        })
        .await;
    reply.assert_cost(&[(Step::Insert, 1), (Step::Remove, 2)]);
    let record = world.peek(&reply.new_id().unwrap()).await.unwrap();
    assert_eq!((field(&record, "a"), record.fields().len()), (Some("1"), 2));
    assert_eq!(record.ttl().whole_seconds(), Some(60));
    assert_eq!(world.backend.len(), 1);
}
