//! The service that a layer puts around another.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use session_http::{Responding, Session, SessionHttp};
use tower_service::Service;

use crate::failure::FailureResponse;
use crate::future::{Failing, ResponseFuture};

/// A service around which a [`SessionLayer`](crate::SessionLayer) stands.
#[derive(Debug)]
pub struct SessionService<S, H> {
    inner: S,
    sessions: SessionHttp,
    failure_response: Arc<H>,
}

impl<S, H> SessionService<S, H> {
    pub(crate) fn new(inner: S, sessions: SessionHttp, failure_response: Arc<H>) -> Self {
        Self {
            inner,
            sessions,
            failure_response,
        }
    }

    /// The service inside.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service inside.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service inside.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: Clone, H> Clone for SessionService<S, H> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            sessions: self.sessions.clone(),
            failure_response: Arc::clone(&self.failure_response),
        }
    }
}

impl<S, ReqBody, ResBody, H> Service<Request<ReqBody>> for SessionService<S, H>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    H: FailureResponse<ResBody>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody, H>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    // The inner service is called here and now, on the very instance that was polled ready; so
    // there is no clone of it whose readiness would be unknown.
    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let outer = Session::of(request.extensions());
        let opened = self.sessions.open(request.headers_mut(), outer);
        request.extensions_mut().insert(opened.session().clone());
        let (parts, body) = request.into_parts();
        let kept = self.failure_response.keep(&parts);
        let inner = self.inner.call(Request::from_parts(parts, body));
        let failure_response = Arc::clone(&self.failure_response);
        let failing = Failing {
            failure_response,
            kept,
        };
        Responding::new(inner, opened, failing)
    }
}
