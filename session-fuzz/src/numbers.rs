//! Numbers and times as hashes hold them.

use session_core::rules::parse_integer;
use session_core::{SessionTtl, Timestamp, Tombstone, UnixMillis};

/// A number is taken exactly as it would be printed, within its range; a time is in the years that
/// have a text.
pub fn numbers(data: &[u8]) {
    let text = std::str::from_utf8(data).unwrap_or_default();
    let canonical = text
        .parse::<i128>()
        .ok()
        .filter(|it| it.to_string() == text);
    let in_range = |least, greatest| canonical.filter(|it| (least..=greatest).contains(it));

    let ttl = text.parse::<SessionTtl>().ok();
    let ttl = ttl.map(|ttl| i128::from(ttl.as_secs()));
    assert_eq!(ttl, in_range(1, u32::MAX.into()));

    let millis = UnixMillis::parse(data).map(|it| i128::from(it.get()));
    assert_eq!(millis, in_range(1, 999_999_999_999_999));

    let integer = parse_integer(data).map(i128::from);
    assert_eq!(integer, in_range(i64::MIN.into(), i64::MAX.into()));

    if let Some(time) = Timestamp::parse(text) {
        let printed = time.to_string();
        assert_eq!(printed.len(), "2026-04-02T12:34:56+00:00".len());
        assert_eq!(Timestamp::parse(&printed), Some(time));
    }
    if let Some(tombstone) = Tombstone::parse(data) {
        assert_eq!(tombstone.to_value().as_bytes(), data);
    }
}
