//! What the handlers answer when they cannot do what was asked.

use std::borrow::Cow;

use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use session_store::web::{FailureResponse, Presence};
use session_store::{Error, ErrorKind, SessionError};
use tower_http::csrf::ProtectionError;

/// Why a handler could not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The browser has no session.
    NoSession,
    /// The browser's session has ended.
    Expired,
    /// What was sent is not what is expected.
    Refused(StatusCode, Cow<'static, str>),
    /// The session could not be read or changed.
    Session(SessionError),
}

impl Failure {
    /// A bad request, and what would be a good one.
    pub(crate) fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused(StatusCode::BAD_REQUEST, text.into())
    }

    /// That there is no session, and whether there was one.
    pub(crate) fn absence(presence: Presence) -> Self {
        match presence {
            Presence::Absent => Self::NoSession,
            _ => Self::Expired,
        }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        if matches!(error, SessionError::ChangesDropped) {
            return Self::Expired;
        }
        // Another program may have written something else into the counter's field.
        let why = match error.backend().map(Error::kind) {
            Some(ErrorKind::NotAnInteger) => "page_views does not hold a whole number.",
            Some(ErrorKind::Overflow) => "page_views cannot grow any further.",
            _ => return Self::Session(error),
        };
        Self::Refused(StatusCode::CONFLICT, why.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        SessionError::from(error).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::NoSession => error(StatusCode::UNAUTHORIZED, "No active session"),
            Self::Expired => error(StatusCode::UNAUTHORIZED, "Session expired"),
            Self::Refused(status, why) => error(status, &why),
            // The layer replaces it by `session_failed`, after it has seen what to do about the
            // cookie.
            Self::Session(error) => error.into_response(),
        }
    }
}

/// The layer's hook, which needs nothing of the request.
pub(crate) struct SessionFailed;

impl FailureResponse<Body> for SessionFailed {
    type Kept = ();

    fn keep(&self, _: &Parts) {}

    fn response(&self, (): &(), failed: &SessionError) -> Response {
        session_failed(failed)
    }
}

/// What a client is told when the session could not be read or changed.
pub(crate) fn session_failed(failed: &SessionError) -> Response {
    let status = failed.status();
    let why = match failed.backend().map(Error::kind) {
        Some(ErrorKind::StoreFull) => "The session store is full.",
        _ if status == StatusCode::SERVICE_UNAVAILABLE => "The session store cannot be reached.",
        _ => "The session could not be changed.",
    };
    error(status, why)
}

/// An answer that says what is wrong.
pub(crate) fn error(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}

/// What another site made a browser send (cross-site request forgery).
pub(crate) fn forged(_: ProtectionError) -> Response {
    error(StatusCode::FORBIDDEN, "Cross-site request refused.")
}

/// Where nothing is.
pub(crate) async fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "Not found")
}

/// Where something is, but not by this method.
pub(crate) async fn method_not_allowed() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
}
