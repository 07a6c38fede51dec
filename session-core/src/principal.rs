//! Who a session belongs to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Effect, Error, ErrorKind};

/// Whom a session is bound to: a user id, an account name. 1 to 256 bytes of UTF-8.
///
/// `Debug` shows the length only: a principal may be personal data.
///
/// ```
/// use session_core::Principal;
///
/// let principal = Principal::new("user:42")?;
/// assert_eq!(principal.as_str(), "user:42");
/// assert!(Principal::new("").is_err());
/// # Ok::<(), session_core::InvalidPrincipal>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal(Arc<str>);

/// Not a principal: expected 1 to 256 bytes of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a valid principal: expected 1 to {} bytes of text",
    Principal::MAX_LEN
)]
pub struct InvalidPrincipal;

impl Principal {
    /// The greatest length, in bytes.
    pub const MAX_LEN: usize = 256;

    /// A principal of this name.
    ///
    /// # Errors
    /// [`InvalidPrincipal`] when the name is empty or longer than [`Principal::MAX_LEN`] bytes.
    pub fn new(name: impl Into<Arc<str>>) -> Result<Self, InvalidPrincipal> {
        let name = name.into();
        if (1..=Self::MAX_LEN).contains(&name.len()) {
            Ok(Self(name))
        } else {
            Err(InvalidPrincipal)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({} bytes)", self.0.len())
    }
}

impl TryFrom<&str> for Principal {
    type Error = InvalidPrincipal;

    fn try_from(name: &str) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

impl TryFrom<String> for Principal {
    type Error = InvalidPrincipal;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

impl FromStr for Principal {
    type Err = InvalidPrincipal;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl From<InvalidPrincipal> for Error {
    fn from(invalid: InvalidPrincipal) -> Self {
        Self::new(ErrorKind::InvalidPrincipal, Effect::NotApplied).with_source(invalid)
    }
}

/// How many sessions one principal may have at once.
///
/// By default 100, and the oldest log-ins end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PrincipalLimit {
    /// The greatest number of live sessions.
    pub max: SessionCount,
    /// What happens to the login that would exceed it.
    pub on_excess: OnExcess,
}

/// What happens to the login that would exceed a [`PrincipalLimit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnExcess {
    /// It is refused with [`ErrorKind::TooManySessions`](crate::ErrorKind::TooManySessions).
    Refuse,
    /// The sessions with the oldest log-in end, so that the new one fits. A warning is logged, once
    /// per principal and hour ([`QuotaWarnings`](crate::QuotaWarnings)).
    #[default]
    EvictOldest,
}

/// The number of sessions that a principal may have: 1 to 1,000.
///
/// A log-in at the limit looks at all sessions of its principal, so that more would keep a server
/// busy for too long.
///
/// ```
/// use session_core::{OnExcess, PrincipalLimit, SessionCount, SessionPolicy};
///
/// let policy = SessionPolicy::new().with_principal_limit(PrincipalLimit {
///     max: SessionCount::new(5)?,
///     on_excess: OnExcess::Refuse,
/// });
/// assert!(SessionCount::new(0).is_err() && SessionCount::new(1_001).is_err());
/// # Ok::<(), session_core::InvalidSessionCount>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionCount(u16);

/// Not a limit of sessions: expected 1 to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid limit of sessions: expected 1 to {}", SessionCount::MAX.get())]
pub struct InvalidSessionCount;

impl SessionCount {
    /// 100 sessions.
    pub const DEFAULT: Self = Self(100);
    /// The greatest limit: 1,000 sessions.
    pub const MAX: Self = Self(1_000);

    /// So many sessions.
    ///
    /// # Errors
    /// [`InvalidSessionCount`] unless from 1 to 1,000.
    pub fn new(sessions: u32) -> Result<Self, InvalidSessionCount> {
        u16::try_from(sessions)
            .ok()
            .filter(|sessions| (1..=Self::MAX.0).contains(sessions))
            .map(Self)
            .ok_or(InvalidSessionCount)
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl Default for SessionCount {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl From<InvalidSessionCount> for Error {
    fn from(invalid: InvalidSessionCount) -> Self {
        Self::new(ErrorKind::Config, Effect::NotApplied).with_source(invalid)
    }
}
