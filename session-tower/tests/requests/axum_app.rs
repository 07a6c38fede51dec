//! The extractors and error responses, in an axum application.
use http::request::Parts;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{NAME, World, field, principal};
use axum::body::Body;
use axum::extract::Query;
use axum::http::header::{COOKIE, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use session_core::{Effect, ErrorKind, SessionBackend, SessionId};
use session_memory::Step;
use session_tower::{ReadSession, Session, SessionCookie, SessionError, SessionLayer, Typed};
use tower::ServiceExt;

#[derive(Serialize, Deserialize, Default, Clone)]
#[serde(default)]
struct Cart {
    items: Vec<u32>,
    coupon: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    id: u32,
}

async fn add(mut cart: Typed<Cart>, Query(item): Query<Item>) -> Result<Redirect, SessionError> {
    cart.items.push(item.id);
    cart.store()?;
    Ok(Redirect::to("/cart"))
}

async fn cart(cart: Typed<Cart>) -> Json<Cart> {
    Json(cart.clone())
}

async fn seen(session: Session) -> Result<String, SessionError> {
    Ok(session.get::<String>("seen").await?.unwrap_or_default())
}

async fn life(session: ReadSession) -> Result<String, SessionError> {
    let record = session.load().await?;
    Ok(format!("{:?}", record.map(|record| record.ttl())))
}

async fn maybe(session: Option<Session>, look: Option<ReadSession>) -> String {
    format!("{} {}", session.is_some(), look.is_some())
}

async fn wrong_type(session: Session) -> Result<String, SessionError> {
    session.insert("kept", "1")?;
    let number: Option<u8> = session.get("seen").await?;
    Ok(number.unwrap_or_default().to_string())
}

fn app(layer: SessionLayer) -> Router {
    Router::new()
        .route("/add", post(add))
        .route("/cart", get(cart))
        .route("/seen", get(seen))
        .route("/life", get(life))
        .route("/maybe", get(maybe))
        .route("/wrong-type", get(wrong_type))
        .layer(layer)
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

async fn send(app: &Router, method: &str, path: &str, id: Option<&SessionId>) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(id) = id {
        request = request.header(COOKIE, format!("{NAME}={}", id.expose()));
    }
    let request = request.body(Body::empty()).unwrap();
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

fn given_id(response: &Answer) -> SessionId {
    let line = response.headers[SET_COOKIE].to_str().unwrap();
    SessionId::parse(line.split(['=', ';']).nth(1).unwrap()).unwrap()
}

#[tokio::test]
async fn a_struct_is_an_extractor_and_lives_in_fields() {
    let world = World::new();
    let app = app(world.layer.clone());
    let first = send(&app, "POST", "/add?id=7", None).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    let id = given_id(&first);
    world.backend.faults().reset_calls();
    send(&app, "POST", "/add?id=9", Some(&id)).await;
    assert_eq!(world.steps(), [(Step::Read, 1), (Step::Write, 1)]);
    let record = world.peek(&id).await.unwrap();
    assert_eq!(field(&record, "items"), Some("[7,9]"));
    assert_eq!(record.fields().len(), 1, "an empty member needs no field");
    let shown = send(&app, "GET", "/cart", Some(&id)).await;
    assert_eq!(shown.text, "{\"items\":[7,9],\"coupon\":null}");
}

#[tokio::test]
async fn reading_slides_and_looking_does_not() {
    let world = World::new();
    let id = world.session().await;
    let app = app(world.layer.clone());
    world.clock.advance(Duration::from_secs(100));
    let look = send(&app, "GET", "/life", Some(&id)).await;
    assert_eq!(look.text, "Some(In(1700s))");
    assert_eq!(send(&app, "GET", "/seen", Some(&id)).await.text, "yes");
    let look = send(&app, "GET", "/life", Some(&id)).await;
    assert_eq!(look.text, "Some(In(1800s))");
}

#[tokio::test]
async fn without_a_layer_the_extractors_say_so() {
    let bare = Router::new()
        .route("/seen", get(seen))
        .route("/life", get(life))
        .route("/cart", get(cart))
        .route("/maybe", get(maybe));
    for path in ["/seen", "/life", "/cart"] {
        let response = send(&bare, "GET", path, None).await;
        assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.text, "");
    }
    assert_eq!(send(&bare, "GET", "/maybe", None).await.text, "false false");
    let world = World::new();
    let app = app(world.layer.clone());
    assert_eq!(send(&app, "GET", "/maybe", None).await.text, "true true");
}

#[tokio::test]
async fn a_handler_that_fails_with_the_stores_error_is_503_and_commits_nothing() {
    let world = World::new();
    let id = world.session().await;
    let change_then_read = async |session: Session| -> Result<String, SessionError> {
        session.insert("a", "1")?;
        Ok(session.get::<String>("seen").await?.unwrap_or_default())
    };
    let app = Router::new()
        .route("/", get(change_then_read))
        .layer(world.layer.clone());
    world.backend.faults().reset_calls();
    let fault = world.fault(Step::Read);
    fault.fail(ErrorKind::Timeout, Effect::Unknown);
    let response = send(&app, "GET", "/", Some(&id)).await;
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers[RETRY_AFTER], "5");
    assert!(!response.headers.contains_key(SET_COOKIE));
    assert_eq!(world.steps(), [(Step::Read, 1)]);
    let response = send(&app, "GET", "/", Some(&id)).await;
    assert_eq!(response.text, "yes");
}

