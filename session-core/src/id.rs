//! The opaque id of a session, and the handle that names a session without opening it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng as _;
use sha2::{Digest as _, Sha256};

use crate::error::{Effect, Error, ErrorKind};

/// Bytes of randomness in an id.
const ID_BYTES: usize = 32;

/// The secret that names a session: 32 bytes from the operating system's CSPRNG, as 43 characters
/// of unpadded base64url.
///
/// The id is a bearer token: whoever holds it holds the session. So it has no `Display`, its
/// `Debug` shows a hash prefix only (OWASP's advice for correlating log lines), and the text is had
/// by an explicit call, [`SessionId::expose`].
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
#[error("not a session id: expected 43 characters of canonical base64url")]
pub struct InvalidSessionId;

impl SessionId {
    /// The length of an id's text, in characters (all ASCII).
    pub const LEN: usize = 43;

    /// Draws a fresh id from the operating system.
    ///
    /// # Errors
    /// [`ErrorKind::Randomness`] when the operating system gives no randomness. There is no weaker
    /// source to fall back to.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; ID_BYTES];
        rand::rngs::SysRng
            .try_fill_bytes(&mut bytes)
            .map_err(|source| {
                Error::new(ErrorKind::Randomness, Effect::NotApplied).with_source(source)
            })?;
        Ok(Self::from_bytes(&bytes))
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
        let mut bytes = [0; ID_BYTES];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(ID_BYTES) => Ok(Self(text)),
            _ => Err(InvalidSessionId),
        }
    }

    /// The id's text: the secret itself. For the cookie and for the key; never for a log.
    pub fn expose(&self) -> &str {
        // The bytes are ASCII by construction.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// SHA-256 of the id's text. Irreversible for a 256-bit secret, so it may be stored.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// The handle that names this session without opening it.
    pub fn handle(&self) -> SessionHandle {
        SessionHandle::from_digest(&self.digest())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId(sha256:{:.8})", self.handle().as_str())
    }
}

/// Names a session without opening it: the first 22 characters (132 bits) of base64url(SHA-256(id)).
///
/// It may be shown, logged and sent to a page. It serves to list and revoke
/// ([`SessionBackend::revoke_session`](crate::SessionBackend::revoke_session)), never to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionHandle(String);

/// The text is not a session handle: not 22 characters of the base64url alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a session handle: expected 22 characters of base64url")]
pub struct InvalidSessionHandle;

impl SessionHandle {
    /// The length of a handle's text, in characters (all ASCII).
    pub const LEN: usize = 22;

    /// The handle of the id with this SHA-256.
    pub fn from_digest(digest: &[u8; 32]) -> Self {
        let mut text = URL_SAFE_NO_PAD.encode(digest);
        text.truncate(Self::LEN);
        Self(text)
    }

    /// Parses the text of a handle.
    ///
    /// # Errors
    /// [`InvalidSessionHandle`] unless the text is 22 characters of the base64url alphabet.
    pub fn parse(text: &str) -> Result<Self, InvalidSessionHandle> {
        let alphabet = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if text.len() == Self::LEN && text.bytes().all(alphabet) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidSessionHandle)
        }
    }

    /// The handle's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SessionHandle {
    type Err = InvalidSessionHandle;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
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
    fn only_the_canonical_last_character_is_accepted() {
        let id = SessionId::from_bytes(&[0xff; 32]);
        let canonical = id.expose().to_owned();
        assert!(canonical.ends_with('8'));
        let accepted = (b'!'..=b'~')
            .filter(|last| {
                let mut text = canonical.clone().into_bytes();
                text[42] = *last;
                SessionId::parse(&text).is_ok()
            })
            .count();
        // Four significant bits: 16 of the 64 characters.
        assert_eq!(accepted, 16);
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

    #[test]
    fn handles_round_trip_and_refuse_other_texts() {
        let handle = SessionId::random().unwrap().handle();
        assert_eq!(handle.as_str().parse(), Ok(handle));
        assert_eq!(SessionHandle::parse("short"), Err(InvalidSessionHandle));
        assert_eq!(
            SessionHandle::parse("ünïcödé-ünïcöd"),
            Err(InvalidSessionHandle)
        );
    }
}
