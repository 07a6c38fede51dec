//! How long a session lives without use.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{Effect, Error, ErrorKind};

/// How long a session lives without use: whole seconds, 1 to 4 294 967 295 (136 years).
///
/// Zero, negative, fractional and larger values cannot be built, so a key can be neither immortal
/// nor refused by the server after its hash was written.
///
/// ```
/// use session_core::SessionTtl;
/// use std::time::Duration;
///
/// let ttl = SessionTtl::from_secs(1800)?;
/// assert_eq!(ttl, SessionTtl::DEFAULT);
/// assert_eq!("15".parse::<SessionTtl>()?.as_secs(), 15);
/// assert!("15abc".parse::<SessionTtl>().is_err());
/// assert!(SessionTtl::try_from(Duration::from_millis(1500)).is_err());
/// # Ok::<(), session_core::InvalidTtl>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionTtl(NonZeroU32);

/// Not a TTL: expected whole seconds from 1 to 4 294 967 295.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid TTL: expected whole seconds from 1 to {}", u32::MAX)]
pub struct InvalidTtl;

impl SessionTtl {
    /// 30 minutes, the guide's default.
    pub const DEFAULT: Self = Self(NonZeroU32::MIN.saturating_add(1799));
    /// One second.
    pub const MIN: Self = Self(NonZeroU32::MIN);
    /// `u32::MAX` seconds.
    pub const MAX: Self = Self(NonZeroU32::MAX);

    /// A TTL of whole seconds.
    ///
    /// # Errors
    /// [`InvalidTtl`] for 0 and for more than `u32::MAX`.
    pub fn from_secs(seconds: u64) -> Result<Self, InvalidTtl> {
        u32::try_from(seconds)
            .ok()
            .and_then(NonZeroU32::new)
            .map(Self)
            .ok_or(InvalidTtl)
    }

    /// A TTL of whole minutes, saturating at [`SessionTtl::MAX`].
    pub const fn minutes(minutes: NonZeroU32) -> Self {
        Self(match NonZeroU32::new(60) {
            Some(sixty) => minutes.saturating_mul(sixty),
            None => minutes,
        })
    }

    /// The TTL in seconds.
    pub const fn as_secs(self) -> u32 {
        self.0.get()
    }

    /// The TTL as a duration.
    pub const fn as_duration(self) -> Duration {
        Duration::from_secs(self.as_secs() as u64)
    }

    /// The TTL in milliseconds.
    pub(crate) const fn as_millis(self) -> u64 {
        self.as_secs() as u64 * 1000
    }
}

impl Default for SessionTtl {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for SessionTtl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The form in which a session hash stores its TTL: `[1-9][0-9]{0,9}`, at most `u32::MAX`. No sign,
/// no leading zero, no white space.
impl FromStr for SessionTtl {
    type Err = InvalidTtl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        if !digits || text.starts_with('0') {
            return Err(InvalidTtl);
        }
        text.parse().map(Self).map_err(|_| InvalidTtl)
    }
}

impl TryFrom<&str> for SessionTtl {
    type Error = InvalidTtl;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for SessionTtl {
    type Error = InvalidTtl;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<Duration> for SessionTtl {
    type Error = InvalidTtl;

    fn try_from(duration: Duration) -> Result<Self, InvalidTtl> {
        if duration.subsec_nanos() == 0 {
            Self::from_secs(duration.as_secs())
        } else {
            Err(InvalidTtl)
        }
    }
}

impl From<InvalidTtl> for Error {
    fn from(invalid: InvalidTtl) -> Self {
        Self::new(ErrorKind::InvalidTtl, Effect::NotApplied).with_source(invalid)
    }
}

impl From<NonZeroU32> for SessionTtl {
    fn from(seconds: NonZeroU32) -> Self {
        Self(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_not_ttls_are_refused() {
        for text in [
            "", "0", "00", "-1", "+5", "007", "1.5", "15abc", " 15", "15 ", "1e3", "abc", "４",
        ] {
            assert_eq!(text.parse::<SessionTtl>(), Err(InvalidTtl), "{text:?}");
        }
        for text in ["4294967296", "99999999999", "1_000", "15\0"] {
            assert_eq!(text.parse::<SessionTtl>(), Err(InvalidTtl), "{text:?}");
        }
        assert_eq!("4294967295".parse(), Ok(SessionTtl::MAX));
        assert_eq!("1".parse(), Ok(SessionTtl::MIN));
        assert_eq!(SessionTtl::MIN, NonZeroU32::MIN.into());
        assert_eq!(SessionTtl::MAX, NonZeroU32::MAX.into());
        assert_eq!(SessionTtl::try_from("4294967295"), Ok(SessionTtl::MAX));
        assert_eq!(SessionTtl::try_from("1".to_owned()), Ok(SessionTtl::MIN));
        assert_eq!(SessionTtl::try_from("0"), Err(InvalidTtl));
    }

    #[test]
    fn durations_must_be_whole_seconds_in_range() {
        assert_eq!(SessionTtl::try_from(Duration::ZERO), Err(InvalidTtl));
        assert_eq!(
            SessionTtl::try_from(Duration::from_nanos(1_000_000_001)),
            Err(InvalidTtl)
        );
        assert_eq!(SessionTtl::from_secs(1 << 32), Err(InvalidTtl));
        assert_eq!(
            SessionTtl::try_from(SessionTtl::MAX.as_duration()),
            Ok(SessionTtl::MAX)
        );
    }
}
