//! Who may pass.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use http::header::{ACCEPT, CACHE_CONTROL, LOCATION};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use session_http::{Headers, SessionError};

use crate::auth::{Auth, Found};
use crate::next::{encoded, is_own_path, percent_encoded, safe_next, split_path};

/// Lets those pass who are logged in. It belongs inside of an [`AuthLayer`](crate::AuthLayer) for
/// users of this type; without one each request fails with 500, and a line in the log.
///
/// | who asks | `redirect_to("/login")` | `unauthorized()` |
/// |---|---|---|
/// | a user who is logged in | passes | passes |
/// | one without a permission that is needed | 403 | 403 |
/// | a visitor, by a navigation | 303 to `/login?next=…` | 401 |
/// | a visitor, by anything else | 401 | 401 |
/// | a browser whose cookie was replaced a moment ago, by a navigation | 303 to the same page | 401 |
/// | the same, by anything else | 401 | 401 |
/// | anybody, while the store or the loader fails | 503 | 503 |
///
/// A *navigation* is a person who opens a page, not a script that fetches something:
/// [`is_navigation`]. `next` is the path and the query of the page; the log-in handler checks
/// it with [`safe_next`]. It is left out where that would refuse it.
///
/// # A cookie that was replaced a moment ago
/// A log-in and a rotation give the session a new id. A request that was on its way with the old
/// one comes from a person who may well be logged in, and is not sent to the log-in page: the
/// browser asks for the page again, and then sends its newer cookie. Should that one have been lost
/// with the response that brought it, the browser is sent to the same page again and again, until
/// it gives up (after about 20 times) and shows a page of its own. The old id is known for a
/// while only (10 s, [`SessionPolicy::with_tombstone_lifetime`]): after that it is unknown, and the
/// next reload leads to the log-in page.
///
/// [`SessionPolicy::with_tombstone_lifetime`]: session_core::SessionPolicy::with_tombstone_lifetime
///
/// # Example
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::{get, post}};
/// use session_auth::RequireLogin;
/// # #[derive(Clone)]
/// # struct User;
///
/// let pages: Router = Router::new()
///     .route("/account", get("your account"))
///     .route_layer(RequireLogin::<User>::redirect_to("/login"));
/// let editors: Router = Router::new()
///     .route("/posts", post("stored"))
///     .route_layer(RequireLogin::<User>::unauthorized().with_permission("posts.write"));
/// # }
/// ```
pub struct RequireLogin<U> {
    rules: Arc<Rules>,
    user: PhantomData<fn() -> U>,
}

#[derive(Clone, Default)]
struct Rules {
    /// The log-in page.
    login: Option<String>,
    permissions: Vec<String>,
    is_fresh: bool,
}

/// Why a request does not pass [`RequireLogin`], and what its client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// To the log-in page, or to the same page again: 303.
    RedirectTo(String),
    /// 401.
    Unauthorized,
    /// The user lacks a permission: 403.
    Forbidden,
}

impl<U> RequireLogin<U> {
    fn new(login: Option<String>) -> Self {
        let rules = Rules {
            login,
            ..Rules::default()
        };
        Self {
            rules: Arc::new(rules),
            user: PhantomData,
        }
    }

    /// Sends a person who has to log in to this page, and answers 401 to everything else. The page
    /// is a path or a URL, with a query of its own if need be.
    pub fn redirect_to(login: impl AsRef<str>) -> Self {
        // Whatever cannot be in a header is encoded, as a browser would.
        Self::new(Some(encoded(login.as_ref(), |byte| {
            byte.is_ascii_graphic()
        })))
    }

    /// Answers 401 to whoever is not logged in: for an API.
    pub fn unauthorized() -> Self {
        Self::new(None)
    }

    /// Lets those users pass only who have this permission, too, as the loader's
    /// [`has_permission`](crate::UserLoader::has_permission) says: 403 to others. Of several
    /// permissions all are needed.
    #[must_use]
    pub fn with_permission(mut self, permission: impl Into<String>) -> Self {
        let rules = Arc::make_mut(&mut self.rules);
        rules.permissions.push(permission.into());
        self
    }

