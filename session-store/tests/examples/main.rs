//! The examples do what they say: their routers, over the backend in memory.

#![cfg(test)]
#![allow(missing_docs, unreachable_pub, reason = "a test is read, not linked")]
#![allow(
    clippy::duplicate_mod,
    reason = "the shop, and its tests, are of two frameworks"
)]

mod app;
mod collector;
mod csrf;
mod header_client;
mod job;
mod live;
mod oauth;
mod otlp;
mod prometheus;
mod shop;
mod spa;
mod tls_proxy;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{Request, Response};
use futures_util::StreamExt as _;
use session_store::backends::memory::{ManualClock, MemoryBackend};
use session_store::web::TestBrowser;
use tokio::net::TcpListener;

use self::app::{App, Received};

type Browser = TestBrowser<App>;

const MINUTE: Duration = Duration::from_secs(60);

/// A backend in memory, and the clock that moves its time.
fn backend() -> (MemoryBackend, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (MemoryBackend::with_clock(clock.clone()), clock)
}

/// A form that is sent.
fn form(path: &str, form: &str) -> Request<Body> {
    let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    request.body(Body::from(form.to_owned())).unwrap()
}

/// A page that a person opens.
fn page(path: &str) -> Request<Body> {
    let request = Request::get(path).header("sec-fetch-mode", "navigate");
    request.body(Body::empty()).unwrap()
}

/// The application on a free port of the loopback. It is served until the test ends.
async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn text(response: Response<Received>) -> String {
    let bytes: Vec<_> = response.into_body().collect().await;
    String::from_utf8(bytes.concat()).unwrap()
}

/// The status and the text of what a browser shows after a request, and where.
async fn shown(browser: &mut Browser, request: Request<Body>) -> (u16, String, String) {
    let mut path = request.uri().to_string();
    let mut response = browser.send(request).await.unwrap();
    while response.status().is_redirection() {
        path = response.headers()[LOCATION].to_str().unwrap().to_owned();
        response = browser.send(page(&path)).await.unwrap();
    }
    (response.status().as_u16(), text(response).await, path)
}

/// The text of a page that is shown.
async fn open(browser: &mut Browser, path: &str) -> String {
    let (status, text, _) = shown(browser, page(path)).await;
    assert_eq!(status, 200, "{path}: {text}");
    text
}

/// The text of what is shown after a form was sent.
async fn send(browser: &mut Browser, path: &str, fields: &str) -> String {
    let (status, text, _) = shown(browser, form(path, fields)).await;
    assert_eq!(status, 200, "{path}: {text}");
    text
}
