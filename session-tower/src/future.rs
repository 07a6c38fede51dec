//! The future of a response.

use std::sync::Arc;

use http::Response;
use session_http::{FailureReplacement, Responding, SessionError};

use crate::failure::FailureResponse;

/// The future of a [`SessionService`](crate::SessionService).
///
/// Dropping it before it is ready drops the changes that wait; a commit that was under way was
/// applied as a whole or not at all.
pub type ResponseFuture<F, B, H> =
    Responding<F, Response<B>, Failing<H, <H as FailureResponse<B>>::Kept>>;

/// What makes a request's failure response, and what was kept of the request for it.
#[derive(Debug)]
pub struct Failing<H, K> {
    pub(crate) failure_response: Arc<H>,
    pub(crate) kept: K,
}

impl<B, H: FailureResponse<B>> FailureReplacement<Response<B>> for Failing<H, H::Kept> {
    fn replace(&self, _: Response<B>, error: &SessionError) -> Response<B> {
        self.failure_response.response(&self.kept, error)
    }
}
