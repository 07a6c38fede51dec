//! What of a user's credentials a session remembers.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// Stands for a user's credentials in the session: when it changes, the user's other sessions end.
///
/// It is the SHA-256 of what it was made of, as 43 characters of base64url, and opens nothing.
/// `Debug` shows nothing of it.
///
/// ```
/// use session_auth::AuthHash;
///
/// let password_hash = "$argon2id$v=19$m=19456,t=2,p=1$…";
/// let hash = AuthHash::of(password_hash);
/// assert_eq!(hash.as_str().len(), 43);
/// assert_eq!(format!("{hash:?}"), "AuthHash");
/// ```
#[derive(Clone)]
pub struct AuthHash(String);

impl AuthHash {
    /// Made of what changes with the user's credentials: the hash of the password as the
    /// application stores it (never the password), a counter, or several of these in one text.
    pub fn of(credentials: impl AsRef<[u8]>) -> Self {
        Self(URL_SAFE_NO_PAD.encode(Sha256::digest(credentials)))
    }

    /// The text that is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the session holds this one, in a time that does not depend on where they differ.
    pub(crate) fn is(&self, stored: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let differing = own
            .iter()
            .zip(stored)
            .fold(0, |bits, (a, b)| bits | (a ^ b));
        std::hint::black_box(differing) == 0 && own.len() == stored.len()
    }
}

impl fmt::Debug for AuthHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sha_256_and_is_only_itself() {
        let hash = AuthHash::of("abc");
        let known = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";
        assert_eq!(hash.as_str(), known);
        let longer = format!("{known}A");
        let changed = known.replace('0', "1");
        for (stored, is_it) in [
            (known, true),
            ("", false),
            (&known[..42], false),
            (&longer, false),
            (&changed, false),
            (AuthHash::of("abd").as_str(), false),
        ] {
            assert_eq!(hash.is(stored.as_bytes()), is_it, "{stored}");
        }
    }
}
