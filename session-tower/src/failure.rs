//! What clients are told when the session failed.

use http::Response;
use session_http::SessionError;

/// Makes the response to a request whose session failed.
///
/// Implemented by closures and functions from `&SessionError` to a response, and by
/// [`EmptyResponse`]. The layer adds `Retry-After` to a 503 that has none.
///
/// The body is the inner service's; so any body type will do, and the layer wraps none.
pub trait FailureResponse<B> {
    /// The response. [`SessionError::status`] is the status it should have.
    fn response(&self, error: &SessionError) -> Response<B>;
}

impl<F, B> FailureResponse<B> for F
where
    F: Fn(&SessionError) -> Response<B>,
{
    fn response(&self, error: &SessionError) -> Response<B> {
        self(error)
    }
}

/// The default failure response: [`SessionError::status`] and an empty body.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmptyResponse;

impl<B: Default> FailureResponse<B> for EmptyResponse {
    fn response(&self, error: &SessionError) -> Response<B> {
        let mut response = Response::default();
        *response.status_mut() = error.status();
        response
    }
}
