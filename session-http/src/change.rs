//! What a request does to the session's cookie.

use session_core::{Remaining, SessionId};

/// What the response to a request does to the session's cookie.
///
/// [`Closed::finish`](crate::Closed::finish) turns it into headers. Tests of handlers see it from
/// [`Session::commit_for_test`](crate::Session::commit_for_test).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CookieChange {
    /// The cookie stays as it is.
    Keep,
    /// The session keeps its id, and its expiry moved: a persistent cookie is sent again.
    Extend {
        /// The session's id.
        id: SessionId,
        /// What remains of its life.
        ttl: Remaining,
    },
    /// The session is new or has a new id: the cookie is sent.
    Set {
        /// The session's id.
        id: SessionId,
        /// What remains of its life.
        ttl: Remaining,
    },
    /// The session ended, or the cookie named none: the cookie is cleared.
    Clear,
}
