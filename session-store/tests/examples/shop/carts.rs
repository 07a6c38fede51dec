//! Carts and orders.

use futures_util::StreamExt;
use session_store::backends::memory::Step;
use tokio::join;
use tokio::task::yield_now;

use super::{ANN, BOB, Shop, shop};
use crate::{form, open, page, send, shown};

#[tokio::test]
async fn a_cart_survives_the_log_in_and_the_log_out() {
    let Shop {
        backend,
        mut browser,
        ..
    } = shop();
    let front = open(&mut browser, "/").await;
    assert!(
        front.contains("0</span> x hat") && backend.is_empty(),
        "a look begins no session"
    );
    assert_eq!(
        shown(&mut browser, form("/cart", "item=elephant&by=1"))
            .await
            .0,
        404
    );
    send(&mut browser, "/cart", "item=hat&by=2").await;
    let visitor = browser.clone();

    let wrong = shown(&mut browser, form("/login", "username=ann&password=x")).await;
    assert!(wrong.0 == 401 && wrong.1.contains("Wrong name or password."));
    let front = send(&mut browser, "/login", ANN).await;
    assert!(
        front.contains("Welcome, ann!") && front.contains("2</span> x hat"),
        "{front}"
    );
    assert!(
        !open(&mut browser, "/").await.contains("Welcome"),
        "shown once"
    );
    let cookie = "__Host-id";
    assert_ne!(
        browser.cookie(cookie),
        visitor.cookie(cookie),
        "a log-in rotates"
    );

    let front = send(&mut browser, "/logout", "").await;
    assert!(
        front.contains("2</span> x hat") && front.contains("Log in"),
        "{front}"
    );
    let front = send(&mut browser, "/login", BOB).await;
    assert!(front.contains("2</span> x hat"), "{front}");
    // Over another user's session nothing of it stays.
    let front = send(&mut browser, "/login", ANN).await;
    assert!(front.contains("0</span> x hat"), "{front}");
}

#[tokio::test]
async fn two_tabs_lose_nothing() {
    let Shop { mut browser, .. } = shop();
    send(&mut browser, "/cart", "item=hat&by=1").await;
    let mut tabs = [0; 3].map(|_| browser.clone());
    let [left, middle, right] = &mut tabs;
    join!(
        send(left, "/cart", "item=hat&by=3"),
        send(middle, "/cart", "item=socks&by=1"),
        send(right, "/cart", "item=hat&by=-1"),
    );
    let front = open(&mut browser, "/").await;
    assert!(
        front.contains("3</span> x hat") && front.contains("1</span> x socks"),
        "{front}"
    );
}

#[tokio::test]
async fn an_order_is_shipped_once_and_the_session_is_told() {
    let Shop {
        backend,
        mut browser,
        ..
    } = shop();
    send(&mut browser, "/login", ANN).await;
    send(&mut browser, "/cart", "item=hat&by=2").await;
    let mut other = browser.clone();
    // Placed in two tabs at once, while the reply to one of them is lost.
    backend.faults().on(Step::Write).next_call().lose_reply();
    let (one, two) = join!(
        shown(&mut browser, form("/order", "")),
        shown(&mut other, form("/order", "")),
    );
    assert_eq!((one.0, two.0), (503, 200));
    let mut told = two.1;
    while !told.contains("Your order 0 is on its way.") {
        yield_now().await;
        told = open(&mut browser, "/").await;
    }
    assert!(told.contains("0</span> x hat"), "{told}");
    for _ in 0..10 {
        yield_now().await;
        assert!(
            !open(&mut browser, "/").await.contains("on its way"),
            "shipped once"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_page_follows_the_cart_and_ends_with_the_session() {
    let Shop { mut browser, .. } = shop();
    assert_eq!(browser.send(page("/live")).await.unwrap().status(), 204);
    send(&mut browser, "/login", ANN).await;
    let live = browser.send(page("/live")).await.unwrap();
    let mut live = live.into_body();
    let mut told = async || {
        let event = live.next().await?;
        Some(String::from_utf8(event.to_vec()).unwrap())
    };
    send(&mut browser, "/cart", "item=hat&by=2").await;
    assert_eq!(told().await.as_deref(), Some("data: {\"hat\":2}\n\n"));
    let mut tab = browser.clone();
    send(&mut tab, "/cart", "item=socks&by=1").await;
    let both = "data: {\"hat\":2,\"socks\":1}\n\n";
    assert_eq!(told().await.as_deref(), Some(both));
    send(&mut tab, "/logout", "").await;
    assert_eq!(told().await.as_deref(), Some("event: over\ndata: over\n\n"));
    assert_eq!(told().await, None);
}
