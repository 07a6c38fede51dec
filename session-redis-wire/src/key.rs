//! The names of keys.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use session_core::{IdStorage, Principal, SessionHandle, SessionId};

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

/// What the name of a key is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    Plain,
    Hashed,
}

/// The form of new sessions. A storage that this version does not know is taken for the safe one.
fn form_of(storage: IdStorage) -> Form {
    match storage {
        IdStorage::Plain | IdStorage::PlainBeforeHashed => Form::Plain,
        _ => Form::Hashed,
    }
}

/// The forms that a session may have if there are several, in the order in which it is looked for. Sessions
/// are converted from plain to hashed only: whoever looks for the hashed one after the plain one misses none.
fn places_of(storage: IdStorage) -> &'static [IdStorage] {
    match storage {
        IdStorage::PlainBeforeHashed => &[IdStorage::Plain, IdStorage::Hashed],
        IdStorage::HashedAfterPlain => &[IdStorage::Hashed, IdStorage::Plain, IdStorage::Hashed],
        _ => &[],
    }
}

/// Characters of an id that a hashed key shows, in braces.
pub(crate) const TAG: usize = 3;

/// The keys of one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySpace {
    prefix: KeyPrefix,
    storage: IdStorage,
    topology: Topology,
    /// The keys of each form in which a session is looked for; none if there is one form.
    places: Vec<KeySpace>,
    /// These are such keys.
    is_place: bool,
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
        let of_form = |form: &IdStorage| Self {
            is_place: true,
            ..Self::new(prefix.clone(), *form)
        };
        let places = places_of(storage).iter().map(of_form).collect();
        Self {
            prefix,
            storage,
            topology: Topology::default(),
            places,
            is_place: false,
        }
    }

    /// The same keys, there.
    #[must_use]
    pub fn at(mut self, topology: Topology) -> Self {
        self.topology = topology;
        for place in &mut self.places {
            place.topology = topology;
        }
        self
    }

    /// The keys of each form in which a session is looked for, in this order.
    pub(crate) fn places(&self) -> &[KeySpace] {
        if self.places.is_empty() {
            std::slice::from_ref(self)
        } else {
            &self.places
        }
    }

    /// Whether these are the keys of one of several forms that a session may be stored in.
    pub(crate) fn is_one_of_several(&self) -> bool {
        self.is_place
    }

    /// Whether a session may be stored in one of several forms.
    pub fn is_between_forms(&self) -> bool {
        !self.places.is_empty()
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

    /// The form of new sessions.
    pub(crate) fn form(&self) -> Form {
        form_of(self.storage)
    }

    /// The key of a new session.
    pub fn session(&self, id: &SessionId) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.prefix.0.len() + 2 + TAG + SessionId::LEN);
        key.extend_from_slice(self.prefix.0.as_bytes());
        append_name(self.form(), &mut key, id);
        key
    }

    /// The name of a session: its key without the prefix. Members of the principal index are names.
    pub fn name(&self, id: &SessionId) -> Vec<u8> {
        let mut name = Vec::with_capacity(2 + TAG + SessionId::LEN);
        append_name(self.form(), &mut name, id);
        name
    }

    /// All names that a session may have.
    pub(crate) fn names(&self, id: &SessionId) -> Vec<Vec<u8>> {
        let names = self.places().iter().map(|place| place.name(id));
        let mut names: Vec<_> = names.collect();
        names.sort();
        names.dedup();
        names
    }

    /// The handle of the session of this name, in whatever form; `None` when it is no name of ours.
    pub fn handle(&self, name: &[u8]) -> Option<SessionHandle> {
        match parse(name)? {
            Name::Plain(id) => Some(id.handle()),
            Name::Hashed(handle) => Some(handle),
        }
    }

    /// The same, if a session is looked for under such a name.
    pub(crate) fn handle_in_use(&self, name: &[u8]) -> Option<SessionHandle> {
        let form = form_of_name(name)?;
        let is_looked_for = self.places().iter().any(|place| place.form() == form);
        self.handle(name).filter(|_| is_looked_for)
    }

    /// Whether a session of this name is stored in another form than new ones are.
    pub(crate) fn is_in_other_form(&self, name: &[u8]) -> bool {
        form_of_name(name).is_some_and(|form| form != self.form())
    }

    /// The names that the session of this name may have by the time that it is asked: this one and, as another
    /// process may convert it meanwhile, the one that it gets then.
    pub(crate) fn names_from(&self, name: Bytes) -> Vec<Bytes> {
        let mut converted = None;
        if let Some(id) = self.plain_id(&name) {
            let mut hashed = Vec::with_capacity(2 + TAG + SessionId::LEN);
            append_name(Form::Hashed, &mut hashed, &id);
            converted = Some(hashed.into());
        }
        [name].into_iter().chain(converted).collect()
    }

    /// The id of a session that is stored plainly under this name.
    pub(crate) fn plain_id(&self, name: &[u8]) -> Option<SessionId> {
        match parse(name)? {
            Name::Plain(id) => Some(id),
            Name::Hashed(_) => None,
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
}

fn append_name(form: Form, key: &mut Vec<u8>, id: &SessionId) {
    match form {
        Form::Plain => key.extend_from_slice(id.expose().as_bytes()),
        Form::Hashed => {
            key.push(b'{');
            key.extend_from_slice(id.expose().as_bytes().get(..TAG).unwrap_or_default());
            key.push(b'}');
            key.extend_from_slice(URL_SAFE_NO_PAD.encode(id.digest()).as_bytes());
        }
    }
}

/// What a name tells of its session.
enum Name {
    Plain(SessionId),
    Hashed(SessionHandle),
}

fn parse(name: &[u8]) -> Option<Name> {
    if let Ok(id) = SessionId::parse(name) {
        return Some(Name::Plain(id));
    }
    let tagged = name.strip_prefix(b"{")?;
    let hash = tagged.get(TAG..)?.strip_prefix(b"}")?;
    // The text of any 32 bytes, as an id's is.
    SessionId::parse(hash).ok()?;
    let handle = std::str::from_utf8(hash.get(..SessionHandle::LEN)?).ok()?;
    SessionHandle::parse(handle).ok().map(Name::Hashed)
}

fn form_of_name(name: &[u8]) -> Option<Form> {
    Some(match parse(name)? {
        Name::Plain(_) => Form::Plain,
        Name::Hashed(_) => Form::Hashed,
    })
}

#[cfg(test)]
mod tests;
