//! The integers that counters hold.

/// Redis's integer grammar: an optional minus, no leading zero, no `-0`, in the range of `i64`.
///
/// ```
/// use session_core::rules::parse_integer;
///
/// assert_eq!(parse_integer(b"-17"), Some(-17));
/// for text in ["", "+5", "007", "-0", " 1", "1.0", "9223372036854775808"] {
///     assert_eq!(parse_integer(text.as_bytes()), None);
/// }
/// ```
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}
