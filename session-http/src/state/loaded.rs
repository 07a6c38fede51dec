//! What was loaded of a session, and what this request has made of it.

use std::sync::Arc;

use session_core::{FieldChange, FieldName, Fields, SessionRecord, Touch};

use super::Purpose;
use crate::pending::Pending;

#[derive(Debug)]
pub(crate) struct Loaded {
    /// The fields as of the last answer, and what this request has written since.
    pub(super) fields: Arc<Fields>,
    /// The record of the last answer, unless this request has written since.
    pub(super) record: Option<SessionRecord>,
    /// Whether it was only peeked at, so that reading it did not count as use.
    is_peek: bool,
}

impl Loaded {
    pub(super) fn new(record: SessionRecord, is_peek: bool) -> Self {
        Self {
            fields: record.shared_fields(),
            record: Some(record),
            is_peek,
        }
    }

    pub(super) fn serves(&self, purpose: Purpose) -> bool {
        purpose == Purpose::Peek || !self.is_peek
    }

    pub(super) fn changed(mut self, changes: &Pending, counters: &[(FieldName, i64)]) -> Self {
        let fields = Arc::make_mut(&mut self.fields);
        apply(fields, changes);
        for (name, value) in counters {
            fields.insert(name.clone(), (*value).into());
        }
        Self {
            record: None,
            is_peek: false,
            ..self
        }
    }
}

pub(super) fn apply(fields: &mut Fields, changes: &Pending) {
    for (name, change) in changes.delta.changes() {
        match change {
            FieldChange::Set(value) => {
                fields.insert(name.clone(), value.clone());
            }
            FieldChange::Remove => {
                fields.remove(name.as_str());
            }
            // Sent at once, never kept; their answers come as counters.
            FieldChange::Increment(_) => {}
        }
    }
}

/// Whether a read moved the session's expiry. A throttled touch does not say; what remains of the
/// TTL does, unless the deadline caps it. In doubt it did: telling the browser again is no harm.
pub(super) fn may_have_slid(touch: Touch, record: &SessionRecord) -> bool {
    match touch {
        Touch::Always => true,
        Touch::Never => false,
        Touch::IfOlderThan(_) => {
            let ttl = u64::from(record.configured_ttl().as_secs());
            record.deadline().is_some()
                || (record.ttl().whole_seconds()).is_none_or(|left| left >= ttl)
        }
    }
}
