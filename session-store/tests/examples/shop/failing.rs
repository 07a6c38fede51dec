//! What people see when the store fails, and what is refused.

use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use session_store::backends::memory::Step;

use super::{ANN, Shop, shop};
use crate::{form, open, page, send, shown, text};

#[tokio::test]
async fn a_store_that_fails_logs_nobody_out() {
    let Shop {
        backend,
        mut browser,
        ..
    } = shop();
    send(&mut browser, "/login", ANN).await;
    send(&mut browser, "/cart", "item=hat&by=1").await;
    let faults = backend.faults();

    faults.store_down();
    for request in [
        page("/"),
        page("/devices"),
        form("/cart", "item=hat&by=1"),
        form("/logout", ""),
    ] {
        let response = browser.send(request).await.unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[RETRY_AFTER], "5");
        assert!(!response.headers().contains_key(SET_COOKIE));
        assert!(
            text(response)
                .await
                .contains("We will be back in a moment.")
        );
    }
    faults.clear();
    assert!(open(&mut browser, "/").await.contains("1</span> x hat"));

    // The change was made, and nobody could tell: no tab makes it twice by itself.
    faults.on(Step::Write).next_call().lose_reply();
    let response = shown(&mut browser, form("/cart", "item=hat&by=1")).await;
    assert!(response.0 == 503 && open(&mut browser, "/").await.contains("2</span> x hat"));
    // A log-in is looked for under the id that was drawn for it.
    faults.on(Step::Rename).next_call().lose_reply();
    assert!(
        send(&mut browser, "/login", ANN)
            .await
            .contains("Welcome, ann!")
    );
}

#[tokio::test]
async fn another_site_sends_no_forms() {
    let Shop {
        backend,
        mut browser,
        ..
    } = shop();
    let mut forged = form("/cart", "item=hat&by=1");
    forged
        .headers_mut()
        .insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(shown(&mut browser, forged).await.0, 403);
    assert!(backend.is_empty());
}
