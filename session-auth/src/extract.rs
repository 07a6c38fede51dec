//! Extractors and error responses for axum, on axum-core.

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

use crate::auth::Auth;
use crate::current_user::{AuthError, CurrentUser, layer_of};
use crate::require::Refusal;

/// That of the innermost layer for users of this type. Without one the request fails with 500.
impl<S, U> FromRequestParts<S> for Auth<U>
where
    S: Send + Sync,
    U: Clone + Send + Sync + 'static,
{
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, AuthError> {
        layer_of(&parts.extensions)
    }
}

/// 401 when nobody is logged in.
impl<S, U> FromRequestParts<S> for CurrentUser<U>
where
    S: Send + Sync,
    U: Clone + Send + Sync + 'static,
{
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, AuthError> {
        let user = Self::of(&parts.extensions).await?;
        user.ok_or(AuthError::NotLoggedIn)
    }
}

/// `None` when nobody is logged in.
impl<S, U> OptionalFromRequestParts<S> for CurrentUser<U>
where
    S: Send + Sync,
    U: Clone + Send + Sync + 'static,
{
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, AuthError> {
        Self::of(&parts.extensions).await
    }
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        self.into_empty_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.into_empty_response()
    }
}
