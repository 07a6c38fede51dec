//! The events of an open page.

use std::time::Duration;

use super::here;
use crate::support::until;

#[tokio::test]
async fn an_open_page_learns_of_the_end_of_its_session() {
    let here = here();
    for (path, how) in [
        ("/logout", "ended"),
        ("/logout-everywhere", "ended"),
        ("/login", "rotated"),
    ] {
        let page = here.logged_in("Ann").await;
        let tab = here.visitor().with_cookie(page.cookie().unwrap());
        let (events, _) = tokio::join!(biased; page.get("/events"), tab.post(path, &[]));
        assert_eq!(events.header("content-type"), Some("text/event-stream"));
        assert_eq!(events.header("cache-control"), Some("no-store"));
        let end = format!("event: end\ndata: {how}\n\n");
        assert_eq!(events.body, end, "{path}");
    }
}

#[tokio::test]
async fn an_open_page_does_not_keep_its_session_alive() {
    let here = here();
    let page = here.logged_in("Ann").await;
    let faults = here.backend.faults();
    let time = async {
        here.clock.advance(Duration::from_secs(20));
        faults.reset_calls();
        let looks = async || faults.calls();
        until("it was looked at twice", looks, |looks| *looks > 1).await;
        here.clock.advance(Duration::from_secs(11));
    };
    let (events, ()) = tokio::join!(biased; page.get("/events"), time);
    // It would live on, had the looks been use of it.
    assert!(events.body.starts_with("event: end\n"), "{events:?}");
}

#[tokio::test]
async fn streams_end_when_the_server_does() {
    let here = here();
    let page = here.logged_in("Ann").await;
    let (events, ()) = tokio::join!(biased; page.get("/events"), async { drop(here.open) });
    assert_eq!((events.status, &*events.body), (200, ""));
}