    /// Decides by the session as the store itself has it: that another process has ended it counts
    /// at once, also where the backend has a near cache. Without this, and by default, such a
    /// session may pass for as long as the near cache's bound allows.
    ///
    /// This costs each request that comes here a round trip, as
    /// [`Session::load_fresh`](session_http::Session::load_fresh) does. All that asks after it in
    /// the same request goes by the same answer.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// # use axum::{Router, routing::post};
    /// # use session_auth::RequireLogin;
    /// # #[derive(Clone)]
    /// # struct User;
    /// let payments: Router = Router::new()
    ///     .route("/payments", post("paid"))
    ///     .route_layer(RequireLogin::<User>::unauthorized().fresh());
    /// # }
    /// ```
    #[must_use]
    pub fn fresh(mut self) -> Self {
        Arc::make_mut(&mut self.rules).is_fresh = true;
        self
    }
}

impl<U: Clone + Send + Sync + 'static> RequireLogin<U> {
    /// Decides about one request: `None` if it may pass. For the adapter of a framework.
    ///
    /// # Errors
    /// As [`Auth::user`].
    pub async fn refusal(
        &self,
        auth: &Auth<U>,
        is_navigation: bool,
    ) -> Result<Option<Refusal>, SessionError> {
        let login = self.rules.login.as_deref().filter(|_| is_navigation);
        let here = auth.uri().path_and_query().map(|here| here.as_str());
        Ok(match (auth.found(self.rules.is_fresh).await?, login) {
            (Found::User(user), _) => {
                let mut needed = self.rules.permissions.iter();
                let has_all = needed.all(|permission| auth.allows(&user, permission));
                (!has_all).then_some(Refusal::Forbidden)
            }
            (_, None) => Some(Refusal::Unauthorized),
            (Found::Nobody, Some(login)) => Some(to_login(login, here)),
            // A path such as `//evil.example` must not become an address.
            (Found::Rotated, Some(_)) => Some(match here.filter(|here| is_own_path(here)) {
                Some(here) => Refusal::RedirectTo(here.to_owned()),
                None => Refusal::Unauthorized,
            }),
        })
    }
}

fn to_login(login: &str, here: Option<&str>) -> Refusal {
    let (path, _) = split_path(login);
    if here.is_some_and(|here| split_path(here).0 == path) {
        tracing::error!("the log-in page itself requires a log-in");
        return Refusal::Unauthorized;
    }
    let Some(next) = here.and_then(safe_next) else {
        return Refusal::RedirectTo(login.to_owned());
    };
    let (url, fragment) = login.split_at(login.find('#').unwrap_or(login.len()));
    let separator = if url.contains('?') { '&' } else { '?' };
    let next = percent_encoded(next);
    Refusal::RedirectTo(format!("{url}{separator}next={next}{fragment}"))
}

impl Refusal {
    /// The response: empty, and not to be stored.
    pub fn into_empty_response<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let status = match self {
            Self::RedirectTo(url) => match HeaderValue::try_from(url) {
                Ok(url) => {
                    headers.insert(LOCATION, url);
                    StatusCode::SEE_OTHER
                }
                Err(_) => StatusCode::UNAUTHORIZED,
            },
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
        };
        *response.status_mut() = status;
        response
    }
}

/// Whether a request is a person's who opens a page: a GET or HEAD with `Sec-Fetch-Mode: navigate`,
/// or, from a client that does not send this header, with `text/html` in its `Accept`.
pub fn is_navigation(method: &Method, headers: &impl Headers) -> bool {
    if method != Method::GET && method != Method::HEAD {
        return false;
    }
    if let Some(mode) = headers
        .lines(&HeaderName::from_static("sec-fetch-mode"))
        .next()
    {
        return mode == b"navigate";
    }
    let lines = headers.lines(&ACCEPT);
    let mut types = lines.flat_map(|line| line.split(|&byte| byte == b','));
    types.any(|accepted| {
        let name = accepted.split(|&byte| byte == b';').next();
        name.is_some_and(|name| name.trim_ascii().eq_ignore_ascii_case(b"text/html"))
    })
}

impl<U> Clone for RequireLogin<U> {
    fn clone(&self) -> Self {
        Self {
            rules: Arc::clone(&self.rules),
            user: PhantomData,
        }
    }
}

impl<U> fmt::Debug for RequireLogin<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireLogin")
            .field("login", &self.rules.login)
            .field("permissions", &self.rules.permissions)
            .field("is_fresh", &self.rules.is_fresh)
            .finish()
    }
}
