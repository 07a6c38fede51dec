//! What is refused, and how; and the page and its files.

use axum::body::Bytes;
use axum::http::{HeaderValue, Method, Request};
use serde_json::json;

use super::{MADE_UP, POSTS, here};
use crate::support::request;

/// A request with more headers.
fn with(mut request: Request<Bytes>, headers: &[(&'static str, &'static str)]) -> Request<Bytes> {
    for (name, value) in headers {
        let value = HeaderValue::from_static(value);
        request.headers_mut().insert(*name, value);
    }
    request
}

#[tokio::test]
async fn bad_times_and_names_are_refused_and_change_nothing() {
    let visitor = here().logged_in("Ann").await;
    let id = visitor.cookie();
    let number = "must be a whole number greater than 0.";
    for text in [
        "0", "00", "-1", "abc", "15abc", "", " ", "1.5", "1e3", "+5", "0x10", "٣", "007",
    ] {
        let why = format!("TTL {number}");
        let answer = visitor.post("/ttl", &[("ttl", text)]).await;
        answer.assert_error(400, &why);
        let form = [("username", "Bob"), ("ttl", text)];
        visitor.post("/login", &form).await.assert_error(400, &why);
        if !text.trim().is_empty() {
            let answer = visitor.post("/login", &[("max_lifetime", text)]).await;
            answer.assert_error(400, &format!("Maximum lifetime {number}"));
        }
    }
    let answer = visitor.post("/ttl", &[]).await;
    answer.assert_error(400, &format!("TTL {number}"));
    let answer = visitor.post("/ttl", &[("ttl", "4294967296")]).await;
    answer.assert_error(400, "TTL must not be more than 4294967295 seconds.");
    let longest = "é".repeat(128);
    let form = [("username", &*format!("{longest}x"))];
    let answer = visitor.post("/login", &form).await;
    answer.assert_error(400, "The user name must not be longer than 256 bytes.");

    assert_eq!(visitor.cookie(), id);
    let session = visitor.get("/session").await;
    assert_eq!(session.json()["configured_ttl"], 30);
    assert_eq!(session.field("username"), "Ann");
    let answer = visitor.log_in(&longest, "4294967295").await;
    assert_eq!(answer.field("username"), longest);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_json_and_nothing_changes_by_get() {
    let visitor = here().logged_in("Ann").await;
    let before = visitor.cookie();
    for path in ["/nothing", "/assets/x.js", "/assets/..%2fCargo.toml"] {
        visitor.get(path).await.assert_error(404, "Not found");
    }
    for (path, _) in POSTS {
        let answer = visitor.get(&format!("{path}?ttl=1&username=Eve")).await;
        answer.assert_error(405, "Method not allowed");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    for path in ["/", "/session", "/sessions", "/backend", "/readyz"] {
        let answer = visitor.post(path, &[]).await;
        answer.assert_error(405, "Method not allowed");
        // Reading is for everybody whom the browser lets read.
        let request = request(Method::GET, path, &[]);
        let answer = visitor.send(with(request, &[("sec-fetch-site", "cross-site")]));
        assert_eq!(answer.await.status, 200, "{path}");
    }
    let session = visitor.get("/session").await;
    assert_eq!(session.field("page_views"), "1");
    assert_eq!(visitor.cookie(), before);
}

#[tokio::test]
async fn forged_posts_are_refused_and_change_nothing() {
    let own = ("origin", "http://localhost:8080");
    let visitor = here().logged_in("Ann").await;
    let id = visitor.cookie();
    for headers in [
        &[("sec-fetch-site", "cross-site"), own][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "SAME-ORIGIN, none"), own],
        &[("origin", "http://evil.example")],
        &[("origin", "http://localhost:8081")],
        &[("origin", "http://localhost:8080.evil")],
        &[("origin", "null")],
    ] {
        for (path, form) in POSTS {
            let forged = with(request(Method::POST, path, form), headers);
            let answer = visitor.send(forged).await;
            answer.assert_error(403, "Cross-site request refused.");
            assert_eq!(answer.set_cookie(), None);
        }
    }
    assert_eq!(visitor.cookie(), id);
    let session = visitor.get("/session").await;
    assert_eq!(session.field("username"), "Ann");
    assert_eq!(session.field("page_views"), "1");
    assert_eq!(session.json()["configured_ttl"], 30);
    // The page's own are not.
    for headers in [&[("sec-fetch-site", "same-origin"), own][..], &[own], &[]] {
        let sent = with(request(Method::POST, "/increment", &[]), headers);
        assert_eq!(visitor.send(sent).await.status, 200, "{headers:?}");
    }
}

#[tokio::test]
async fn an_empty_request_is_an_empty_form_and_what_is_no_form_is_refused() {
    let visitor = here().visitor();
    let form = Some("application/x-www-form-urlencoded");
    let large = format!("username={}", "x".repeat(20_000));
    for (path, kind, body, status) in [
        ("/login", Some("application/json"), "{\"ttl\":\"5\"}", 415),
        ("/login", form, "ttl=5&ttl=6", 422),
        ("/login", form, &large, 413),
        ("/increment", None, "", 401),
        ("/login", None, "", 200),
        ("/ttl", None, "", 400),
        ("/increment", None, "", 200),
        ("/sessions/revoke", None, "", 400),
        ("/logout", None, "", 200),
    ] {
        let mut request = Request::post(path);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        assert_eq!(visitor.send(request).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn the_page_and_its_files_are_served_without_the_store() {
    let here = here();
    let visitor = here.visitor().with_cookie(MADE_UP);
    for (path, kind, part) in [
        ("/", "text/html; charset=utf-8", "id=\"login\""),
        ("/assets/app.js", "text/javascript; charset=utf-8", "fetch("),
        ("/assets/style.css", "text/css; charset=utf-8", "body"),
        ("/assets/favicon.svg", "image/svg+xml", "<svg"),
    ] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some(kind));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert!(answer.body.contains(part), "{path}");
        assert_eq!(answer.set_cookie(), None);
        let head = visitor.send(request(Method::HEAD, path, &[])).await;
        assert_eq!((head.status, &*head.body), (200, ""));
    }
    // The policy forbids what the page therefore must not have.
    let page = visitor.get("/").await.body;
    for forbidden in ["<script>", "<style", " style="] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let about = json!({"backend": "memory", "description": "A test.", "ids_hashed": false});
    assert_eq!(visitor.get("/backend").await.json(), about);
    let well = visitor.get("/healthz").await;
    assert_eq!((well.status, well.json()), (200, json!({"status": "ok"})));
    assert_eq!(here.backend.faults().calls(), 0);
}
