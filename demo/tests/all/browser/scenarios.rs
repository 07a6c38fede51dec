//! One person, one browser.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use session_redis_test::{Mode, Proxy, shared};

use super::page::Page;
use crate::support::{Backend, Demo, Store, until};

#[tokio::test]
async fn a_session_runs_out_and_is_kept_alive_by_use() {
    let demo = Demo::on(Backend::RedisRs).await;
    let page = Page::of(&demo).await;
    assert!(!page.is_shown("countdown").await);
    page.log_in("Ann", "6").await;
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
    let is_down = seen.is_sorted_by(|before, after| before > after);
    let is_whole = [3, 2, 1].iter().all(|second| seen.contains(second));
    assert!(is_down && is_whole, "{seen:?}");
    page.says("Session expired").await;
    assert_eq!(page.text("out-title").await, "Ann’s session has expired");
    // And the next begins.
    page.log_in("Ann", "60").await;
    page.counts(58..=60).await;
    page.had_no_complaints().await;
}

/// With each backend.
#[tokio::test]
async fn every_button_does_what_it_says() {
    let demo = Demo::on(Backend::Memory).await;
    let mut page = Page::of(&demo).await;
    assert_eq!(page.text("backend").await, "memory");
    press_every_button(&page, &demo).await;
    for backend in Backend::REDIS {
        let demo = Demo::on(backend).await;
        page.go_to(&demo).await;
        assert_eq!(page.text("backend").await, backend.name());
        press_every_button(&page, &demo).await;
    }
}

async fn press_every_button(page: &Page, demo: &Demo) {
    const NO_TTL: &str = "TTL must be a whole number greater than 0.";
    page.fill("ttl", "15abc").await;
    page.click("login").await;
    page.says(NO_TTL).await;
    page.log_in("Ann", "60").await;
    assert_eq!(page.text("current-user").await, "Ann");

    let id = page.id().await;
    let kept = json!({
        "name": "sid",
        "value": id,
        "domain": "localhost",
        "path": "/",
        "httpOnly": true,
        "secure": false,
        "sameSite": "Lax",
    });
    // Without an expiry: until the browser ends.
    let cookie = page.cookie().await.unwrap();
    assert_eq!(serde_json::to_value(cookie).unwrap(), kept);
    let shown = page.text("session-id").await;
    assert_eq!(shown, format!("{}…", &id[..8]));
    // No script can read it, wherever it looks.
    assert_eq!(page.evaluate("document.cookie").await, "");
    let text = page.evaluate("document.documentElement.outerHTML").await;
    assert!(!text.to_string().contains(&id));

    for views in ["2", "3"] {
        page.click("increment").await;
        page.has_text("page-views", views).await;
    }
    assert_eq!(page.stored("page_views").await, "3");
    assert_eq!(page.stored("session_principal").await, "Ann");

    page.fill("new-ttl", "0").await;
    page.click("set-ttl").await;
    page.says(NO_TTL).await;
    page.fill("new-ttl", "300").await;
    page.click("set-ttl").await;
    page.counts(295..=300).await;
    assert_eq!(page.stored("session_ttl").await, "300");

    page.click("rotate").await;
    page.says("new id").await;
    assert_ne!(page.text("session-id").await, shown);
    assert_ne!(page.id().await, id);
    assert!(!demo.visitor().with_cookie(id).is_logged_in().await);
    // A reload shows the same session.
    page.load().await;
    assert_eq!(page.text("page-views").await, "3");

    page.click("logout").await;
    page.says("Logged out").await;
    page.shows("view-out").await;
    assert!(page.cookie().await.is_none());
    page.click("more").await;
    page.fill("max-lifetime", "40").await;
    page.click("remember").await;
    page.log_in("Ann", "60").await;
    page.counts(35..=40).await;
    let expiry = page.cookie().await.unwrap().expiry.unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let kept = expiry - i64::try_from(now.as_secs()).unwrap();
    // Whole seconds, rounded up.
    assert!((30..=41).contains(&kept), "{kept}");
    assert!(page.text("lifetime").await.starts_with("Ends for good in"));
    page.click("logout").await;
    page.shows("view-out").await;
    page.had_no_complaints().await;
}

#[tokio::test]
async fn a_name_stays_text_and_what_the_page_did_not_bring_does_not_run() {
    let name = "<img src=x onerror=alert(1)>\"'&</script><script>alert(2)</script>";
    let demo = Demo::on(Backend::Memory).await;
    let page = Page::of(&demo).await;
    let elements = "[document.images.length, document.scripts.length]";
    let before = page.evaluate(elements).await;
    page.log_in(name, "60").await;
    assert_eq!(page.text("current-user").await, name);
    assert_eq!(page.stored("username").await, name);
    page.load().await;
    assert_eq!(page.text("current-user").await, name);
    page.fill("new-ttl", "1").await;
    page.click("set-ttl").await;
    page.shows("view-out").await;
    assert!(page.text("out-title").await.contains(name));
    assert_eq!(page.evaluate(elements).await, before);
    // Nor was anything tried that the policy had to stop.
    page.had_no_complaints().await;

    // The policy holds in a real browser; and what it stops is a complaint that tests see.
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
    let complaints = page.complaints().await;
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    let is_policy = |text: &String| text.contains("Content Security Policy");
    assert!(complaints.iter().all(is_policy), "{complaints:?}");
}

#[tokio::test]
async fn a_store_that_is_away_is_said_so() {
    let proxy = Proxy::start(shared().await.addr()).await;
    let demo = Store::at(Backend::Fred, proxy.addr()).serve().await;
    let page = Page::of(&demo).await;
    page.log_in("Ann", "600").await;

    proxy.set(Mode::Refuse);
    proxy.cut_all().await;
    page.click("increment").await;
    let away = "The session store cannot be reached; your session is kept, try again in 2 s.";
    page.says(away).await;
    assert!(page.is_shown("countdown").await);

    proxy.set(Mode::Pass);
    demo.ready().await;
    page.click("increment").await;
    page.has_text("page-views", "2").await;

    // Whoever loads the page meanwhile is told, and let in when the store is back.
    proxy.set(Mode::Refuse);
    proxy.cut_all().await;
    page.reload().await;
    page.shows("retry").await;
    page.says("cannot be reached").await;
    proxy.set(Mode::Pass);
    page.shows("view-in").await;
    assert_eq!(page.text("page-views").await, "2");
    page.had_no_complaints().await;
}
