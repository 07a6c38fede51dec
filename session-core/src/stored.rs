//! The session as its hash holds it. Parsing a hash *is* the validity rule.

use std::sync::Arc;

use bytes::Bytes;

use crate::field::{FieldName, FieldValue, reserved};
use crate::fields::Fields;
use crate::log_in::LogIn;
use crate::principal::Principal;
use crate::public_id::PublicId;
use crate::time::{StoredTime, Timestamp, UnixMillis};
use crate::tombstone::Tombstone;
use crate::ttl::SessionTtl;

/// A valid session as its hash holds it, without the expiry of its key.
///
/// A value of this type has all the guide's reserved fields and a well-formed TTL and deadline, and
/// is not the tombstone of a rotation. A clone shares the fields, and copies none.
///
/// Whether the deadline has passed is for the backend's clock to say
/// ([`rules::State::is_live`](crate::rules::State::is_live)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    pub(crate) created_at: StoredTime,
    pub(crate) last_accessed_at: StoredTime,
    pub(crate) ttl: SessionTtl,
    pub(crate) deadline: Option<UnixMillis>,
    /// `None` when there is none of them, as in most sessions: a session stays small.
    optional: Option<Arc<Optional>>,
    pub(crate) fields: Fields,
    /// The fields whose names are not UTF-8; `None` when there are none.
    pub(crate) hidden: Option<Arc<Hidden>>,
}

/// Names that are not UTF-8, and their values.
pub(crate) type Hidden = Vec<(Bytes, FieldValue)>;

/// The reserved fields that exist only where they are used, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Optional {
    pub(crate) principal: Option<FieldValue>,
    pub(crate) public_id: Option<FieldValue>,
    pub(crate) login_at: Option<FieldValue>,
    pub(crate) persistent: Option<FieldValue>,
}

static NO_OPTIONAL: Optional = Optional {
    principal: None,
    public_id: None,
    login_at: None,
    persistent: None,
};

/// Why a hash is not a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHash {
    /// One of the guide's three reserved fields is absent.
    #[error("a reserved field is missing")]
    MissingReservedField,
    /// `session_ttl` is not whole seconds in range.
    #[error("session_ttl is not a TTL")]
    MalformedTtl,
    /// `session_deadline` is not a time.
    #[error("session_deadline is not a time")]
    MalformedDeadline,
    /// The session is bound to a principal and has no deadline.
    #[error("a bound session has no deadline")]
    MissingDeadline,
    /// It is the tombstone of a rotation ([`Tombstone`]), whatever else it holds. Whether that
    /// still counts is for the backend's clock to say.
    #[error("the session was rotated")]
    Rotated,
    /// `session_rotated` is not the text of a tombstone.
    #[error("session_rotated is not a tombstone")]
    MalformedTombstone,
}

impl StoredSession {
    /// Parses the fields of a hash, each name once, in any order.
    ///
    /// A field whose name is not UTF-8 is hidden: kept, but not among the session's fields.
    ///
    /// # Errors
    /// [`InvalidHash`] says why the hash is not a session.
    pub fn parse<N, V>(hash: impl IntoIterator<Item = (N, V)>) -> Result<Self, InvalidHash>
    where
        N: Into<Vec<u8>>,
        V: Into<FieldValue>,
    {
        let (mut created_at, mut last_accessed_at, mut ttl) = (None, None, None);
        let (mut deadline, mut rotated) = (None, None);
        let mut optional = Optional::default();
        let mut hidden = Vec::new();
        let mut fields = Vec::new();
        for (name, value) in hash {
            let value = value.into();
            let name = match String::from_utf8(name.into()) {
                Ok(name) => name,
                Err(raw) => {
                    hidden.push((raw.into_bytes().into(), value));
                    continue;
                }
            };
            let slot = match name.as_str() {
                reserved::CREATED_AT => &mut created_at,
                reserved::LAST_ACCESSED_AT => &mut last_accessed_at,
                reserved::SESSION_TTL => &mut ttl,
                reserved::SESSION_DEADLINE => &mut deadline,
                reserved::SESSION_PRINCIPAL => &mut optional.principal,
                reserved::SESSION_PUBLIC_ID => &mut optional.public_id,
                reserved::SESSION_LOGIN_AT => &mut optional.login_at,
                reserved::SESSION_PERSISTENT => &mut optional.persistent,
                reserved::SESSION_ROTATED => &mut rotated,
                _ => {
                    if let Ok(name) = FieldName::new(name) {
                        fields.push((name, value));
                    }
                    continue;
                }
            };
            *slot = Some(value);
        }
        if let Some(rotated) = rotated {
            return Err(match Tombstone::parse(FieldValue::as_bytes(&rotated)) {
                Some(_) => InvalidHash::Rotated,
                None => InvalidHash::MalformedTombstone,
            });
        }
        let (Some(created_at), Some(last_accessed_at), Some(ttl)) =
            (created_at, last_accessed_at, ttl)
        else {
            return Err(InvalidHash::MissingReservedField);
        };
        let session = Self {
            created_at: StoredTime::from(created_at),
            last_accessed_at: StoredTime::from(last_accessed_at),
            ttl: ttl
                .as_str()
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or(InvalidHash::MalformedTtl)?,
            deadline: deadline
                .map(|value: FieldValue| {
                    UnixMillis::parse(value.as_bytes()).ok_or(InvalidHash::MalformedDeadline)
                })
                .transpose()?,
            optional: (optional != NO_OPTIONAL).then(|| Arc::new(optional)),
            fields: fields.into_iter().collect::<Fields>().shared(),
            hidden: (!hidden.is_empty()).then(|| Arc::new(hidden)),
        };
        if session.deadline.is_none() && session.principal().is_some() {
            return Err(InvalidHash::MissingDeadline);
        }
        Ok(session)
    }

