//! Who is logged in, in one request.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, ready};
use http::{Extensions, Uri};
use session_core::steps::{WriteOutcome, WriteRequest};
use session_core::{Delta, LogIn, Principal};
use session_http::{Presence, Session, SessionError};

use crate::layer::Settings;

/// Who is logged in, in one request; and logging in and out.
///
/// [`AuthLayer`](crate::AuthLayer) puts one into the extensions of each request; with the feature
/// `axum` it is an extractor. A clone is another handle to the same. A handler that only wants to
/// know the user takes a [`CurrentUser`](crate::CurrentUser).
///
/// # What a request costs
/// Nothing, unless somebody asks who is logged in. Then the session is loaded, once, and so is
/// the user, if the session is bound to a principal: however many extractors, layers and tasks ask.
/// A log-in or log-out of the request counts at once.
///
/// # When a session is ended
/// A session whose principal has no user any more, or whose user has other credentials than it
/// [remembers](crate::UserLoader::auth_hash), is nobody's: it is ended in the request that finds it
/// out. Only the log-in that was looked at is ended. If the user has logged in again meanwhile in
/// the same browser, as after a change of the password, the new log-in stays.
///
/// # Example
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::extract::{Form, Query};
/// use axum::http::StatusCode;
/// use axum::response::{IntoResponse, Redirect, Response};
/// use serde::Deserialize;
/// use session_auth::{Auth, safe_next};
/// use session_http::SessionError;
/// # #[derive(Clone)]
/// # struct User;
/// # impl User { async fn with_password(_: &str, _: &str) -> Option<User> { Some(User) } }
///
/// #[derive(Deserialize)]
/// struct Login {
///     username: String,
///     password: String,
/// }
///
/// #[derive(Deserialize)]
/// struct After {
///     next: Option<String>,
/// }
///
/// async fn log_in(
///     auth: Auth<User>,
///     Query(after): Query<After>,
///     Form(login): Form<Login>,
/// ) -> Result<Response, SessionError> {
///     // Yours: look the user up, check the password's hash.
///     let Some(user) = User::with_password(&login.username, &login.password).await else {
///         return Ok(StatusCode::UNAUTHORIZED.into_response());
///     };
///     auth.log_in(&user)?;
///     let next = after.next.as_deref().and_then(safe_next).unwrap_or("/");
///     Ok(Redirect::to(next).into_response())
/// }
///
/// async fn log_out(auth: Auth<User>) -> Result<Redirect, SessionError> {
///     auth.log_out()?;
///     Ok(Redirect::to("/"))
/// }
/// # let _: axum::Router = axum::Router::new()
/// #     .route("/login", axum::routing::post(log_in)).route("/logout", axum::routing::post(log_out));
/// # }
/// ```
pub struct Auth<U> {
    shared: Arc<Request<U>>,
}

struct Request<U> {
    settings: Arc<Settings<U>>,
    session: Session,
    /// As the client sent it: a router further inside may show its handlers a part only.
    uri: Uri,
    seen: Mutex<Option<Seen<U>>>,
}

/// What became of the search for a principal's user.
struct Seen<U> {
    principal: Principal,
    /// By the session as the store itself has it, or by a log-in of this request.
    is_fresh: bool,
    found: Shared<BoxFuture<'static, Result<Found<U>, SessionError>>>,
}

/// Who is there.
#[derive(Clone)]
pub(crate) enum Found<U> {
    User(U),
    Nobody,
    /// Another request has given the session a new id: who is there, the newer cookie says.
    Rotated,
}

