//! What can go wrong with a request's session.

use std::sync::Arc;

use http::header::RETRY_AFTER;
use http::{Response, StatusCode};
use session_core::{
    Effect, Error, ErrorKind, InvalidLifetime, InvalidPageCursor, InvalidPageSize,
    InvalidPrincipal, InvalidPublicId, InvalidSessionId, InvalidTtl, Operation, ReservedFieldName,
};

use crate::head::{HeaderLine, Headers as _, ResponseHead};
use crate::request::GaveUp;
use crate::sessions;

/// Why an operation on the request's [`Session`](crate::Session) failed.
///
/// That there is no session is a value, never an error; that a change cannot take effect is one. No
/// text of an error holds an id or a value.
///
/// With the feature `axum` or `actix` it is a response, so a handler can return it: an empty one of
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
    /// Something else failed without which the session is worth nothing, such as the database of
    /// users. The client is told what it is told when the store fails.
    #[error("what the request needs beside its session is not available")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The session was to be changed after the response headers were sent: the change would be
    /// lost.
    #[error("the session was changed after its request had been answered")]
    Committed,
    /// The session that was to be changed ended while this request was using it, or another request
    /// rotated its id: nothing was changed. The browser has, or is about to get, a newer cookie, or
    /// none.
    #[error("the session ended or was rotated during the request, and nothing was changed")]
    ChangesDropped,
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
    /// The status of a response that says so.
    ///
    /// | status | when |
    /// |---|---|
    /// | 400 | a text is no public id, principal, cursor, TTL, …, which the client may have sent |
    /// | 409 | the principal has too many sessions; its [changes were dropped](Self::ChangesDropped); another request changed a field first |
    /// | 413 | a limit of the session's size |
    /// | 503 | the store, or what is needed beside it, fails or is full |
    /// | 500 | the application asked for what cannot be: a reserved name, another type |
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Backend(error) => status_of(error.kind()),
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::ChangesDropped => StatusCode::CONFLICT,
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

    /// An empty response of [`status`](Self::status), which the session layer replaces by its
    /// failure response: for a layer between that one and the handler.
    pub fn into_empty_response<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status();
        self.describe_in(&mut response);
        response
    }

    /// Makes a response that has this error's [`status`](Self::status) one that the session layer
    /// replaces by its failure response: for an adapter, and its own kind of error responses.
    pub fn describe_in(self, response: &mut impl ResponseHead) {
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = HeaderLine::seconds(sessions::RETRY_AFTER.as_secs());
            response.headers_mut().insert(&RETRY_AFTER, seconds);
        }
        response.set_extension(GaveUp {
            error: self,
            is_rendered: false,
        });
    }

    /// The one error that no layer is there to log.
    #[cfg(any(feature = "axum", feature = "actix"))]
    pub(crate) fn no_layer() -> Self {
        tracing::error!("a handler asks for a session, and there is no session layer around it");
        Self::NoLayer
    }

    /// A counter that this request itself holds is refused as the backend would refuse it.
    pub(crate) fn uncountable(kind: ErrorKind) -> Self {
        Error::new(kind, Effect::NotApplied)
            .during(Operation::IncrementField)
            .into()
    }
}

/// A kind that is not known here is the store's.
fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidTtl
        | ErrorKind::InvalidLifetime
        | ErrorKind::InvalidSessionId
        | ErrorKind::InvalidPublicId
        | ErrorKind::InvalidPrincipal
        | ErrorKind::InvalidCursor
        | ErrorKind::InvalidPageSize => StatusCode::BAD_REQUEST,
        ErrorKind::TooManySessions | ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::LimitExceeded(_) => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::ReservedField
        | ErrorKind::NotAnInteger
        | ErrorKind::Overflow
        | ErrorKind::Unsupported => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
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
    fn the_status_says_whose_fault_it_is() {
        use ErrorKind::*;
        for (status, kinds) in [
            (
                503,
                &[Unavailable, Timeout, StoreFull, Denied, CorruptReply][..],
            ),
            (503, &[Rejected, Config, Randomness]),
            (500, &[NotAnInteger, Overflow, ReservedField, Unsupported]),
            (413, &[LimitExceeded(Limit::Fields)]),
            (409, &[TooManySessions, Conflict]),
            (400, &[InvalidPublicId, InvalidPrincipal, InvalidTtl]),
        ] {
            for kind in kinds {
                let error = SessionError::from(Error::new(*kind, Effect::NotApplied));
                assert_eq!(error.status().as_u16(), status, "{kind:?}");
            }
        }
        assert_eq!(SessionError::NoLayer.status().as_u16(), 500);
        assert_eq!(SessionError::ChangesDropped.status().as_u16(), 409);
    }
}
