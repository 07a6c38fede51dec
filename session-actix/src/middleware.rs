//! The middleware: what an application builds once, and the service that stands in each worker.

use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::EitherBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::StatusCode;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse};
use futures_util::TryFutureExt as _;
use futures_util::future::MapOk;
use session_core::SessionBackend;
use session_http::{
    FailureReplacement, Responding, Session, SessionCookie, SessionError, SessionHeader,
    SessionHttp, Undecodable,
};

/// Gives each request its [`Session`], and applies what the handler did to it.
///
/// | setting | default |
/// |---|---|
/// | [`with_cookie`](Self::with_cookie) | `__Host-id`, until the browser ends |
/// | [`with_header`](Self::with_header) | a cookie instead |
/// | [`with_failure_response`](Self::with_failure_response) | an empty body |
/// | [`with_retry_after`](Self::with_retry_after) | 5 s |
/// | [`with_undecodable`](Self::with_undecodable) | an error |
/// | [`with_watch_interval`](Self::with_watch_interval) | 5 s |
///
/// Lifetimes, limits and the touch are decided by the backend's
/// [`SessionPolicy`](session_core::SessionPolicy). A clone is the same middleware: make one before
/// the server, and a clone of it in each worker.
///
/// # What it does to responses
/// Nothing at all when the handler does not touch the session. Otherwise it adds `Vary: Cookie`;
/// when the cookie changes, `Set-Cookie` and `Cache-Control: no-store`; and where there is a
/// session and the handler says nothing of caching, `Cache-Control: private`. With a header in
/// place of the cookie, `Vary` names it, and in place of `Set-Cookie` there is the [response's
/// header](SessionHeader). The changes are committed before the response headers go out and before
/// its body is polled, whatever the status; so also before a connection is upgraded. When a service
/// inside fails, panics, or is dropped because the client has left, nothing is committed.
///
/// # When the store fails
/// The response is replaced: 503 with `Retry-After`, no `Set-Cookie`; the client's cookie is as
/// good as before when the store is back. A size limit that only the commit finds is a 413, a limit
/// of sessions a 409, a type error a 500. All are logged, a failing store once and not once per
/// request. A handler that fails with a [`SessionError`], or with an error of its own whose
/// response is made by [`SessionError`]'s, gets the same response; and when it is the store that
/// failed, nothing of its request is committed.
///
/// # Several of them
/// An application can have several sessions per request, one per middleware, with different cookies
/// or headers. Two of one cookie (or one header of requests) and one backend (the same `Arc`) are
/// one session, which the outer one commits. `Session` as an extractor is that of the innermost;
/// the others are found by [`Session::named_of_request`].
///
/// # Example
/// ```
/// use actix_web::{App, http::header::SET_COOKIE, test, web};
/// use session_actix::{Session, SessionError, SessionMiddleware};
/// use session_memory::MemoryBackend;
/// use std::sync::Arc;
///
/// async fn greet(session: Session) -> Result<&'static str, SessionError> {
///     session.insert("greeted", true)?;
///     Ok("hello")
/// }
///
/// # #[actix_web::main]
/// # async fn main() {
/// let sessions = SessionMiddleware::new(Arc::new(MemoryBackend::new()));
/// let app = App::new().wrap(sessions).route("/", web::get().to(greet));
/// let app = test::init_service(app).await;
/// let response = test::call_service(&app, test::TestRequest::get().to_request()).await;
/// assert!(response.headers().contains_key(SET_COOKIE));
/// # }
/// ```
#[derive(Clone)]
pub struct SessionMiddleware {
    sessions: SessionHttp,
    failing: Failing,
}

/// Makes the response to a request whose session failed.
type FailureResponse = dyn Fn(&HttpRequest, &SessionError) -> HttpResponse + Send + Sync;

/// What makes failure responses; without one they are empty.
#[derive(Clone)]
pub struct Failing(Option<Arc<FailureResponse>>);

impl SessionMiddleware {
    /// A middleware over this backend, with the default cookie.
    pub fn new(backend: Arc<dyn SessionBackend>) -> Self {
        Self {
            sessions: SessionHttp::new(backend),
            failing: Failing(None),
        }
    }

    fn with(mut self, set: impl FnOnce(SessionHttp) -> SessionHttp) -> Self {
        self.sessions = set(self.sessions);
        self
    }

