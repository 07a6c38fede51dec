//! Who is logged in, over server-side sessions: the current user, pages that need a log-in,
//! permissions, and sessions that end with a change of the password. In the facade `session-store`,
//! which applications want, it is the module `auth` (feature `auth`).
//!
//! The application says how its users are found ([`UserLoader`]) and checks their credentials; the
//! rest is here:
//!
//! ```
//! # #[cfg(feature = "axum")] {
//! use axum::{Router, routing::get};
//! use session_auth::{AuthLayer, CurrentUser, RequireLogin, UserLoader};
//! use session_core::{InvalidPrincipal, Principal};
//! use session_memory::MemoryBackend;
//! use session_tower::SessionLayer;
//! use std::sync::Arc;
//!
//! #[derive(Clone)]
//! struct User {
//!     name: String,
//! }
//!
//! struct Users; // a database
//!
//! impl UserLoader for Users {
//!     type User = User;
//!     type Error = std::io::Error;
//!
//!     async fn load(&self, principal: &Principal) -> Result<Option<User>, Self::Error> {
//!         let name = principal.as_str().to_owned();
//!         Ok(Some(User { name }))
//!     }
//!
//!     fn principal(&self, user: &User) -> Result<Principal, InvalidPrincipal> {
//!         Principal::new(user.name.as_str())
//!     }
//! }
//!
//! async fn account(CurrentUser(user): CurrentUser<User>) -> String {
//!     format!("your account, {}", user.name)
//! }
//!
//! let backend = Arc::new(MemoryBackend::new());
//! let app: Router = Router::new()
//!     .route("/account", get(account))
//!     .route_layer(RequireLogin::<User>::redirect_to("/login"))
//!     .layer(AuthLayer::new(Users))
//!     .layer(SessionLayer::new(backend));
//! # }
//! ```
//!
//! | you want to | read |
//! |---|---|
//! | say how users are found | [`UserLoader`] |
//! | know the user in a handler | [`CurrentUser`]; `Option<CurrentUser<U>>` on pages open to all |
//! | log in and out | [`Auth`] |
//! | keep visitors out, ask for permissions | [`RequireLogin`] |
//! | go back to where a person wanted to go | [`safe_next`] |
//! | end sessions with a change of the password | [`UserLoader::auth_hash`], [`AuthHash`] |
//! | come from axum-login | [the way](_documentation::from_axum_login) |
//!
//! # Features
//! | feature | default | adds |
//! |---|---|---|
//! | `tower` | no | [`AuthLayer`] and [`RequireLogin`] as layers |
//! | `axum` | no | that, and extractors, on axum-core |
//! | `actix` | no | extractors and [`RequireLogin`] as a middleware, for actix-web: [`AuthLayer`] |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "actix")]
mod actix;
mod auth;
mod current_user;
#[cfg(feature = "axum")]
mod extract;
mod hash;
mod layer;
mod loader;
mod next;
mod require;
#[cfg(feature = "tower")]
mod service;

#[cfg(feature = "actix")]
pub use self::actix::RequireLoginMiddleware;
pub use self::auth::Auth;
pub use self::current_user::{AuthError, CurrentUser};
pub use self::hash::AuthHash;
pub use self::layer::AuthLayer;
pub use self::loader::UserLoader;
pub use self::next::safe_next;
pub use self::require::{Refusal, RequireLogin, is_navigation};
#[cfg(feature = "tower")]
pub use self::service::{AuthService, RequireLoginService};

/// Documents, versioned and linked with the code.
pub mod _documentation {
    #[cfg_attr(feature = "axum", doc = include_str!("../docs/from-axum-login.md"))]
    #[cfg_attr(
        not(feature = "axum"),
        doc = "The way from axum-login: this page needs the feature `axum`."
    )]
    pub mod from_axum_login {}
}
