//! What one write changes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::field::{FieldName, FieldValue};
use crate::principal::Principal;
use crate::ttl::SessionTtl;

/// Whether an operation counts as use of the session: sets `last_accessed_at` and re-arms the expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Touch {
    /// It does. The guide's behaviour, and the default.
    #[default]
    Always,
    /// It does not: fields may change, neither timestamp nor expiry does. For polling and health checks.
    Never,
    /// It does when the last use is at least this long ago, by the backend's clock (judged from the
    /// remaining TTL). Spares the server a write per read. The duration is clamped to half the TTL;
    /// a session whose expiry the deadline already caps is not due; a key without expiry is due;
    /// a change of the TTL is always due.
    IfOlderThan(Duration),
}

/// One change to one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldChange {
    /// The field gets this value.
    Set(FieldValue),
    /// The field goes.
    Remove,
    /// The number in the field grows by this much; an absent field counts from 0.
    Increment(i64),
}

/// Everything that one write changes, applied in one atomic step or not at all.
///
/// There is one change per field: a later call for the same name replaces the earlier one, except
/// that increments of one field add up (saturating).
///
/// ```
/// use session_core::{Delta, FieldName, SessionTtl};
///
/// let delta = Delta::new()
///     .set(FieldName::new("theme")?, "dark")
///     .remove(FieldName::new("flash")?)
///     .increment(FieldName::new("page_views")?, 1)
///     .ttl(SessionTtl::from_secs(300)?)
///     .returning_record();
/// assert_eq!(delta.changes().count(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delta {
    changes: BTreeMap<FieldName, FieldChange>,
    ttl: Option<SessionTtl>,
    touch: Touch,
    principal: Option<Principal>,
    returning_record: bool,
}

impl Delta {
    /// A delta that changes nothing: writing it is a touch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a field.
    #[must_use]
    pub fn set(mut self, name: FieldName, value: impl Into<FieldValue>) -> Self {
        self.changes.insert(name, FieldChange::Set(value.into()));
        self
    }

    /// Removes a field; removing an absent one changes nothing.
    #[must_use]
    pub fn remove(mut self, name: FieldName) -> Self {
        self.changes.insert(name, FieldChange::Remove);
        self
    }

    /// Adds to the integer in a field.
    #[must_use]
    pub fn increment(mut self, name: FieldName, by: i64) -> Self {
        let earlier = match self.changes.get(&name) {
            Some(FieldChange::Increment(earlier)) => *earlier,
            _ => 0,
        };
        self.changes
            .insert(name, FieldChange::Increment(earlier.saturating_add(by)));
        self
    }

    /// Changes the session's sliding TTL from this write on.
    #[must_use]
    pub fn ttl(mut self, ttl: SessionTtl) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Whether this write counts as use of the session. [`Touch::Always`] unless said otherwise.
    #[must_use]
    pub fn touch(mut self, touch: Touch) -> Self {
        self.touch = touch;
        self
    }

    /// Binds the session to a principal (log in). A session that has no deadline yet gets one:
    /// [`SessionPolicy::principal_lifetime`](crate::SessionPolicy::principal_lifetime) from this write on.
    #[must_use]
    pub fn bind(mut self, principal: Principal) -> Self {
        self.principal = Some(principal);
        self
    }

    /// Asks for the session as it is after the write, in the same step.
    #[must_use]
    pub fn returning_record(mut self) -> Self {
        self.returning_record = true;
        self
    }

    /// Whether writing this delta would be a mere touch.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.ttl.is_none() && self.principal.is_none()
    }

    /// The changes, in order of the fields' names.
    pub fn changes(&self) -> impl ExactSizeIterator<Item = (&FieldName, &FieldChange)> + Clone {
        self.changes.iter()
    }

    /// The change to one field.
    pub fn change(&self, name: &str) -> Option<&FieldChange> {
        self.changes.get(name)
    }

    /// The new TTL.
    pub fn new_ttl(&self) -> Option<SessionTtl> {
        self.ttl
    }

    /// The principal to bind to.
    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// Whether the write counts as use.
    pub fn touch_policy(&self) -> Touch {
        self.touch
    }

    /// Whether the session is wanted back.
    pub fn returns_record(&self) -> bool {
        self.returning_record
    }

    /// Whether the write can make the stored session larger: it sets, counts or binds. The server
    /// refuses these, and only these, when its memory is full.
    pub fn may_grow(&self) -> bool {
        self.principal.is_some()
            || self
                .changes
                .values()
                .any(|change| !matches!(change, FieldChange::Remove))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &'static str) -> FieldName {
        FieldName::new(text).unwrap()
    }

    #[test]
    fn a_field_has_one_change_and_the_last_call_decides() {
        let delta = Delta::new()
            .set(name("a"), "1")
            .remove(name("a"))
            .increment(name("b"), 2)
            .increment(name("b"), i64::MAX)
            .set(name("c"), "x")
            .increment(name("c"), 5);
        assert_eq!(delta.change("a"), Some(&FieldChange::Remove));
        assert_eq!(delta.change("b"), Some(&FieldChange::Increment(i64::MAX)));
        assert_eq!(delta.change("c"), Some(&FieldChange::Increment(5)));
    }

    #[test]
    fn only_sets_counters_and_bindings_grow_a_session() {
        assert!(
            !Delta::new()
                .remove(name("a"))
                .ttl(SessionTtl::MIN)
                .may_grow()
        );
        assert!(Delta::new().increment(name("a"), -1).may_grow());
        assert!(Delta::new().bind(Principal::new("p").unwrap()).may_grow());
    }
}
