//! What can go wrong with a request's session.

use std::sync::Arc;

use http::StatusCode;
use session_core::{
    Effect, Error, ErrorKind, InvalidLifetime, InvalidPageCursor, InvalidPageSize,
    InvalidPrincipal, InvalidPublicId, InvalidSessionId, InvalidTtl, Operation, ReservedFieldName,
};

/// Why an operation on the request's [`Session`](crate::Session) failed.
///
/// That there is no session is a value, never an error; that a change cannot take effect is one. No
/// text of an error holds an id or a value.
///
/// With the feature `axum` it is a response, so a handler can return it: an empty one of
/// [`SessionError::status`]. The session layer then replaces it by what its failure
/// response makes of it.
///
/// ```
/// use http::StatusCode;
/// use session_core::{Effect, Error, ErrorKind};
/// use session_http::SessionError;
///
/// let down = SessionError::from(Error::new(ErrorKind::Timeout, Effect::Unknown));
/// assert_eq!(down.status(), StatusCode::SERVICE_UNAVAILABLE);
/// assert_eq!(SessionError::Committed.status(), StatusCode::INTERNAL_SERVER_ERROR);
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The backend failed, or refused the request as a whole.
    #[error(transparent)]
    Backend(Arc<Error>),
    /// The session was to be changed after the head of the response was sent: the change would be
    /// lost.
    #[error("the session was changed after its request had been answered")]
    Committed,
    /// The session that was to be changed ended while this request was using it, or another request
    /// rotated its id: nothing was changed. The browser has, or is about to get, a newer cookie, or
    /// none.
    #[error("the session ended or was rotated during the request, and nothing was changed")]
    Gone,
    /// The request did not pass through a session layer.
    #[error("there is no session layer around this handler")]
    NoLayer,
    /// A field, or a part of it, holds something else than a value of this type.
    #[error("{what} does not fit {type_name}: {why}")]
    Decode {
        /// The field, with the way to the part (``the field `cart[2].price` ``), or `the session`.
        /// The keys of maps are values, and not shown: `prices[key]`.
        what: String,
        /// The name of the type that was asked for.
        type_name: &'static str,
        /// What was expected there, in the type's words; never a value. Of what a type says of the
        /// value that it refuses, nothing is kept.
        why: String,
    },
    /// A value would not come back as it is.
    #[error("{what} cannot be written: {why}")]
    Encode {
        /// The field, with the way to the part, or the type's name.
        what: String,
        /// What is in the way; never a value.
        why: String,
    },
}

impl SessionError {
    /// The status of a response that says so: 503 when the store fails, 413 for a limit of the
    /// session's size, 409 for one of the principal's sessions, for a change to a session that is
    /// gone, and for a field that another request changed first, 500 when the application asked for
    /// something that cannot be (a type, a reserved name).
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Backend(error) => match error.kind() {
                ErrorKind::TooManySessions | ErrorKind::Conflict => StatusCode::CONFLICT,
                ErrorKind::LimitExceeded(_) => StatusCode::PAYLOAD_TOO_LARGE,
                kind if is_store_failing(kind) => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Gone => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The backend's error, if it is one.
    pub fn backend(&self) -> Option<&Error> {
        match self {
            Self::Backend(error) => Some(error),
            _ => None,
        }
    }

    /// What is known of the failed operation's effect.
    pub fn effect(&self) -> Effect {
        self.backend().map_or(Effect::NotApplied, Error::effect)
    }

    /// A counter that this request itself holds is refused as the backend would refuse it.
    pub(crate) fn uncountable(kind: ErrorKind) -> Self {
        Error::new(kind, Effect::NotApplied)
            .during(Operation::IncrementField)
            .into()
    }
}

/// Whether it is the store that fails, not the request. A kind that is not known here is the
/// store's.
fn is_store_failing(kind: ErrorKind) -> bool {
    !matches!(
        kind,
        ErrorKind::ReservedField
            | ErrorKind::InvalidTtl
            | ErrorKind::InvalidLifetime
            | ErrorKind::InvalidSessionId
            | ErrorKind::InvalidPublicId
            | ErrorKind::InvalidPrincipal
            | ErrorKind::InvalidCursor
            | ErrorKind::InvalidPageSize
            | ErrorKind::Conflict
            | ErrorKind::LimitExceeded(_)
            | ErrorKind::NotAnInteger
            | ErrorKind::Overflow
            | ErrorKind::TooManySessions
            | ErrorKind::Unsupported
    )
}

impl From<Error> for SessionError {
    fn from(error: Error) -> Self {
        Self::Backend(Arc::new(error))
    }
}

/// What the vocabulary's constructors refuse, so that a handler can use `?`.
macro_rules! from_refusals {
    ($($refusal:ty)*) => {$(
        impl From<$refusal> for SessionError {
            fn from(refused: $refusal) -> Self {
                Error::from(refused).into()
            }
        }
    )*};
}

from_refusals! {
    ReservedFieldName InvalidTtl InvalidLifetime InvalidSessionId InvalidPublicId InvalidPrincipal
    InvalidPageCursor InvalidPageSize
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_core::Limit;

    #[test]
    fn the_store_failing_is_503_a_limit_409_or_413_and_the_application_failing_500() {
        let status = |kind| {
            SessionError::from(Error::new(kind, Effect::NotApplied))
                .status()
                .as_u16()
        };
        for kind in [
            ErrorKind::Unavailable,
            ErrorKind::Timeout,
            ErrorKind::StoreFull,
            ErrorKind::Denied,
            ErrorKind::CorruptReply,
            ErrorKind::Rejected,
            ErrorKind::Config,
            ErrorKind::Randomness,
        ] {
            assert_eq!(status(kind), 503, "{kind:?}");
        }
        for kind in [
            ErrorKind::InvalidPublicId,
            ErrorKind::NotAnInteger,
            ErrorKind::Overflow,
            ErrorKind::ReservedField,
        ] {
            assert_eq!(status(kind), 500, "{kind:?}");
        }
        assert_eq!(status(ErrorKind::TooManySessions), 409);
        assert_eq!(status(ErrorKind::Conflict), 409);
        assert_eq!(SessionError::Gone.status().as_u16(), 409);
        assert_eq!(status(ErrorKind::LimitExceeded(Limit::Fields)), 413);
        assert_eq!(SessionError::NoLayer.status().as_u16(), 500);
    }
}
