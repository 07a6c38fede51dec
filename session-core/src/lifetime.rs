//! How long a session may live, whatever its use.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{Effect, Error, ErrorKind};
use crate::ttl::SessionTtl;

/// How long a session may live whatever its use: whole seconds, 1 to 4 294 967 295 (136 years).
///
/// Not a [`SessionTtl`], which begins again with each use.
///
/// ```
/// use session_core::Lifetime;
/// use std::time::Duration;
///
/// let day = Lifetime::from_secs(86_400)?;
/// assert_eq!("86400".parse(), Ok(day));
/// assert_eq!(Lifetime::try_from(Duration::from_secs(86_400)), Ok(day));
/// assert!(Lifetime::from_secs(0).is_err());
/// # Ok::<(), session_core::InvalidLifetime>(())
/// ```
///
/// The two cannot be mixed up:
/// ```compile_fail,E0308
/// use session_core::{NewSession, SessionTtl};
///
/// let new = NewSession::default().max_lifetime(SessionTtl::DEFAULT);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
// Its range and its text are those of a TTL.
pub struct Lifetime(SessionTtl);

/// Not a lifetime: expected whole seconds from 1 to 4 294 967 295.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid lifetime: expected whole seconds from 1 to {}", u32::MAX)]
pub struct InvalidLifetime;

impl Lifetime {
    /// One second.
    pub const MIN: Self = Self(SessionTtl::MIN);
    /// `u32::MAX` seconds.
    pub const MAX: Self = Self(SessionTtl::MAX);

    /// A lifetime of whole seconds.
    ///
    /// # Errors
    /// [`InvalidLifetime`] for 0 and for more than `u32::MAX`.
    pub fn from_secs(seconds: u64) -> Result<Self, InvalidLifetime> {
        let seconds = SessionTtl::from_secs(seconds);
        seconds.map(Self).map_err(|_| InvalidLifetime)
    }

    /// The lifetime in seconds.
    pub const fn as_secs(self) -> u32 {
        self.0.as_secs()
    }

    /// The lifetime as a duration.
    pub const fn as_duration(self) -> Duration {
        self.0.as_duration()
    }

    /// The lifetime in milliseconds.
    pub(crate) const fn as_millis(self) -> u64 {
        self.0.as_millis()
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Decimal seconds: no sign, no leading zero, no white space.
impl FromStr for Lifetime {
    type Err = InvalidLifetime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| InvalidLifetime)
    }
}

impl TryFrom<&str> for Lifetime {
    type Error = InvalidLifetime;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for Lifetime {
    type Error = InvalidLifetime;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<Duration> for Lifetime {
    type Error = InvalidLifetime;

    fn try_from(duration: Duration) -> Result<Self, Self::Error> {
        let seconds = SessionTtl::try_from(duration);
        seconds.map(Self).map_err(|_| InvalidLifetime)
    }
}

impl From<NonZeroU32> for Lifetime {
    fn from(seconds: NonZeroU32) -> Self {
        Self(seconds.into())
    }
}

impl From<InvalidLifetime> for Error {
    fn from(invalid: InvalidLifetime) -> Self {
        Self::new(ErrorKind::InvalidLifetime, Effect::NotApplied).with_source(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_whole_seconds_in_range() {
        for text in ["", "0", "-1", "1.5", "4294967296", "1 "] {
            assert_eq!(text.parse::<Lifetime>(), Err(InvalidLifetime), "{text:?}");
        }
        assert_eq!("4294967295".parse(), Ok(Lifetime::MAX));
        assert_eq!(Lifetime::from_secs(1), Ok(Lifetime::MIN));
        assert_eq!(Lifetime::from_secs(1 << 32), Err(InvalidLifetime));
        let half = Duration::from_millis(1500);
        assert_eq!(Lifetime::try_from(half), Err(InvalidLifetime));
        assert_eq!(Lifetime::MAX.as_millis(), u64::from(u32::MAX) * 1000);
    }
}
