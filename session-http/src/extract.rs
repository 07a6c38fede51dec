//! Extractors and error responses for axum, on axum-core.

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

use crate::error::SessionError;
use crate::read_session::ReadSession;
use crate::session::Session;

/// The session of the innermost layer. Without a layer the request fails with 500.
impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, SessionError> {
        Self::of(&parts.extensions).ok_or_else(SessionError::no_layer)
    }
}

/// `None` where there is no layer.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = SessionError;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &S,
    ) -> Result<Option<Self>, SessionError> {
        Ok(Self::of(&parts.extensions))
    }
}

/// The session of the innermost layer. Without a layer the request fails with 500.
impl<S: Send + Sync> FromRequestParts<S> for ReadSession {
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, SessionError> {
        Self::of(&parts.extensions).ok_or_else(SessionError::no_layer)
    }
}

/// `None` where there is no layer.
impl<S: Send + Sync> OptionalFromRequestParts<S> for ReadSession {
    type Rejection = SessionError;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &S,
    ) -> Result<Option<Self>, SessionError> {
        Ok(Self::of(&parts.extensions))
    }
}

/// The struct, loaded: one round trip, unless the session is loaded already.
impl<S, T> FromRequestParts<S> for crate::json::Typed<T>
where
    S: Send + Sync,
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, SessionError> {
        let session = Session::of(&parts.extensions).ok_or_else(SessionError::no_layer)?;
        session.load_struct().await
    }
}

/// An empty response of [`SessionError::status`], which the layer replaces by its failure response.
impl IntoResponse for SessionError {
    fn into_response(self) -> Response {
        self.into_empty_response()
    }
}
