//! Time, as the test moves it.

use std::time::Duration;

use serde_json::json;

use super::here;
use crate::support::{Visitor, is_cleared};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn use_keeps_a_session_alive_and_rest_ends_it() {
    let here = here();
    let visitor = Visitor::of(&here.server);
    visitor.log_in("Ann", "10").await;
    for views in 2..6 {
        here.clock.advance(seconds(9));
        let answer = visitor.post("/increment", &[]).await.json();
        assert_eq!(
            (&answer["page_views"], &answer["ttl"]),
            (&json!(views), &json!(10))
        );
    }
    // A session lives through the millisecond of its expiry.
    here.clock.advance(seconds(10));
    here.clock.advance(Duration::from_millis(1));
    let answer = visitor.post("/increment", &[]).await;
    assert_eq!(answer.error(), (401, "Session expired".to_owned()));
    assert!(is_cleared(&answer));
    // The browser has no cookie any more.
    let answer = visitor.post("/increment", &[]).await;
    assert_eq!(answer.error(), (401, "No active session".to_owned()));
}

#[tokio::test]
async fn the_time_left_is_shown_and_looking_does_not_change_it() {
    let here = here();
    let visitor = Visitor::of(&here.server);
    visitor.log_in("Ann", "10").await;
    here.clock.advance(Duration::from_millis(3500));
    let answer = visitor.get("/session?peek=1").await.json();
    assert_eq!(
        (&answer["ttl"], &answer["session"]["ttl"]),
        (&json!(7), &json!("7"))
    );
    assert_eq!(visitor.get("/session?peek=1").await.json()["ttl"], 7);
    visitor.get("/sessions").await;
    assert_eq!(visitor.get("/session?peek=1").await.json()["ttl"], 7);
    assert_eq!(visitor.get("/session").await.json()["ttl"], 10);
    here.clock.advance(seconds(11));
    assert_eq!(
        visitor.get("/session?peek=1").await.json(),
        json!({"authenticated": false, "session": null})
    );
}

#[tokio::test]
async fn a_maximum_lifetime_ends_a_session_that_is_used() {
    let here = here();
    let visitor = Visitor::of(&here.server);
    let form = [("username", "Ann"), ("ttl", "10"), ("max_lifetime", "25")];
    visitor.post("/login", &form).await;
    for ttl in [10, 10, 7] {
        here.clock.advance(seconds(6));
        assert_eq!(visitor.get("/session").await.json()["ttl"], ttl);
    }
    here.clock.advance(seconds(7));
    assert_eq!(
        visitor.post("/increment", &[]).await.error().1,
        "Session expired"
    );
}

#[tokio::test]
async fn sessions_that_expired_are_in_no_list() {
    let here = here();
    let (short, long) = (Visitor::of(&here.server), Visitor::of(&here.server));
    short.log_in("Ann", "10").await;
    long.log_in("Ann", "60").await;
    here.clock.advance(seconds(11));
    let list = long.get("/sessions").await.json();
    assert_eq!(list["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(list["sessions"][0]["current"], true);
}
