//! The examples do what they say.
// The examples' `main` functions are not called here.
#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "../../examples/admin_revoking.rs"]
mod admin_revoking;
#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "../../examples/flash_message.rs"]
mod flash_message;
#[allow(
    dead_code,
    missing_debug_implementations,
    missing_docs,
    unreachable_pub
)]
#[path = "../../examples/header_client.rs"]
mod header_client;
#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "../../examples/login.rs"]
mod login;
#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "../../examples/shopping_cart.rs"]
mod shopping_cart;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use session_memory::{ManualClock, MemoryBackend};
use session_tower::SessionCookie;
use tower::ServiceExt;

use crate::common::sessions;

/// A browser that follows redirects and keeps one cookie.
struct Browser {
    app: Router,
    cookie: Option<String>,
}

impl Browser {
    fn new(app: &Router) -> Self {
        Self {
            app: app.clone(),
            cookie: None,
        }
    }

    async fn send(&mut self, method: &str, path: &str, form: &str) -> (u16, String) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let request = request.body(Body::from(form.to_owned())).unwrap();
        let response: Response<_> = self.app.clone().oneshot(request).await.unwrap();
        if let Some(line) = response.headers().get(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let pair = line.split(';').next().unwrap();
            self.cookie = (!line.ends_with("Max-Age=0")).then(|| pair.to_owned());
        }
        if let Some(path) = response.headers().get(LOCATION) {
            let path = path.to_str().unwrap().to_owned();
            return Box::pin(self.send("GET", &path, "")).await;
        }
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn get(&mut self, path: &str) -> String {
        let (status, body) = self.send("GET", path, "").await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn post(&mut self, path: &str, form: &str) -> (u16, String) {
        self.send("POST", path, form).await
    }
}

fn backend() -> (MemoryBackend, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (MemoryBackend::with_clock(clock.clone()), clock)
}

#[tokio::test]
async fn login() {
    let (backend, clock) = backend();
    let app = login::app(Arc::new(backend.clone()), SessionCookie::default());
    let mut browser = Browser::new(&app);
    assert_eq!(browser.get("/").await, "Please log in.\n");
    let wrong = browser.post("/login", "username=ann&password=x").await;
    assert_eq!(wrong.0, 401);
    assert!(browser.cookie.is_none() && backend.is_empty());
    let right = "username=ann&password=open+sesame";
    let logged_in = browser.post("/login", right).await;
    assert_eq!(logged_in, (200, "Hello, ann!\n".to_owned()));

    let before = browser.cookie.clone();
    browser.post("/login", right).await;
    assert_ne!(browser.cookie, before, "a log-in rotates");
    assert_eq!(sessions(&backend).await, 1);
    assert_eq!(browser.post("/logout", "").await.1, "Please log in.\n");
    assert!(browser.cookie.is_none() && sessions(&backend).await == 0);

    browser.post("/login", right).await;
    clock.advance(Duration::from_secs(1801));
    let expired = "Your session has expired. Please log in again.\n";
    assert_eq!(browser.get("/").await, expired);
}

#[tokio::test]
async fn shopping_cart() {
    let (backend, _) = backend();
    let app = shopping_cart::app(Arc::new(backend), SessionCookie::default());
    let mut browser = Browser::new(&app);
    assert_eq!(browser.get("/").await, "Your cart is empty.\n");
    assert_eq!(browser.post("/add/elephant", "").await.0, 404);
    browser.post("/add/socks", "").await;
    // Two tabs at once.
    let mut tabs = [0, 1].map(|_| Browser {
        app: app.clone(),
        cookie: browser.cookie.clone(),
    });
    let [left, right] = &mut tabs;
    tokio::join!(left.post("/add/socks", ""), right.post("/add/hat", ""));
    tokio::join!(
        left.post("/order?note=gift", ""),
        right.post("/order?express=true", "")
    );
    let cart = "1 x hat\n2 x socks\nExpress delivery.\nNote: gift\n";
    assert_eq!(browser.get("/").await, cart);
}

#[tokio::test]
async fn flash_message() {
    let (backend, _) = backend();
    let app = flash_message::app(Arc::new(backend), SessionCookie::default());
    let mut browser = Browser::new(&app);
    assert_eq!(browser.get("/").await, "Nothing new.\n");
    let saved = browser.post("/save", "name=ann").await;
    assert_eq!(saved, (200, "Saved the name ann.\n".to_owned()));
    assert_eq!(browser.get("/").await, "Nothing new.\n");
}

#[tokio::test]
async fn admin_revoking() {
    let (backend, _) = backend();
    let app = admin_revoking::app(Arc::new(backend.clone()), SessionCookie::default());
    let [mut phone, mut laptop, mut root, mut bob] = [0; 4].map(|_| Browser::new(&app));
    assert_eq!(phone.send("GET", "/sessions", "").await.0, 401);
    for (browser, name) in [
        (&mut phone, "ann"),
        (&mut laptop, "ann"),
        (&mut root, "root"),
        (&mut bob, "bob"),
    ] {
        let form = format!("username={name}");
        assert_eq!(browser.post("/login", &form).await.0, 204);
    }
    let listed = laptop.get("/sessions").await;
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
    let is_this = |device: &&serde_json::Value| device["is_this_one"] == true;
    let (this, others): (Vec<_>, Vec<_>) = listed.iter().partition(is_this);
    assert_eq!((this.len(), others.len()), (1, 1));
    let phones = others[0]["public_id"].as_str().unwrap();
    let revoke = format!("/sessions/{phones}/revoke");

    assert_eq!(bob.post(&revoke, "").await.0, 404, "not one of bob's");
    assert_eq!(bob.post("/admin/users/ann/revoke", "").await.0, 403);
    assert_eq!(laptop.post(&revoke, "").await.0, 204);
    assert_eq!(phone.send("GET", "/sessions", "").await.0, 401);

    phone.post("/login", "username=ann").await;
    let others = laptop.post("/sessions/revoke-others", "").await;
    assert_eq!(others, (200, "1".to_owned()));
    laptop.get("/sessions").await;
    assert_eq!(phone.send("GET", "/sessions", "").await.0, 401);
    phone.post("/login", "username=ann").await;
    let all = root.post("/admin/users/ann/revoke", "").await;
    assert_eq!(all, (200, "2".to_owned()));
    assert_eq!(backend.len(), 2);
}

#[tokio::test]
async fn header_client() {
    let (backend, _) = backend();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let app = header_client::app(Arc::new(backend.clone()));
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let said = header_client::run_client(server).await.unwrap();
    serving.abort();
    let expected = [
        "POST /login: Hello, ann!; an id is kept",
        "POST /count: call number 1",
        "POST /rotate: You have a new id.; the id is replaced",
        "POST /count: call number 2",
        "POST /logout: Goodbye!; the id is forgotten",
        "POST /count: Please log in.",
    ];
    assert_eq!(said, expected);
    assert_eq!(sessions(&backend).await, 0);
}
