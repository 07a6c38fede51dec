//! What clients are told when the session failed.

use http::request::Parts;
use http::{Request, Response};
use session_http::SessionError;

/// Makes the response to a request whose session failed.
///
/// Implemented by closures and functions from the request's [`Parts`] and a `&SessionError` to a
/// response, and by [`EmptyResponse`]. The layer adds `Retry-After` to a 503 that has none.
///
/// The body is the inner service's; so any body type will do, and the layer wraps none.
pub trait FailureResponse<B> {
    /// What is kept of each request, in case that its session fails.
    type Kept;

    /// Looks at a request before it is handled.
    fn keep(&self, parts: &Parts) -> Self::Kept;

    /// The response. [`SessionError::status`] is the status it should have.
    fn response(&self, kept: &Self::Kept, error: &SessionError) -> Response<B>;
}

/// Keeps method, URI, version and headers; the extensions are empty.
impl<F, B> FailureResponse<B> for F
where
    F: Fn(&Parts, &SessionError) -> Response<B>,
{
    type Kept = Parts;

    fn keep(&self, parts: &Parts) -> Parts {
        let (mut kept, ()) = Request::new(()).into_parts();
        kept.method = parts.method.clone();
        kept.uri = parts.uri.clone();
        kept.version = parts.version;
        kept.headers = parts.headers.clone();
        kept
    }

    fn response(&self, kept: &Parts, error: &SessionError) -> Response<B> {
        self(kept, error)
    }
}

/// The default failure response: [`SessionError::status`] and an empty body.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmptyResponse;

impl<B: Default> FailureResponse<B> for EmptyResponse {
    type Kept = ();

    fn keep(&self, _: &Parts) {}

    fn response(&self, (): &(), error: &SessionError) -> Response<B> {
        let mut response = Response::default();
        *response.status_mut() = error.status();
        response
    }
}
