//! The id of a session that may be shown.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Effect, Error, ErrorKind, Result};
use crate::id::SessionId;
use crate::random::random_bytes;

/// Bytes of randomness in a public id.
const PUBLIC_ID_BYTES: usize = 12;

/// Names a session without opening it: 12 bytes, shown as 16 characters of base64url.
///
/// It may be shown, logged and sent to a page. Together with the principal that the session is
/// bound to it serves to list, read, change and end sessions; alone it opens nothing.
///
/// A session gets one each time it is bound to a principal, keeps it when it is rotated, and loses
/// it when it is unbound. For a session that is bound to nobody operators see
/// [`PublicId::of_unbound`].
///
/// ```
/// use session_core::PublicId;
///
/// let id = PublicId::random()?;
/// assert_eq!(id.to_string().len(), PublicId::LEN);
/// assert_eq!(PublicId::parse(id.as_str()), Ok(id));
/// assert!(PublicId::parse("guess").is_err());
/// # Ok::<(), session_core::Error>(())
/// ```
// Kept as text, so that public ids are ordered as a store orders their texts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicId([u8; PublicId::LEN]);

/// The text is not a public id: not 16 characters of base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid public id: expected 16 characters of base64url")]
pub struct InvalidPublicId;

impl PublicId {
    /// The length of a public id's text, in characters (all ASCII).
    pub const LEN: usize = 16;

    /// Draws a fresh public id from the operating system.
    ///
    /// # Errors
    /// [`ErrorKind::Randomness`] when the operating system gives no randomness.
    pub fn random() -> Result<Self> {
        Ok(Self::from_bytes(&random_bytes()?))
    }

    /// Parses the text of a public id.
    ///
    /// # Errors
    /// [`InvalidPublicId`] unless the text is 16 characters of the base64url alphabet.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, InvalidPublicId> {
        let text: [u8; Self::LEN] = text.as_ref().try_into().map_err(|_| InvalidPublicId)?;
        let mut bytes = [0; PUBLIC_ID_BYTES];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(PUBLIC_ID_BYTES) => Ok(Self(text)),
            _ => Err(InvalidPublicId),
        }
    }

    /// The public id made of the first 12 bytes of a SHA-256.
    pub fn from_digest(digest: &[u8; 32]) -> Self {
        let mut bytes = [0; PUBLIC_ID_BYTES];
        for (byte, of_digest) in bytes.iter_mut().zip(digest) {
            *byte = *of_digest;
        }
        Self::from_bytes(&bytes)
    }

    /// A session that is bound to nobody has no public id of its own. Operators see one derived
    /// from its id (SHA-256, one way), the same each time; a rotation changes it.
    pub fn of_unbound(id: &SessionId) -> Self {
        Self::from_digest(&id.digest())
    }

    /// The public id's text.
    pub fn as_str(&self) -> &str {
        // The bytes are ASCII by construction.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    fn from_bytes(bytes: &[u8; PUBLIC_ID_BYTES]) -> Self {
        let mut text = [b'A'; Self::LEN];
        // 12 bytes are exactly 16 characters, so the buffer always fits.
        let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
        debug_assert_eq!(written, Ok(Self::LEN));
        Self(text)
    }
}

impl fmt::Debug for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicId({self})")
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PublicId {
    type Err = InvalidPublicId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for PublicId {
    type Error = InvalidPublicId;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for PublicId {
    type Error = InvalidPublicId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<InvalidPublicId> for Error {
    fn from(invalid: InvalidPublicId) -> Self {
        Self::new(ErrorKind::InvalidPublicId, Effect::NotApplied).with_source(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_ids_are_distinct_and_round_trip() {
        let (a, b) = (PublicId::random().unwrap(), PublicId::random().unwrap());
        assert_ne!(a, b);
        assert_eq!(a.to_string().parse(), Ok(a));
    }

    #[test]
    fn no_bits_are_left_over() {
        let accepted = (b'!'..=b'~')
            .filter(|last| {
                let mut text = [b'A'; PublicId::LEN];
                text[15] = *last;
                PublicId::parse(text).is_ok()
            })
            .count();
        assert_eq!(accepted, 64);
    }

    #[test]
    fn malformed_texts_are_refused() {
        for text in [
            "",
            "short",
            &"A".repeat(15),
            &"A".repeat(17),
            &"=".repeat(16),
            "ünïcödé-ünx",
        ] {
            assert_eq!(PublicId::parse(text), Err(InvalidPublicId), "{text:?}");
        }
        assert_eq!(PublicId::parse([0xff; 16]), Err(InvalidPublicId));
    }

    #[test]
    fn the_public_id_of_an_unbound_session_is_the_beginning_of_its_hash() {
        let id = SessionId::random().unwrap();
        let digest = URL_SAFE_NO_PAD.encode(id.digest());
        let public_id = PublicId::of_unbound(&id);
        assert_eq!(public_id, PublicId::of_unbound(&id));
        assert_eq!(public_id.as_str(), &digest[..PublicId::LEN]);
    }
}
