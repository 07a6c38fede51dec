//! A browser, the new application, and a server.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::{Router, routing::get};
use session_moving::take_over::{OldSessions, TakeOver, move_session};
use session_redis_test::RedisServer;
use session_store::backends::redis_rs::redis::{Client, aio::ConnectionManager};
use session_store::{Principal, Session, SessionBackend, SessionError, SessionLayer};
use tower::ServiceExt as _;

pub(crate) const NEW: &str = "__Host-id";

/// What a browser keeps. A clone is what another tab sends at the same time.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    pub(crate) set: Vec<String>,
}

impl Browser {
    pub(crate) fn with(name: &str, value: &str) -> Self {
        let cookies = [(name.to_owned(), value.to_owned())].into();
        Self { cookies }
    }

    pub(crate) fn line(&self) -> String {
        let pairs = self.cookies.iter();
        let pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    pub(crate) async fn get(&mut self, app: &Router, path: &str) -> Reply {
        let request = Request::get(path).header("user-agent", "test");
        let mut request = request.body(Body::empty()).unwrap();
        if !self.cookies.is_empty() {
            request
                .headers_mut()
                .insert(COOKIE, self.line().parse().unwrap());
        }
        let response = app.clone().oneshot(request).await.unwrap();
        let set = self.keep(response.headers());
        let status = response.status();
        let body = to_bytes(response.into_body(), 4096).await.unwrap();
        let body = String::from_utf8(body.into()).unwrap();
        Reply { status, body, set }
    }

    /// Keeps what `Set-Cookie` says, as a browser would.
    pub(crate) fn keep(&mut self, headers: &HeaderMap) -> Vec<String> {
        let lines = headers.get_all(SET_COOKIE).into_iter();
        let lines: Vec<_> = lines
            .map(|line| line.to_str().unwrap().to_owned())
            .collect();
        for line in &lines {
            let (name, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        lines
    }
}

/// Whose session it is, and what is in the cart.
async fn me(session: Session) -> Result<String, SessionError> {
    let principal = session.principal().await?;
    let name = principal
        .as_ref()
        .map_or("nobody", |principal| principal.as_str());
    let cart: Option<Vec<String>> = session.get("cart").await?;
    Ok(format!("{name} {}", cart.unwrap_or_default().join(",")))
}

async fn log_in(session: Session) -> Result<(), SessionError> {
    session.log_in(Principal::new("betty")?)
}

async fn log_out(session: Session) -> Result<(), SessionError> {
    session.log_out()
}

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/me", get(me))
        .route("/login", get(log_in))
        .route("/logout", get(log_out))
        .route("/public", get(async || "public"))
}

/// The new application, with the middleware that moves sessions around it.
pub(crate) fn moving_app<O: OldSessions>(old: O, backend: &Arc<dyn SessionBackend>) -> Router {
    let app = routes().layer(SessionLayer::new(Arc::clone(backend)));
    moving(app, old, backend)
}

pub(crate) fn moving<O: OldSessions>(
    app: Router,
    old: O,
    backend: &Arc<dyn SessionBackend>,
) -> Router {
    let take_over = Arc::new(TakeOver {
        old,
        backend: Arc::clone(backend),
        cookie: NEW,
        is_persistent: false,
        secret: [7; 32],
    });
    app.layer(from_fn_with_state(take_over, move_session::<O>))
}

pub(crate) async fn manager(server: &RedisServer) -> ConnectionManager {
    let client = Client::open(server.url()).unwrap();
    client.get_connection_manager().await.unwrap()
}

pub(crate) async fn sessions_of(backend: &Arc<dyn SessionBackend>, name: &str) -> usize {
    let principal = Principal::new(name).unwrap();
    backend.list_sessions(&principal).await.unwrap().len()
}
