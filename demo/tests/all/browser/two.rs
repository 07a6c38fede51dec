//! Two tabs, two browsers.

use std::time::Instant;

use serde_json::json;

use super::page::Page;
use crate::support::{Backend, Demo};

#[tokio::test]
async fn two_tabs_share_one_session() {
    let demo = Demo::on(Backend::Memory).await;
    let page = Page::of(&demo).await;
    page.log_in("Ann", "12").await;
    let first = page.browser.window().await.unwrap();
    let second = page.browser.new_tab().await.unwrap();
    page.switch_to(&second).await;
    page.load().await;
    assert_eq!(page.text("current-user").await, "Ann");
    // What the second tab does keeps the session alive, and the first one learns of it.
    page.click("increment").await;
    page.has_text("page-views", "2").await;
    page.fill("new-ttl", "600").await;
    page.click("set-ttl").await;
    page.counts(590..=600).await;
    page.switch_to(&first).await;
    page.counts(500..=600).await;
    page.has_text("page-views", "2").await;
    page.click("increment").await;
    page.has_text("page-views", "3").await;
    page.switch_to(&second).await;
    page.click("logout").await;
    page.shows("view-out").await;
    let began = Instant::now();
    page.switch_to(&first).await;
    page.learns_soon(began).await;
    assert!(!page.is_shown("countdown").await);

    // One tab still has the form when the other is logged in.
    page.switch_to(&second).await;
    page.log_in("Ann", "600").await;
    let old = page.id().await;
    page.switch_to(&first).await;
    page.idle().await;
    // The tab may have noticed when it came to the front, and hidden the form; whoever is quick
    // sends it.
    let send = "(() => {
        document.getElementById('username').value = 'Bob';
        document.getElementById('login-form').requestSubmit();
    })()";
    page.evaluate(send).await;
    page.has_text("current-user", "Bob").await;
    let new = page.id().await;
    assert_ne!(new, old);
    assert!(!demo.visitor().with_cookie(old).is_logged_in().await);

    // It is one session, under one id: the other tab is Bob's now, and Ann has none left.
    page.switch_to(&second).await;
    page.click("refresh").await;
    page.has_text("current-user", "Bob").await;
    assert_eq!(page.id().await, new);
    page.click("sessions-reload").await;
    page.has(1, "session-entry").await;
    let ann = demo.visitor();
    ann.log_in("Ann", "600").await;
    assert_eq!(ann.list().await.len(), 1);
    page.had_no_complaints().await;
}

/// The open tab stays in front, so that only an event can tell it.
#[tokio::test]
async fn an_open_tab_learns_that_its_session_has_ended() {
    let demo = Demo::on(Backend::Fred).await;
    let page = Page::of(&demo).await;
    for path in ["/logout", "/logout-everywhere", "/sessions/revoke"] {
        page.log_in("Ann", "600").await;
        let tab = demo.visitor().with_cookie(page.id().await);
        // In another tab, or on another device.
        let device = demo.visitor();
        device.log_in("Ann", "600").await;
        let list = tab.list().await;
        let own = list.iter().find(|entry| entry["current"] == true);
        let form = [("handle", own.unwrap()["handle"].as_str().unwrap())];
        let who = if path == "/logout" { &tab } else { &device };
        who.post(path, &form).await;
        let began = Instant::now();
        page.learns_soon(began).await;
        device.post("/logout", &[]).await;
    }
    page.had_no_complaints().await;
}

#[tokio::test]
async fn two_browsers_have_two_sessions() {
    let demo = Demo::on(Backend::RedisRs).await;
    let page = Page::of(&demo).await;
    page.log_in("Ann", "600").await;
    let other = demo.visitor().with_agent("(iPhone) Safari/604.1");
    other.log_in("Ann", "600").await;
    page.click("sessions-reload").await;
    page.has(2, "session-entry").await;
    let devices = "[...document.querySelectorAll('.device')].map((it) => it.textContent)";
    let expected = json!(["Chrome on Linux", "Safari on iOS"]);
    assert_eq!(page.evaluate(devices).await, expected);
    assert_eq!(page.count("this-browser").await, 1);
    assert_eq!(page.count("revoke").await, 1);

    page.click("revoke").await;
    page.says("revoked").await;
    page.has(1, "session-entry").await;
    assert!(!other.is_logged_in().await);
    assert_eq!(page.text("current-user").await, "Ann");

    // Somebody else's session is not in the list, and stays.
    let bob = demo.visitor();
    bob.log_in("Bob", "600").await;
    other.log_in("Ann", "600").await;
    page.click("sessions-reload").await;
    page.has(2, "session-entry").await;
    page.click("logout-everywhere").await;
    page.says("Logged out everywhere").await;
    page.shows("view-out").await;
    assert!(!other.is_logged_in().await && bob.is_logged_in().await);
    page.had_no_complaints().await;
}
