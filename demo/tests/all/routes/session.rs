//! The visitor's own session.

use serde_json::{Value, json};

use super::ids::{PUBLIC_ID, is_dead};
use super::on_every_backend;
use crate::support::{Server, Visitor};

on_every_backend! {
    a_visitor_has_no_session_until_one_is_started
    a_login_answers_the_session
    what_a_login_does_not_say_has_a_default
    page_views_are_counted
    looking_is_no_use
    the_ttl_can_be_changed
    a_maximum_lifetime_is_the_sessions_own
    names_are_data
}

async fn a_visitor_has_no_session_until_one_is_started(server: &Server) {
    let visitor = Visitor::of(server);
    let nobody = json!({"authenticated": false, "session": null});
    assert_eq!(visitor.get("/session").await.json(), nobody);
    assert_eq!(visitor.get("/session?peek=1").await.json(), nobody);
    for (path, form) in [
        ("/increment", &[][..]),
        ("/rotate", &[]),
        ("/logout-everywhere", &[]),
        ("/ttl", &[("ttl", "9")]),
        ("/sessions/revoke", &[("handle", PUBLIC_ID)]),
    ] {
        let answer = visitor.post(path, form).await;
        assert_eq!(
            answer.error(),
            (401, "No active session".to_owned()),
            "{path}"
        );
    }
    let answer = visitor.get("/sessions").await;
    assert_eq!(answer.error(), (401, "No active session".to_owned()));
    let answer = visitor.post("/logout", &[]).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"authenticated": false}))
    );
    assert_eq!(visitor.cookie(), None);
}

async fn a_login_answers_the_session(server: &Server) {
    let visitor = Visitor::of(server);
    let answer = visitor.log_in(" Ann ", "30").await;
    let id = visitor.cookie().unwrap();
    let json = answer.json();
    let created_at = answer.field("created_at");
    let deadline = answer.field("session_deadline");
    assert_eq!(
        json,
        json!({
            "authenticated": true,
            "session_id": format!("{}…", &id[..8]),
            "session": {
                "username": "Ann",
                "page_views": "1",
                "created_at": created_at,
                "last_accessed_at": created_at,
                "session_ttl": "30",
                "session_deadline": deadline,
                "session_principal": "Ann",
                "ttl": "30",
            },
            "configured_ttl": 30,
            "ttl": 30,
        })
    );
    assert!(
        created_at.ends_with("+00:00") && created_at.len() == 25,
        "{created_at}"
    );
    // What the browser asks for later is what the log-in answered.
    let again = visitor.get("/session?peek=1").await.json();
    assert_eq!(
        (&again["session_id"], &again["session"]["username"]),
        (&json["session_id"], &"Ann".into())
    );
}

async fn what_a_login_does_not_say_has_a_default(server: &Server) {
    let visitor = Visitor::of(server);
    let answer = visitor.post("/login", &[]).await;
    assert_eq!(answer.field("username"), "Guest");
    assert_eq!(answer.json()["configured_ttl"], 60);
    let answer = visitor
        .post("/login", &[("username", " \t "), ("max_lifetime", "")])
        .await;
    assert_eq!(answer.field("username"), "Guest");
}

async fn page_views_are_counted(server: &Server) {
    let visitor = Visitor::of(server);
    visitor.log_in("Ann", "30").await;
    for views in 2..5 {
        let answer = visitor.post("/increment", &[]).await;
        assert_eq!(answer.json()["page_views"], views);
        assert_eq!(answer.field("page_views"), views.to_string());
        assert_eq!(
            answer.set_cookie(),
            None,
            "the cookie is sent only when it changes"
        );
    }
    assert_eq!(visitor.get("/session").await.field("page_views"), "4");
    // A new log-in begins anew.
    assert_eq!(visitor.log_in("Ann", "30").await.field("page_views"), "1");
}

async fn looking_is_no_use(server: &Server) {
    let visitor = Visitor::of(server);
    visitor.log_in("Ann", "30").await;
    let used = visitor.get("/session").await;
    for path in ["/session?peek=1", "/session?x=y&peek=1"] {
        let looked = visitor.get(path).await;
        assert_eq!(
            looked.json()["session"]["last_accessed_at"],
            used.json()["session"]["last_accessed_at"]
        );
        assert_eq!(looked.json()["authenticated"], true);
    }
}

async fn the_ttl_can_be_changed(server: &Server) {
    let visitor = Visitor::of(server);
    visitor.log_in("Ann", "30").await;
    let answer = visitor.post("/ttl", &[("ttl", "300")]).await;
    assert_eq!(
        (&answer.json()["configured_ttl"], &answer.json()["ttl"]),
        (&json!(300), &json!(300))
    );
    assert_eq!(answer.field("session_ttl"), "300");
    assert_eq!(answer.field("ttl"), "300");
    assert_eq!(visitor.get("/session").await.field("session_ttl"), "300");
}

async fn a_maximum_lifetime_is_the_sessions_own(server: &Server) {
    let login = |lifetime| {
        [
            ("username", "Ann"),
            ("ttl", "60"),
            ("max_lifetime", lifetime),
        ]
    };
    let visitor = Visitor::of(server);
    let answer = visitor.post("/login", &login("20")).await;
    assert_eq!(
        answer.json()["ttl"],
        20,
        "the lifetime cuts the TTL: {answer:?}"
    );
    assert_eq!(answer.json()["configured_ttl"], 60);
    let first_deadline: u64 = answer.field("session_deadline").parse().unwrap();
    // Neither a longer TTL nor another id extends it.
    let answer = visitor.post("/ttl", &[("ttl", "300")]).await;
    assert!(answer.json()["ttl"].as_u64().unwrap() <= 20, "{answer:?}");
    let answer = visitor.post("/rotate", &[]).await;
    assert_eq!(answer.field("session_deadline"), first_deadline.to_string());
    // Another log-in with another lifetime has that.
    let old = visitor.cookie().unwrap();
    let answer = visitor.post("/login", &login("4000")).await;
    let deadline: u64 = answer.field("session_deadline").parse().unwrap();
    assert!(
        deadline >= first_deadline + 3_900_000,
        "{deadline} after {first_deadline}"
    );
    is_dead(server, &old).await;
    // Without one there is the default of twelve hours for who is logged in.
    let guest = Visitor::of(server);
    let answer = guest.log_in("Bob", "60").await;
    let default: u64 = answer.field("session_deadline").parse().unwrap();
    assert!(default > deadline + 10 * 3_600_000, "{default}");
}

async fn names_are_data(server: &Server) {
    for name in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "{{7*7}} ${7*7} %00 \\u0000",
        "a\0b\r\nSet-Cookie: x=y",
        "日本語 🦀 \u{202e}",
        "session_ttl",
    ] {
        let visitor = Visitor::of(server);
        let answer = visitor.log_in(name, "30").await;
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.field("username"), name);
        assert_eq!(
            visitor.get("/session").await.field("session_principal"),
            name
        );
        let listed = visitor.get("/sessions").await.json();
        assert_eq!(
            listed["sessions"].as_array().map(Vec::len),
            Some(1),
            "{listed}"
        );
        assert_eq!(
            visitor.get("/session").await.json()["session"]["x"],
            Value::Null
        );
    }
}
