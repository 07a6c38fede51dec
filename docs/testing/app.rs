use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, header::RETRY_AFTER};
use axum::{Router, routing};
use session_store::backends::memory::{ManualClock, MemoryBackend, Step};
use session_store::web::{CookieChange, FieldsExt, TestBrowser};
use session_store::{
    FieldName, Fields, Principal, Session, SessionBackend, SessionError, SessionId, SessionLayer,
};

async fn home(session: Session) -> Result<String, SessionError> {
    let name = session.principal().await?;
    Ok(name.map_or("Please log in.".to_owned(), |name| {
        format!("Hello, {}!", name.as_str())
    }))
}

async fn log_in(session: Session, name: String) -> Result<(), SessionError> {
    session.log_in(Principal::new(name)?)
}

async fn count(session: Session) -> Result<String, SessionError> {
    Ok(session.increment("count", 1).await?.to_string())
}

/// What `main` serves over Redis, and tests ask over memory.
fn app(backend: Arc<dyn SessionBackend>) -> Router {
    Router::new()
        .route("/", routing::get(home))
        .route("/login", routing::post(log_in))
        .route("/count", routing::post(count))
        .layer(SessionLayer::new(backend))
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a path")
}

fn post(path: &str, body: &'static str) -> Request<Body> {
    Request::post(path).body(Body::from(body)).expect("a path")
}

async fn text(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), 1024).await.expect("a body");
    String::from_utf8_lossy(&bytes).into_owned()
}
