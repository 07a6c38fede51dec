//! One person, one browser.

use serde_json::{Value, json};

use super::page::Page;
use crate::support::{Backend, Demo, Visitor, until};

/// Runs scenarios, which are functions of a backend, on each of them.
macro_rules! on_every_backend {
    ($($scenario:ident)*) => {
        mod on_memory {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario(crate::support::Backend::Memory).await;
            })*
        }
        mod on_redis_rs {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario(crate::support::Backend::RedisRs).await;
            })*
        }
        mod on_fred {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario(crate::support::Backend::Fred).await;
            })*
        }
    };
}
pub(super) use on_every_backend;

on_every_backend! {
    a_session_runs_out_and_is_kept_alive_by_use
    every_button_does_what_it_says
    a_name_stays_text
}

async fn a_session_runs_out_and_is_kept_alive_by_use(backend: Backend) {
    let demo = Demo::on(backend).await;
    let page = Page::of(&demo).await;
    page.has_text("backend", backend.name()).await;
    assert!(!page.is_shown("countdown").await);
    page.log_in("Ann", "6").await;
    assert_eq!(page.text("current-user").await, "Ann");
    page.counts(1..=5).await;
    // Used: all of the time is left again.
    page.click("refresh").await;
    page.says("Session used").await;
    page.counts(4..=6).await;
    // It runs down before the person's eyes, to the end.
    let mut seen = Vec::new();
    let watch = async || {
        let left = page.number("countdown").await;
        let is_over = page.is_shown("view-out").await;
        if !is_over && seen.last() != Some(&left) {
            seen.push(left);
        }
        is_over
    };
    until("the session expires", watch, |over| *over).await;
    assert!(
        seen.is_sorted_by(|before, after| before > after),
        "{seen:?}"
    );
    assert!(
        [3, 2, 1].iter().all(|second| seen.contains(second)),
        "{seen:?}"
    );
    page.says("Session expired").await;
    assert_eq!(page.text("out-title").await, "Ann’s session has expired");
    // And the next begins.
    page.log_in("Ann", "60").await;
    page.counts(58..=60).await;
    page.had_no_complaints().await;
}

async fn every_button_does_what_it_says(backend: Backend) {
    let demo = Demo::on(backend).await;
    let page = Page::of(&demo).await;
    page.fill("ttl", "15abc").await;
    page.click("login").await;
    page.says("TTL must be a whole number greater than 0.")
        .await;
    page.log_in("Ann", "60").await;

    let cookie = the_cookie(&page).await;
    let id = cookie["value"].as_str().unwrap();
    let shown = page.text("session-id").await;
    assert_eq!(shown, format!("{}…", &id[..8]));
    // No script can read it, wherever it looks.
    assert_eq!(page.evaluate("document.cookie").await, "");
    let text = page
        .evaluate("document.documentElement.outerHTML")
        .await
        .to_string();
    assert!(!text.contains(id));

    page.click("increment").await;
    page.has_text("page-views", "2").await;
    page.click("increment").await;
    page.has_text("page-views", "3").await;
    assert_eq!(page.stored("page_views").await, "3");
    assert_eq!(page.stored("session_principal").await, "Ann");

    page.fill("new-ttl", "0").await;
    page.click("set-ttl").await;
    page.says("TTL must be a whole number greater than 0.")
        .await;
    page.fill("new-ttl", "300").await;
    page.click("set-ttl").await;
    page.counts(295..=300).await;
    assert_eq!(page.stored("session_ttl").await, "300");

    page.click("rotate").await;
    page.says("new id").await;
    assert_ne!(page.text("session-id").await, shown);
    let rotated = the_cookie(&page).await;
    assert_ne!(rotated["value"], cookie["value"]);
    let thief = Visitor::with_cookie(demo.server(), id);
    assert_eq!(thief.get("/session").await.json()["authenticated"], false);
    // A reload shows the same session.
    page.load().await;
    assert_eq!(page.text("page-views").await, "3");

    page.click("logout").await;
    page.says("Logged out").await;
    page.shows("view-out").await;
    assert_eq!(page.browser().cookies().await, [Value::Null; 0]);

    page.click("more").await;
    page.fill("max-lifetime", "40").await;
    page.log_in("Ann", "60").await;
    page.counts(35..=40).await;
    assert!(page.text("lifetime").await.starts_with("Ends for good in"));
    page.had_no_complaints().await;
}

/// The session's cookie, with the attributes that the browser has stored.
async fn the_cookie(page: &Page) -> Value {
    let cookies = page.browser().cookies().await;
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    let cookie = &cookies[0];
    assert_eq!(
        *cookie,
        // Without an expiry: until the browser ends.
        json!({
            "name": "sid",
            "value": cookie["value"],
            "domain": "localhost",
            "path": "/",
            "httpOnly": true,
            "secure": false,
            "sameSite": "Lax",
        })
    );
    cookie.clone()
}

async fn a_name_stays_text(backend: Backend) {
    let name = "<img src=x onerror=alert(1)>\"'&</script><script>alert(2)</script>";
    let demo = Demo::on(backend).await;
    let page = Page::of(&demo).await;
    let images = page.evaluate("document.images.length").await;
    let scripts = page.evaluate("document.scripts.length").await;
    page.log_in(name, "60").await;
    assert_eq!(page.text("current-user").await, name);
    assert_eq!(page.stored("username").await, name);
    page.load().await;
    assert_eq!(page.text("current-user").await, name);
    page.fill("new-ttl", "1").await;
    page.click("set-ttl").await;
    page.shows("view-out").await;
    assert!(page.text("out-title").await.contains(name));
    assert_eq!(page.evaluate("document.images.length").await, images);
    assert_eq!(page.evaluate("document.scripts.length").await, scripts);
    // Nor was anything tried that the policy had to stop.
    page.had_no_complaints().await;
}

/// The policy holds in a real browser; and what it stops is a complaint that the other tests would
/// see.
#[tokio::test]
async fn what_the_page_did_not_bring_does_not_run() {
    let demo = Demo::on(Backend::Memory).await;
    let page = Page::of(&demo).await;
    page.had_no_complaints().await;
    let inject = "(() => {
        const script = document.createElement('script');
        script.textContent = 'window.injected = true';
        document.body.append(script);
        const style = document.createElement('style');
        style.textContent = 'body { display: none }';
        document.body.append(style);
        return window.injected ?? false;
    })()";
    assert_eq!(page.evaluate(inject).await, false);
    assert!(page.is_shown("view-out").await);
    let complaints = page.browser().complaints().await;
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert!(
        complaints
            .iter()
            .all(|text| text.contains("Content Security Policy")),
        "{complaints:?}"
    );
}
