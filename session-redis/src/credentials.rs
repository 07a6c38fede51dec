//! Who a connection says it is.

use std::fmt;

use async_trait::async_trait;
use session_core::Result;

use crate::endpoint::Endpoint;

/// An account and its password, or a token in the place of one.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Credentials {
    /// The account; the default one, where there is none.
    pub username: Option<String>,
    /// Its password; none, where the server wants none.
    pub password: Option<String>,
}

impl Credentials {
    /// This account and its password.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: Some(username.into()),
            password: Some(password.into()),
        }
    }

    /// The default account's password.
    pub fn password(password: impl Into<String>) -> Self {
        Self {
            username: None,
            password: Some(password.into()),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// Provides the credentials of each connection, for those that change: a file that is replaced, a
/// secret store, a token of a cloud's identity service that is valid for minutes.
///
/// A connection that is up stays up when its credentials change; the next one is made with those of
/// its time. A server that ends connections when a token has expired is connected to again at once.
///
/// ```
/// use session_core::Result;
/// use session_redis::{Credentials, CredentialsProvider, Endpoint, async_trait::async_trait};
///
/// /// A token of an identity service: AWS IAM, Microsoft Entra ID, Google IAM.
/// #[derive(Debug)]
/// struct Tokens { user: String }
///
/// #[async_trait]
/// impl CredentialsProvider for Tokens {
///     async fn credentials(&self, _: &Endpoint) -> Result<Credentials> {
///         let token = fresh_token(&self.user).await?;
///         Ok(Credentials::new(&self.user, token))
///     }
/// }
/// # async fn fresh_token(_: &str) -> Result<String> { Ok(String::new()) }
/// ```
#[async_trait]
pub trait CredentialsProvider: fmt::Debug + Send + Sync + 'static {
    /// The credentials of a connection to this server that is about to be made. Called for each
    /// attempt, which ends with its own time: keep a token for as long as it is valid.
    ///
    /// # Errors
    /// The attempt has failed for this reason; another one follows.
    async fn credentials(&self, endpoint: &Endpoint) -> Result<Credentials>;
}

/// Always these.
#[async_trait]
impl CredentialsProvider for Credentials {
    async fn credentials(&self, _: &Endpoint) -> Result<Credentials> {
        Ok(self.clone())
    }
}
