//! All sessions of a user.

use serde_json::{Value, json};

use super::on_every_backend;
use crate::support::{Server, Visitor, is_cleared};

on_every_backend! {
    the_list_shows_where_a_user_is_logged_in
    two_users_have_two_lists
    one_session_is_revoked_by_its_public_id
    ones_own_session_is_revoked_with_its_cookie
    a_user_is_logged_out_everywhere
    the_list_follows_a_rotation
    a_log_in_changes_the_public_id
}

async fn logged_in(server: &Server, name: &str) -> Visitor {
    let visitor = Visitor::of(server);
    visitor.log_in(name, "60").await;
    visitor
}

async fn list(visitor: &Visitor) -> Vec<Value> {
    let answer = visitor.get("/sessions").await;
    assert_eq!(answer.set_cookie(), None);
    answer.json()["sessions"].as_array().unwrap().clone()
}

/// The public ids of the visitor's own session and of the user's others.
async fn public_ids(visitor: &Visitor) -> (String, Vec<String>) {
    let public_id = |entry: &Value| entry["handle"].as_str().unwrap().to_owned();
    let (own, others): (Vec<_>, Vec<_>) = list(visitor)
        .await
        .into_iter()
        .partition(|entry| entry["current"] == true);
    assert_eq!(own.len(), 1);
    (public_id(&own[0]), others.iter().map(public_id).collect())
}

async fn revoke(visitor: &Visitor, public_id: &str) -> Value {
    visitor
        .post("/sessions/revoke", &[("handle", public_id)])
        .await
        .json()
}

async fn is_logged_in(visitor: &Visitor) -> bool {
    visitor.get("/session").await.json()["authenticated"] == true
}

async fn the_list_shows_where_a_user_is_logged_in(server: &Server) {
    let here = logged_in(server, "Ann").await;
    let there = logged_in(server, "Ann").await;
    let session = here.get("/session?peek=1").await.json()["session"].clone();
    let entries = list(&here).await;
    assert_eq!(entries.len(), 2);
    let own = entries
        .iter()
        .find(|entry| entry["current"] == true)
        .unwrap();
    let public_id = own["handle"].as_str().unwrap();
    assert_eq!(
        *own,
        json!({
            "handle": public_id,
            "current": true,
            "created_at": session["created_at"],
            "last_accessed_at": session["last_accessed_at"],
        })
    );
    assert_eq!(public_id.len(), 22);
    // A public id opens nothing.
    assert!(!is_logged_in(&Visitor::with_cookie(server, public_id)).await);
    let (there_own, there_others) = public_ids(&there).await;
    assert_eq!(
        public_ids(&here).await,
        (there_others[0].clone(), vec![there_own])
    );
}

async fn two_users_have_two_lists(server: &Server) {
    let (ann, bob) = (
        logged_in(server, "Ann").await,
        logged_in(server, "Bob").await,
    );
    assert_eq!(list(&ann).await.len(), 1);
    let (bobs, _) = public_ids(&bob).await;
    // Nor can one revoke the other's.
    assert_eq!(revoke(&ann, &bobs).await, json!({"revoked": false}));
    assert!(is_logged_in(&bob).await);
    ann.post("/logout-everywhere", &[]).await;
    assert!(is_logged_in(&bob).await);
}

async fn one_session_is_revoked_by_its_public_id(server: &Server) {
    let (here, there) = (
        logged_in(server, "Ann").await,
        logged_in(server, "Ann").await,
    );
    let (_, others) = public_ids(&here).await;
    assert_eq!(revoke(&here, &others[0]).await, json!({"revoked": true}));
    assert_eq!(revoke(&here, &others[0]).await, json!({"revoked": false}));
    let answer = there.post("/increment", &[]).await;
    assert_eq!(answer.error(), (401, "Session expired".to_owned()));
    assert!(is_logged_in(&here).await);
    assert_eq!(list(&here).await.len(), 1);
    for text in [
        "",
        "x",
        "AAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAA!",
        // Not canonical: bits are left over.
        "AAAAAAAAAAAAAAAAAAAAAB",
    ] {
        let answer = here.post("/sessions/revoke", &[("handle", text)]).await;
        assert_eq!(answer.error(), (400, "Not a valid public id.".to_owned()));
    }
}

async fn ones_own_session_is_revoked_with_its_cookie(server: &Server) {
    let visitor = logged_in(server, "Ann").await;
    let (own, _) = public_ids(&visitor).await;
    let answer = visitor.post("/sessions/revoke", &[("handle", &own)]).await;
    assert_eq!(answer.json(), json!({"revoked": true}));
    assert!(is_cleared(&answer));
    assert!(!is_logged_in(&visitor).await);
}

async fn a_user_is_logged_out_everywhere(server: &Server) {
    let visitors = [
        logged_in(server, "Ann").await,
        logged_in(server, "Ann").await,
        logged_in(server, "Ann").await,
    ];
    let answer = visitors[0].post("/logout-everywhere", &[]).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"authenticated": false}))
    );
    assert!(is_cleared(&answer));
    for visitor in &visitors {
        assert!(!is_logged_in(visitor).await);
    }
    // The next session is the only one.
    let again = logged_in(server, "Ann").await;
    assert_eq!(list(&again).await.len(), 1);
}

async fn the_list_follows_a_rotation(server: &Server) {
    let visitor = logged_in(server, "Ann").await;
    let (before, _) = public_ids(&visitor).await;
    visitor.post("/rotate", &[]).await;
    let (after, others) = public_ids(&visitor).await;
    assert_eq!(before, after, "a rotation keeps the public id");
    assert_eq!(others, [""; 0]);
    // Another user on the same browser takes the session from the first one's list.
    visitor.log_in("Bob", "60").await;
    assert_eq!(list(&logged_in(server, "Ann").await).await.len(), 1);
}

async fn a_log_in_changes_the_public_id(server: &Server) {
    let visitor = logged_in(server, "Ann").await;
    let (before, _) = public_ids(&visitor).await;
    visitor.log_in("Ann", "60").await;
    let (after, others) = public_ids(&visitor).await;
    assert_ne!(before, after);
    assert_eq!(others, [""; 0]);
    assert_eq!(revoke(&visitor, &before).await, json!({"revoked": false}));
    assert!(is_logged_in(&visitor).await);
}
