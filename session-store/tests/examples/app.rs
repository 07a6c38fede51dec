//! An application of either framework, as the tests' browser sees it.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::App as ActixApp;
use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, Response};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{LocalBoxStream, StreamExt as _, poll_fn as stream_of};
use tokio::sync::OnceCell;
use tower::{Service, ServiceExt as _};

/// The body of a response.
pub type Received = LocalBoxStream<'static, Bytes>;

type Answering = LocalBoxFuture<'static, Response<Received>>;

#[derive(Clone)]
pub struct App(Rc<dyn Fn(Request<Body>) -> Answering>);

impl From<Router> for App {
    fn from(app: Router) -> Self {
        Self(Rc::new(move |request| {
            let app = app.clone();
            Box::pin(async {
                let response = app.oneshot(request).await.unwrap();
                let bytes = |body: Body| body.into_data_stream().map(Result::unwrap);
                response.map(|body| bytes(body).boxed_local())
            })
        }))
    }
}

impl App {
    pub fn of_actix<T>(app: impl Fn() -> ActixApp<T> + 'static) -> Self
    where
        T: ServiceFactory<
                ServiceRequest,
                Config = (),
                Response = ServiceResponse<BoxBody>,
                Error = actix_web::Error,
                InitError = (),
            > + 'static,
    {
        let app = Rc::new(app);
        let service = Rc::new(OnceCell::new());
        Self(Rc::new(move |request: Request<Body>| {
            let (app, service) = (Rc::clone(&app), Rc::clone(&service));
            Box::pin(async move {
                let service = service
                    .get_or_init(async || init_service(app()).await)
                    .await;
                let (parts, body) = request.into_parts();
                let method = Method::from_bytes(parts.method.as_str().as_bytes());
                let mut sent = TestRequest::with_uri(&parts.uri.to_string())
                    .method(method.unwrap())
                    .set_payload(to_bytes(body, usize::MAX).await.unwrap());
                for (name, line) in &parts.headers {
                    sent = sent.append_header((name.as_str(), line.as_bytes()));
                }
                let response = call_service(service, sent.to_request()).await;
                let mut answer = Response::builder().status(response.status().as_u16());
                for (name, line) in response.headers() {
                    answer = answer.header(name.as_str(), line.as_bytes());
                }
                let mut body = response.into_body();
                let body = stream_of(move |context| Pin::new(&mut body).poll_next(context));
                answer
                    .body(body.map(|bytes| bytes.unwrap()).boxed_local())
                    .unwrap()
            })
        }))
    }
}

impl Service<Request<Body>> for App {
    type Response = Response<Received>;
    type Error = Infallible;
    type Future = LocalBoxFuture<'static, Result<Response<Received>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answering = (self.0)(request);
        Box::pin(async { Ok(answering.await) })
    }
}
