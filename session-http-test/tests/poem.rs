//! An adapter of another framework, poem, whole: what one costs, and that it keeps the promises.

#![cfg(test)]
#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    reason = "a test is read, not linked"
)]

use std::sync::{Arc, Mutex};

use http::{HeaderMap, StatusCode};
use poem::error::ResponseError;
use poem::{
    Endpoint, EndpointExt as _, Error, FromRequest, IntoResponse, Middleware, Request, RequestBody,
    Response, Result, endpoint, handler,
};
use session_core::SessionBackend;
use session_http::{Closing, ResponseHead, Session as Handle, SessionError, SessionHttp};
use session_http_test::{Adapter, Answering, Handler, Transport, adapter_tests};

/// The middleware.
#[derive(Clone)]
pub struct Sessions(SessionHttp);

pub struct SessionEndpoint<E> {
    inner: E,
    sessions: SessionHttp,
}

impl<E: Endpoint> Middleware<E> for Sessions {
    type Output = SessionEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        let sessions = self.0.clone();
        SessionEndpoint { inner, sessions }
    }
}

impl<E: Endpoint> Endpoint for SessionEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let outer = Handle::of(request.extensions());
        let opened = self.sessions.open(request.headers_mut(), outer);
        request.extensions_mut().insert(opened.session().clone());
        // A handler's error is a response like any other; poem makes it of the error's own.
        let response = self.inner.call(request).await;
        let response = response.map_or_else(Error::into_response, IntoResponse::into_response);
        let response = Head(response);
        let closed = match opened.close(&response) {
            Closing::Untouched => return Ok(response.0),
            Closing::Closed(closed) => closed,
            Closing::Committing(commit) => commit.await,
        };
        let failed = |_, error: &SessionError| Head(empty(error.status()));
        Ok(closed.finish(response, failed).0)
    }
}

fn empty(status: StatusCode) -> Response {
    Response::builder().status(status).finish()
}

/// poem's headers are those of the crate `http`; its response is its own.
struct Head(Response);

impl ResponseHead for Head {
    type Headers = HeaderMap;

    fn status(&self) -> StatusCode {
        self.0.status()
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.0.headers_mut()
    }

    fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.0.extensions().get().cloned()
    }

    fn set_extension<T: Clone + Send + Sync + 'static>(&mut self, extension: T) {
        self.0.extensions_mut().insert(extension);
    }
}

/// The extractor.
pub struct Session(pub Handle);

impl<'a> FromRequest<'a> for Session {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        let session = Handle::of(request.extensions()).ok_or(Failed(SessionError::NoLayer))?;
        Ok(Self(session))
    }
}

/// What a handler fails with.
#[derive(Debug)]
pub struct Failed(SessionError);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failed {}

impl From<SessionError> for Failed {
    fn from(error: SessionError) -> Self {
        Self(error)
    }
}

impl ResponseError for Failed {
    fn status(&self) -> StatusCode {
        self.0.status()
    }

    fn as_response(&self) -> Response {
        let mut response = Head(empty(self.0.status()));
        self.0.clone().describe_in(&mut response);
        response.0
    }
}

// ---- That was it: here it is used ---------------------------------------------------------------

#[handler]
async fn visits(Session(session): Session) -> Result<String, Failed> {
    Ok(session.increment("visits", 1).await?.to_string())
}

#[tokio::test]
async fn an_application() {
    let backend = session_memory::MemoryBackend::new();
    let app = visits.with(Sessions(SessionHttp::new(Arc::new(backend.clone()))));
    let response = app.call(Request::default()).await.unwrap();
    assert!(response.headers().contains_key("set-cookie"));
    assert_eq!(response.into_body().into_string().await.unwrap(), "1");
    backend.faults().store_down();
    assert_eq!(app.call(Request::default()).await.unwrap().status(), 503);
}

struct Poem;

impl Adapter for Poem {
    fn send(
        backend: Arc<dyn SessionBackend>,
        transport: Transport,
        request: http::Request<()>,
        handler: Handler,
    ) -> Answering {
        let sessions = SessionHttp::new(backend);
        let sessions = match transport {
            Transport::Cookie(cookie) => sessions.with_cookie(cookie),
            Transport::Header(header) => sessions.with_header(header),
        };
        let handler = Mutex::new(Some(handler));
        let app = endpoint::make(move |request| {
            let handler = handler.lock().unwrap().take().expect("one request");
            let answered = handler(Handle::of(request.extensions()).expect("a middleware"));
            async {
                let answered = answered.await.map_err(Failed)?;
                let mut response = empty(answered.status());
                response
                    .headers_mut()
                    .extend(answered.into_parts().0.headers);
                Ok::<_, Error>(response)
            }
        });
        let app = app.with(Sessions(sessions));
        let mut sent = Request::default();
        *sent.headers_mut() = request.into_parts().0.headers;
        Box::pin(async move {
            let mut response = app.call(sent).await.expect("a response");
            let mut answer = http::Response::new(());
            *answer.status_mut() = response.status();
            std::mem::swap(answer.headers_mut(), response.headers_mut());
            answer
        })
    }
}

adapter_tests! { Poem:
    promises::an_adapter_does_what_it_must
    random_requests::the_store_holds_what_the_model_says
    browser::every_order_of_two_requests
}
