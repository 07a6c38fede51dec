//! What was loaded of a session, and what this request has made of it.

use session_core::{FieldName, Fields, Principal, SessionRecord};

use super::Purpose;
use crate::pending::Pending;

#[derive(Debug)]
pub(crate) enum Loaded {
    /// The backend's last answer, which was only peeked at: reading it did not count as use.
    Peeked(SessionRecord),
    /// The backend's last answer.
    Used(SessionRecord),
    /// The fields and the principal of an answer, and what this request has written since.
    Changed {
        fields: Fields,
        principal: Option<Principal>,
    },
}

impl Loaded {
    pub(super) fn fields(&self) -> &Fields {
        match self {
            Self::Peeked(record) | Self::Used(record) => record.fields(),
            Self::Changed { fields, .. } => fields,
        }
    }

    pub(super) fn principal(&self) -> Option<Principal> {
        match self {
            Self::Peeked(record) | Self::Used(record) => record.principal(),
            Self::Changed { principal, .. } => principal.clone(),
        }
    }

    pub(super) fn record(&self) -> Option<&SessionRecord> {
        match self {
            Self::Peeked(record) | Self::Used(record) => Some(record),
            Self::Changed { .. } => None,
        }
    }

    pub(super) fn serves(&self, purpose: Purpose) -> bool {
        purpose == Purpose::Peek || !matches!(self, Self::Peeked(_))
    }

    pub(super) fn changed(self, changes: Option<&Pending>, counters: &[(FieldName, i64)]) -> Self {
        let principal = self.principal();
        let mut fields = match self {
            Self::Peeked(record) | Self::Used(record) => record.into_fields(),
            Self::Changed { fields, .. } => fields,
        };
        if let Some(changes) = changes {
            changes.apply_to(&mut fields, principal.as_ref());
        }
        for (name, value) in counters {
            fields.insert(name.clone(), (*value).into());
        }
        let bound = changes.and_then(|changes| changes.delta.principal().cloned());
        let principal = bound.or(principal);
        Self::Changed { fields, principal }
    }
}
