//! What is refused, and how.

use axum::body::Bytes;
use axum::http::{Method, Request};

use super::on_every_backend;
use crate::support::{Server, Visitor, request};

on_every_backend! {
    bad_ttls_are_refused_and_change_nothing
    bad_lifetimes_and_names_are_refused
    unknown_paths_and_methods_are_json
    an_empty_request_is_an_empty_form
    forms_that_are_none_are_refused
}

async fn bad_ttls_are_refused_and_change_nothing(server: &Server) {
    let visitor = Visitor::of(server);
    visitor.log_in("Ann", "30").await;
    let id = visitor.cookie();
    let why = "TTL must be a whole number greater than 0.".to_owned();
    for ttl in [
        "0", "-1", "abc", "15abc", "", " ", "1.5", "1e3", "+5", "0x10",
    ] {
        let answer = visitor.post("/ttl", &[("ttl", ttl)]).await;
        assert_eq!(answer.error(), (400, why.clone()), "{ttl:?}");
        let answer = visitor
            .post("/login", &[("username", "Bob"), ("ttl", ttl)])
            .await;
        assert_eq!(answer.error(), (400, why.clone()), "{ttl:?}");
        assert_eq!(answer.set_cookie(), None);
    }
    assert_eq!(visitor.post("/ttl", &[]).await.error(), (400, why));
    let too_long = visitor.post("/ttl", &[("ttl", "4294967296")]).await.error();
    assert_eq!(
        too_long,
        (
            400,
            "TTL must not be more than 4294967295 seconds.".to_owned()
        )
    );
    assert_eq!(visitor.cookie(), id);
    let session = visitor.get("/session").await.json();
    assert_eq!(session["configured_ttl"], 30);
    assert_eq!(session["session"]["username"], "Ann");
    assert_eq!(
        visitor.post("/ttl", &[("ttl", "4294967295")]).await.status,
        200
    );
}

async fn bad_lifetimes_and_names_are_refused(server: &Server) {
    let visitor = Visitor::of(server);
    for lifetime in ["0", "-1", "abc", "15abc"] {
        let answer = visitor.post("/login", &[("max_lifetime", lifetime)]).await;
        let why = "Maximum lifetime must be a whole number greater than 0.".to_owned();
        assert_eq!(answer.error(), (400, why));
    }
    let longest = "é".repeat(128);
    assert_eq!(
        visitor.log_in(&longest, "30").await.json()["session"]["username"],
        longest
    );
    let answer = visitor
        .post("/login", &[("username", &(longest + "x"))])
        .await;
    let why = "The user name must not be longer than 256 bytes.".to_owned();
    assert_eq!(answer.error(), (400, why));
}

async fn unknown_paths_and_methods_are_json(server: &Server) {
    let visitor = Visitor::of(server);
    for path in [
        "/nothing",
        "/assets/nothing.js",
        "/assets/",
        "/assets/..%2fCargo.toml",
        "/session/",
    ] {
        assert_eq!(
            visitor.get(path).await.error(),
            (404, "Not found".to_owned()),
            "{path}"
        );
    }
    assert_eq!(
        visitor.post("/nothing", &[]).await.error(),
        (404, "Not found".to_owned())
    );
    for path in [
        "/login",
        "/increment",
        "/ttl",
        "/rotate",
        "/logout",
        "/sessions/revoke",
        "/logout-everywhere",
    ] {
        let answer = visitor.get(path).await;
        assert_eq!(
            answer.error(),
            (405, "Method not allowed".to_owned()),
            "{path}"
        );
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    for path in [
        "/",
        "/session",
        "/sessions",
        "/backend",
        "/healthz",
        "/readyz",
    ] {
        assert_eq!(visitor.post(path, &[]).await.status, 405, "{path}");
    }
}

async fn an_empty_request_is_an_empty_form(server: &Server) {
    let visitor = Visitor::of(server);
    let empty = |path: &str| Request::post(path).body(Bytes::new()).unwrap();
    let answer = visitor.send(empty("/login")).await.json();
    assert_eq!(answer["session"]["username"], "Guest");
    assert_eq!(visitor.send(empty("/ttl")).await.error().0, 400);
    assert_eq!(
        visitor.send(empty("/increment")).await.json()["page_views"],
        2
    );
    assert_eq!(visitor.send(empty("/sessions/revoke")).await.error().0, 400);
    assert_eq!(visitor.send(empty("/logout")).await.status, 200);
}

async fn forms_that_are_none_are_refused(server: &Server) {
    let visitor = Visitor::of(server);
    let json = Request::post("/login").header("content-type", "application/json");
    let answer = visitor
        .send(json.body(Bytes::from_static(b"{\"ttl\":\"5\"}")).unwrap())
        .await;
    assert_eq!(answer.error().0, 415);
    let mut twice = request(Method::POST, "/login", &[]);
    *twice.body_mut() = Bytes::from_static(b"ttl=5&ttl=6");
    assert_eq!(visitor.send(twice).await.error().0, 422);
    let mut large = request(Method::POST, "/login", &[]);
    *large.body_mut() = Bytes::from(format!("username={}", "x".repeat(20_000)));
    assert_eq!(visitor.send(large).await.error().0, 413);
    assert_eq!(visitor.cookie(), None);
}