    /// The cookie that the session's id travels in; no header, then. A cookie of earlier versions
    /// of the application is a [former](SessionCookie::with_former) one of this.
    #[must_use]
    pub fn with_cookie(self, cookie: SessionCookie) -> Self {
        self.with(|sessions| sessions.with_cookie(cookie))
    }

    /// The headers that the session's id travels in; no cookie, then. For clients that are
    /// programs.
    #[must_use]
    pub fn with_header(self, header: SessionHeader) -> Self {
        self.with(|sessions| sessions.with_header(header))
    }

    /// The `Retry-After` of a 503 that has none, rounded up to whole seconds.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Duration) -> Self {
        self.with(|sessions| sessions.with_retry_after(retry_after))
    }

    /// What becomes of a field that is read as a type whose value it is not.
    #[must_use]
    pub fn with_undecodable(self, undecodable: Undecodable) -> Self {
        self.with(|sessions| sessions.with_undecodable(undecodable))
    }

    /// How often a session is looked at that open connections [watch](session_http::Watch), give or
    /// take 15 %; 100 ms at least, an hour at most. That it was ended is known so much later. (That
    /// it expired is known at once.)
    #[must_use]
    pub fn with_watch_interval(self, interval: Duration) -> Self {
        self.with(|sessions| sessions.with_watch_interval(interval))
    }

    /// What clients are told when the session failed. [`SessionError::status`] is the status that
    /// the response should have; `Retry-After` is added to a 503 that has none.
    ///
    /// ```
    /// use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
    /// # use session_memory::MemoryBackend;
    /// use session_actix::{SessionError, SessionMiddleware};
    /// # use std::sync::Arc;
    ///
    /// fn sorry(_: &HttpRequest, error: &SessionError) -> HttpResponse {
    ///     HttpResponse::build(error.status_code()).body("We will be back soon.")
    /// }
    ///
    /// let sessions = SessionMiddleware::new(Arc::new(MemoryBackend::new()));
    /// let sessions = sessions.with_failure_response(sorry);
    /// ```
    #[must_use]
    pub fn with_failure_response(
        mut self,
        response: impl Fn(&HttpRequest, &SessionError) -> HttpResponse + Send + Sync + 'static,
    ) -> Self {
        self.failing = Failing(Some(Arc::new(response)));
        self
    }
}

impl<S, B> Transform<S, ServiceRequest> for SessionMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = SessionService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        let middleware = self.clone();
        ready(Ok(SessionService { inner, middleware }))
    }
}

/// A service around which a [`SessionMiddleware`] stands, in one worker.
#[derive(Debug)]
pub struct SessionService<S> {
    inner: S,
    middleware: SessionMiddleware,
}

/// The future of a [`SessionService`].
///
/// Dropping it before it is ready drops the changes that wait; a commit that was under way was
/// applied as a whole or not at all.
pub type ResponseFuture<F, B> =
    Responding<MapOk<F, Answered<B>>, ServiceResponse<EitherBody<B>>, Failing>;

type Answered<B> = fn(ServiceResponse<B>) -> ServiceResponse<EitherBody<B>>;

impl<S, B> Service<ServiceRequest> for SessionService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = ResponseFuture<S::Future, B>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let SessionMiddleware { sessions, failing } = &self.middleware;
        let outer = Session::of_request(&request);
        let opened = sessions.open(request.headers_mut(), outer);
        request.extensions_mut().insert(opened.session().clone());
        let answered = self.inner.call(request).map_ok(answered as Answered<B>);
        Responding::new(answered, opened, failing.clone())
    }
}

/// What the handler has answered, unless an extractor found that the store failed, and the handler
/// took that for nothing being there.
fn answered<B>(response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B>> {
    let failed = response.request().extensions_mut().remove::<SessionError>();
    let Some(error) = failed else {
        return response.map_into_left_body();
    };
    let mut failed = HttpResponse::new(StatusCode::SERVICE_UNAVAILABLE);
    error.describe_in(&mut failed);
    response.into_response(failed.map_into_right_body())
}

impl<B> FailureReplacement<ServiceResponse<EitherBody<B>>> for Failing {
    fn replace(
        &self,
        replaced: ServiceResponse<EitherBody<B>>,
        error: &SessionError,
    ) -> ServiceResponse<EitherBody<B>> {
        use actix_web::ResponseError as _;
        let response = match &self.0 {
            Some(response) => response(replaced.request(), error),
            None => HttpResponse::new(error.status_code()),
        };
        replaced.into_response(response.map_into_right_body())
    }
}

impl fmt::Debug for SessionMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionMiddleware")
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failing")
    }
}
