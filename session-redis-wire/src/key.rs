//! The names of keys.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use session_core::{Principal, SessionHandle, SessionId};

/// What all keys of a store begin with: 1 to 64 of `A-Z a-z 0-9 _ . : -`. The guide's `session:` by
/// default.
///
/// Braces are not among them, so a prefix never changes a key's hash slot; nor are glob characters,
/// so a prefix never matches more than itself; nor is `@`, which marks index keys.
///
/// ```
/// use session_redis_wire::KeyPrefix;
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

/// How a session's id becomes the name of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IdStorage {
    /// The id itself: the guide's format, readable by its clients in every language. Whoever can
    /// read key names (a dump, `MONITOR`, the slow log) holds usable cookies.
    #[default]
    Plain,
    /// `{` + the id's first three characters + `}` + base64url(SHA-256(id)). A leaked key name is no
    /// usable cookie, and the braces keep a session in its hash slot when it rotates.
    Hashed,
}

/// Characters of an id that a hashed key shows, in braces.
const TAG: usize = 3;

/// The keys of one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySpace {
    prefix: KeyPrefix,
    storage: IdStorage,
    topology: Topology,
}

/// Where the keys of a store are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Topology {
    /// On one server: a session and its principal's index change in one step.
    #[default]
    OneServer,
    /// In a Redis Cluster: a session and its principal's index are in different hash slots, so the index
    /// has steps of its own.
    Cluster,
}

impl KeySpace {
    /// The keys with this prefix, on one server.
    pub fn new(prefix: KeyPrefix, storage: IdStorage) -> Self {
        let topology = Topology::default();
        Self {
            prefix,
            storage,
            topology,
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

    /// The prefix of all keys.
    pub fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    /// How ids become names.
    pub fn storage(&self) -> IdStorage {
        self.storage
    }

    /// The key of a session.
    pub fn session(&self, id: &SessionId) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.prefix.0.len() + 2 + TAG + SessionId::LEN);
        key.extend_from_slice(self.prefix.0.as_bytes());
        self.append_name(&mut key, id);
        key
    }

    /// The name of a session: its key without the prefix. Members of the principal index are names.
    pub fn name(&self, id: &SessionId) -> Vec<u8> {
        let mut name = Vec::with_capacity(2 + TAG + SessionId::LEN);
        self.append_name(&mut name, id);
        name
    }

    /// The handle of the session of this name; `None` when it is no name of ours.
    pub fn handle(&self, name: &[u8]) -> Option<SessionHandle> {
        match self.storage {
            IdStorage::Plain => SessionId::parse(name).ok().map(|id| id.handle()),
            IdStorage::Hashed => {
                let hash = name
                    .get(TAG + 2..)
                    .filter(|hash| hash.len() == SessionId::LEN)?;
                SessionHandle::parse(std::str::from_utf8(hash.get(..SessionHandle::LEN)?).ok()?)
                    .ok()
            }
        }
    }

    /// The key of a principal's index.
    pub fn index(&self, principal: &Principal) -> Vec<u8> {
        self.index_of(principal.as_str().as_bytes())
    }

    /// The key of the index of a principal as a hash names it.
    pub(crate) fn index_of(&self, principal: &[u8]) -> Vec<u8> {
        let mut key = self.index_prefix();
        key.extend_from_slice(principal);
        key
    }

    /// The key of the session of this name.
    pub(crate) fn session_named(&self, name: &[u8]) -> Vec<u8> {
        let mut key = self.prefix.0.clone().into_bytes();
        key.extend_from_slice(name);
        key
    }

    /// The index prefix, if a session's step keeps the index as well; nothing, if that has its own steps.
    pub(crate) fn index_prefix_of_steps(&self) -> Vec<u8> {
        match self.topology {
            Topology::OneServer => self.index_prefix(),
            Topology::Cluster => Vec::new(),
        }
    }

    /// What all index keys begin with: the prefix and one character that no session key has there.
    pub fn index_prefix(&self) -> Vec<u8> {
        let mut key = self.prefix.0.clone().into_bytes();
        key.push(b'@');
        key
    }

    fn append_name(&self, key: &mut Vec<u8>, id: &SessionId) {
        match self.storage {
            IdStorage::Plain => key.extend_from_slice(id.expose().as_bytes()),
            IdStorage::Hashed => {
                key.push(b'{');
                key.extend_from_slice(id.expose().as_bytes().get(..TAG).unwrap_or_default());
                key.push(b'}');
                key.extend_from_slice(URL_SAFE_NO_PAD.encode(id.digest()).as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> SessionId {
        SessionId::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap()
    }

    fn space(storage: IdStorage) -> KeySpace {
        KeySpace::new(KeyPrefix::default(), storage)
    }

    #[test]
    fn a_plain_key_is_the_guides() {
        let key = space(IdStorage::Plain).session(&id());
        assert_eq!(key, b"session:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    }

    #[test]
    fn a_hashed_key_shows_three_characters_of_the_id_and_gives_its_handle() {
        let keys = space(IdStorage::Hashed);
        let key = String::from_utf8(keys.session(&id())).unwrap();
        assert!(key.starts_with("session:{AAE}"));
        assert_eq!(key.len(), "session:{AAE}".len() + 43);
        assert!(!key.contains(&id().expose()[TAG..]));
        assert_eq!(keys.handle(&keys.name(&id())), Some(id().handle()));
    }

    #[test]
    fn a_plain_name_gives_the_same_handle() {
        let keys = space(IdStorage::Plain);
        assert_eq!(keys.handle(&keys.name(&id())), Some(id().handle()));
        assert_eq!(keys.handle(b"someone else's member"), None);
    }

    #[test]
    fn prefixes_with_other_characters_are_refused() {
        for text in [
            "",
            "a*",
            "a?",
            "[a]",
            "{a}",
            "a b",
            "a\r\n",
            "é",
            "a@",
            "a\\",
            &"a".repeat(65),
        ] {
            assert_eq!(text.parse::<KeyPrefix>(), Err(InvalidPrefix), "{text:?}");
        }
    }

    #[test]
    fn no_index_key_of_one_prefix_is_a_session_key_of_another() {
        let index = space(IdStorage::Plain).index(&Principal::new(id().expose()).unwrap());
        let marker = index.iter().position(|b| *b == b'@').unwrap();
        let as_prefix = std::str::from_utf8(&index[..=marker]).unwrap();
        assert_eq!(as_prefix.parse::<KeyPrefix>(), Err(InvalidPrefix));
    }
}
