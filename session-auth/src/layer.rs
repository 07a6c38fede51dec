//! What gives each request its [`Auth`].

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use http::Uri;
use session_core::FieldName;
use session_http::Session;

use crate::auth::Auth;
use crate::loader::{UserLoader, Users};

/// Gives each request its [`Auth`], with which [`CurrentUser`](crate::CurrentUser) and
/// [`RequireLogin`](crate::RequireLogin) find out who is logged in. It asks nothing by itself.
///
/// It belongs directly inside of the `SessionLayer` whose session it is about, and around routers
/// that are nested, so that it sees the whole path of a request. (In axum, what is added later
/// stands around what was added before.) An application with several kinds of user has one for
/// each: they are told apart by the user's type.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::get};
/// use session_auth::{AuthLayer, CurrentUser, RequireLogin};
/// use session_memory::MemoryBackend;
/// use session_tower::SessionLayer;
/// use std::sync::Arc;
/// # use session_core::{InvalidPrincipal, Principal};
/// # struct Users;
/// # impl session_auth::UserLoader for Users {
/// #     type User = User;
/// #     type Error = std::convert::Infallible;
/// #     async fn load(&self, _: &Principal) -> Result<Option<User>, Self::Error> { Ok(None) }
/// #     fn principal(&self, user: &User) -> Result<Principal, InvalidPrincipal> {
/// #         Principal::new(user.name.as_str())
/// #     }
/// # }
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
///
/// let app: Router = Router::new()
///     .route("/account", get(account))
///     .route_layer(RequireLogin::<User>::redirect_to("/login"))
///     .route("/", get(home))
///     .layer(AuthLayer::new(Users))
///     .layer(SessionLayer::new(Arc::new(MemoryBackend::new())));
/// # }
/// ```
///
/// # In actix-web
/// It is no middleware there: the application's data hold it, and an [`Auth`] is made when an
/// extractor or a [`RequireLogin`](crate::RequireLogin) asks for the first time.
/// ```
/// # #[cfg(feature = "actix")]
/// # fn example(sessions: session_actix::SessionMiddleware) {
/// use actix_web::{App, web};
/// # use session_auth::{AuthLayer, CurrentUser, RequireLogin};
/// # use session_core::{InvalidPrincipal, Principal};
/// # struct Users;
/// # impl session_auth::UserLoader for Users {
/// #     type User = User;
/// #     type Error = std::convert::Infallible;
/// #     async fn load(&self, _: &Principal) -> Result<Option<User>, Self::Error> { Ok(None) }
/// #     fn principal(&self, user: &User) -> Result<Principal, InvalidPrincipal> {
/// #         Principal::new(user.name.as_str())
/// #     }
/// # }
/// # #[derive(Clone)]
/// # struct User {
/// #     name: String,
/// # }
/// # async fn account_page(CurrentUser(user): CurrentUser<User>) -> String { user.name }
///
/// let account = web::resource("/account").wrap(RequireLogin::<User>::redirect_to("/login"));
/// let app = App::new()
///     .app_data(AuthLayer::new(Users))
///     .wrap(sessions)
///     .service(account.route(web::get().to(account_page)));
/// # }
/// ```
pub struct AuthLayer<U> {
    settings: Arc<Settings<U>>,
}

pub(crate) struct Settings<U> {
    pub(crate) users: Arc<dyn Users<U>>,
    /// The field with the hash of the credentials.
    pub(crate) hash_field: Arc<str>,
}

impl<U: Clone + Send + Sync + 'static> AuthLayer<U> {
    /// A layer for the users that this loader finds.
    pub fn new<L: UserLoader<User = U>>(loader: L) -> Self {
        Self {
            settings: Arc::new(Settings {
                users: Arc::new(loader),
                hash_field: Arc::from("auth_hash"),
            }),
        }
    }

    /// The field of the session that holds the [hash](crate::AuthHash) of the credentials, if the
    /// loader makes one: `auth_hash` unless it is set.
    #[must_use]
    pub fn with_hash_field(mut self, name: FieldName) -> Self {
        self.settings = Arc::new(Settings {
            users: Arc::clone(&self.settings.users),
            hash_field: Arc::from(name.as_str()),
        });
        self
    }

    /// What the layer puts into the extensions of a request with this session and this URI: for
    /// the adapter of a framework, and for tests of handlers. Asks nothing.
    pub fn open(&self, session: Session, uri: Uri) -> Auth<U> {
        Auth::new(Arc::clone(&self.settings), session, uri)
    }
}

impl<U> Clone for AuthLayer<U> {
    fn clone(&self) -> Self {
        let settings = Arc::clone(&self.settings);
        Self { settings }
    }
}

impl<U> fmt::Debug for AuthLayer<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthLayer")
            .field("user", &type_name::<U>())
            .field("hash_field", &self.settings.hash_field)
            .finish_non_exhaustive()
    }
}
