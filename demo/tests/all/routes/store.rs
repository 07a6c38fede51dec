//! A store that fails, and what requests cost it.

use serde_json::json;
use session_store::backends::memory::Step;
use session_store::{Effect, ErrorKind};

use super::{MADE_UP, POSTS, here, send};

#[tokio::test]
async fn a_store_that_is_down_ends_no_session() {
    const AWAY: &str = "The session store cannot be reached.";
    let here = here();
    let visitor = here.logged_in("Ann").await;
    let id = visitor.cookie();
    here.backend.faults().store_down();
    let gets = [("/session", &[][..]), ("/sessions", &[]), ("/events", &[])];
    for (path, form) in POSTS.into_iter().chain(gets) {
        let answer = send(&visitor, path, form).await;
        answer.assert_error(503, AWAY);
        assert_eq!(answer.header("retry-after"), Some("2"));
    }
    let answer = visitor.get("/readyz").await;
    answer.assert_error(503, AWAY);
    assert_eq!(answer.header("retry-after"), Some("2"));
    assert_eq!(visitor.get("/healthz").await.status, 200);
    // Visitors without a session do not notice, until they log in.
    let stranger = here.visitor();
    assert!(!stranger.is_logged_in().await);
    let answer = stranger.post("/increment", &[]).await;
    answer.assert_error(401, "No active session");
    assert_eq!(stranger.get("/").await.status, 200);
    stranger.post("/login", &[]).await.assert_error(503, AWAY);

    here.backend.faults().clear();
    assert_eq!(visitor.cookie(), id);
    assert_eq!(visitor.get("/session").await.field("username"), "Ann");
    let ready = visitor.get("/readyz").await;
    assert_eq!((ready.status, ready.json()), (200, json!({"status": "ok"})));
}

#[tokio::test]
async fn what_the_store_refuses_is_said() {
    let here = here();
    let visitor = here.logged_in("Ann").await;
    use ErrorKind::{NotAnInteger, Overflow, StoreFull};
    let full = "The session store is full.";
    let no_number = "page_views does not hold a whole number.";
    let too_large = "page_views cannot grow any further.";
    for (step, kind, path, status, why) in [
        (Step::Rename, StoreFull, "/login", 503, full),
        (Step::Write, NotAnInteger, "/increment", 409, no_number),
        (Step::Write, Overflow, "/increment", 409, too_large),
    ] {
        let fault = here.backend.faults().on(step).next_call();
        fault.fail(kind, Effect::NotApplied);
        visitor.post(path, &[]).await.assert_error(status, why);
    }
    let answer = visitor.post("/increment", &[]).await;
    assert_eq!(answer.json()["page_views"], 2);
}

#[tokio::test]
async fn requests_cost_the_steps_they_need() {
    let here = here();
    let faults = here.backend.faults();
    let visitor = here.logged_in("Ann").await;
    for (path, form, steps) in [
        ("/session", &[][..], 1),
        ("/session?peek=1", &[], 1),
        ("/increment", &[], 1),
        ("/ttl", &[("ttl", "40")], 1),
        ("/rotate", &[], 1),
        ("/login", &[("username", "Bob")], 1),
        ("/login", &[("max_lifetime", "90")], 1),
        ("/sessions", &[], 2),
        ("/logout", &[], 1),
        ("/session", &[], 0),
        ("/increment", &[], 0),
        ("/logout", &[], 0),
        ("/login", &[], 1),
        ("/logout-everywhere", &[], 3),
    ] {
        faults.reset_calls();
        send(&visitor, path, form).await;
        assert_eq!(faults.calls(), steps, "{path} {form:?}");
    }
    // A cookie that turns out dead costs a log-in one step more.
    faults.reset_calls();
    here.visitor()
        .with_cookie(MADE_UP)
        .log_in("Ann", "30")
        .await;
    assert_eq!(faults.calls(), 2);
}
