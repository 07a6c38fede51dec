//! The layer: what an application builds once.

use std::sync::Arc;
use std::time::Duration;

use session_core::SessionBackend;
use session_http::{SessionCookie, SessionHeader, SessionHttp, Undecodable};
use tower_layer::Layer;

use crate::failure::EmptyResponse;
use crate::service::SessionService;

/// Gives each request its [`Session`](crate::Session), and applies what the handler did to it.
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
/// [`SessionPolicy`](session_core::SessionPolicy).
///
/// # What it does to responses
/// Nothing at all when the handler does not touch the session. Otherwise it adds `Vary: Cookie`;
/// when the cookie changes, `Set-Cookie` and `Cache-Control: no-store`; and where there is a
/// session and the handler says nothing of caching, `Cache-Control: private`. With a header in
/// place of the cookie, `Vary` names it, and in place of `Set-Cookie` there is the [response's
/// header](SessionHeader). The changes are committed before the response headers go out and before
/// its body is polled, whatever the status. When the inner service fails, panics, or is dropped,
/// nothing is committed. Operations on the session that spawned tasks have begun are waited for.
///
/// # When the store fails
/// The response is replaced: 503 with `Retry-After`, no `Set-Cookie`; the client's cookie is as
/// good as before when the store is back. (Unless nobody knows whether the session was ended or
/// rotated; a rotation whose reply was lost is looked for.) A size limit that only the commit finds
/// is a 413, a limit of sessions a 409, a type error a 500. All are logged, a failing store once
/// and not once per request. A handler that fails with a [`SessionError`](crate::SessionError) gets
/// the same response, and when it is the store that failed, nothing of its request is committed.
///
/// # Other layers
/// * A timeout belongs *around* this layer: then a request that times out changes nothing. Inside,
///   its response is a response like any other, and what the handler had got round to is committed.
/// * A layer that catches panics may stand on either side: what the panicking handler wanted to
///   change is dropped. (Inside this one, if the handler had a handle of the session and the
///   response is a 5xx.)
/// * Compression, CORS and the like do not matter.
///
/// # Several layers
/// An application can have several sessions per request, one per layer, with different cookies or
/// headers. Two layers of one cookie (or one header of requests) and one backend (the same `Arc`)
/// are one session, which the outer one commits. `Session` as an extractor is that of the innermost
/// layer; the others are found by name:
///
/// ```
/// use session_tower::Session;
///
/// # fn example<B>(request: &http::Request<B>) -> Option<()> {
/// let visitor = Session::named(request.extensions(), "__Host-visitor")?;
/// let admin = Session::named(request.extensions(), "__Host-admin")?;
/// # Some(())
/// # }
/// ```
///
/// # Example
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::get};
/// use session_memory::MemoryBackend;
/// use session_tower::{Session, SessionError, SessionLayer};
/// use std::sync::Arc;
///
/// async fn hello(session: Session) -> Result<String, SessionError> {
///     Ok(format!("visit {:?}", session.increment("visits", 1).await?))
/// }
///
/// let backend = Arc::new(MemoryBackend::new());
/// let app: Router = Router::new()
///     .route("/", get(hello))
///     .layer(SessionLayer::new(backend));
/// # }
/// ```
#[derive(Debug)]
pub struct SessionLayer<H = EmptyResponse> {
    sessions: SessionHttp,
    failure_response: Arc<H>,
}

impl SessionLayer {
    /// A layer over this backend, with the default cookie.
    pub fn new(backend: Arc<dyn SessionBackend>) -> Self {
        Self {
            sessions: SessionHttp::new(backend),
            failure_response: Arc::new(EmptyResponse),
        }
    }
}

impl<H> SessionLayer<H> {
    /// The cookie that the session's id travels in; no header, then. A cookie of earlier versions
    /// of the application is a [former](SessionCookie::with_former) one of this.
    #[must_use]
    pub fn with_cookie(mut self, cookie: SessionCookie) -> Self {
        self.sessions = self.sessions.with_cookie(cookie);
        self
    }

    /// The headers that the session's id travels in; no cookie, then. For clients that are
    /// programs.
    ///
    /// ```
    /// # use session_memory::MemoryBackend;
    /// use session_tower::{SessionHeader, SessionLayer};
    /// # use std::sync::Arc;
    ///
    /// let layer = SessionLayer::new(Arc::new(MemoryBackend::new()))
    ///     .with_header(SessionHeader::bearer());
    /// ```
    #[must_use]
    pub fn with_header(mut self, header: SessionHeader) -> Self {
        self.sessions = self.sessions.with_header(header);
        self
    }

    /// The `Retry-After` of a 503 that has none, rounded up to whole seconds.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.sessions = self.sessions.with_retry_after(retry_after);
        self
    }

    /// What becomes of a field that is read as a type whose value it is not.
    #[must_use]
    pub fn with_undecodable(mut self, undecodable: Undecodable) -> Self {
        self.sessions = self.sessions.with_undecodable(undecodable);
        self
    }

    /// How often a session is looked at that open connections [watch](crate::Watch), give or take
    /// 15 %; 100 ms at least, an hour at most. That it was ended is known so much later. (That it
    /// expired is known at once.)
    ///
    /// ```
    /// # use session_memory::MemoryBackend;
    /// use session_tower::SessionLayer;
    /// # use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// let layer = SessionLayer::new(Arc::new(MemoryBackend::new()))
    ///     .with_watch_interval(Duration::from_secs(1));
    /// ```
    #[must_use]
    pub fn with_watch_interval(mut self, interval: Duration) -> Self {
        self.sessions = self.sessions.with_watch_interval(interval);
        self
    }

    /// What clients are told when the session failed: a closure from the request's parts and the
    /// [`SessionError`](crate::SessionError) to a response, or any
    /// [`FailureResponse`](crate::FailureResponse).
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::http::request::Parts;
    /// use axum::response::{Html, IntoResponse, Response};
    /// # use session_memory::MemoryBackend;
    /// use session_tower::{SessionError, SessionLayer};
    /// # use std::sync::Arc;
    ///
    /// fn sorry(request: &Parts, error: &SessionError) -> Response {
    ///     if request.headers.get("accept").is_some_and(|accept| accept == "application/json") {
    ///         return error.status().into_response();
    ///     }
    ///     (error.status(), Html("<h1>We will be back soon.</h1>")).into_response()
    /// }
    ///
    /// let layer = SessionLayer::new(Arc::new(MemoryBackend::new())).with_failure_response(sorry);
    /// # let app: axum::Router = axum::Router::new().layer(layer);
    /// # }
    /// ```
    #[must_use]
    pub fn with_failure_response<N>(self, failure_response: N) -> SessionLayer<N> {
        SessionLayer {
            sessions: self.sessions,
            failure_response: Arc::new(failure_response),
        }
    }
}

impl<H> Clone for SessionLayer<H> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            failure_response: Arc::clone(&self.failure_response),
        }
    }
}

impl<S, H> Layer<S> for SessionLayer<H> {
    type Service = SessionService<S, H>;

    fn layer(&self, inner: S) -> Self::Service {
        let failure_response = Arc::clone(&self.failure_response);
        SessionService::new(inner, self.sessions.clone(), failure_response)
    }
}
