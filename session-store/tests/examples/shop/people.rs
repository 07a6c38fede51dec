//! How long people stay logged in, and where.

use std::time::Duration;

use super::{ANN, BOB, ROOT, Shop, shop};
use crate::{Browser, MINUTE, form, open, page, send, shown};

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
