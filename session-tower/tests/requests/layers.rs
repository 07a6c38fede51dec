//! The layer among other layers: panics, timeouts, readiness, streams, errors, another session
//! layer.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use crate::common::{World, request, session_of};
use http::header::SET_COOKIE;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use session_memory::Step;
use session_tower::Session;
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

type Reply = Response<String>;

async fn insert_and_panic(request: Request<String>) -> Result<Reply, Infallible> {
    let session = session_of(&request);
    drop(request);
    session.insert("a", "1").unwrap();
    session.rotate().unwrap();
    panic!("a defect of the handler");
}

async fn insert(request: Request<String>) -> Result<Reply, Infallible> {
    session_of(&request).insert("a", "1").unwrap();
    Ok(Response::new(String::from("ok")))
}

#[tokio::test]
async fn a_panic_commits_nothing_whichever_side_catches_it() {
    let world = World::new();
    let id = world.session().await;
    world.backend.faults().reset_calls();
    let inside = ServiceBuilder::new()
        .layer(world.layer.clone())
        .layer(CatchPanicLayer::new())
        .service(service_fn(insert_and_panic));
    let outside = ServiceBuilder::new()
        .layer(CatchPanicLayer::new())
        .layer(world.layer.clone().with_failure_response(never))
        .service(service_fn(insert_and_panic));
    for reply in [
        inside.oneshot(request(Some(&id))).await.unwrap().map(drop),
        outside.oneshot(request(Some(&id))).await.unwrap().map(drop),
    ] {
        assert_eq!(reply.status(), 500);
        assert!(!reply.headers().contains_key(SET_COOKIE));
    }
    assert_eq!(world.steps(), []);
    assert_eq!(world.peek(&id).await.unwrap().fields().len(), 1);
}

fn never(_: &Parts, _: &session_tower::SessionError) -> Reply {
    unreachable!("no session failed");
}

#[tokio::test]
async fn a_request_that_times_out_changes_nothing() {
    tokio::time::pause();
    let world = World::new();
    let id = world.session().await;
    world.backend.faults().reset_calls();
    let slow = async |request: Request<String>| {
        let session = session_of(&request);
        session.insert("a", "1").unwrap();
        session.rotate().unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok::<_, Infallible>(Response::new(String::from("late")))
    };
    let around = ServiceBuilder::new()
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            Duration::from_secs(1),
        ))
        .layer(world.layer.clone())
        .service(service_fn(slow));
    let reply = around.oneshot(request(Some(&id))).await.unwrap();
    assert_eq!(reply.status(), 408);
    assert!(!reply.headers().contains_key(SET_COOKIE));
    assert_eq!(world.steps(), []);

    // Inside, it makes a response like any other.
    let inside = ServiceBuilder::new()
        .layer(world.layer.clone())
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            Duration::from_secs(1),
        ))
        .service(service_fn(slow));
    let reply = inside.oneshot(request(Some(&id))).await.unwrap();
    assert_eq!(reply.status(), 408);
    assert!(reply.headers().contains_key(SET_COOKIE));
    assert_eq!(world.steps(), [(Step::Rename, 1)]);
}

#[tokio::test]
async fn a_commit_dropped_on_the_way_is_whole_or_not_at_all() {
    tokio::time::pause();
    let world = World::new();
    let id = world.session().await;
    world.fault(Step::Write).delay(Duration::from_secs(60));
    let service = world.layer.layer(service_fn(insert));
    let impatient = service.oneshot(request(Some(&id)));
    assert!(
        tokio::time::timeout(Duration::from_secs(1), impatient)
            .await
            .is_err()
    );
    assert_eq!(world.peek(&id).await.unwrap().fields().len(), 1);
}

#[tokio::test]
async fn an_error_of_the_inner_service_is_passed_on_and_commits_nothing() {
    let world = World::new();
    let id = world.session().await;
    world.backend.faults().reset_calls();
    let failing = world
        .layer
        .layer(service_fn(async |request: Request<String>| {
            session_of(&request).insert("a", "1").unwrap();
            Err::<Reply, _>("broken")
        }));
    assert_eq!(
        failing.oneshot(request(Some(&id))).await.unwrap_err(),
        "broken"
    );
    assert_eq!(world.steps(), []);
}

#[tokio::test]
async fn a_panic_that_the_handler_recovers_from_costs_no_change() {
    let world = World::new();
    let reply = world
        .visit(None, async |session: Session| {
            session.insert("a", "1")?;
            let plugin = session.clone();
            let caught = std::panic::catch_unwind(AssertUnwindSafe(move || {
                let _plugin = plugin;
                panic!("a defect of the plug-in");
            }));
            assert!(caught.is_err());
            session.insert("b", "2")
        })
        .await;
    assert_eq!(reply.steps, [(Step::Insert, 1)]);
}
