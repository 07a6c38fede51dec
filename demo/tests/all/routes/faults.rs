//! A store that fails.

use session_store::backends::memory::Step;
use session_store::{Effect, ErrorKind};

use super::{Here, here};
use crate::support::Visitor;

const REQUESTS: [(&str, &[(&str, &str)]); 9] = [
    ("/session", &[]),
    ("/sessions", &[]),
    ("/login", &[("username", "Bob")]),
    ("/increment", &[]),
    ("/ttl", &[("ttl", "5")]),
    ("/rotate", &[]),
    ("/logout", &[]),
    ("/sessions/revoke", &[("handle", "AAAAAAAAAAAAAAAAAAAAAA")]),
    ("/logout-everywhere", &[]),
];

async fn send(visitor: &Visitor, path: &str, form: &[(&str, &str)]) -> crate::support::Answer {
    if matches!(path, "/session" | "/sessions") {
        visitor.get(path).await
    } else {
        visitor.post(path, form).await
    }
}

async fn logged_in() -> (Here, Visitor) {
    let here = here();
    let visitor = Visitor::of(&here.server);
    visitor.log_in("Ann", "30").await;
    (here, visitor)
}

#[tokio::test]
async fn a_store_that_is_down_ends_no_session() {
    let (here, visitor) = logged_in().await;
    let id = visitor.cookie();
    here.backend.faults().store_down();
    for (path, form) in REQUESTS {
        let answer = send(&visitor, path, form).await;
        let expected = (503, "The session store cannot be reached.".to_owned());
        assert_eq!(answer.error(), expected, "{path}");
        assert_eq!(answer.header("retry-after"), Some("2"));
    }
    let answer = visitor.get("/readyz").await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("2"))
    );
    assert_eq!(visitor.get("/healthz").await.status, 200);
    here.backend.faults().clear();
    assert_eq!(visitor.cookie(), id);
    assert_eq!(
        visitor.get("/session").await.json()["session"]["username"],
        "Ann"
    );
    assert_eq!(visitor.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn visitors_without_a_session_do_not_notice() {
    let here = here();
    here.backend.faults().store_down();
    let visitor = Visitor::of(&here.server);
    assert_eq!(visitor.get("/session").await.json()["authenticated"], false);
    assert_eq!(
        visitor.post("/increment", &[]).await.error().1,
        "No active session"
    );
    assert_eq!(visitor.get("/").await.status, 200);
    // To log in one needs the store, though.
    assert_eq!(visitor.post("/login", &[]).await.status, 503);
}

#[tokio::test]
async fn a_full_store_is_said_so() {
    let here = here();
    here.backend
        .faults()
        .on(Step::Insert)
        .next_call()
        .fail(ErrorKind::StoreFull, Effect::NotApplied);
    let answer = Visitor::of(&here.server).post("/login", &[]).await;
    assert_eq!(
        answer.error(),
        (503, "The session store is full.".to_owned())
    );
}

#[tokio::test]
async fn a_counter_that_counts_nothing_is_a_conflict() {
    let (here, visitor) = logged_in().await;
    for (kind, why) in [
        (
            ErrorKind::NotAnInteger,
            "page_views does not hold a whole number.",
        ),
        (ErrorKind::Overflow, "page_views cannot grow any further."),
    ] {
        here.backend
            .faults()
            .on(Step::Write)
            .next_call()
            .fail(kind, Effect::NotApplied);
        assert_eq!(
            visitor.post("/increment", &[]).await.error(),
            (409, why.to_owned())
        );
    }
    assert_eq!(
        visitor.post("/increment", &[]).await.json()["page_views"],
        2
    );
}

#[tokio::test]
async fn a_view_whose_answer_was_lost_is_not_counted_twice() {
    let (here, visitor) = logged_in().await;
    here.backend
        .faults()
        .on(Step::Write)
        .next_call()
        .lose_reply();
    assert_eq!(visitor.post("/increment", &[]).await.status, 503);
    assert_eq!(
        visitor.get("/session").await.json()["session"]["page_views"],
        "2"
    );
}

#[tokio::test]
async fn requests_cost_the_steps_they_need() {
    let (here, visitor) = logged_in().await;
    for (path, form, steps) in [
        ("/session", &[][..], 1),
        ("/increment", &[], 1),
        ("/ttl", &[("ttl", "40")], 1),
        ("/rotate", &[], 1),
        ("/login", &[("username", "Bob")], 1),
        ("/login", &[("max_lifetime", "90")], 2),
        ("/sessions", &[], 2),
        ("/logout", &[], 1),
        ("/session", &[], 0),
        ("/increment", &[], 0),
        ("/logout", &[], 0),
        ("/login", &[], 1),
    ] {
        here.backend.faults().reset_calls();
        send(&visitor, path, form).await;
        assert_eq!(here.backend.faults().calls(), steps, "{path} {form:?}");
    }
    // A cookie that turns out dead costs a log-in one step more.
    let dead = Visitor::with_cookie(&here.server, "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8");
    here.backend.faults().reset_calls();
    dead.log_in("Ann", "30").await;
    assert_eq!(here.backend.faults().calls(), 2);
}
