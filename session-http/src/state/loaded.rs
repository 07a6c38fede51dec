//! What was loaded of a session, and what this request has made of it.

use std::sync::Arc;

use session_core::{FieldName, Fields, SessionRecord};

use super::Purpose;
use crate::pending::Pending;

#[derive(Debug)]
pub(crate) enum Loaded {
    /// The backend's last answer, which was only peeked at: reading it did not count as use.
    Peeked(SessionRecord),
    /// The backend's last answer.
    Used(SessionRecord),
    /// The fields of an answer, and what this request has written since.
    Changed(Fields),
}

impl Loaded {
    pub(super) fn fields(&self) -> &Fields {
        match self {
            Self::Peeked(record) | Self::Used(record) => record.fields(),
            Self::Changed(fields) => fields,
        }
    }

    pub(super) fn record(&self) -> Option<&SessionRecord> {
        match self {
            Self::Peeked(record) | Self::Used(record) => Some(record),
            Self::Changed(_) => None,
        }
    }

    pub(super) fn serves(&self, purpose: Purpose) -> bool {
        purpose == Purpose::Peek || !matches!(self, Self::Peeked(_))
    }

    pub(super) fn changed(self, changes: &Pending, counters: &[(FieldName, i64)]) -> Self {
        let mut fields = match self {
            Self::Peeked(record) | Self::Used(record) => {
                let fields = record.shared_fields();
                drop(record);
                Arc::unwrap_or_clone(fields)
            }
            Self::Changed(fields) => fields,
        };
        changes.apply_to(&mut fields);
        for (name, value) in counters {
            fields.insert(name.clone(), (*value).into());
        }
        Self::Changed(fields)
    }
}
