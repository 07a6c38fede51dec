//! Which ids name a session, and which no longer do.

use serde_json::json;

use super::on_every_backend;
use crate::support::{Server, Visitor, is_cleared};

on_every_backend! {
    a_rotation_kills_the_old_id
    logging_in_again_moves_the_session
    a_logout_ends_the_session
    made_up_ids_are_never_adopted
}

/// The public id of no session.
pub(super) const PUBLIC_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// No route finds a session under this id, and each takes the cookie away.
pub(super) async fn is_dead(server: &Server, id: &str) {
    let visitor = Visitor::with_cookie(server, id);
    let answer = visitor.get("/session").await;
    assert_eq!(
        answer.json(),
        json!({"authenticated": false, "session": null})
    );
    assert!(is_cleared(&answer));
    for path in ["/increment", "/rotate", "/logout-everywhere"] {
        let visitor = Visitor::with_cookie(server, id);
        let error = visitor.post(path, &[]).await.error();
        assert_eq!(error, (401, "Session expired".to_owned()), "{path}");
        assert_eq!(visitor.cookie(), None, "{path}");
    }
    for (path, form) in [
        ("/ttl", ("ttl", "9")),
        ("/sessions/revoke", ("handle", PUBLIC_ID)),
    ] {
        let error = Visitor::with_cookie(server, id)
            .post(path, &[form])
            .await
            .error();
        assert_eq!(error, (401, "Session expired".to_owned()), "{path}");
    }
    let error = Visitor::with_cookie(server, id)
        .get("/sessions")
        .await
        .error();
    assert_eq!(error, (401, "Session expired".to_owned()));
}

async fn a_rotation_kills_the_old_id(server: &Server) {
    let visitor = Visitor::of(server);
    let before = visitor.log_in("Ann", "30").await;
    let old = visitor.cookie().unwrap();
    visitor.post("/increment", &[]).await;
    let after = visitor.post("/rotate", &[]).await;
    let new = visitor.cookie().unwrap();
    assert_ne!(old, new);
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
    is_dead(server, &old).await;
    assert_eq!(visitor.get("/session").await.json()["authenticated"], true);
}

async fn logging_in_again_moves_the_session(server: &Server) {
    let visitor = Visitor::of(server);
    let first = visitor.log_in("Ann", "30").await;
    let old = visitor.cookie().unwrap();
    let second = visitor.log_in("Bob", "40").await;
    assert_ne!(visitor.cookie().unwrap(), old);
    assert_eq!(second.field("username"), "Bob");
    assert_eq!(second.field("session_principal"), "Bob");
    assert_eq!(second.json()["configured_ttl"], 40);
    assert_eq!(
        second.field("created_at"),
        first.field("created_at"),
        "it is the same session"
    );
    is_dead(server, &old).await;
}

async fn a_logout_ends_the_session(server: &Server) {
    let visitor = Visitor::of(server);
    visitor.log_in("Ann", "30").await;
    let id = visitor.cookie().unwrap();
    let answer = visitor.post("/logout", &[]).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"authenticated": false}))
    );
    assert!(is_cleared(&answer));
    is_dead(server, &id).await;
    // Twice is as good as once.
    let answer = Visitor::with_cookie(server, id).post("/logout", &[]).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"authenticated": false}))
    );
    assert!(is_cleared(&answer));
}

async fn made_up_ids_are_never_adopted(server: &Server) {
    let made_up = "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8";
    is_dead(server, made_up).await;
    for value in [made_up, "1", "../../etc/passwd", &"A".repeat(4000)] {
        let visitor = Visitor::with_cookie(server, value);
        let answer = visitor.post("/increment", &[]).await;
        assert_eq!(answer.status, 401, "{value}");
        assert!(is_cleared(&answer), "{value}");
        let visitor = Visitor::with_cookie(server, value);
        visitor.log_in("Ann", "30").await;
        assert_ne!(visitor.cookie().unwrap(), value);
    }
    let made_up = Visitor::with_cookie(server, made_up).get("/session").await;
    assert_eq!(made_up.json()["authenticated"], false);
}
