//! The user who is logged in, for handlers.

use std::any::type_name;
use std::fmt;
use std::ops::Deref;

use http::{Extensions, Response, StatusCode};
use session_http::SessionError;

use crate::auth::Auth;

/// The user who is logged in. With the feature `axum` or `actix` it is an extractor: without a user
/// the request is refused with 401, and `Option<CurrentUser<U>>` is for pages that are open to all.
///
/// The user is loaded once per request, however many ask. When it cannot be loaded the request
/// fails with 503, in either form: a person who is logged in never looks like one who is not.
///
/// ```
/// use session_auth::CurrentUser;
///
/// #[derive(Clone)]
/// struct User {
///     name: String,
/// }
///
/// async fn account(CurrentUser(user): CurrentUser<User>) -> String {
///     format!("your account, {}", user.name)
/// }
///
/// async fn home(user: Option<CurrentUser<User>>) -> String {
///     user.map_or("please log in".to_owned(), |user| format!("hello, {}", user.name))
/// }
/// ```
#[derive(Clone, Copy)]
pub struct CurrentUser<U>(pub U);

/// Why a request has no [`CurrentUser`].
///
/// With the feature `axum` or `actix` it is a response: an empty one of [`AuthError::status`],
/// which the session layer replaces by its failure response where the session failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Nobody is logged in.
    #[error("nobody is logged in")]
    NotLoggedIn,
    /// Who is logged in cannot be told.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The request did not pass through an [`AuthLayer`](crate::AuthLayer) for users of this type,
    /// or there was no session layer around it.
    #[error("there is no AuthLayer for {user}, inside of a SessionLayer, around this handler")]
    NoLayer {
        /// The name of the user's type.
        user: &'static str,
    },
}

impl AuthError {
    /// The status of a response that says so.
    ///
    /// | status | when |
    /// |---|---|
    /// | 401 | nobody is logged in |
    /// | 503 | the session's store or the loader fails |
    /// | 500 | there is no layer |
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotLoggedIn => StatusCode::UNAUTHORIZED,
            Self::Session(error) => error.status(),
            Self::NoLayer { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// An empty response of [`status`](Self::status); where the session failed, one that the
    /// session layer replaces by its failure response.
    pub fn into_empty_response<B: Default>(self) -> Response<B> {
        match self {
            Self::Session(error) => error.into_empty_response(),
            other => {
                let mut response = Response::new(B::default());
                *response.status_mut() = other.status();
                response
            }
        }
    }
}

impl<U: Clone + Send + Sync + 'static> CurrentUser<U> {
    /// The user of a request, by its extensions; `None` when nobody is logged in.
    ///
    /// # Errors
    /// [`AuthError::Session`], as [`Auth::user`]; [`AuthError::NoLayer`], which is logged.
    pub fn of(
        extensions: &Extensions,
    ) -> impl Future<Output = Result<Option<Self>, AuthError>> + Send + 'static {
        let auth = layer_of(extensions);
        async move { Ok(auth?.user().await?.map(Self)) }
    }
}

/// What the layer put there; where there is none, that is logged.
pub(crate) fn layer_of<U: Clone + Send + Sync + 'static>(
    extensions: &Extensions,
) -> Result<Auth<U>, AuthError> {
    Auth::of(extensions).ok_or_else(no_layer::<U>)
}

pub(crate) fn no_layer<U>() -> AuthError {
    let user = type_name::<U>();
    let error = AuthError::NoLayer { user };
    tracing::error!("{error}");
    error
}

impl<U> Deref for CurrentUser<U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.0
    }
}

/// Shows nothing of the user.
impl<U> fmt::Debug for CurrentUser<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CurrentUser")
            .field(&type_name::<U>())
            .finish()
    }
}
