//! The future of a response: first the handler's, then the commit.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::error::SessionError;
use crate::head::ResponseHead;
use crate::request::{Closing, Commit, RequestSession};

/// Makes the response to a request whose session failed.
pub trait FailureReplacement<R> {
    /// The response in the place of this one. [`SessionError::status`] is the status it should
    /// have; `Retry-After` is added to a 503 that has none.
    fn replace(&self, response: R, error: &SessionError) -> R;
}

pin_project! {
    /// The future of a response, for an adapter: the handler's, then the commit of the session, and
    /// then what the response says of it. Nothing is committed where the handler fails without a
    /// response.
    ///
    /// Dropping it before it is ready drops the changes that wait; a commit that was under way was
    /// applied as a whole or not at all.
    pub struct Responding<F, R, H> {
        #[pin]
        stage: Stage<F, R>,
        session: RequestSession,
        failure: H,
    }
}

pin_project! {
    #[project = StageProjection]
    #[project_replace = StageReplaced]
    enum Stage<F, R> {
        Handling {
            #[pin]
            handler: F,
        },
        Committing {
            response: R,
            commit: Commit,
        },
        Done,
    }
}

impl<F, R, H> Responding<F, R, H> {
    /// That of a handler that was called with the session's handle.
    pub fn new(handler: F, session: RequestSession, failure: H) -> Self {
        Self {
            stage: Stage::Handling { handler },
            session,
            failure,
        }
    }
}

impl<F, R, E, H> Future for Responding<F, R, H>
where
    F: Future<Output = Result<R, E>>,
    R: ResponseHead,
    H: FailureReplacement<R>,
{
    type Output = Result<R, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let failure = &*this.failure;
        let failed = |response, error: &SessionError| failure.replace(response, error);
        loop {
            let closed = match this.stage.as_mut().project() {
                StageProjection::Handling { handler } => {
                    let response = ready!(handler.poll(cx))?;
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

impl<F, R, H> fmt::Debug for Responding<F, R, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responding")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
