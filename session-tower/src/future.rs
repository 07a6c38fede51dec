//! The future of a response: first the handler's, then the commit.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;
use session_http::{Closing, Commit, RequestSession, SessionError};

use crate::failure::FailureResponse;

pin_project! {
    /// The future of a [`SessionService`](crate::SessionService).
    ///
    /// Dropping it before it is ready drops the changes that wait; a commit that was under way was
    /// applied as a whole or not at all.
    pub struct ResponseFuture<F, B, H>
    where
        H: FailureResponse<B>,
    {
        #[pin]
        stage: Stage<F, B>,
        session: RequestSession,
        failure_response: Arc<H>,
        kept: H::Kept,
    }
}

pin_project! {
    #[project = StageProjection]
    #[project_replace = StageReplaced]
    enum Stage<F, B> {
        Handling {
            #[pin]
            inner: F,
        },
        Committing {
            response: Response<B>,
            commit: Commit,
        },
        Done,
    }
}

impl<F, B, H: FailureResponse<B>> ResponseFuture<F, B, H> {
    pub(crate) fn new(
        inner: F,
        session: RequestSession,
        failure_response: Arc<H>,
        kept: H::Kept,
    ) -> Self {
        Self {
            stage: Stage::Handling { inner },
            session,
            failure_response,
            kept,
        }
    }
}

impl<F, B, E, H> Future for ResponseFuture<F, B, H>
where
    F: Future<Output = Result<Response<B>, E>>,
    H: FailureResponse<B>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let hook = &**this.failure_response;
        let kept = &*this.kept;
        let failed = |error: &SessionError| hook.response(kept, error);
        loop {
            let closed = match this.stage.as_mut().project() {
                StageProjection::Handling { inner } => {
                    let response = ready!(inner.poll(cx))?;
                    match this.session.close(&response) {
                        Closing::Untouched => return Poll::Ready(Ok(response)),
                        Closing::Closed(closed) => {
                            return Poll::Ready(Ok(closed.finish(response, failed)));
                        }
                        Closing::Committing(commit) => {
                            this.stage.set(Stage::Committing { response, commit });
                            continue;
                        }
                    }
                }
                StageProjection::Committing { commit, .. } => ready!(Pin::new(commit).poll(cx)),
                // Polled after it was ready, which nobody may.
                StageProjection::Done => return Poll::Pending,
            };
            if let StageReplaced::Committing { response, .. } =
                this.stage.as_mut().project_replace(Stage::Done)
            {
                return Poll::Ready(Ok(closed.finish(response, failed)));
            }
        }
    }
}

impl<F, B, H: FailureResponse<B>> fmt::Debug for ResponseFuture<F, B, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
