//! What the store holds under an id.

use session_core::rules::State;
use session_core::{InvalidHash, SessionId, StoredSession, Tombstone, UnixMillis, reserved};

use super::capacity::weight;
use super::index::Listing;

/// The fields of a hash: name and value, in order of the names, each name once.
pub(crate) type RawHash = Vec<(Vec<u8>, Vec<u8>)>;

/// A key.
pub(crate) struct Key {
    pub(super) id: SessionId,
    pub(super) content: Content,
    /// Where the expiry queue has this key, if it has: never later than the key expires.
    pub(super) queued_for: Option<UnixMillis>,
    /// About how many bytes it takes, as the store has counted it.
    pub(super) weight: u32,
}

/// What a key holds. What is no session and no tombstone exists only by planting, as another
/// client's writes would.
pub(super) enum Content {
    /// A valid hash.
    Session(State),
    /// What a rotation has left, with whatever another client has added.
    Tombstone {
        hash: RawHash,
        tombstone: Tombstone,
        expires_at: Option<UnixMillis>,
    },
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

/// Why a key is no live session to a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotLive {
    /// Not found. No reason is given for a key whose time is over, which is as good as absent.
    NotFound(Option<NoSession>),
    /// A tombstone that counts.
    Rotated(Tombstone),
}

impl Key {
    pub(super) fn new(id: SessionId, content: Content) -> Self {
        let weight = weight(&content);
        Self {
            id,
            content,
            queued_for: None,
            weight,
        }
    }

    pub(super) fn expires_at(&self) -> Option<UnixMillis> {
        match &self.content {
            Content::Session(state) => state.expires_at,
            Content::Tombstone { expires_at, .. }
            | Content::InvalidHash { expires_at, .. }
            | Content::OtherType { expires_at } => *expires_at,
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

    /// The state of the session that this key is, if it lives.
    pub(super) fn live_session(&self, now: UnixMillis) -> Option<&State> {
        self.session().filter(|state| state.is_live(now))
    }

    /// Where the principal index lists this key.
    pub(super) fn listing(&self) -> Option<Listing> {
        self.session()?.session.listing()
    }

    /// Whether the principal index lists it here.
    pub(super) fn is_listed_as(&self, listing: &Listing) -> bool {
        self.listing().as_ref() == Some(listing)
    }

    /// Whether it is a live session that is listed here.
    pub(super) fn is_live_as(&self, listing: &Listing, now: UnixMillis) -> bool {
        self.is_listed_as(listing) && self.live_session(now).is_some()
    }

    /// The live session that this key is, or why it is none.
    pub(super) fn live(&mut self, now: UnixMillis) -> Result<&mut State, NotLive> {
        let not_found = |found| Err(NotLive::NotFound(found));
        if self.is_expired(now) {
            return not_found(None);
        }
        match &mut self.content {
            Content::Session(state) => {
                if state.is_live(now) {
                    return Ok(state);
                }
                // A key that is capped by its deadline lives one millisecond longer than its
                // session: nothing to report.
                let overdue = state.session.deadline().is_some_and(|at| at < now);
                not_found(overdue.then_some(NoSession::PastDeadline))
            }
            Content::Tombstone { tombstone, .. } if tombstone.counts(now) => {
                Err(NotLive::Rotated(tombstone.clone()))
            }
            Content::Tombstone { .. } => not_found(None),
            Content::InvalidHash { reason, .. } => not_found(Some(NoSession::Invalid(*reason))),
            Content::OtherType { .. } => not_found(Some(NoSession::OtherType)),
        }
    }
}

impl Content {
    /// What a hash of these fields is.
    pub(super) fn of_hash(hash: RawHash, expires_at: Option<UnixMillis>) -> Self {
        let reason = match StoredSession::parse(hash.iter().cloned()) {
            Ok(session) => {
                return Self::Session(State {
                    session,
                    expires_at,
                });
            }
            Err(reason) => reason,
        };
        let mut values = hash.iter();
        let rotated = values.find(|(name, _)| name == reserved::SESSION_ROTATED.as_bytes());
        match rotated.and_then(|(_, value)| Tombstone::parse(value)) {
            Some(tombstone) => Self::Tombstone {
                hash,
                tombstone,
                expires_at,
            },
            None => Self::InvalidHash {
                hash,
                reason,
                expires_at,
            },
        }
    }

    /// What a rotation leaves under the old id.
    pub(super) fn of_tombstone(tombstone: Tombstone) -> Self {
        Self::Tombstone {
            hash: vec![(
                reserved::SESSION_ROTATED.into(),
                tombstone.to_value().as_bytes().into(),
            )],
            expires_at: Some(tombstone.until()),
            tombstone,
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
            Self::Tombstone { hash, .. } | Self::InvalidHash { hash, .. } => Some(hash.clone()),
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
            Self::Invalid(InvalidHash::MissingDeadline) => "a bound session has no deadline",
            Self::Invalid(InvalidHash::MalformedTombstone) => "session_rotated is not a tombstone",
            Self::Invalid(_) => "the hash is not a session",
            Self::OtherType => "the key is not a hash",
            Self::PastDeadline => "the key outlived the session's deadline",
        }
    }
}
