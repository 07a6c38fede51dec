//! What a request does to the id that its client keeps.

use std::time::Duration;

use session_core::SessionId;

/// What the response to a request does to the session's cookie, or to the id that a program keeps
/// whose sessions travel in a header.
///
/// [`Closed::finish`](crate::Closed::finish) turns it into headers. Tests of handlers see it from
/// [`Session::commit_for_test`](crate::Session::commit_for_test).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CookieChange {
    /// The id stays as it is.
    Keep,
    /// The session is new or has a new id, which is sent.
    Set {
        /// The session's id.
        id: SessionId,
        /// How long the browser keeps it; `None`: until the browser ends.
        max_age: Option<Duration>,
    },
    /// The session was ended, or the id can never name one: the cookie is cleared, the header sent
    /// empty.
    Clear,
}

/// In the extensions of a response: what its handler changed in the session was dropped, because
/// the session had ended, or another request had rotated its id. A handler that must know calls
/// [`Session::save`](crate::Session::save).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangesDropped;
