//! The shop.

#[path = "../../examples/shop/main.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod example;

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use futures_util::StreamExt;
use session_store::SessionCookie;
use session_store::backends::memory::{ManualClock, MemoryBackend, Step};
use tokio::join;
use tokio::task::yield_now;

use crate::{Browser, MINUTE, backend, form, open, page, send, shown, text};

const ANN: &str = "username=ann&password=open+sesame";
const BOB: &str = "username=bob&password=swordfish";
const ROOT: &str = "username=root&password=correct+horse";

struct Shop {
    backend: MemoryBackend,
    clock: Arc<ManualClock>,
    /// Without cookies: its clones are devices.
    browser: Browser,
}

fn shop() -> Shop {
    let (backend, clock) = backend();
    let admin = Arc::new(backend.admin());
    let app = example::app(Arc::new(backend.clone()), admin, SessionCookie::default());
    let browser = Browser::new(app);
    Shop {
        backend,
        clock,
        browser,
    }
}

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
async fn a_session_ends_when_it_is_not_used_and_in_the_end_anyway() {
    let Shop { clock, browser, .. } = shop();
    let is_logged_in = async |browser: &mut Browser| open(browser, "/").await.contains("Log out");
    let remembered = format!("{ANN}&remember=on");
    // How long it lives unused, and when used all the time.
    for (log_in, idle, whole) in [
        (ANN, 30 * MINUTE, 12 * 60 * MINUTE),
        (&remembered, 7 * 24 * 60 * MINUTE, 30 * 24 * 60 * MINUTE),
    ] {
        let mut browser = browser.clone();
        send(&mut browser, "/login", log_in).await;
        let mut idle_one = browser.clone();
        let mut used = Duration::ZERO;
        while used + idle <= whole - MINUTE {
            clock.advance(idle - MINUTE);
            used += idle - MINUTE;
            assert!(is_logged_in(&mut browser).await, "{log_in} after {used:?}");
        }
        clock.advance(whole - used + MINUTE);
        assert!(!is_logged_in(&mut browser).await, "{log_in}");
        send(&mut idle_one, "/login", log_in).await;
        clock.advance(idle + MINUTE);
        assert!(!is_logged_in(&mut idle_one).await, "{log_in}");
    }
    // The last log-in decides.
    let mut browser = browser;
    send(&mut browser, "/login", &remembered).await;
    send(&mut browser, "/login", ANN).await;
    clock.advance(31 * MINUTE);
    assert!(!is_logged_in(&mut browser).await);
}

#[tokio::test]
async fn devices_are_listed_and_ended() {
    let Shop { browser: fresh, .. } = shop();
    let mut browser = fresh.clone();
    // A person who opens a page is sent to log in, and back.
    let (status, _, path) = shown(&mut browser, page("/devices")).await;
    assert_eq!((status, &*path), (200, "/login?next=%2Fdevices"));
    let (_, _, path) = shown(&mut browser, form("/login?next=%2Fdevices", ANN)).await;
    assert_eq!(path, "/devices");

    let mut laptop = browser;
    let [mut phone, mut tablet, mut bobs] = [0; 3].map(|_| fresh.clone());
    for (device, log_in) in [(&mut phone, ANN), (&mut tablet, ANN), (&mut bobs, BOB)] {
        send(device, "/login", log_in).await;
    }
    let listed = open(&mut laptop, "/devices").await;
    assert_eq!(listed.matches("Log out</button>").count(), 3, "{listed}");
    let phones = this_one(&open(&mut phone, "/devices").await);
    let end = format!("session={phones}");
    send(&mut bobs, "/devices/end", &end).await;
    open(&mut phone, "/devices").await;
    send(&mut laptop, "/devices/end", &end).await;
    assert_eq!(shown(&mut phone, form("/order", "")).await.0, 401);

    let listed = send(&mut laptop, "/devices/end-others", "").await;
    assert_eq!(listed.matches("Log out</button>").count(), 1, "{listed}");
    assert_eq!(shown(&mut tablet, form("/order", "")).await.0, 401);
    assert_eq!(
        shown(&mut laptop, form("/devices/end", "session=x"))
            .await
            .0,
        422
    );
    open(&mut bobs, "/devices").await;
}

/// The public id of the session that asks for its devices.
fn this_one(devices: &str) -> String {
    let row = devices
        .split("<li>")
        .find(|row| row.contains("(this one)"))
        .unwrap();
    let value = row.split("value=\"").nth(1).unwrap();
    value.split('"').next().unwrap().to_owned()
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

#[tokio::test]
async fn the_office_is_for_those_who_have_the_permission() {
    let Shop {
        backend,
        mut browser,
        ..
    } = shop();
    let [mut ann, mut root] = [0; 2].map(|_| browser.clone());
    send(&mut browser, "/cart", "item=hat&by=1").await;
    assert_eq!(
        shown(&mut browser, page("/office")).await.2,
        "/login?next=%2Foffice"
    );
    send(&mut ann, "/login", ANN).await;
    let (status, text, _) = shown(&mut ann, page("/office")).await;
    assert!(status == 403 && text.contains("You may not do this."));
    send(&mut root, "/login", ROOT).await;
    let listed = open(&mut root, "/office").await;
    let rows: Vec<_> = listed.split("<li>").collect();
    let row = rows
        .iter()
        .find(|row| row.contains("ann, 1800 s left"))
        .unwrap();
    assert_eq!(shown(&mut root, page("/office?cursor=x")).await.0, 400);
    assert!(rows.len() == 4 && listed.contains("a visitor"), "{listed}");
    let public_id = row
        .split("value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    send(&mut root, "/office/end", &format!("session={public_id}")).await;
    assert!(backend.len() == 2 && !open(&mut ann, "/").await.contains("Log out"));
}

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

#[tokio::test(start_paused = true)]
async fn the_page_follows_the_cart_and_ends_with_the_session() {
    let Shop { mut browser, .. } = shop();
    assert_eq!(browser.send(page("/live")).await.unwrap().status(), 204);
    send(&mut browser, "/login", ANN).await;
    let live = browser.send(page("/live")).await.unwrap();
    let mut live = live.into_body().into_data_stream();
    let mut told = async || {
        let event = live.next().await?.unwrap();
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
