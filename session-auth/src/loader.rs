//! How the application's users are found.

use std::error::Error;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use session_core::{InvalidPrincipal, Principal};
use session_http::SessionError;

use crate::hash::AuthHash;

/// Finds the application's users by the principals that sessions are bound to.
///
/// The credentials are the application's matter: it checks them in its log-in handler, and then
/// calls [`Auth::log_in`](crate::Auth::log_in).
///
/// ```
/// use session_auth::{AuthHash, UserLoader};
/// use session_core::{InvalidPrincipal, Principal};
/// # #[derive(Clone)]
/// # struct Pool;
/// # impl Pool { async fn user(&self, id: &str) -> Result<Option<User>, std::io::Error> { Ok(None) } }
///
/// #[derive(Clone)]
/// struct User {
///     id: i64,
///     password_hash: String,
///     is_editor: bool,
/// }
///
/// struct Users(Pool);
///
/// impl UserLoader for Users {
///     type User = User;
///     type Error = std::io::Error; // your database's
///
///     async fn load(&self, principal: &Principal) -> Result<Option<User>, Self::Error> {
///         self.0.user(principal.as_str()).await
///     }
///
///     fn principal(&self, user: &User) -> Result<Principal, InvalidPrincipal> {
///         Principal::new(user.id.to_string())
///     }
///
///     // So that a change of the password ends the user's other sessions.
///     fn auth_hash(&self, user: &User) -> Option<AuthHash> {
///         Some(AuthHash::of(&user.password_hash))
///     }
///
///     fn has_permission(&self, user: &User, permission: &str) -> bool {
///         user.is_editor && permission == "posts.write"
///     }
/// }
/// ```
pub trait UserLoader: Send + Sync + 'static {
    /// The application's user. A clone is given to each handler that asks: an `Arc` of a user will
    /// do, too.
    type User: Clone + Send + Sync + 'static;

    /// Why users cannot be loaded: any error, an `anyhow::Error`, or a text.
    type Error: Into<Box<dyn Error + Send + Sync>>;

    /// The user of this principal; `None` when there is no longer one, or none who may be logged
    /// in: then the session is ended.
    ///
    /// It is called once per request at most, and only when somebody asks. How long it may take is
    /// its own matter; if it fails, the client is told 503.
    fn load(
        &self,
        principal: &Principal,
    ) -> impl Future<Output = Result<Option<Self::User>, Self::Error>> + Send;

    /// The principal that a session of this user is bound to: the other way round than
    /// [`load`](Self::load). It must stay the same for as long as the user exists.
    ///
    /// # Errors
    /// [`InvalidPrincipal`]: a principal has 1 to 256 bytes.
    fn principal(&self, user: &Self::User) -> Result<Principal, InvalidPrincipal>;

    /// What of the user's credentials their sessions remember. A session that remembers another
    /// one, or none, is ended when its user is loaded.
    ///
    /// By default `None`: a change of the password ends nothing.
    fn auth_hash(&self, user: &Self::User) -> Option<AuthHash> {
        let _ = user;
        None
    }

    /// Whether the user has this permission. It must not wait: let [`load`](Self::load) bring what
    /// it takes.
    ///
    /// By default nobody has any.
    fn has_permission(&self, user: &Self::User, permission: &str) -> bool {
        let _ = (user, permission);
        false
    }
}

/// A [`UserLoader`] of which only its users' type is known.
pub(crate) trait Users<U>: Send + Sync {
    fn load<'a>(
        &'a self,
        principal: &'a Principal,
    ) -> BoxFuture<'a, Result<Option<U>, SessionError>>;

    fn principal(&self, user: &U) -> Result<Principal, InvalidPrincipal>;

    fn auth_hash(&self, user: &U) -> Option<AuthHash>;

    fn has_permission(&self, user: &U, permission: &str) -> bool;
}

impl<L: UserLoader> Users<L::User> for L {
    fn load<'a>(
        &'a self,
        principal: &'a Principal,
    ) -> BoxFuture<'a, Result<Option<L::User>, SessionError>> {
        let loading = UserLoader::load(self, principal);
        Box::pin(async move {
            let loaded = loading.await;
            loaded.map_err(|error| SessionError::Unavailable(Arc::from(error.into())))
        })
    }

    fn principal(&self, user: &L::User) -> Result<Principal, InvalidPrincipal> {
        UserLoader::principal(self, user)
    }

    fn auth_hash(&self, user: &L::User) -> Option<AuthHash> {
        UserLoader::auth_hash(self, user)
    }

    fn has_permission(&self, user: &L::User, permission: &str) -> bool {
        UserLoader::has_permission(self, user, permission)
    }
}
