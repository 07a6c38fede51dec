//! The visitor's own session, and which ids name it.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use session_store::Clock as _;

use super::{Here, MADE_UP, here, nobody, send, uses};
use crate::support::is_cleared;

/// No route finds a session under this id, and each leaves the cookie alone.
async fn is_dead(here: &Here, id: &str) {
    let answer = here.visitor().with_cookie(id).get("/session").await;
    assert_eq!(answer.json(), nobody());
    assert_eq!(answer.set_cookie(), None);
    for (path, form) in uses() {
        let visitor = here.visitor().with_cookie(id);
        let answer = send(&visitor, path, form).await;
        answer.assert_error(401, "Session expired");
    }
}

#[tokio::test]
async fn a_visitor_has_no_session_until_one_is_started() {
    let visitor = here().visitor();
    for path in ["/session", "/session?peek=1"] {
        assert_eq!(visitor.get(path).await.json(), nobody());
    }
    for (path, form) in uses() {
        let answer = send(&visitor, path, form).await;
        answer.assert_error(401, "No active session");
    }
    let answer = visitor.post("/logout", &[]).await;
    assert_eq!(answer.json(), json!({"authenticated": false}));
    assert_eq!((answer.status, visitor.cookie()), (200, None));
}

#[tokio::test]
async fn a_login_answers_the_session() {
    let visitor = here().visitor();
    let answer = visitor.log_in(" Ann ", "30").await;
    let id = visitor.cookie().unwrap();
    let created_at = answer.field("created_at");
    let expected = json!({
        "authenticated": true,
        "session_id": format!("{}…", &id[..8]),
        "session": {
            "username": "Ann",
            "page_views": "1",
            "created_at": created_at,
            "last_accessed_at": created_at,
            "session_ttl": "30",
            "session_deadline": answer.field("session_deadline"),
            "session_principal": "Ann",
            "ttl": "30",
        },
        "configured_ttl": 30,
        "ttl": 30,
    });
    assert_eq!(answer.json(), expected);
    assert!(created_at.len() == 25 && created_at.ends_with("+00:00"));
    // What the browser asks for later is what the log-in answered.
    assert_eq!(visitor.get("/session?peek=1").await.json(), expected);
}

#[tokio::test]
async fn what_a_login_does_not_say_has_a_default() {
    let visitor = here().visitor();
    for form in [&[][..], &[("username", " \t "), ("max_lifetime", " ")]] {
        let answer = visitor.post("/login", form).await;
        assert_eq!(answer.field("username"), "Guest");
        assert_eq!(answer.json()["configured_ttl"], 60);
    }
}

#[tokio::test]
async fn use_keeps_a_session_alive_and_looking_is_no_use() {
    let here = here();
    let visitor = here.visitor();
    visitor.log_in("Ann", "10").await;
    here.clock.advance(Duration::from_millis(3500));
    for path in ["/session?peek=1", "/sessions", "/session?x=y&peek=1"] {
        visitor.get(path).await;
        let looked = visitor.get("/session?peek=1").await;
        assert_eq!(looked.json()["ttl"], 7, "{path}");
        assert_eq!(looked.field("ttl"), "7", "{path}");
    }
    assert_eq!(visitor.get("/session").await.json()["ttl"], 10);
    for views in 2..6 {
        here.clock.advance(Duration::from_secs(9));
        let answer = visitor.post("/increment", &[]).await.json();
        assert_eq!([&answer["page_views"], &answer["ttl"]], [views, 10]);
    }
    // A session lives through the millisecond of its expiry.
    here.clock.advance(Duration::from_millis(10_001));
    let answer = visitor.post("/increment", &[]).await;
    answer.assert_error(401, "Session expired");
}

#[tokio::test]
async fn a_maximum_lifetime_is_the_sessions_own() {
    let here = here();
    let visitor = here.visitor();
    let login = |lifetime| [("ttl", "60"), ("max_lifetime", lifetime)];
    let answer = visitor.post("/login", &login("20")).await;
    assert_eq!(answer.json()["ttl"], 20, "the lifetime cuts the TTL");
    assert_eq!(answer.json()["configured_ttl"], 60);
    let first = answer.field("session_deadline");
    // Neither a longer TTL nor another id extends it.
    let answer = visitor.post("/ttl", &[("ttl", " 300 ")]).await;
    assert_eq!(answer.field("session_ttl"), "300");
    assert_eq!(answer.json()["configured_ttl"], 300);
    assert_eq!(answer.json()["ttl"], 20);
    let answer = visitor.post("/rotate", &[]).await;
    assert_eq!(answer.field("session_deadline"), first);
    // Another log-in with another lifetime has that, in another session.
    let old = visitor.cookie().unwrap();
    let answer = visitor.post("/login", &login("4000")).await;
    let second = answer.field("session_deadline");
    let deadline = |text: &str| text.parse::<u64>().unwrap();
    assert_eq!(deadline(&second), deadline(&first) + 3_980_000);
    is_dead(&here, &old).await;
    // Without one there is the default of twelve hours for who is logged in.
    let default = here.visitor().log_in("Bob", "60").await;
    let default = default.field("session_deadline");
    assert_eq!(deadline(&default), deadline(&first) + 43_180_000);
}