    /// The fields of the hash, as [`StoredSession::parse`] takes them.
    pub fn to_hash(&self) -> Vec<(Bytes, FieldValue)> {
        let text = |name: &'static str| Bytes::from_static(name.as_bytes());
        let mut hash = vec![
            (text(reserved::CREATED_AT), self.created_at.to_value()),
            (
                text(reserved::LAST_ACCESSED_AT),
                self.last_accessed_at.to_value(),
            ),
            (text(reserved::SESSION_TTL), self.ttl.to_string().into()),
        ];
        if let Some(deadline) = self.deadline {
            hash.push((
                text(reserved::SESSION_DEADLINE),
                deadline.get().to_string().into(),
            ));
        }
        let optional = self.optional();
        let optional = [
            (reserved::SESSION_PRINCIPAL, &optional.principal),
            (reserved::SESSION_PUBLIC_ID, &optional.public_id),
            (reserved::SESSION_LOGIN_AT, &optional.login_at),
            (reserved::SESSION_PERSISTENT, &optional.persistent),
        ];
        hash.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((text(name), value.clone()?))),
        );
        hash.extend(self.fields.iter().map(|(name, value)| {
            (
                Bytes::copy_from_slice(name.as_str().as_bytes()),
                value.clone(),
            )
        }));
        hash.extend(self.hidden().iter().cloned());
        hash
    }

    /// `created_at`, as stored.
    pub fn created_at_text(&self) -> FieldValue {
        self.created_at.to_value()
    }

    /// When the session was created; `None` when the stored text is not RFC 3339.
    pub fn created_at(&self) -> Option<Timestamp> {
        self.created_at.time()
    }

    /// `last_accessed_at`, as stored.
    pub fn last_accessed_at_text(&self) -> FieldValue {
        self.last_accessed_at.to_value()
    }

    /// When the session was last used; `None` when the stored text is not RFC 3339.
    pub fn last_accessed_at(&self) -> Option<Timestamp> {
        self.last_accessed_at.time()
    }

    /// The sliding TTL.
    pub fn configured_ttl(&self) -> SessionTtl {
        self.ttl
    }

    /// The end of the absolute lifetime, if the session has one.
    pub fn deadline(&self) -> Option<UnixMillis> {
        self.deadline
    }

    /// The principal the session is bound to, if it is. A stored text that is no principal binds
    /// nobody.
    pub fn principal(&self) -> Option<Principal> {
        Principal::new(self.optional().principal.as_ref()?.as_str().ok()?).ok()
    }

    /// The public id that the session got when it was bound. A stored text that is no public id
    /// counts as absent.
    pub fn public_id(&self) -> Option<PublicId> {
        PublicId::parse(self.optional().public_id.as_ref()?.as_bytes()).ok()
    }

    /// When the session was last bound to a principal, by the backend's clock. A stored text that
    /// is no time counts as absent.
    pub fn login_at(&self) -> Option<UnixMillis> {
        UnixMillis::parse(self.optional().login_at.as_ref()?.as_bytes())
    }

    /// Whether the browser is to keep the session beyond its own end, as its log-in said. A stored
    /// text that is neither `1` nor `0` counts as absent.
    pub fn persistent(&self) -> Option<bool> {
        match self.optional().persistent.as_ref()?.as_bytes() {
            b"1" => Some(true),
            b"0" => Some(false),
            _ => None,
        }
    }

    /// Where the principal index lists the session: among whose sessions, until when, and under
    /// which public id. `None` unless it has a well-formed principal and a well-formed public id:
    /// such a session is listed nowhere, and no public id names it.
    pub fn listing(&self) -> Option<(Principal, UnixMillis, PublicId)> {
        Some((self.principal()?, self.deadline?, self.public_id()?))
    }

    /// The public id that operators see: the session's own if it is bound, else the one that is
    /// derived from its id ([`PublicId::of_unbound`]), which is computed only when it is needed.
    pub fn public_id_or(&self, of_unbound: impl FnOnce() -> PublicId) -> PublicId {
        let own = self.principal().and_then(|_| self.public_id());
        own.unwrap_or_else(of_unbound)
    }

    /// The caller's fields.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The number of fields that are not reserved, the hidden ones included.
    pub fn field_count(&self) -> usize {
        self.fields.len() + self.hidden().len()
    }

    /// The bytes of the names and values that are not reserved, the hidden ones included.
    pub fn field_bytes(&self) -> usize {
        let visible = self
            .fields
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len());
        let hidden = self
            .hidden()
            .iter()
            .map(|(name, value)| name.len() + value.len());
        visible.chain(hidden).sum()
    }

    fn hidden(&self) -> &[(Bytes, FieldValue)] {
        self.hidden.as_ref().map_or(&[], |hidden| hidden)
    }

    pub(crate) fn optional(&self) -> &Optional {
        self.optional.as_deref().unwrap_or(&NO_OPTIONAL)
    }

    pub(crate) fn change_optional(&mut self, change: impl FnOnce(&mut Optional)) {
        let optional = self.optional.get_or_insert_default();
        change(Arc::make_mut(optional));
        if **optional == NO_OPTIONAL {
            self.optional = None;
        }
    }

    /// Binds it, but for the time of the log-in and the deadline.
    pub(crate) fn bind(&mut self, log_in: &LogIn, public_id: Option<PublicId>) {
        self.change_optional(|optional| {
            optional.principal = Some(log_in.principal.as_str().into());
            optional.public_id = public_id.map(|id| id.as_str().into());
            optional.persistent = log_in.persistent.map(|it| i64::from(it).into());
        });
    }

    /// Removes all that a log-in brought but the deadline.
    pub(crate) fn unbind(&mut self) {
        self.optional = None;
    }

    pub(crate) fn created(now: Timestamp, ttl: SessionTtl, fields: Fields) -> Self {
        Self {
            created_at: StoredTime::Time(now),
            last_accessed_at: StoredTime::Time(now),
            ttl,
            deadline: None,
            optional: None,
            fields: fields.shared(),
            hidden: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: [(&str, &str); 4] = [
        ("created_at", "2026-04-02T12:34:56+00:00"),
        ("last_accessed_at", "2026-04-02T12:40:10+00:00"),
        ("session_ttl", "15"),
        ("username", "andrew"),
    ];

    fn parse(pairs: &[(&str, &str)]) -> Result<StoredSession, InvalidHash> {
        StoredSession::parse(pairs.iter().map(|(n, v)| (*n, *v)))
    }

    #[test]
    fn a_hash_that_is_no_session_says_why() {
        for missing in 0..3 {
            let mut pairs = VALID.to_vec();
            pairs.remove(missing);
            assert_eq!(parse(&pairs), Err(InvalidHash::MissingReservedField));
        }
        let mut pairs = VALID.to_vec();
        pairs.push(("session_principal", "ann"));
        assert_eq!(parse(&pairs), Err(InvalidHash::MissingDeadline));
        pairs[4] = ("session_deadline", "soon");
        assert_eq!(parse(&pairs), Err(InvalidHash::MalformedDeadline));
        pairs[2].1 = "abc";
        assert_eq!(parse(&pairs), Err(InvalidHash::MalformedTtl));
        // Before all else.
        for (text, reason) in [
            ("9000 k", InvalidHash::Rotated),
            ("x", InvalidHash::MalformedTombstone),
        ] {
            for hash in [&pairs[..], &VALID, &[]] {
                let hash = [hash, &[("session_rotated", text)]].concat();
                assert_eq!(parse(&hash), Err(reason));
            }
        }
    }

    #[test]
    fn all_reserved_fields_come_back_as_stored_and_none_is_counted() {
        let mut pairs = VALID.to_vec();
        pairs.extend([
            ("session_deadline", "9000"),
            ("session_principal", "ann"),
            ("session_public_id", "no public id"),
            ("session_login_at", "no time"),
            ("session_persistent", "no"),
        ]);
        let session = parse(&pairs).unwrap();
        assert_eq!((session.public_id(), session.login_at()), (None, None));
        assert_eq!(session.persistent(), None);
        assert_eq!(session.listing(), None);
        assert_eq!((session.field_count(), session.field_bytes()), (1, 14));
        let mut hash = session.to_hash();
        hash.sort();
        let pairs = pairs.iter();
        let mut expected: Vec<_> = pairs
            .map(|(n, v)| (Bytes::from_static(n.as_bytes()), FieldValue::from(*v)))
            .collect();
        expected.sort();
        assert_eq!(hash, expected);
    }

    #[test]
    fn a_session_is_listed_with_principal_and_public_id_only() {
        let id = PublicId::from_digest(&[7; 32]);
        let optional = [
            ("session_deadline", "9000"),
            ("session_principal", "ann"),
            ("session_public_id", id.as_str()),
        ];
        let all = [VALID.as_slice(), optional.as_slice()].concat();
        let ann = Principal::new("ann").unwrap();
        assert_eq!(
            parse(&all).unwrap().listing(),
            Some((ann, UnixMillis::new(9000), id))
        );
        for missing in 5..7 {
            let mut pairs = all.clone();
            pairs.remove(missing);
            assert_eq!(parse(&pairs).unwrap().listing(), None);
        }
        let of_unbound = || PublicId::from_digest(&[8; 32]);
        assert_eq!(parse(&all).unwrap().public_id_or(of_unbound), id);
        assert_eq!(
            parse(&VALID).unwrap().public_id_or(of_unbound),
            of_unbound()
        );
    }
}