impl<U: Clone + Send + Sync + 'static> Auth<U> {
    pub(crate) fn new(settings: Arc<Settings<U>>, session: Session, uri: Uri) -> Self {
        let seen = Mutex::new(None);
        Self {
            shared: Arc::new(Request {
                settings,
                session,
                uri,
                seen,
            }),
        }
    }

    /// That of a request, found in its extensions: of the innermost layer for users of this type.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get::<Self>().cloned()
    }

    /// The user who is logged in.
    ///
    /// # Returns
    /// `None` for a visitor who is not logged in, and where the session is ended for the reasons
    /// [above](Self#when-a-session-is-ended).
    ///
    /// # Errors
    /// [`SessionError::Backend`], and [`SessionError::Unavailable`] when the loader fails: then
    /// nobody knows who is logged in. The loader is not called again in this request.
    ///
    /// # Cancellation
    /// Safe. A future that is kept or dropped holds nobody up.
    pub async fn user(&self) -> Result<Option<U>, SessionError> {
        Ok(match self.found(false).await? {
            Found::User(user) => Some(user),
            Found::Nobody | Found::Rotated => None,
        })
    }

    /// Whether there is a user who is logged in and has this permission.
    ///
    /// # Errors
    /// As [`user`](Self::user).
    pub async fn has_permission(&self, permission: &str) -> Result<bool, SessionError> {
        let user = self.user().await?;
        Ok(user.is_some_and(|user| self.allows(&user, permission)))
    }

    /// Logs a user in whose credentials the application has checked: [`Session::log_in`] with the
    /// user's principal, and the [hash](crate::UserLoader::auth_hash) of their credentials.
    ///
    /// Also for the user who has just changed the password, with the user as it is now: this
    /// session then stays, all others of the user end.
    ///
    /// # Atomicity
    /// One step with all else that this request sets, when it is answered.
    ///
    /// # Errors
    /// As [`Session::log_in`], and [`InvalidPrincipal`](session_core::InvalidPrincipal) as the
    /// loader says.
    pub fn log_in(&self, user: &U) -> Result<(), SessionError> {
        self.log_in_with(user, |log_in| log_in)
    }

    /// The same, with a lifetime or a cookie of its own: "remember me", say.
    ///
    /// ```
    /// # fn example<U: Clone + Send + Sync + 'static>(
    /// #     auth: session_auth::Auth<U>, user: U, month: session_core::Lifetime,
    /// # ) -> Result<(), session_http::SessionError> {
    /// auth.log_in_with(&user, |log_in| log_in.lifetime(month).persistent(true))
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`log_in`](Self::log_in).
    pub fn log_in_with(
        &self,
        user: &U,
        options: impl FnOnce(LogIn) -> LogIn,
    ) -> Result<(), SessionError> {
        let Request {
            settings, session, ..
        } = &*self.shared;
        let log_in = options(LogIn::new(settings.users.principal(user)?));
        if let Some(hash) = settings.users.auth_hash(user) {
            session.insert_raw(&*settings.hash_field, hash.as_str())?;
        }
        let principal = log_in.principal.clone();
        session.log_in(log_in)?;
        let found = ready(Ok(Found::User(user.clone()))).boxed().shared();
        self.seen(|seen| {
            *seen = Some(Seen {
                principal,
                is_fresh: true,
                found,
            });
        });
        Ok(())
    }

    /// Logs out: [`Session::log_out`].
    ///
    /// # Errors
    /// [`SessionError::Committed`].
    pub fn log_out(&self) -> Result<(), SessionError> {
        self.shared.session.log_out()
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.shared.session
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.shared.uri
    }

    pub(crate) fn allows(&self, user: &U, permission: &str) -> bool {
        self.shared.settings.users.has_permission(user, permission)
    }

    /// Who is there, by the session as the store itself has it if that is asked for (`is_fresh`).
    /// Whoever asks while the user is being loaded drives the same search.
    pub(crate) async fn found(&self, is_fresh: bool) -> Result<Found<U>, SessionError> {
        let session = &self.shared.session;
        if is_fresh {
            session.load_fresh().await?;
        }
        let Some(principal) = session.principal().await? else {
            return Ok(match session.presence().await? {
                Presence::Rotated => Found::Rotated,
                _ => Found::Nobody,
            });
        };
        let found = self.seen(|seen| match seen {
            Some(seen) if seen.principal == principal && (seen.is_fresh || !is_fresh) => {
                seen.found.clone()
            }
            _ => {
                let settings = Arc::clone(&self.shared.settings);
                let search = search(settings, session.clone(), principal.clone());
                let found = search.boxed().shared();
                let new = Seen {
                    principal,
                    is_fresh,
                    found,
                };
                seen.insert(new).found.clone()
            }
        });
        found.await
    }

    fn seen<T>(&self, look: impl FnOnce(&mut Option<Seen<U>>) -> T) -> T {
        let seen = self.shared.seen.lock();
        look(&mut seen.unwrap_or_else(PoisonError::into_inner))
    }
}

/// The principal's user, unless the session is to end.
async fn search<U>(
    settings: Arc<Settings<U>>,
    session: Session,
    principal: Principal,
) -> Result<Found<U>, SessionError> {
    let Some(user) = settings.users.load(&principal).await? else {
        return end(&session, "its principal has no user").await;
    };
    if let Some(hash) = settings.users.auth_hash(&user) {
        let stored = session.get_raw(&settings.hash_field).await?;
        if !stored.is_some_and(|stored| hash.is(stored.as_bytes())) {
            return end(&session, "its user has other credentials since").await;
        }
    }
    Ok(Found::User(user))
}

/// Ends the log-in that this request has seen, and no later one.
///
/// A log-out alone would follow the tombstone of a rotation to the log-in that the user has made
/// meanwhile. A write does not: under this id there is the session as it was, or there is none to
/// unbind. What is logged out after that is nobody's.
async fn end<U>(session: &Session, why: &str) -> Result<Found<U>, SessionError> {
    if let Some(id) = session.id() {
        let backend = session.backend();
        let delta = Delta::new().unbind().keep_only([]);
        let unbind = WriteRequest::new(backend.policy(), &id, delta)?;
        if let WriteOutcome::Rotated = backend.write(&unbind).await? {
            return Ok(Found::Rotated);
        }
    }
    tracing::info!(why, "a session is ended");
    // After the response this is refused, and what it would add is no more than the cookie's end.
    let _ = session.log_out();
    Ok(Found::Nobody)
}

impl<U> Clone for Auth<U> {
    fn clone(&self) -> Self {
        let shared = Arc::clone(&self.shared);
        Self { shared }
    }
}

/// Shows nothing of the user.
impl<U> fmt::Debug for Auth<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("session", &self.shared.session)
            .finish_non_exhaustive()
    }
}
