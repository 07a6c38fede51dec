//! The demo as something to send requests to.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, Response, Uri, header, uri};
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

    /// What a browser would say as `Host`.
    pub(crate) fn authority(&self) -> String {
        match self {
            Self::Here(_) => "localhost:8080".to_owned(),
            Self::There(address, _) => address.to_string(),
        }
    }

    pub(crate) async fn send(&self, mut request: Request<Bytes>) -> Response<Bytes> {
        if !request.headers().contains_key(header::HOST) {
            let host = HeaderValue::from_str(&self.authority()).unwrap();
            request.headers_mut().insert(header::HOST, host);
        }
        let answering = async {
            match self {
                Self::Here(router) => {
                    let answer = router
                        .clone()
                        .oneshot(request.map(Body::from))
                        .await
                        .unwrap();
                    let (parts, body) = answer.into_parts();
                    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
                }
                Self::There(address, client) => {
                    let mut request = request.map(Full::new);
                    *request.uri_mut() = absolute(request.uri(), *address);
                    let answer = client.request(request).await.unwrap();
                    let (parts, body) = answer.into_parts();
                    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
                }
            }
        };
        within("an answer", answering).await
    }
}

fn absolute(path: &Uri, address: SocketAddr) -> Uri {
    let mut parts = path.clone().into_parts();
    parts.scheme = Some(uri::Scheme::HTTP);
    parts.authority = Some(address.to_string().parse().unwrap());
    Uri::from_parts(parts).unwrap()
}
