//! All sessions of a user.

use std::time::Duration;

use serde_json::{Value, json};
use session_store::{Clock as _, FieldName, Fields, NewSession, SessionBackend as _, Timestamp};

use super::{PUBLIC_ID, here};
use crate::support::{Visitor, is_cleared};

/// The public ids of the visitor's own session and of the user's others.
async fn public_ids(visitor: &Visitor) -> (String, Vec<String>) {
    let public_id = |entry: &Value| entry["handle"].as_str().unwrap().to_owned();
    let list = visitor.list().await;
    let is_own = |entry: &&Value| entry["current"] == true;
    let (own, others): (Vec<_>, Vec<_>) = list.iter().partition(is_own);
    assert_eq!(own.len(), 1);
    (
        public_id(own[0]),
        others.into_iter().map(public_id).collect(),
    )
}

async fn is_revoked(visitor: &Visitor, public_id: &str) -> bool {
    let form = [("handle", public_id)];
    let answer = visitor.post("/sessions/revoke", &form).await.json();
    assert_eq!(answer.as_object().unwrap().len(), 1);
    answer["revoked"].as_bool().unwrap()
}

#[tokio::test]
async fn the_list_shows_where_a_user_is_logged_in() {
    let here = here();
    let (one, other) = (here.logged_in("Ann").await, here.logged_in("Ann").await);
    let (own, others) = public_ids(&one).await;
    let began = here.clock.now();
    let time = |after| Timestamp::from_system_time(began + Duration::from_secs(after)).to_string();
    here.clock.advance(Duration::from_secs(5));
    // Some browsers say what they are.
    let phone = here.visitor();
    let phone = phone.with_agent("Mozilla/5.0 (Android 15; Mobile) Firefox/140.0");
    let device = phone.log_in("Ann", "60").await.field("user_agent");
    assert_eq!(device, "Firefox on Android");
    let (mobile, _) = public_ids(&phone).await;
    here.clock.advance(Duration::from_secs(5));
    one.post("/increment", &[]).await;
    let list = one.list().await;
    assert_eq!(list.len(), 3);
    for (handle, current, device, since, last) in [
        (&own, true, None, 0, 10),
        (&others[0], false, None, 0, 0),
        (&mobile, false, Some(&*device), 5, 5),
    ] {
        let expected = json!({
            "handle": handle,
            "current": current,
            "created_at": time(since),
            "last_accessed_at": time(last),
            "login_at": time(since),
            "device": device,
        });
        assert!(list.contains(&expected), "{expected}: {list:?}");
    }
    assert_eq!(public_ids(&other).await.0, others[0]);
    // A public id opens nothing.
    assert_eq!(own.len(), 16);
    assert!(!here.visitor().with_cookie(own).is_logged_in().await);
}

#[tokio::test]
async fn one_session_is_revoked_by_its_public_id() {
    let here = here();
    let (one, other) = (here.logged_in("Ann").await, here.logged_in("Ann").await);
    let (_, others) = public_ids(&one).await;
    assert!(is_revoked(&one, &others[0]).await);
    assert!(!is_revoked(&one, &others[0]).await);
    let answer = other.post("/increment", &[]).await;
    answer.assert_error(401, "Session expired");
    assert!(one.is_logged_in().await);
    assert_eq!(one.list().await.len(), 1);
    // One's own goes with its cookie.
    let (own, _) = public_ids(&one).await;
    let answer = one.post("/sessions/revoke", &[("handle", &own)]).await;
    assert_eq!(answer.json(), json!({"revoked": true}));
    assert!(is_cleared(&answer));
    assert!(!one.is_logged_in().await);
}

#[tokio::test]
async fn what_is_not_a_public_id_is_refused() {
    let visitor = here().logged_in("Ann").await;
    let (long, foreign) = (format!("{PUBLIC_ID}A"), "AAAAAAAAAAAAAAA!");
    for text in ["", "x", &long, foreign] {
        let answer = visitor.post("/sessions/revoke", &[("handle", text)]).await;
        answer.assert_error(400, "Not a valid public id.");
    }
}

#[tokio::test]
async fn a_user_is_logged_out_everywhere_and_no_other_is() {
    let here = here();
    let (one, other) = (here.logged_in("Ann").await, here.logged_in("Ann").await);
    let bob = here.logged_in("Bob").await;
    // Nor can one revoke another user's.
    assert!(!is_revoked(&one, &public_ids(&bob).await.0).await);
    let answer = one.post("/logout-everywhere", &[]).await;
    assert_eq!(answer.json(), json!({"authenticated": false}));
    assert!(answer.status == 200 && is_cleared(&answer));
    assert!(!one.is_logged_in().await && !other.is_logged_in().await);
    assert!(bob.is_logged_in().await);
    assert_eq!(here.logged_in("Ann").await.list().await.len(), 1);
}

#[tokio::test]
async fn a_public_id_names_one_log_in() {
    let here = here();
    let visitor = here.logged_in("Ann").await;
    let before = public_ids(&visitor).await;
    visitor.post("/rotate", &[]).await;
    assert_eq!(public_ids(&visitor).await, before, "a rotation keeps it");
    visitor.log_in("Ann", "60").await;
    let (after, others) = public_ids(&visitor).await;
    assert_ne!(after, before.0);
    assert_eq!(others, [""; 0]);
    assert!(!is_revoked(&visitor, &before.0).await);
    assert!(visitor.is_logged_in().await);
    // Another user on the same browser takes the session from the first one's list.
    visitor.log_in("Bob", "60").await;
    assert_eq!(here.logged_in("Ann").await.list().await.len(), 1);
}

/// What another program stored is bound to nobody, and is a session all the same.
#[tokio::test]
async fn a_session_of_another_program_is_in_nobodys_list() {
    let here = here();
    let name = |text: &'static str| FieldName::new(text).unwrap();
    let fields = Fields::new().with(name("page_views"), "41");
    let fields = fields.with(name("raw"), vec![0xff, 0]);
    let created = here.backend.create_session(NewSession::new(fields));
    let id = created.await.unwrap().id;
    let visitor = here.visitor().with_cookie(id.expose());
    let answer = visitor.post("/increment", &[]).await;
    assert_eq!(answer.json()["page_views"], 42);
    assert_eq!(answer.field("raw"), "\u{fffd}\0");
    assert_eq!(visitor.list().await, [Value::Null; 0]);
    assert!(!is_revoked(&visitor, PUBLIC_ID).await);
    // A log-in makes it somebody's.
    let answer = visitor.log_in("Ann", "15").await;
    assert_eq!(answer.field("session_principal"), "Ann");
    let (own, others) = public_ids(&visitor).await;
    assert_eq!(others, [""; 0]);
    assert!(is_revoked(&visitor, &own).await);
}
