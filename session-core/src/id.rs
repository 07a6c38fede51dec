//! The opaque id of a session.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::error::{Effect, Error, ErrorKind, Result};
use crate::random::random_bytes;

/// Bytes of randomness in an id.
const ID_BYTES: usize = 32;

/// The secret that names a session: 32 bytes from the operating system's CSPRNG, as 43 characters
/// of unpadded base64url.
///
/// The id is a bearer token: whoever holds it holds the session. So it has no `Display`, its
/// `Debug` shows a hash prefix only (OWASP's advice for correlating log lines), and only an
/// explicit call returns the text, [`SessionId::expose`].
///
/// A value of this type is always canonical: [`SessionId::parse`] refuses anything that
/// [`SessionId::random`] could not have drawn, so a malformed cookie never reaches a backend
/// (OWASP ASVS 5.0, 7.2.3).
///
/// ```
/// use session_core::SessionId;
///
/// let id = SessionId::random()?;
/// assert_eq!(id.expose().len(), SessionId::LEN);
/// assert_eq!(SessionId::parse(id.expose()), Ok(id));
/// assert!(SessionId::parse("guess").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; SessionId::LEN]);

/// The text is not a session id: not 43 characters of canonical, unpadded base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid session id: expected 43 characters of canonical base64url")]
pub struct InvalidSessionId;

impl SessionId {
    /// The length of an id's text, in characters (all ASCII).
    pub const LEN: usize = 43;

    /// Draws a fresh id from the operating system.
    ///
    /// # Errors
    /// [`ErrorKind::Randomness`] when the operating system gives no randomness. There is no weaker
    /// source to fall back to.
    pub fn random() -> Result<Self> {
        Ok(Self::from_bytes(&random_bytes()?))
    }

    /// The id with these 32 bytes. Anything but a CSPRNG's output here breaks the promise that ids
    /// cannot be guessed; it exists for backends that draw ids under a constraint (see
    /// [`SessionBackend::successor_id`](crate::SessionBackend::successor_id)) and for tests.
    pub fn from_bytes(bytes: &[u8; ID_BYTES]) -> Self {
        let mut text = [b'A'; Self::LEN];
        // 32 bytes are exactly 43 characters, so the buffer always fits.
        let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
        debug_assert_eq!(written, Ok(Self::LEN));
        Self(text)
    }

    /// Parses the text of an id, as a cookie carries it.
    ///
    /// # Errors
    /// [`InvalidSessionId`] unless the text is 43 characters of the base64url alphabet in canonical
    /// encoding (the last character's two unused bits are zero).
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, InvalidSessionId> {
        let text: [u8; Self::LEN] = text.as_ref().try_into().map_err(|_| InvalidSessionId)?;
        // Nobody needs the bytes, and looking at the characters takes a tenth of the time.
        let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'_');
        let is_all = text
            .iter()
            .fold(true, |is_all, byte| is_all & is_base64url(byte));
        // Every fourth of the alphabet, as two bits of the last character are unused.
        let is_canonical = text.last().is_some_and(|last| {
            matches!(last, b'A' | b'E' | b'I' | b'M' | b'Q' | b'U' | b'Y' | b'c')
                | matches!(last, b'g' | b'k' | b'o' | b's' | b'w' | b'0' | b'4' | b'8')
        });
        (is_all && is_canonical)
            .then_some(Self(text))
            .ok_or(InvalidSessionId)
    }

    /// The id's text: the secret itself. For the cookie and for the key; never for a log.
    pub fn expose(&self) -> &str {
        // The bytes are ASCII by construction.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The bytes of the id's text, as secret as this.
    pub fn expose_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// SHA-256 of the id's text. Irreversible for a 256-bit secret, so it may be stored.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = URL_SAFE_NO_PAD.encode(self.digest());
        write!(f, "SessionId(sha256:{digest:.8})")
    }
}

impl From<InvalidSessionId> for Error {
    fn from(invalid: InvalidSessionId) -> Self {
        Self::new(ErrorKind::InvalidSessionId, Effect::NotApplied).with_source(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_canonical_and_distinct() {
        let a = SessionId::random().unwrap();
        let b = SessionId::random().unwrap();
        assert_ne!(a, b);
        assert_eq!(SessionId::parse(a.expose()), Ok(a));
    }

    #[test]
    fn what_is_accepted_is_what_decodes() {
        let id = SessionId::from_bytes(&[0xff; 32]);
        let mut accepted = [0; SessionId::LEN];
        for (place, accepted) in accepted.iter_mut().enumerate() {
            for byte in 0..=u8::MAX {
                let mut text = id.expose().as_bytes().to_vec();
                text[place] = byte;
                let is_id = SessionId::parse(&text).is_ok();
                assert_eq!(is_id, URL_SAFE_NO_PAD.decode(&text).is_ok(), "{text:?}");
                *accepted += u32::from(is_id);
            }
        }
        // Four significant bits: 16 of the 64 characters.
        let (last, others) = accepted.split_last().unwrap();
        assert_eq!((*last, others), (16, &[64; 42][..]));
    }

    #[test]
    fn malformed_texts_are_refused() {
        let long = "A".repeat(64 * 1024);
        for text in [
            "",
            "A",
            &"A".repeat(42),
            &"A".repeat(44),
            &long,
            &"=".repeat(43),
            &"é".repeat(21),
        ] {
            assert_eq!(SessionId::parse(text), Err(InvalidSessionId));
        }
        assert_eq!(SessionId::parse([0xff; 43]), Err(InvalidSessionId));
    }

    #[test]
    fn debug_shows_no_part_of_the_id() {
        let id = SessionId::random().unwrap();
        let debug = format!("{id:?}");
        assert_eq!(debug.len(), "SessionId(sha256:)".len() + 8);
        assert!(!debug.contains(&id.expose()[..8]));
    }
}
