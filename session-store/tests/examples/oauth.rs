//! Logging in with an account elsewhere.

#[path = "../../examples/oauth/main.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod example;

use std::sync::Arc;

use axum::Router;
use axum::http::header::LOCATION;
use session_store::SessionCookie;
use session_store::admin::SessionAdmin;
use session_store::backends::memory::MemoryBackend;
use tower::ServiceExt;

use self::example::provider;
use crate::{Browser, backend, open, page, serve, shown};

/// The application's browser, without cookies, and the provider.
async fn start() -> (MemoryBackend, Browser, Router) {
    let (backend, _) = backend();
    let provider = provider::router();
    let origin = format!("http://{}", serve(provider.clone()).await);
    let sessions = Arc::new(backend.clone());
    let app = example::app(
        sessions,
        SessionCookie::default(),
        "https://shop.example",
        &origin,
    );
    (backend, Browser::new(app.unwrap().into()), provider)
}

/// The path and query of what a response redirects to.
fn there(location: &str) -> String {
    let url = oauth2::url::Url::parse(location).unwrap();
    url[oauth2::url::Position::BeforePath..].to_owned()
}

/// Begins a log-in, and asks the provider: the path that the browser is sent back to.
async fn ask(browser: &mut Browser, provider: &Router, next: &str) -> String {
    let begun = browser
        .send(page(&format!("/login?next={next}")))
        .await
        .unwrap();
    let authorize = there(begun.headers()[LOCATION].to_str().unwrap());
    assert!(
        authorize.contains("code_challenge_method=S256"),
        "{authorize}"
    );
    let sent_back = provider.clone().oneshot(page(&authorize)).await.unwrap();
    there(sent_back.headers()[LOCATION].to_str().unwrap())
}

#[tokio::test]
async fn whoever_began_it_is_logged_in_under_another_id() {
    let (backend, mut browser, provider) = start().await;
    for (next, path) in [("/?a=b", "/?a=b"), ("https://evil.example", "/")] {
        let back = ask(&mut browser, &provider, next).await;
        let before = browser.cookie("__Host-id").map(str::to_owned);
        let (status, text, shown_at) = shown(&mut browser, page(&back)).await;
        assert_eq!((status, &*text, &*shown_at), (200, "Hello, ann!\n", path));
        assert_ne!(
            browser.cookie("__Host-id"),
            before.as_deref(),
            "the id is another one"
        );
        // Nothing of the flow is left, and its return is good once.
        assert_eq!(shown(&mut browser, page(&back)).await.0, 400);
    }
    assert_eq!(backend.admin().count_sessions().await.unwrap(), 1);
}

#[tokio::test]
async fn nobody_else_is() {
    let (backend, mut browser, provider) = start().await;
    let mut victim = browser.clone();
    // An attacker's return in another browser: that of a visitor without a session, and of one who
    // has begun a log-in too.
    let back = ask(&mut browser, &provider, "/").await;
    assert_eq!(shown(&mut victim, page(&back)).await.0, 400);
    let own = ask(&mut victim, &provider, "/").await;
    let state = own.split("state=").nth(1).unwrap();
    // With the victim's state and the attacker's code, the verifier does not fit.
    let mixed = format!("{}state={state}", back.split("state=").next().unwrap());
    assert_eq!(shown(&mut victim, page(&mixed)).await.0, 502);
    for path in ["/back?code=a&state=", "/back?code=a&state=b"] {
        assert_eq!(shown(&mut victim, page(path)).await.0, 400);
    }
    assert_eq!(open(&mut victim, "/").await, "Log in at /login.\n");
    // The store is down: nobody is sent to the provider without what it takes to return.
    backend.faults().store_down();
    assert_eq!(browser.send(page("/login")).await.unwrap().status(), 503);
}
