//! The names of keys.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use session_core::{Effect, Error, ErrorKind, Principal, PublicId, SessionId};
use sha1::{Digest as _, Sha1};

use crate::key_format::{IdStorage, KeyFormat};
use crate::script::hex;

/// What all keys of a store begin with: 1 to 64 of `A-Z a-z 0-9 _ . : -`. The Redis guide's
/// `session:` by default.
///
/// Braces are not among them, so a prefix never changes a key's hash slot; nor are glob characters,
/// so a prefix never matches more than itself; nor are `@` and `#`, which mark index keys.
///
/// ```
/// use session_redis::KeyPrefix;
///
/// assert_eq!(KeyPrefix::default().as_str(), "session:");
/// assert!("shop:{eu}:".parse::<KeyPrefix>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyPrefix(String);

/// Not a key prefix: expected 1 to 64 of `A-Z a-z 0-9 _ . : -`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key prefix: expected 1 to 64 of A-Z a-z 0-9 _ . : -")]
pub struct InvalidPrefix;

impl From<InvalidPrefix> for Error {
    fn from(invalid: InvalidPrefix) -> Self {
        Self::new(ErrorKind::Config, Effect::NotApplied).with_source(invalid)
    }
}

impl KeyPrefix {
    /// The prefix's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for KeyPrefix {
    fn default() -> Self {
        Self("session:".to_owned())
    }
}

impl FromStr for KeyPrefix {
    type Err = InvalidPrefix;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.:-".contains(&b);
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPrefix)
        }
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Characters of an id that a hashed key shows, in braces.
pub(crate) const TAG: usize = 3;

/// The longest suffix of a key: a hashed one.
const LONGEST_SUFFIX: usize = 2 + TAG + SessionId::LEN;

/// Where the keys of a store are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Topology {
    /// On one server: a session and its principal's index change in one step.
    #[default]
    Standalone,
    /// In a Redis Cluster: a session and its principal's index are in different hash slots, so the
    /// index has steps of its own.
    Cluster,
}

/// The keys of one store. A session's key is the prefix and a suffix made of its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySpace {
    prefix: KeyPrefix,
    storage: IdStorage,
    topology: Topology,
}

impl KeySpace {
    /// The keys with this prefix, on one server.
    pub fn new(prefix: KeyPrefix, storage: IdStorage) -> Self {
        Self {
            prefix,
            storage,
            topology: Topology::default(),
        }
    }

    /// The same keys, there.
    #[must_use]
    pub fn at(mut self, topology: Topology) -> Self {
        self.topology = topology;
        self
    }

    /// Where the keys are.
    pub fn topology(&self) -> Topology {
        self.topology
    }

    /// Whether the principals' indexes have steps of their own.
    pub(crate) fn has_cross_slot_index(&self) -> bool {
        self.topology == Topology::Cluster
    }

    /// The prefix of all keys.
    pub fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    /// How ids become keys.
    pub fn storage(&self) -> IdStorage {
        self.storage
    }