#[tokio::test]
async fn a_session_that_is_remembered_outlives_the_browser() {
    const MONTH: u64 = 30 * 24 * 3600;
    let here = here();
    let visitor = here.visitor();
    for (form, lifetime, is_remembered) in [
        (&[][..], 12 * 3600, false),
        (&[("remember", "on")], MONTH, true),
        // What the one before it said does not count, nor does a blank.
        (&[("remember", " ")], 12 * 3600, false),
        (&[("remember", "on"), ("max_lifetime", "90")], 90, true),
        (&[("max_lifetime", "90")], 90, false),
        (&[("remember", "on")], MONTH, true),
    ] {
        let answer = visitor.post("/login", form).await;
        let now = here.clock.now().duration_since(UNIX_EPOCH).unwrap();
        let deadline: u64 = answer.field("session_deadline").parse().unwrap();
        let left = deadline - u64::try_from(now.as_millis()).unwrap();
        assert_eq!(left, lifetime * 1000, "{form:?}");
        assert_eq!(
            answer.max_age(),
            is_remembered.then_some(lifetime),
            "{form:?}"
        );
    }
    // A new id is kept for the time that is left; use sends nothing.
    here.clock.advance(Duration::from_secs(9));
    assert_eq!(visitor.post("/increment", &[]).await.set_cookie(), None);
    let rotated = visitor.post("/rotate", &[]).await;
    assert_eq!(rotated.max_age(), Some(MONTH - 9));
}

#[tokio::test]
async fn a_rotation_moves_the_session() {
    let here = here();
    let visitor = here.visitor();
    let before = visitor.log_in("Ann", "30").await;
    let old = visitor.cookie().unwrap();
    visitor.post("/increment", &[]).await;
    let after = visitor.post("/rotate", &[]).await;
    assert_ne!(visitor.cookie().unwrap(), old);
    assert_ne!(before.json()["session_id"], after.json()["session_id"]);
    for kept in [
        "username",
        "created_at",
        "session_deadline",
        "session_principal",
        "session_ttl",
    ] {
        assert_eq!(before.field(kept), after.field(kept), "{kept}");
    }
    assert_eq!(after.field("page_views"), "2");
    is_dead(&here, &old).await;
    assert!(visitor.is_logged_in().await);
}

#[tokio::test]
async fn logging_in_again_moves_the_session() {
    let here = here();
    let visitor = here.visitor();
    let first = visitor.log_in("Ann", "30").await;
    let old = visitor.cookie().unwrap();
    visitor.post("/increment", &[]).await;
    let second = visitor.log_in("Bob", "40").await;
    assert_eq!(second.field("page_views"), "1", "counting begins again");
    assert_ne!(visitor.cookie().unwrap(), old);
    for name in ["username", "session_principal"] {
        assert_eq!(second.field(name), "Bob");
    }
    assert_eq!(second.json()["configured_ttl"], 40);
    let created_at = |answer: &crate::support::Answer| answer.field("created_at");
    assert_eq!(created_at(&second), created_at(&first), "the same session");
    is_dead(&here, &old).await;
}

#[tokio::test]
async fn a_logout_ends_the_session() {
    let here = here();
    let visitor = here.logged_in("Ann").await;
    let id = visitor.cookie().unwrap();
    // Twice is as good as once.
    for visitor in [visitor, here.visitor().with_cookie(&id)] {
        let answer = visitor.post("/logout", &[]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json(), json!({"authenticated": false}));
        assert!(is_cleared(&answer));
        is_dead(&here, &id).await;
    }
}

#[tokio::test]
async fn made_up_ids_are_never_adopted() {
    let here = here();
    is_dead(&here, MADE_UP).await;
    for value in [MADE_UP, "1", "../../etc/passwd", &"A".repeat(4000)] {
        let visitor = here.visitor().with_cookie(value);
        let answer = visitor.post("/increment", &[]).await;
        assert_eq!(answer.status, 401);
        // What can never be an id goes.
        assert_eq!(is_cleared(&answer), value != MADE_UP, "{value}");
        let visitor = here.visitor().with_cookie(value);
        visitor.log_in("Ann", "30").await;
        assert_ne!(visitor.cookie().unwrap(), value);
    }
    is_dead(&here, MADE_UP).await;
}

#[tokio::test]
async fn names_are_data() {
    let here = here();
    for name in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "{{7*7}} ${7*7} %00 \\u0000",
        "a\0b\r\nSet-Cookie: x=y",
        "日本語 🦀 \u{202e}",
        "session_ttl",
    ] {
        let visitor = here.visitor();
        let answer = visitor.log_in(name, "30").await;
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.field("username"), name);
        let session = visitor.get("/session").await;
        assert_eq!(session.field("session_principal"), name);
        assert_eq!(session.json()["session"]["x"], Value::Null);
        assert_eq!(visitor.list().await.len(), 1, "{name}");
    }
}
