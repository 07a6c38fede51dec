//! What every adapter must do, by the layer: its promises, and requests that overlap.

#![cfg(test)]
#![allow(missing_docs, unreachable_pub, reason = "a test is read, not linked")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use session_core::SessionBackend;
use session_http_test::{Adapter, Answering, Handler, Transport, adapter_tests};
use session_tower::{Session, SessionError, SessionLayer};
use tower::{Layer as _, ServiceExt as _, service_fn};

struct Tower;

impl Adapter for Tower {
    fn send(
        backend: Arc<dyn SessionBackend>,
        transport: Transport,
        request: Request<()>,
        handler: Handler,
    ) -> Answering {
        let layer = SessionLayer::new(backend);
        let layer = match transport {
            Transport::Cookie(cookie) => layer.with_cookie(cookie),
            Transport::Header(header) => layer.with_header(header),
        };
        let handler = Mutex::new(Some(handler));
        let service = layer.layer(service_fn(move |request: Request<()>| {
            let handler = handler.lock().unwrap().take().expect("one request");
            let answered = handler(Session::of(request.extensions()).expect("a layer"));
            async {
                let response = answered.await;
                let response = response.unwrap_or_else(SessionError::into_empty_response);
                Ok::<Response<()>, Infallible>(response)
            }
        }));
        Box::pin(async { service.oneshot(request).await.unwrap() })
    }
}

adapter_tests!(Tower);
