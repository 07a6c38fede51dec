//! What the store holds under an id.

use session_core::rules::State;
use session_core::{InvalidHash, StoredSession, UnixMillis};

use super::index::Listing;

/// The fields of a hash: name and value, in order of the names, each name once.
pub(crate) type RawHash = Vec<(Vec<u8>, Vec<u8>)>;

/// A key.
pub(crate) struct Key {
    pub(super) content: Content,
    /// Where the expiry queue has this key, if it has: never later than the key expires.
    pub(super) queued_for: Option<UnixMillis>,
}

/// What a key holds. All but sessions exist only by planting, as another client's writes would.
pub(super) enum Content {
    /// A valid hash.
    Session(State),
    /// A hash that is no session.
    InvalidHash {
        hash: RawHash,
        reason: InvalidHash,
        expires_at: Option<UnixMillis>,
    },
    /// A list, a string, a set: no hash.
    OtherType { expires_at: Option<UnixMillis> },
}

/// Why a key that exists is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSession {
    Invalid(InvalidHash),
    OtherType,
    PastDeadline,
}

impl Key {
    pub(super) fn new(content: Content) -> Self {
        Self {
            content,
            queued_for: None,
        }
    }

    pub(super) fn expires_at(&self) -> Option<UnixMillis> {
        match &self.content {
            Content::Session(state) => state.expires_at,
            Content::InvalidHash { expires_at, .. } | Content::OtherType { expires_at } => {
                *expires_at
            }
        }
    }

    /// Whether the key's time is over. A key lives through the millisecond of its expiry.
    pub(super) fn is_expired(&self, now: UnixMillis) -> bool {
        self.expires_at().is_some_and(|at| at < now)
    }

    /// The state of the session that this key is.
    pub(super) fn session(&self) -> Option<&State> {
        match &self.content {
            Content::Session(state) => Some(state),
            _ => None,
        }
    }

    /// Where the principal index lists this key.
    pub(super) fn listing(&self) -> Option<Listing> {
        self.session()?.session.listing()
    }

    /// The live session that this key is, or why it is none; no reason is given for a key whose
    /// time is over, which is as good as absent.
    pub(super) fn live(&mut self, now: UnixMillis) -> Result<&mut State, Option<NoSession>> {
        if self.is_expired(now) {
            return Err(None);
        }
        match &mut self.content {
            Content::Session(state) => {
                if state.is_live(now) {
                    return Ok(state);
                }
                // A key that is capped by its deadline lives one millisecond longer than its
                // session: nothing to report.
                let overdue = state.session.deadline().is_some_and(|at| at < now);
                Err(overdue.then_some(NoSession::PastDeadline))
            }
            Content::InvalidHash { reason, .. } => Err(Some(NoSession::Invalid(*reason))),
            Content::OtherType { .. } => Err(Some(NoSession::OtherType)),
        }
    }
}

impl Content {
    /// What a hash of these fields is.
    pub(super) fn of_hash(hash: RawHash, expires_at: Option<UnixMillis>) -> Self {
        match StoredSession::parse(hash.iter().cloned()) {
            Ok(session) => Self::Session(State {
                session,
                expires_at,
            }),
            Err(reason) => Self::InvalidHash {
                hash,
                reason,
                expires_at,
            },
        }
    }

    /// The fields, if this is a hash.
    pub(super) fn to_hash(&self) -> Option<RawHash> {
        match self {
            Self::Session(state) => {
                let hash = state.session.to_hash().into_iter();
                let mut hash: RawHash = hash
                    .map(|(name, value)| (name.to_vec(), value.as_bytes().to_vec()))
                    .collect();
                hash.sort();
                Some(hash)
            }
            Self::InvalidHash { hash, .. } => Some(hash.clone()),
            Self::OtherType { .. } => None,
        }
    }
}

impl NoSession {
    /// The reason in words, for a log.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Invalid(InvalidHash::MissingReservedField) => "a reserved field is missing",
            Self::Invalid(InvalidHash::MalformedTtl) => "session_ttl is not a TTL",
            Self::Invalid(InvalidHash::MalformedDeadline) => "session_deadline is not a time",
            Self::Invalid(_) => "the hash is not a session",
            Self::OtherType => "the key is not a hash",
            Self::PastDeadline => "the key outlived the session's deadline",
        }
    }
}
