//! Two kinds of time: what the application writes down, and what the backend decides by.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

use crate::field::FieldValue;

/// Where "now" comes from.
///
/// The application's clock ([`SessionPolicy::with_clock`](crate::SessionPolicy::with_clock)) writes
/// the two human-readable timestamps and decides nothing. Expiry is decided by the backend's own
/// clock: the Redis server's, or the one given to the memory backend.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The present time.
    fn now(&self) -> SystemTime;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

impl<T: Clock + ?Sized> Clock for std::sync::Arc<T> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }
}

/// A point in time to the second, as `created_at` and `last_accessed_at` hold it:
/// `2026-04-02T12:34:56+00:00`.
///
/// ```
/// use session_core::Timestamp;
///
/// let t = Timestamp::parse("2026-04-02T12:34:56+00:00").unwrap();
/// assert_eq!(t.to_string(), "2026-04-02T12:34:56+00:00");
/// // Other languages' clients write the same instant in other RFC 3339 forms.
/// assert_eq!(Timestamp::parse("2026-04-02T12:34:56.789Z"), Some(t));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// What the texts of all timestamps have in common: a digit where there is one.
const TEMPLATE: [u8; Timestamp::LEN] = *b"0000-00-00T00:00:00+00:00";

impl Timestamp {
    /// The length of the text, in characters (all ASCII).
    pub const LEN: usize = 25;

    /// The first second of year 0 and the last of year 9999, since the Unix epoch.
    const RANGE: (i64, i64) = (-62_167_219_200, 253_402_300_799);

    /// The time, cut to whole seconds. What lies before year 0 or after 9999 becomes the nearest
    /// time within.
    pub fn from_system_time(time: SystemTime) -> Self {
        let seconds = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
        };
        let (first, last) = Self::RANGE;
        Self(seconds.clamp(first, last))
    }

    /// Parses an RFC 3339 text, cut to whole seconds; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(time) = Self::parse_stored(text.as_bytes()) {
            return Some(time);
        }
        let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        // An offset can lead out of the years that have a text.
        let seconds = time.checked_to_offset(UtcOffset::UTC)?.unix_timestamp();
        let (first, last) = Self::RANGE;
        (first..=last).contains(&seconds).then_some(Self(seconds))
    }

    /// Parses exactly the texts that [`Timestamp::to_value`] returns.
    pub(crate) fn parse_stored(text: &[u8]) -> Option<Self> {
        let text: &[u8; Self::LEN] = text.try_into().ok()?;
        let mut places = text.iter().zip(&TEMPLATE);
        let is_alike = places.all(|(byte, place)| match place {
            b'0' => byte.is_ascii_digit(),
            mark => byte == mark,
        });
        let [
            y1,
            y2,
            y3,
            y4,
            _,
            o1,
            o2,
            _,
            d1,
            d2,
            _,
            h1,
            h2,
            _,
            m1,
            m2,
            _,
            s1,
            s2,
            _,
            rest @ ..,
        ] = text;
        if !is_alike || rest != b"00:00" {
            return None;
        }
        let two = |tens: &u8, ones: &u8| (tens & 15) * 10 + (ones & 15);
        let year = i32::from(two(y1, y2)) * 100 + i32::from(two(y3, y4));
        let month = Month::try_from(two(o1, o2)).ok()?;
        let date = Date::from_calendar_date(year, month, two(d1, d2)).ok()?;
        let time = Time::from_hms(two(h1, h2), two(m1, m2), two(s1, s2)).ok()?;
        Some(Self(date.with_time(time).assume_utc().unix_timestamp()))
    }

    /// The time that a stored text says, if it says one.
    pub(crate) fn of_value(value: &FieldValue) -> Option<Self> {
        Self::parse(value.as_str().ok()?)
    }

    /// Seconds since the Unix epoch; negative before it.
    pub fn unix_seconds(self) -> i64 {
        self.0
    }

    /// The text as a field value.
    pub fn to_value(self) -> FieldValue {
        FieldValue::from(&self.to_text()[..])
    }

    /// The text, all ASCII.
    pub fn to_text(self) -> [u8; Self::LEN] {
        // Years 0 to 9999 always are dates; the constructors admit no others.
        let time = OffsetDateTime::from_unix_timestamp(self.0);
        let time = time.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let year = u16::try_from(time.year()).unwrap_or_default();
        let mut text = TEMPLATE;
        let [
            y1,
            y2,
            y3,
            y4,
            _,
            o1,
            o2,
            _,
            d1,
            d2,
            _,
            h1,
            h2,
            _,
            m1,
            m2,
            _,
            s1,
            s2,
            ..,
        ] = &mut text;
        for (tens, ones, number) in [
            (y1, y2, year / 100),
            (y3, y4, year % 100),
            (o1, o2, u8::from(time.month()).into()),
            (d1, d2, time.day().into()),
            (h1, h2, time.hour().into()),
            (m1, m2, time.minute().into()),
            (s1, s2, time.second().into()),
        ] {
            *tens = digit(number / 10);
            *ones = digit(number % 10);
        }
        text
    }
}

/// The character of a number below 10.
fn digit(number: u16) -> u8 {
    u8::try_from(number).map_or(b'0', |number| b'0' + number)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text is ASCII.
        f.write_str(std::str::from_utf8(&self.to_text()).map_err(|_| fmt::Error)?)
    }
}

/// One of the two times that a session keeps as text: as a number, and as a text only where another
/// client has written it in another form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoredTime {
    Time(Timestamp),
    /// Not what [`Timestamp::to_value`] returns.
    Other(Arc<FieldValue>),
}

impl StoredTime {
    /// The text, as stored.
    pub(crate) fn to_value(&self) -> FieldValue {
        match self {
            Self::Time(time) => time.to_value(),
            Self::Other(text) => FieldValue::clone(text),
        }
    }