    /// The formats in which a session is looked for, in this order.
    pub(crate) fn formats(&self) -> &'static [KeyFormat] {
        self.storage.read()
    }

    /// Whether a session may be stored in one of several formats.
    pub(crate) fn has_several_formats(&self) -> bool {
        self.formats().len() > 1
    }

    /// The key of a new session.
    pub fn session(&self, id: &SessionId) -> Vec<u8> {
        self.session_in(self.storage.written(), id)
    }

    /// The key of a session that is stored in this format.
    pub(crate) fn session_in(&self, format: KeyFormat, id: &SessionId) -> Vec<u8> {
        let suffix = match format {
            KeyFormat::Plain => SessionId::LEN,
            KeyFormat::Hashed => LONGEST_SUFFIX,
        };
        let mut key = Vec::with_capacity(self.prefix.0.len() + suffix);
        key.extend_from_slice(self.prefix.0.as_bytes());
        append_suffix(format, &mut key, id);
        key
    }

    /// The suffix of a new session's key.
    pub fn suffix(&self, id: &SessionId) -> Vec<u8> {
        suffix_in(self.storage.written(), id)
    }

    /// All suffixes that a session's key may have.
    pub(crate) fn suffixes(&self, id: &SessionId) -> Vec<Vec<u8>> {
        let formats = self.formats().iter();
        formats.map(|format| suffix_in(*format, id)).collect()
    }

    /// The public id that operators see of an unbound session whose key has this suffix; `None`
    /// when no session is looked for there.
    pub(crate) fn public_id_of_unbound(&self, suffix: &[u8]) -> Option<PublicId> {
        let (format, public_id) = parse(suffix)?;
        self.formats().contains(&format).then_some(public_id)
    }

    /// The keys of a principal's indexes: where sessions are looked for in two formats, one for the
    /// sessions of each. That of new sessions is [`index`](Self::index).
    pub fn indexes(&self, principal: &Principal) -> Vec<Vec<u8>> {
        let formats = self.formats().iter();
        let index = |format: &KeyFormat| self.index_in(*format, principal.as_str().as_bytes());
        formats.map(index).collect()
    }

    /// The key of the index that has a principal's new sessions.
    pub fn index(&self, principal: &Principal) -> Vec<u8> {
        self.index_in(self.storage.written(), principal.as_str().as_bytes())
    }

    /// Keys such as those of sessions, and such as those of indexes, one of each format; of nobody.
    pub(crate) fn shapes(&self) -> [Vec<Vec<u8>>; 2] {
        let id = SessionId::parse([b'A'; SessionId::LEN]);
        let formats = || self.formats().iter();
        let session = |format: &KeyFormat| Some(self.session_in(*format, id.as_ref().ok()?));
        let index = |format: &KeyFormat| self.index_in(*format, b"?");
        [
            formats().filter_map(session).collect(),
            formats().map(index).collect(),
        ]
    }

    /// The key of the index of a principal, as a hash names it, that has this entry.
    pub(crate) fn index_of(&self, principal: &[u8], entry: &[u8]) -> Vec<u8> {
        let format = match suffix_of(entry).first() {
            Some(b'{') => KeyFormat::Hashed,
            _ => KeyFormat::Plain,
        };
        self.index_in(format, principal)
    }

    /// The key of the index that has a principal's sessions which are stored in this format. A
    /// hashed one is a name, and keeps nothing that must not be guessed: scripts make the same, and
    /// have no other hash. 128 bits of it suffice.
    fn index_in(&self, format: KeyFormat, principal: &[u8]) -> Vec<u8> {
        let mut key = self.prefix.0.clone().into_bytes();
        match format {
            KeyFormat::Plain => {
                key.push(b'@');
                key.extend_from_slice(principal);
            }
            KeyFormat::Hashed => {
                key.push(b'#');
                let hash = Sha1::digest(principal);
                key.extend(hex(hash.get(..16).unwrap_or_default()).into_bytes());
            }
        }
        key
    }

    /// The key with this suffix.
    pub(crate) fn with_suffix(&self, suffix: &[u8]) -> Vec<u8> {
        [self.prefix.0.as_bytes(), suffix].concat()
    }

    /// The index prefix, if a session's step changes the index as well; nothing, if that has its
    /// own steps.
    pub(crate) fn index_prefix_of_steps(&self) -> Vec<u8> {
        match self.topology {
            Topology::Standalone => self.index_prefix(),
            Topology::Cluster => Vec::new(),
        }
    }

    /// What scripts are told of index keys: the prefix and one character that no session key has
    /// there, which says in which formats sessions are looked for.
    pub fn index_prefix(&self) -> Vec<u8> {
        let mut key = self.prefix.0.clone().into_bytes();
        key.push(match self.formats() {
            [KeyFormat::Plain] => b'@',
            [KeyFormat::Hashed] => b'#',
            _ => b'&',
        });
        key
    }
}

/// The suffix of the key of a session that is stored in this format.
pub(crate) fn suffix_in(format: KeyFormat, id: &SessionId) -> Vec<u8> {
    let mut suffix = Vec::with_capacity(LONGEST_SUFFIX);
    append_suffix(format, &mut suffix, id);
    suffix
}

fn append_suffix(format: KeyFormat, key: &mut Vec<u8>, id: &SessionId) {
    match format {
        KeyFormat::Plain => key.extend_from_slice(id.expose().as_bytes()),
        KeyFormat::Hashed => {
            key.push(b'{');
            key.extend_from_slice(id.expose().as_bytes().get(..TAG).unwrap_or_default());
            key.push(b'}');
            key.extend_from_slice(URL_SAFE_NO_PAD.encode(id.digest()).as_bytes());
        }
    }
}

/// What the suffix of a key tells of its session.
fn parse(suffix: &[u8]) -> Option<(KeyFormat, PublicId)> {
    if let Ok(id) = SessionId::parse(suffix) {
        return Some((KeyFormat::Plain, PublicId::of_unbound(&id)));
    }
    let tagged = suffix.strip_prefix(b"{")?;
    let hash = tagged.get(TAG..)?.strip_prefix(b"}")?;
    let digest: [u8; 32] = URL_SAFE_NO_PAD.decode(hash).ok()?.try_into().ok()?;
    Some((KeyFormat::Hashed, PublicId::from_digest(&digest)))
}

/// The prefix and the format of a key that looks like a session's.
pub(crate) fn prefix_and_format(key: &[u8]) -> Option<(KeyPrefix, KeyFormat)> {
    [LONGEST_SUFFIX, SessionId::LEN]
        .into_iter()
        .find_map(|len| {
            let (prefix, suffix) = key.split_at_checked(key.len().checked_sub(len)?)?;
            let (format, _) = parse(suffix)?;
            let prefix = std::str::from_utf8(prefix).ok()?;
            Some((prefix.parse().ok()?, format))
        })
}

/// A session's entry in the index of its principal: its public id, and the suffix of its key.
pub(crate) fn entry_of(public_id: &[u8], suffix: &[u8]) -> Bytes {
    [public_id, suffix].concat().into()
}

/// The suffix of the key of the session with this entry.
pub(crate) fn suffix_of(entry: &[u8]) -> &[u8] {
    entry.get(PublicId::LEN..).unwrap_or_default()
}

/// The public id of the session with this entry.
pub(crate) fn public_id_of(entry: &[u8]) -> &[u8] {
    entry.get(..PublicId::LEN).unwrap_or_default()
}

#[cfg(test)]
mod tests;
