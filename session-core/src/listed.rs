//! A session as lists show it.

use crate::field::{FieldName, FieldValue};
use crate::fields::Fields;
use crate::public_id::PublicId;
use crate::stored::StoredSession;
use crate::time::{Timestamp, UnixMillis};

/// A session as the list of its principal shows it, and as operators see it
/// ([`SessionOverview`](crate::SessionOverview)). No id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedSession {
    /// Names the session without opening it.
    pub public_id: PublicId,
    /// `created_at` as stored; any client's format.
    pub created_at_text: FieldValue,
    /// `last_accessed_at` as stored; any client's format.
    pub last_accessed_at_text: FieldValue,
    /// When the session was last bound (log in), by the backend's clock.
    pub login_at: Option<UnixMillis>,
    /// Of the application's fields those that were chosen and that the session has. Operators are
    /// shown those of a session that they name, and none of others.
    pub fields: Fields,
}

impl ListedSession {
    /// A session of this public id, with no fields.
    pub fn new(
        public_id: PublicId,
        created_at_text: FieldValue,
        last_accessed_at_text: FieldValue,
        login_at: Option<UnixMillis>,
    ) -> Self {
        Self {
            public_id,
            created_at_text,
            last_accessed_at_text,
            login_at,
            fields: Fields::new(),
        }
    }

    /// A session as the list of its principal shows it, with these of its fields; `None` if it is
    /// not one that is listed.
    pub fn of(session: &StoredSession, fields: &[FieldName]) -> Option<Self> {
        let (_, _, public_id) = session.listing()?;
        let mut listed = Self::under(public_id, session);
        let chosen = fields.iter().filter_map(|name| {
            let value = session.fields().get(name.as_str())?;
            Some((name.clone(), value.clone()))
        });
        listed.fields = chosen.collect();
        Some(listed)
    }

    /// A session, bound or not, under the public id that is shown of it.
    pub(crate) fn under(public_id: PublicId, session: &StoredSession) -> Self {
        Self::new(
            public_id,
            session.created_at_text(),
            session.last_accessed_at_text(),
            session.login_at(),
        )
    }

    /// When the session was created; `None` when the stored text is not RFC 3339.
    pub fn created_at(&self) -> Option<Timestamp> {
        Timestamp::of_value(&self.created_at_text)
    }

    /// When the session was last used; `None` when the stored text is not RFC 3339.
    pub fn last_accessed_at(&self) -> Option<Timestamp> {
        Timestamp::of_value(&self.last_accessed_at_text)
    }
}

/// A struct of `public_id`, `created_at`, `last_accessed_at` (texts as stored), `login_at` (RFC
/// 3339, or null) and `fields`: texts, or bytes where they are no text.
#[cfg(feature = "serde")]
impl serde::Serialize for ListedSession {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;

        struct Value<'a>(&'a FieldValue);

        impl serde::Serialize for Value<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.0.as_str() {
                    Ok(text) => serializer.serialize_str(text),
                    Err(_) => serializer.serialize_bytes(self.0.as_bytes()),
                }
            }
        }

        struct Values<'a>(&'a Fields);

        impl serde::Serialize for Values<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let fields = self.0.iter();
                serializer.collect_map(fields.map(|(name, value)| (name.as_str(), Value(value))))
            }
        }

        let login_at = self.login_at.map(UnixMillis::to_system_time);
        let login_at = login_at.map(|at| Timestamp::from_system_time(at).to_string());
        let mut row = serializer.serialize_struct("ListedSession", 5)?;
        row.serialize_field("public_id", self.public_id.as_str())?;
        row.serialize_field("created_at", &Value(&self.created_at_text))?;
        row.serialize_field("last_accessed_at", &Value(&self.last_accessed_at_text))?;
        row.serialize_field("login_at", &login_at)?;
        row.serialize_field("fields", &Values(&self.fields))?;
        row.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_times_where_the_texts_are() {
        let text = "2026-04-02T12:34:56+00:00";
        let id = PublicId::from_digest(&[7; 32]);
        let listed = ListedSession::new(id, text.into(), "yesterday".into(), None);
        assert_eq!(listed.created_at(), Timestamp::parse(text));
        assert!(listed.created_at().is_some());
        assert_eq!(listed.last_accessed_at(), None);
    }
}
