//! A client for tests of whole applications.

use std::collections::BTreeMap;
use std::future::poll_fn;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Request, Response};
use tower_service::Service;

/// A browser for tests of a whole application: it sends requests to a service (an axum `Router`,
/// say) without a network, and keeps cookies between them.
///
/// A clone is another tab, or, made before the first request, another device. What it leaves out:
/// it sends all cookies to all paths, runs no script, and follows no redirect.
///
/// # Example
/// ```
/// # #[cfg(feature = "axum")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{Router, body::Body, http::Request, routing::post};
/// use session_memory::MemoryBackend;
/// use session_tower::{Session, SessionError, SessionLayer, TestBrowser};
/// use std::sync::Arc;
///
/// async fn log_out(session: Session) -> Result<(), SessionError> {
///     session.log_out()
/// }
///
/// let backend = MemoryBackend::new();
/// let app: Router = Router::new()
///     .route("/visit", post(async |session: Session| session.insert("visited", true)))
///     .route("/logout", post(log_out))
///     .layer(SessionLayer::new(Arc::new(backend.clone())));
///
/// let mut browser = TestBrowser::new(app);
/// browser.send(Request::post("/visit").body(Body::empty())?).await?;
/// assert!(browser.cookie("__Host-id").is_some());
/// browser.send(Request::post("/logout").body(Body::empty())?).await?;
/// assert!(browser.cookie("__Host-id").is_none() && backend.is_empty());
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "axum"))]
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct TestBrowser<S> {
    app: S,
    cookies: BTreeMap<String, String>,
}

impl<S> TestBrowser<S> {
    /// A browser without cookies, in front of this application.
    pub fn new(app: S) -> Self {
        let cookies = BTreeMap::new();
        Self { app, cookies }
    }

    /// The value of a cookie that the browser keeps.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Sends a request with the cookies that are kept, and keeps those that the response sets.
    ///
    /// # Errors
    /// The application's. That of an axum `Router` cannot happen.
    ///
    /// # Cancellation
    /// The request is dropped, as when a person leaves the page.
    pub async fn send<B, R>(&mut self, mut request: Request<B>) -> Result<Response<R>, S::Error>
    where
        S: Service<Request<B>, Response = Response<R>>,
    {
        let pairs = self.cookies.iter();
        let pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        // What a header has brought fits into one.
        if let Ok(line) = HeaderValue::try_from(pairs.join("; "))
            && !line.is_empty()
        {
            request.headers_mut().insert(COOKIE, line);
        }
        poll_fn(|context| self.app.poll_ready(context)).await?;
        let response = self.app.call(request).await?;
        self.keep(response.headers());
        Ok(response)
    }

    fn keep(&mut self, headers: &HeaderMap) {
        let lines = headers.get_all(SET_COOKIE).iter();
        for line in lines.filter_map(|line| line.to_str().ok()) {
            let mut parts = line.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            if parts.any(|attribute| attribute.eq_ignore_ascii_case("max-age=0")) {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// Shows no value of a cookie.
impl<S> std::fmt::Debug for TestBrowser<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestBrowser")
            .field("cookies", &self.cookies.keys())
            .finish_non_exhaustive()
    }
}
