//! Forged requests.

#[path = "../../examples/csrf.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod example;

use std::sync::Arc;

use session_store::SessionCookie;

use crate::{Browser, backend, form, open, text};

/// The token in the form of a page.
fn token(page: &str) -> &str {
    page.split('"').nth(7).unwrap()
}

#[tokio::test]
async fn another_site_is_refused_and_so_is_what_says_nothing_and_has_no_token() {
    let (backend, _) = backend();
    let app = example::app(Arc::new(backend.clone()), SessionCookie::default()).unwrap();
    let mut browser = Browser::new(app.clone().into());
    let refused = form("/", "name=ann");
    assert_eq!(browser.send(refused).await.unwrap().status(), 403);
    assert!(backend.is_empty(), "what is refused begins no session");
    let page = open(&mut browser, "/").await;
    let own = token(&page);
    assert_eq!(
        own,
        token(&open(&mut browser, "/").await),
        "one token in all tabs"
    );
    let others = open(&mut Browser::new(app.into()), "/").await;
    let (own, others) = (
        format!("name=ann&token={own}"),
        format!("name=ann&token={}", token(&others)),
    );

    let host = ("host", "shop.example");
    for (status, headers, fields) in [
        (200, &[("sec-fetch-site", "same-origin")][..], &*own),
        (200, &[host, ("origin", "https://shop.example")], &own),
        (200, &[host, ("origin", "https://www.shop.example")], &own),
        (200, &[host], &own),
        (403, &[("sec-fetch-site", "cross-site")], &own),
        (403, &[("sec-fetch-site", "same-site"), host], &own),
        (403, &[host, ("origin", "https://evil.example")], &own),
        (403, &[host, ("origin", "null")], &own),
        (403, &[host], &others),
        (403, &[host], "name=ann"),
        (403, &[("sec-fetch-site", "same-origin")], "name=ann&token="),
    ] {
        let mut request = form("/", fields);
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let response = browser.send(request).await.unwrap();
        assert_eq!(
            response.status(),
            status,
            "{headers:?} {}",
            text(response).await
        );
    }
}
