//! What other sites make a browser send.

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Method, Request};

use super::on_every_backend;
use crate::support::{Server, Visitor, request};

on_every_backend! {
    forged_posts_are_refused_and_change_nothing
    the_pages_own_posts_are_not
    nothing_changes_by_get
}

const POSTS: [(&str, (&str, &str)); 7] = [
    ("/login", ("username", "Eve")),
    ("/increment", ("", "")),
    ("/ttl", ("ttl", "1")),
    ("/rotate", ("", "")),
    ("/logout", ("", "")),
    ("/sessions/revoke", ("handle", "AAAAAAAAAAAAAAAAAAAAAA")),
    ("/logout-everywhere", ("", "")),
];

fn post(path: &str, form: (&str, &str), headers: &[(&'static str, &str)]) -> Request<Bytes> {
    let mut request = request(Method::POST, path, &[form]);
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).unwrap();
        request
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
    request
}

async fn forged_posts_are_refused_and_change_nothing(server: &Server) {
    let visitor = Visitor::of(server);
    visitor.log_in("Ann", "30").await;
    let (id, own) = (visitor.cookie(), format!("http://{}", server.authority()));
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", &own)],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://localhost:1")],
        &[("origin", "")],
    ] {
        for (path, form) in POSTS {
            let answer = visitor.send(post(path, form, headers)).await;
            let refused = (403, "Cross-site request refused.".to_owned());
            assert_eq!(answer.error(), refused, "{path} with {headers:?}");
            assert_eq!(answer.set_cookie(), None);
        }
    }
    assert_eq!(visitor.cookie(), id);
    let session = visitor.get("/session").await.json();
    assert_eq!(session["session"]["username"], "Ann");
    assert_eq!(session["session"]["page_views"], "1");
    assert_eq!(session["configured_ttl"], 30);
}

async fn the_pages_own_posts_are_not(server: &Server) {
    let own = format!("http://{}", server.authority());
    for headers in [
        &[][..],
        &[("sec-fetch-site", "same-origin"), ("origin", &own)],
        &[("sec-fetch-site", "none")],
        &[("origin", &own)],
    ] {
        let visitor = Visitor::of(server);
        let answer = visitor.send(post("/login", ("ttl", "30"), headers)).await;
        assert_eq!(answer.status, 200, "{headers:?}");
        let answer = visitor.send(post("/increment", ("", ""), headers)).await;
        assert_eq!(answer.json()["page_views"], 2);
    }
}

async fn nothing_changes_by_get(server: &Server) {
    let visitor = Visitor::of(server);
    visitor.log_in("Ann", "30").await;
    let before = visitor.cookie();
    for (path, _) in POSTS {
        assert_eq!(
            visitor
                .get(&format!("{path}?ttl=1&username=Eve"))
                .await
                .status,
            405,
            "{path}"
        );
    }
    for path in [
        "/",
        "/session",
        "/sessions",
        "/backend",
        "/healthz",
        "/readyz",
    ] {
        // Reading is for everybody whom the browser lets read.
        let mut request = request(Method::GET, path, &[]);
        let site = HeaderValue::from_static("cross-site");
        request.headers_mut().insert("sec-fetch-site", site);
        assert_eq!(visitor.send(request).await.status, 200, "{path}");
    }
    let session = visitor.get("/session").await.json();
    assert_eq!(
        (&session["session"]["page_views"], visitor.cookie()),
        (&"1".into(), before)
    );
}
