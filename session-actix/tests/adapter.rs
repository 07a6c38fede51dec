//! What every adapter must do, by the middleware: its promises, and requests that overlap.

#![cfg(test)]
#![allow(missing_docs, unreachable_pub, reason = "a test is read, not linked")]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::dev::{Service as _, ServiceRequest, Transform as _, fn_service};
use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use actix_web::{Error, HttpResponse};
use http::{Request, Response};
use session_actix::{Session, SessionMiddleware};
use session_core::SessionBackend;
use session_http_test::{Adapter, Answering, Handler, Transport, adapter_tests};

struct Actix;

impl Adapter for Actix {
    fn send(
        backend: Arc<dyn SessionBackend>,
        transport: Transport,
        request: Request<()>,
        handler: Handler,
    ) -> Answering {
        let middleware = SessionMiddleware::new(backend);
        let middleware = match transport {
            Transport::Cookie(cookie) => middleware.with_cookie(cookie),
            Transport::Header(header) => middleware.with_header(header),
        };
        let handler = Rc::new(Cell::new(Some(handler)));
        let service = fn_service(move |request: ServiceRequest| {
            let handler = handler.take().expect("one request");
            let answered = handler(Session::of_request(&request).expect("a middleware"));
            async {
                // What actix-web makes of what its handlers return.
                let response = answered.await.map(into_actix);
                let response = response.unwrap_or_else(HttpResponse::from_error);
                Ok::<_, Error>(request.into_response(response))
            }
        });
        Box::pin(async move {
            let service = middleware.new_transform(service).await.expect("a service");
            let mut sent = TestRequest::default();
            for (name, line) in request.headers() {
                sent = sent.append_header((name.as_str(), line.as_bytes()));
            }
            let response = service.call(sent.to_srv_request()).await;
            let response = response.expect("the service makes responses");
            let mut answer = Response::builder().status(response.status().as_u16());
            for (name, line) in response.headers() {
                answer = answer.header(name.as_str(), line.as_bytes());
            }
            answer.body(()).expect("a response")
        })
    }
}

fn into_actix(response: Response<()>) -> HttpResponse {
    let status = StatusCode::from_u16(response.status().as_u16()).expect("a status");
    let mut builder = HttpResponse::build(status);
    for (name, line) in response.headers() {
        builder.append_header((name.as_str(), line.as_bytes()));
    }
    builder.finish()
}

adapter_tests! { Actix:
    promises::an_adapter_does_what_it_must
    random_requests::the_store_holds_what_the_model_says
    browser::every_order_of_two_requests
    browser::a_request_longer_than_the_tombstones_life
}
