//! What the page's forms send, checked.

use std::str::FromStr;

use axum::Form;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use session_store::{Lifetime, LogIn, Principal, PublicId, SessionTtl};

use crate::failure::Failure;

/// Whose session it is when nobody says a name.
const NOBODY: &str = "Guest";
/// How long a session lives without use when nobody says.
const DEFAULT_TTL: &str = "60";
/// How many seconds a log-in is good for, however often the session is used: twelve hours.
const LIFETIME: &str = "43200";
/// And one that the browser remembers: thirty days.
const REMEMBERED_LIFETIME: &str = "2592000";

/// A form that was sent, or a JSON answer that says what is wrong with it.
pub(crate) struct Sent<T>(pub(crate) T);

impl<T, S> FromRequest<S> for Sent<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Failure;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Failure> {
        // Who sends nothing says no type, and means an empty form.
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().entry(CONTENT_TYPE).or_insert(form);
        match Form::from_request(request, state).await {
            Ok(Form(sent)) => Ok(Self(sent)),
            Err(rejection) => {
                let why = rejection.body_text();
                Err(Failure::Refused(rejection.status(), why.into()))
            }
        }
    }
}

/// `POST /login`.
#[derive(Deserialize)]
pub(crate) struct LoginForm {
    #[serde(default)]
    username: String,
    ttl: Option<String>,
    #[serde(default)]
    max_lifetime: String,
    /// A box that is not ticked is not sent.
    #[serde(default)]
    remember: String,
}

impl LoginForm {
    pub(crate) fn checked(self) -> Result<LogIn, Failure> {
        let ttl = ttl(self.ttl.as_deref().unwrap_or(DEFAULT_TTL))?;
        let is_remembered = !self.remember.trim().is_empty();
        let lifetime = match self.max_lifetime.trim() {
            "" if is_remembered => REMEMBERED_LIFETIME,
            "" => LIFETIME,
            text => text,
        };
        let lifetime: Lifetime = seconds(lifetime, "Maximum lifetime")?;
        let name = match self.username.trim() {
            "" => NOBODY,
            name => name,
        };
        let user = Principal::new(name).map_err(|_| {
            Failure::bad(format!(
                "The user name must not be longer than {} bytes.",
                Principal::MAX_LEN
            ))
        })?;
        let log_in = LogIn::new(user).lifetime(lifetime).ttl(ttl);
        Ok(match is_remembered {
            true => log_in.persistent(true),
            false => log_in,
        })
    }
}

/// `POST /ttl`.
#[derive(Deserialize)]
pub(crate) struct TtlForm {
    #[serde(default)]
    ttl: String,
}

impl TtlForm {
    pub(crate) fn checked(&self) -> Result<SessionTtl, Failure> {
        ttl(&self.ttl)
    }
}

/// `POST /sessions/revoke`. A handle is a public id.
#[derive(Deserialize)]
pub(crate) struct RevokeForm {
    #[serde(default)]
    handle: String,
}

impl RevokeForm {
    pub(crate) fn checked(&self) -> Result<PublicId, Failure> {
        PublicId::parse(self.handle.trim()).map_err(|_| Failure::bad("Not a valid public id."))
    }
}

fn ttl(text: &str) -> Result<SessionTtl, Failure> {
    seconds(text.trim(), "TTL")
}

/// A [`SessionTtl`] or a [`Lifetime`]: both have the same range.
fn seconds<T: FromStr>(text: &str, what: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        // Of the numbers without sign and leading zero only the large ones are refused.
        Failure::bad(if is_number && text.starts_with(|first| first != '0') {
            format!("{what} must not be more than {} seconds.", SessionTtl::MAX)
        } else {
            format!("{what} must be a whole number greater than 0.")
        })
    })
}
