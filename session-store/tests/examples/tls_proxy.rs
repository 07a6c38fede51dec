//! Behind a proxy that ends TLS.

#[path = "../../examples/tls_proxy.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod example;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::{Browser, backend, serve, text};

/// A proxy, from where TLS has ended: it hands requests on over plain HTTP, `Host` as it is.
fn proxy(application: SocketAddr) -> Router {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    Router::new().fallback(async move |mut request: Request<Body>| {
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("http://{application}{path}")
            .parse::<Uri>()
            .unwrap();
        let headers = request.headers_mut();
        headers.append("x-forwarded-for", "192.0.2.7".parse().unwrap());
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        let response: Response<_> = client.request(request).await.unwrap();
        response.map(Body::new)
    })
}

#[tokio::test]
async fn the_browser_is_on_https_and_that_is_what_counts() {
    let (backend, _) = backend();
    let application = serve(example::app(Arc::new(backend.clone()))).await;
    let mut browser = Browser::new(proxy(application).into());
    let request = |method: &str, origin: &str| {
        // A client that makes up where it is comes to nothing: the last entry counts.
        Request::builder()
            .method(method)
            .uri(if method == "GET" { "/" } else { "/login" })
            .header("host", "shop.example")
            .header("origin", origin)
            .header("x-forwarded-for", "203.0.113.1")
            .header("x-forwarded-host", "evil.example")
            .body(Body::from("ann"))
            .unwrap()
    };
    for forged in [
        "https://evil.example",
        "https://shop.example.evil.example",
        "null",
    ] {
        let response = browser.send(request("POST", forged)).await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
    }
    assert!(backend.is_empty());

    let response = browser
        .send(request("POST", "https://shop.example"))
        .await
        .unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()[LOCATION]),
        (303, &"/".parse().unwrap())
    );
    let cookies: Vec<_> = response.headers().get_all(SET_COOKIE).iter().collect();
    let [cookie] = cookies[..] else {
        panic!("{cookies:?}")
    };
    let (pair, attributes) = cookie.to_str().unwrap().split_once("; ").unwrap();
    assert!(pair.starts_with("__Host-id="));
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
        assert!(
            attributes.split("; ").any(|it| it == attribute),
            "{attributes}"
        );
    }
    let home = browser
        .send(request("GET", "https://shop.example"))
        .await
        .unwrap();
    assert_eq!(text(home).await, "ann, logged in from 192.0.2.7\n");
}
