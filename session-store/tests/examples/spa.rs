//! A script that talks JSON.

#[path = "../../examples/spa.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod example;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, header::CONTENT_TYPE};
use serde_json::{Value, json};
use session_store::SessionCookie;

use crate::{Browser, MINUTE, backend, open, page, text};

async fn api(browser: &mut Browser, method: &str, path: &str, body: Value) -> (u16, Value) {
    let request = Request::builder().method(method).uri(format!("/api{path}"));
    let request = request
        .header(CONTENT_TYPE, "application/json")
        .header("sec-fetch-mode", "cors")
        .header("sec-fetch-site", "same-origin");
    let response = browser.send(request.body(Body::from(body.to_string())).unwrap());
    let response = response.await.unwrap();
    let status = response.status().as_u16();
    let body = text(response).await;
    (status, serde_json::from_str(&body).unwrap_or_default())
}

#[tokio::test]
async fn the_script_knows_who_and_how_long_and_keeps_nothing_alive() {
    let (backend, clock) = backend();
    let app = example::app(Arc::new(backend.clone()), SessionCookie::default());
    let mut browser = Browser::new(app.into());
    assert!(open(&mut browser, "/").await.contains("/api"));
    let nobody = json!({ "user": null, "seconds_left": null });
    assert_eq!(
        api(&mut browser, "GET", "/session", Value::Null).await,
        (200, nobody.clone())
    );
    // Also where the browser opens it: an API redirects nobody.
    assert_eq!(
        browser.send(page("/api/settings")).await.unwrap().status(),
        401
    );
    assert_eq!(
        api(&mut browser, "PUT", "/settings", json!({ "dark": true }))
            .await
            .0,
        401
    );
    assert!(backend.is_empty());

    api(&mut browser, "POST", "/login", json!({ "username": "ann" })).await;
    assert_eq!(
        api(&mut browser, "PUT", "/settings", json!({ "dark": true }))
            .await
            .0,
        200
    );
    let settings = api(&mut browser, "GET", "/settings", Value::Null).await;
    assert_eq!(settings, (200, json!({ "dark": true })));
    for minutes in [30, 15] {
        let status = json!({ "user": "ann", "seconds_left": minutes * 60 });
        assert_eq!(
            api(&mut browser, "GET", "/session", Value::Null).await,
            (200, status)
        );
        clock.advance(15 * MINUTE);
    }
    clock.advance(MINUTE);
    assert_eq!(
        api(&mut browser, "GET", "/session", Value::Null).await,
        (200, nobody)
    );
    assert_eq!(
        api(&mut browser, "GET", "/settings", Value::Null).await.0,
        401
    );
}
