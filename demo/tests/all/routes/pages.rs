//! The page, its files, and how the demo itself is.

use axum::http::Method;
use serde_json::json;

use super::{here, on_every_backend};
use crate::support::{Server, Visitor, request};

on_every_backend! {
    the_page_and_its_files_are_served
    the_demo_says_that_it_is_well
}

async fn the_page_and_its_files_are_served(server: &Server) {
    let visitor = Visitor::of(server);
    for (path, kind, part) in [
        ("/", "text/html; charset=utf-8", "data-testid=\"login\""),
        ("/assets/app.js", "text/javascript; charset=utf-8", "fetch("),
        (
            "/assets/style.css",
            "text/css; charset=utf-8",
            "color-scheme",
        ),
        ("/assets/favicon.svg", "image/svg+xml", "<svg"),
    ] {
        let answer = visitor.get(path).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some(kind))
        );
        assert!(answer.body.contains(part), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        let head = visitor.send(request(Method::HEAD, path, &[])).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""));
    }
    // The policy forbids what the page therefore must not have.
    let page = visitor.get("/").await.body;
    assert!(!page.contains("<script>") && !page.contains("<style") && !page.contains(" style="));
}

async fn the_demo_says_that_it_is_well(server: &Server) {
    let visitor = Visitor::of(server);
    for path in ["/healthz", "/readyz"] {
        let answer = visitor.get(path).await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"status": "ok"}))
        );
    }
    let backend = visitor.get("/backend").await.json();
    assert!(["memory", "redis-rs", "fred"].contains(&backend["backend"].as_str().unwrap()));
    assert!(backend["description"].as_str().unwrap().ends_with('.'));
    assert_eq!(backend["ids_hashed"], false);
}

#[tokio::test]
async fn pages_cost_the_store_nothing() {
    let here = here();
    let visitor = Visitor::with_cookie(&here.server, "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8");
    for path in ["/", "/assets/app.js", "/backend", "/healthz", "/nothing"] {
        assert_eq!(visitor.get(path).await.set_cookie(), None);
    }
    assert_eq!(here.backend.faults().calls(), 0);
}
