//! Who passes on a backend that keeps what it has read, once another process has changed it.

#![cfg(test)]
#![cfg(feature = "axum")]
#![allow(missing_docs, reason = "a test is read, not linked")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::{get, post};
use session_auth::{Auth, AuthHash, AuthLayer, CurrentUser, RequireLogin, UserLoader};
use session_core::{Delta, FieldName, InvalidPrincipal, Principal, SessionBackend, SessionId};
use session_http_test::Near;
use session_memory::Step;
use session_tower::SessionLayer;
use tower::ServiceExt;

/// Counts how often a user is loaded.
#[derive(Clone, Default)]
struct Users(Arc<AtomicUsize>);

impl UserLoader for Users {
    type User = String;
    type Error = Infallible;

    async fn load(&self, principal: &Principal) -> Result<Option<String>, Infallible> {
        self.0.fetch_add(1, Relaxed);
        Ok(Some(principal.as_str().to_owned()))
    }

    fn principal(&self, user: &String) -> Result<Principal, InvalidPrincipal> {
        Principal::new(user.as_str())
    }

    fn auth_hash(&self, _: &String) -> Option<AuthHash> {
        Some(AuthHash::of("open sesame"))
    }
}

struct World {
    near: Arc<Near>,
    loads: Arc<AtomicUsize>,
    app: Router,
    id: SessionId,
}

impl World {
    /// Ann is logged in, and her session is kept near.
    async fn new() -> Self {
        let (near, users) = (Arc::<Near>::default(), Users::default());
        let by_default = RequireLogin::<String>::redirect_to("/login");
        let fresh = by_default.clone().fresh();
        let user = async |CurrentUser(user): CurrentUser<String>| user;
        let log_in = async |auth: Auth<String>| auth.log_in(&"ann".to_owned());
        let app = Router::new()
            .route("/default", get(user).layer(by_default.clone()))
            .route("/fresh", get(user).layer(fresh.clone()))
            .route(
                "/both",
                get(user).route_layer(fresh.clone()).layer(by_default),
            )
            .route("/twice", get(user).route_layer(fresh.clone()).layer(fresh))
            .route("/log-in", post(log_in))
            .layer(AuthLayer::new(users.clone()))
            .layer(SessionLayer::new(near.clone()));
        let request = Request::post("/log-in").body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        let id = SessionId::parse(cookie.split(['=', ';']).nth(1).unwrap()).unwrap();
        near.get_session(&id).await.unwrap();
        let loads = users.0;
        Self {
            near,
            loads,
            app,
            id,
        }
    }

    /// The answer, and how often the store was read and the user loaded for it.
    async fn open(&self, path: &str) -> (StatusCode, HeaderMap, u64, usize) {
        self.near.store.faults().reset_calls();
        self.loads.store(0, Relaxed);
        let request = Request::get(path)
            .header(COOKIE, format!("__Host-id={}", self.id.expose()))
            .header("sec-fetch-mode", "navigate");
        let request = request.body(Body::empty()).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let reads = self.near.store.faults().calls_of(Step::Read);
        let headers = response.headers().clone();
        (response.status(), headers, reads, self.loads.load(Relaxed))
    }

    async fn costs(&self, path: &str) -> (u64, usize) {
        let (status, _, reads, loads) = self.open(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        (reads, loads)
    }

    /// Whereto the browser is sent.
    async fn refused(&self, path: &str) -> String {
        let (status, headers, ..) = self.open(path).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{path}");
        headers[LOCATION].to_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_fresh_requirement_costs_one_read_of_the_store() {
    let world = World::new().await;
    assert_eq!(world.costs("/default").await, (0, 1));
    assert_eq!(world.costs("/fresh").await, (1, 1));
    assert_eq!(world.costs("/twice").await, (1, 1));
    // Who was found before by what is kept near is looked for again.
    assert_eq!(world.costs("/both").await, (1, 2));
}

#[tokio::test]
async fn a_session_that_was_ended_elsewhere_passes_no_fresh_requirement() {
    for path in ["/fresh", "/twice", "/both"] {
        let world = World::new().await;
        let ann = Principal::new("ann").unwrap();
        let ended = world.near.store.revoke_sessions(&ann, None).await;
        assert_eq!(ended.unwrap(), 1);
        assert_eq!(world.costs("/default").await, (0, 1));
        assert_eq!(
            world.refused(path).await,
            format!("/login?next={}", path.replace('/', "%2F"))
        );
    }
}

#[tokio::test]
async fn a_rotation_elsewhere_leads_to_the_same_page() {
    for path in ["/fresh", "/both"] {
        let world = World::new().await;
        let rotated = world.near.store.rotate_session(&world.id, Delta::new());
        rotated.await.unwrap().unwrap();
        assert_eq!(world.costs("/default").await, (0, 1));
        assert_eq!(world.refused(path).await, path);
    }
}

#[tokio::test]
async fn credentials_that_the_session_remembers_are_compared_again() {
    for path in ["/fresh", "/both"] {
        let world = World::new().await;
        let field = FieldName::new("auth_hash").unwrap();
        let delta = Delta::new().set(field, "of other credentials");
        let written = world.near.store.update_session(&world.id, delta).await;
        assert!(written.unwrap().is_some());
        assert_eq!(world.costs("/default").await, (0, 1));
        assert!(world.refused(path).await.starts_with("/login?next="));
        assert!(world.near.store.is_empty());
    }
}

#[tokio::test]
async fn nobody_passes_a_fresh_requirement_while_the_store_fails() {
    let world = World::new().await;
    world.near.store.faults().store_down();
    assert_eq!(world.costs("/default").await, (0, 1));
    let (status, ..) = world.open("/fresh").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}
