//! The demo as something to send requests to.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::ServiceExt as _;

use super::within;

/// The demo, in this process or in one of its own.
#[derive(Clone, Debug)]
pub(crate) enum Server {
    Here(Router),
    There(SocketAddr, Client<HttpConnector, Full<Bytes>>),
}

impl Server {
    pub(crate) fn there(address: SocketAddr) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self::There(address, client)
    }

    pub(crate) async fn send(&self, mut request: Request<Bytes>) -> Response<Bytes> {
        let answering = async {
            match self {
                Self::Here(router) => {
                    // What a browser would say.
                    let host = HeaderValue::from_static("localhost:8080");
                    request.headers_mut().insert(header::HOST, host);
                    let request = request.map(Body::from);
                    router.clone().oneshot(request).await.unwrap()
                }
                Self::There(address, client) => {
                    let url = format!("http://{address}{}", request.uri());
                    *request.uri_mut() = url.parse().unwrap();
                    let answer = client.request(request.map(Full::new)).await;
                    answer.unwrap().map(Body::new)
                }
            }
        };
        let (parts, body) = within("an answer", answering).await.into_parts();
        let body = within("its body", body.collect()).await.unwrap();
        Response::from_parts(parts, body.to_bytes())
    }
}
