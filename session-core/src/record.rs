//! A session as an operation saw it.

use crate::field::FieldValue;
use crate::fields::Fields;
use crate::principal::Principal;
use crate::public_id::PublicId;
use crate::stored::StoredSession;
use crate::time::{Remaining, Timestamp, UnixMillis};
use crate::ttl::SessionTtl;

/// A live session as an operation saw it: the caller's fields, the reserved ones, and what remains
/// of its life. A clone shares the fields, and copies none.
///
/// Two records are equal when they show the same session in the same state; fields that are hidden
/// (see [`StoredSession::parse`]) do not count.
#[derive(Debug, Clone)]
pub struct SessionRecord {
    session: StoredSession,
    ttl: Remaining,
}

impl SessionRecord {
    /// The record of a session of which so much remains. For backends, and for tests that script
    /// a backend.
    pub fn new(session: StoredSession, ttl: Remaining) -> Self {
        Self { session, ttl }
    }

    /// The caller's fields.
    pub fn fields(&self) -> &Fields {
        self.session.fields()
    }

    /// The caller's fields, without the record.
    pub fn into_fields(self) -> Fields {
        self.session.fields
    }

    /// `created_at` as stored; any client's format.
    pub fn created_at_text(&self) -> FieldValue {
        self.session.created_at_text()
    }

    /// When the session was created; `None` when the stored text is not RFC 3339.
    pub fn created_at(&self) -> Option<Timestamp> {
        self.session.created_at()
    }

    /// `last_accessed_at` as stored; any client's format.
    pub fn last_accessed_at_text(&self) -> FieldValue {
        self.session.last_accessed_at_text()
    }

    /// When the session was last used; `None` when the stored text is not RFC 3339.
    pub fn last_accessed_at(&self) -> Option<Timestamp> {
        self.session.last_accessed_at()
    }

    /// The sliding TTL that is stored: what a use sets the expiry to.
    pub fn configured_ttl(&self) -> SessionTtl {
        self.session.configured_ttl()
    }

    /// The end of the absolute lifetime by the backend's clock, if there is one.
    pub fn deadline(&self) -> Option<UnixMillis> {
        self.session.deadline()
    }

    /// Whom the session is bound to.
    pub fn principal(&self) -> Option<Principal> {
        self.session.principal()
    }

    /// The public id of a session that is bound: what lists show of it.
    pub fn public_id(&self) -> Option<PublicId> {
        self.session.public_id()
    }

    /// When the session was last bound to a principal (log in), by the backend's clock.
    pub fn login_at(&self) -> Option<UnixMillis> {
        self.session.login_at()
    }

    /// Whether the browser is to keep the session beyond its own end ("remember me"), as the log-in
    /// said. `None` when it did not say, nobody has logged in, or the stored text is neither `1`
    /// nor `0`.
    pub fn persistent(&self) -> Option<bool> {
        self.session.persistent()
    }

    /// What remains of the session's life after this operation.
    pub fn ttl(&self) -> Remaining {
        self.ttl
    }
}

impl PartialEq for SessionRecord {
    fn eq(&self, other: &Self) -> bool {
        self.fields() == other.fields()
            && self.session.created_at == other.session.created_at
            && self.session.last_accessed_at == other.session.last_accessed_at
            && self.configured_ttl() == other.configured_ttl()
            && self.deadline() == other.deadline()
            && self.principal() == other.principal()
            && self.public_id() == other.public_id()
            && self.login_at() == other.login_at()
            && self.persistent() == other.persistent()
            && self.ttl == other.ttl
    }
}

impl Eq for SessionRecord {}