    /// The time that it says; `None` when the text is not RFC 3339.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Time(time) => Some(*time),
            Self::Other(text) => Timestamp::of_value(text),
        }
    }
}

impl From<FieldValue> for StoredTime {
    fn from(text: FieldValue) -> Self {
        match Timestamp::parse_stored(text.as_bytes()) {
            Some(time) => Self::Time(time),
            None => Self::Other(Arc::new(text)),
        }
    }
}

/// A point in time by the backend's own clock, in milliseconds since the Unix epoch.
// One more than the number, so that `Option` needs no room: a store holds millions of these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(NonZeroU64);

impl UnixMillis {
    /// The last time of this type.
    pub const MAX: Self = Self(NonZeroU64::MAX);

    /// The greatest number of digits in the stored form; all such numbers are exact in a double,
    /// which is what the server's scripts compute with.
    const MAX_DIGITS: usize = 15;

    /// This many milliseconds since the Unix epoch; [`UnixMillis::MAX`] for `u64::MAX`.
    pub const fn new(millis: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(millis))
    }

    /// The time, cut to whole milliseconds; the epoch for times before it.
    pub fn from_system_time(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// Parses the stored form: `[1-9][0-9]{0,14}`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digits = text.iter().all(u8::is_ascii_digit);
        if text.len() > Self::MAX_DIGITS || !digits || text.first() == Some(&b'0') {
            return None;
        }
        let millis = std::str::from_utf8(text).ok()?.parse().ok();
        millis.map(Self::new)
    }

    /// The number of milliseconds.
    pub const fn get(self) -> u64 {
        self.0.get() - 1
    }

    /// The time of day as the standard library has it.
    pub fn to_system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.get())
    }

    /// This time and so many milliseconds more.
    #[must_use]
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// How long it is from `earlier` to this time; zero when that is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.get().saturating_sub(earlier.get()))
    }
}

impl fmt::Debug for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnixMillis").field(&self.get()).finish()
    }
}

/// What remains of a session's life if nobody uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remaining {
    /// The session ends after this time, exact to the millisecond.
    In(Duration),
    /// The key has no expiry. Only another client can have left it so (the Redis guide's Rust
    /// version creates in two steps); the next touch sets it.
    NoExpiry,
}

impl Remaining {
    /// Whole seconds, rounded up, as people are shown it: a session that lives never shows 0.
    ///
    /// ```
    /// use session_core::Remaining;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Remaining::In(Duration::from_millis(14_001)).whole_seconds(), Some(15));
    /// assert_eq!(Remaining::NoExpiry.whole_seconds(), None);
    /// ```
    pub fn whole_seconds(self) -> Option<u64> {
        match self {
            Self::In(duration) => Some(
                duration
                    .as_millis()
                    .div_ceil(1000)
                    .max(1)
                    .try_into()
                    .unwrap_or(u64::MAX),
            ),
            Self::NoExpiry => None,
        }
    }

    /// The time as a duration; `None` when the key has no expiry.
    pub const fn as_duration(self) -> Option<Duration> {
        match self {
            Self::In(duration) => Some(duration),
            Self::NoExpiry => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_written_as_the_guide_writes_them() {
        let t = Timestamp::from_system_time(UNIX_EPOCH + Duration::from_millis(1_775_133_296_999));
        assert_eq!(t.to_string(), "2026-04-02T12:34:56+00:00");
        assert_eq!(t.to_value().as_str(), Ok("2026-04-02T12:34:56+00:00"));
    }

    #[test]
    fn every_form_the_guides_clients_write_is_read() {
        let t = Timestamp::parse("2026-04-02T12:34:56+00:00");
        assert!(t.is_some());
        for text in [
            "2026-04-02T12:34:56Z",
            "2026-04-02T12:34:56.123456789Z",
            "2026-04-02T14:34:56+02:00",
        ] {
            assert_eq!(Timestamp::parse(text), t);
        }
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn extreme_clocks_do_not_panic() {
        for (time, text) in [
            (
                UNIX_EPOCH - Duration::from_secs(1 << 40),
                "0000-01-01T00:00:00+00:00",
            ),
            (
                UNIX_EPOCH + Duration::from_secs(1 << 40),
                "9999-12-31T23:59:59+00:00",
            ),
        ] {
            assert_eq!(Timestamp::from_system_time(time).to_string(), text);
        }
        assert_eq!(
            UnixMillis::from_system_time(UNIX_EPOCH - Duration::from_secs(5)),
            UnixMillis::new(0)
        );
    }

    #[test]
    fn stored_instants_have_one_form() {
        assert_eq!(
            UnixMillis::parse(b"1775133296999"),
            Some(UnixMillis::new(1_775_133_296_999))
        );
        for text in ["", "0", "01", "-1", "1e3", "1.0"] {
            assert_eq!(UnixMillis::parse(text.as_bytes()), None, "{text:?}");
        }
        for text in ["9999999999999999", "1775133296999 "] {
            assert_eq!(UnixMillis::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_live_session_never_shows_zero_seconds() {
        assert_eq!(Remaining::In(Duration::ZERO).whole_seconds(), Some(1));
        assert_eq!(
            Remaining::In(Duration::from_secs(3)).whole_seconds(),
            Some(3)
        );
    }

    #[test]
    fn times_beyond_the_years_that_have_a_text_are_refused_or_cut() {
        for text in ["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        for text in ["9999-12-31T23:59:59+00:00", "0000-01-01T00:00:00+00:00"] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), text);
        }
        let last = UnixMillis::new(u64::MAX).to_system_time();
        assert_eq!(
            Timestamp::from_system_time(last).to_string(),
            "9999-12-31T23:59:59+00:00"
        );
    }
}
