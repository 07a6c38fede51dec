//! A request's life: from its headers to those of its response.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::StatusCode;
use http::header::RETRY_AFTER;

use crate::change::{ChangesDropped, CookieChange};
use crate::error::SessionError;
use crate::head::{HeaderLine, Headers as _, ResponseHead};
use crate::headers::set_headers;
use crate::operations::Waiting;
use crate::session::Session;
use crate::sessions::Settings;

/// The adapter's end of a request's session; the handler's is the [`Session`]. Made by
/// [`SessionHttp::open`](crate::SessionHttp::open).
///
/// Dropping it before the response is closed drops the changes that wait.
#[derive(Debug)]
pub struct RequestSession {
    session: Session,
    /// Whether an adapter further outside has opened it, and commits it.
    is_outer: bool,
}

/// What is left to do when the handler has answered.
#[derive(Debug)]
#[must_use = "the response does not know of the session yet"]
pub enum Closing {
    /// The session was not touched: the response stays as it is.
    Untouched,
    /// Nothing waits for a commit: the response can be finished.
    Closed(Closed),
    /// Changes wait, or operations are under way: to be awaited before the response is finished.
    Committing(Commit),
}

/// The commit of a request, which asks the backend.
///
/// Dropping it before it is ready drops the changes that wait; a commit that was under way was
/// applied as a whole or not at all. Each of its steps ends within the backend's deadline.
#[must_use = "a commit does nothing until it is awaited"]
pub struct Commit {
    session: Session,
    outcome: Waiting<Result<CookieChange, SessionError>>,
}

/// What became of the request's session: for the response.
#[derive(Debug)]
#[must_use = "the response does not know of the session yet"]
pub struct Closed {
    session: Session,
    outcome: Result<CookieChange, SessionError>,
}

/// Marks a response into which a handler's `SessionError` was turned.
#[derive(Debug, Clone)]
pub(crate) struct GaveUp {
    pub(crate) error: SessionError,
    /// Whether an adapter has made the response already: that of the innermost stays.
    pub(crate) is_rendered: bool,
}

impl RequestSession {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            is_outer: false,
        }
    }

    pub(crate) fn of_outer(session: Session) -> Self {
        Self {
            session,
            is_outer: true,
        }
    }

    /// The handler's handle, to be put into the request's extensions.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Closes the session's handles: what is changed from now on would be lost, and is refused.
    /// Asks nothing. To be called as soon as the handler has answered; not at all when it failed
    /// without a response.
    pub fn close(&self, response: &impl ResponseHead) -> Closing {
        let session = &self.session;
        if self.is_outer {
            return Closing::Untouched;
        }
        let gave_up = response.extension::<GaveUp>();
        let is_store_failing = gave_up.as_ref().is_some_and(|it| is_ours(session, it));
        let is_idle = session.operations().is_idle();
        let finished = |change| {
            Closing::Closed(Closed {
                session: session.clone(),
                outcome: Ok(change),
            })
        };
        let settings = session.settings();
        session.with(|state| {
            state.is_closed = true;
            if !state.is_used && gave_up.is_none_or(|gave_up| gave_up.is_rendered) {
                return Closing::Untouched;
            }
            if state.is_panicked && response.status().is_server_error() {
                if !state.changes.waiting.is_empty() {
                    tracing::warn!("the handler panicked: its changes to the session are dropped");
                }
                return finished(state.cookie_change_after_failure(settings));
            }
            // The client is told that the store failed; a commit now would say something else.
            if is_store_failing {
                return finished(state.cookie_change_after_failure(settings));
            }
            if is_idle
                && state.changes.is_empty()
                && state.unreported.is_none()
                && !state.must_move()
            {
                return finished(state.cookie_change(settings));
            }
            Closing::Committing(Commit::new(session.clone()))
        })
    }
}

/// Whether it was this session's store that failed the handler. A failure that no session of the
/// request knows of came from asking a backend directly, and counts for each.
fn is_ours(session: &Session, gave_up: &GaveUp) -> bool {
    if gave_up.error.status() != StatusCode::SERVICE_UNAVAILABLE {
        return false;
    }
    let has_failed = |session: &Session| session.with(|state| state.has_store_failed);
    if has_failed(session) {
        return true;
    }
    if gave_up.is_rendered || session.outer_sessions().any(has_failed) {
        return false;
    }
    for outer in session.outer_sessions() {
        outer.with(|state| state.has_store_failed = true);
    }
    true
}

impl Commit {
    fn new(session: Session) -> Self {
        let conversation = Arc::clone(session.conversation());
        let commit = async move { conversation.commit().await };
        let outcome = session.operations().ask(commit);
        Self { session, outcome }
    }
}

impl Future for Commit {
    type Output = Closed;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Closed> {
        let operations = self.session.operations();
        let outcome = ready!(operations.poll(&self.outcome, cx));
        Poll::Ready(Closed {
            session: self.session.clone(),
            outcome,
        })
    }
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commit").finish_non_exhaustive()
    }
}

impl Closed {
    /// Writes what became of the session into the response headers, or replaces the response,
    /// and logs why.
    ///
    /// `failure_response` makes the response to a request whose session failed, with any body, in
    /// the place of the handler's. It is called where the commit failed, and where the handler
    /// answered with a [`SessionError`] that no session further inside has made a response of.
    /// `Retry-After` is added to a 503 that has none.
    pub fn finish<R: ResponseHead>(
        self,
        mut response: R,
        failure_response: impl FnOnce(R, &SessionError) -> R,
    ) -> R {
        let Self { session, outcome } = self;
        let settings = session.settings();
        let change = match outcome {
            Ok(change) => {
                let gave_up = response.extension::<GaveUp>();
                if let Some(gave_up) = gave_up.filter(|gave_up| !gave_up.is_rendered) {
                    response = failed(settings, response, &gave_up.error, failure_response);
                }
                change
            }
            Err(error) => {
                response = failed(settings, response, &error, failure_response);
                session.with(|state| state.cookie_change_after_failure(settings))
            }
        };
        if response.status() == StatusCode::SERVICE_UNAVAILABLE
            && response.extension::<GaveUp>().is_some()
            && response.headers_mut().lines(&RETRY_AFTER).next().is_none()
        {
            let seconds = HeaderLine::seconds(settings.retry_after_seconds());
            response.headers_mut().insert(&RETRY_AFTER, seconds);
        }
        session.with(|state| {
            set_headers(response.headers_mut(), settings, &change, state);
            if state.has_dropped {
                response.set_extension(ChangesDropped);
            }
        });
        response
    }
}

fn failed<R: ResponseHead>(
    settings: &Settings,
    response: R,
    error: &SessionError,
    failure_response: impl FnOnce(R, &SessionError) -> R,
) -> R {
    settings.incident.report(error);
    let mut response = failure_response(response, error);
    let rendered = GaveUp {
        error: error.clone(),
        is_rendered: true,
    };
    response.set_extension(rendered);
    response
}
