//! What a rotation leaves under the old id.

use crate::field::FieldValue;
use crate::lifetime::Lifetime;
use crate::time::UnixMillis;

/// The tombstone of a rotation: what the old id's key holds for a while, so that it is known as
/// rotated and not as unknown.
///
/// It is the value of the one field `session_rotated`: the backend's millisecond until which the
/// tombstone counts, and, where the session stayed its principal's, a space and the key that the
/// session has moved to. That millisecond alone decides, whatever another client does to the key:
/// a hash with this field is never a session, and never a tombstone for longer.
///
/// ```
/// use session_core::{Tombstone, UnixMillis};
///
/// let tombstone = Tombstone::parse(b"1775133306000 3q2-7w").expect("a tombstone");
/// assert_eq!(tombstone.successor(), Some(&b"3q2-7w"[..]));
/// assert!(tombstone.counts(UnixMillis::new(1_775_133_306_000)));
/// assert!(!tombstone.counts(UnixMillis::new(1_775_133_306_001)));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Tombstone {
    until: UnixMillis,
    successor: Option<FieldValue>,
}

impl Tombstone {
    /// The tombstone of a rotation now. `successor` is the key that the session has moved to, as
    /// the store names it; `None` where nobody who has the old id may end the session.
    pub fn new(now: UnixMillis, lifetime: Lifetime, successor: Option<FieldValue>) -> Self {
        Self {
            until: now.plus_millis(lifetime.as_millis()),
            successor,
        }
    }

    /// Parses the value of `session_rotated`: `[1-9][0-9]{0,14}`, and behind that nothing, or a
    /// space and at least one byte. `None` for any other text.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let digits = value.iter().position(|byte| *byte == b' ');
        let (until, rest) = value.split_at(digits.unwrap_or(value.len()));
        let successor = match rest {
            [] => None,
            [_] => return None,
            [_, key @ ..] => Some(key.into()),
        };
        Some(Self {
            until: UnixMillis::parse(until)?,
            successor,
        })
    }

    /// The value of `session_rotated`.
    pub fn to_value(&self) -> FieldValue {
        let mut value = self.until.get().to_string().into_bytes();
        if let Some(successor) = &self.successor {
            value.push(b' ');
            value.extend_from_slice(successor.as_bytes());
        }
        value.into()
    }

    /// Whether it still counts: through the millisecond of its end, as a key lives through that of
    /// its expiry.
    pub fn counts(&self, now: UnixMillis) -> bool {
        now <= self.until
    }

    /// The millisecond until which it counts. The key that a rotation leaves expires then.
    pub fn until(&self) -> UnixMillis {
        self.until
    }

    /// The key that the session has moved to, as the store names it.
    pub fn successor(&self) -> Option<&[u8]> {
        self.successor.as_ref().map(FieldValue::as_bytes)
    }
}

/// Shows no key, which may be an id.
impl std::fmt::Debug for Tombstone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tombstone")
            .field("until", &self.until)
            .field("has_successor", &self.successor.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tombstone_is_its_text() {
        for text in ["1", "999999999999999", "5 k", "5  ", "5 a b\0"] {
            let tombstone = Tombstone::parse(text.as_bytes()).unwrap();
            assert_eq!(tombstone.to_value(), FieldValue::from(text));
            assert!(!format!("{tombstone:?}").contains("a b"));
        }
        for text in [
            "",
            " ",
            "0",
            "01",
            "-1",
            "5 ",
            " 5",
            "5x",
            "5\nk",
            "1000000000000000",
        ] {
            assert_eq!(Tombstone::parse(text.as_bytes()), None, "{text:?}");
        }
        let now = UnixMillis::new(7);
        let tombstone = Tombstone::new(now, Lifetime::MIN, Some("k".into()));
        assert_eq!(tombstone.to_value(), FieldValue::from("1007 k"));
    }
}