#[tokio::test]
async fn a_handler_that_fails_for_another_reason_commits_and_is_500() {
    let world = World::new();
    let id = world.session().await;
    let app = app(world.layer.clone());
    let response = send(&app, "GET", "/wrong-type", Some(&id)).await;
    assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.text, "", "details are for the log");
    assert_eq!(field(&world.peek(&id).await.unwrap(), "kept"), Some("1"));
}

#[tokio::test]
async fn the_failure_response_renders_every_session_error() {
    fn sorry(_: &Parts, error: &SessionError) -> Response {
        let text = format!("sorry: {}", error.status().as_u16());
        (error.status(), text).into_response()
    }
    let world = World::new();
    let id = world.session().await;
    let layer = world.layer.clone().with_failure_response(sorry);
    let write = async |session: Session| session.insert("a", "1");
    let app = Router::new()
        .route("/seen", get(seen))
        .route("/wrong-type", get(wrong_type))
        .route("/write", get(write))
        .layer(layer);
    let wrong_type = send(&app, "GET", "/wrong-type", Some(&id)).await;
    assert_eq!(wrong_type.text, "sorry: 500");
    world.backend.faults().store_down();
    for path in ["/seen", "/write"] {
        let response = send(&app, "GET", path, Some(&id)).await;
        assert_eq!(response.headers[RETRY_AFTER], "5");
        assert_eq!(response.text, "sorry: 503");
    }
}

/// A layer whose cookie has another name.
fn other_layer(world: &World) -> SessionLayer {
    let cookie = SessionCookie::host("other").build().unwrap();
    SessionLayer::new(Arc::new(world.backend.clone())).with_cookie(cookie)
}

#[tokio::test]
async fn with_two_layers_the_error_of_one_is_its_own() {
    let (own, other) = (World::new(), World::new());
    let id = own.session().await;
    let inner = other_layer(&other);
    let handler = async |request: Request<Body>| -> Result<String, SessionError> {
        let outer = Session::named(request.extensions(), NAME).unwrap();
        let inner = Session::of(request.extensions()).unwrap();
        inner.insert("a", "1")?;
        outer.insert("a", "1")?;
        Ok(outer.get::<String>("seen").await?.unwrap_or_default())
    };
    let app = Router::new()
        .route("/", get(handler))
        .layer(inner)
        .layer(own.layer.clone());
    own.backend.faults().store_down();
    let response = send(&app, "GET", "/", Some(&id)).await;
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    // The store that works committed; the one that failed was not asked again.
    assert_eq!(other.backend.len(), 1);
    assert_eq!(own.backend.faults().calls_of(Step::Write), 0);
}

#[tokio::test]
async fn middleware_and_handler_share_the_session() {
    async fn guard(session: Session, request: axum::extract::Request, next: Next) -> Response {
        match session.contains("seen").await {
            Ok(true) => next.run(request).await,
            Ok(false) => StatusCode::UNAUTHORIZED.into_response(),
            Err(error) => error.into_response(),
        }
    }
    let world = World::new();
    let id = world.session().await;
    let app = Router::new()
        .route("/", get(seen))
        .route_layer(middleware::from_fn(guard))
        .layer(world.layer.clone());
    world.backend.faults().reset_calls();
    assert_eq!(send(&app, "GET", "/", Some(&id)).await.text, "yes");
    assert_eq!(world.steps(), [(Step::Read, 1)]);
    let response = send(&app, "GET", "/", None).await;
    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_failure_from_asking_the_backend_directly_is_the_stores_too() {
    const LATER: Duration = Duration::from_millis(8_500);
    async fn list(session: Session) -> Result<String, SessionError> {
        let sessions = session.backend().list_sessions(&principal("ann")).await?;
        Ok(sessions.len().to_string())
    }
    async fn log_in_and_list(request: Request<Body>) -> Result<String, SessionError> {
        let outer = Session::named(request.extensions(), "__Host-other").unwrap();
        let session = Session::of(request.extensions()).unwrap();
        outer.insert("a", "1")?;
        session.log_in(principal("ann"))?;
        list(session).await
    }
    let (world, other) = (World::new(), World::new());
    let around =
        other_layer(&other).with_failure_response(|_: &Parts, _: &SessionError| -> Response {
            unreachable!("the innermost layer has made the response")
        });
    let app = Router::new()
        .route("/list", get(list))
        .route("/both", get(log_in_and_list))
        .layer(world.layer.clone().with_retry_after(LATER))
        .layer(around);
    let every_list = world.backend.faults().on(Step::List).every_call();
    every_list.fail(ErrorKind::Timeout, Effect::NotApplied);
    for path in ["/list", "/both"] {
        let response = send(&app, "GET", path, None).await;
        assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers[RETRY_AFTER], "9");
        assert!(!response.headers.contains_key(SET_COOKIE));
    }
    assert_eq!((world.backend.len(), other.backend.len()), (0, 0));
}
