//! What one write changes.

mod apply;
mod then;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::field::{FieldName, FieldValue};
use crate::lifetime::Lifetime;
use crate::log_in::LogIn;
use crate::principal::Principal;
use crate::ttl::SessionTtl;

/// Whether an operation counts as use of the session: sets `last_accessed_at` and sets the
/// expiry again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Touch {
    /// It does. The Redis guide's behaviour, and the default.
    #[default]
    Always,
    /// It does not: fields may change, neither timestamp nor expiry does. For polling and health
    /// checks.
    Never,
    /// It does when the last use is at least this long ago, by the backend's clock (seen from the
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

/// What a write makes of the session's principal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Binding {
    /// The session is bound to a principal (log in), whoever it was bound to before. It gets a
    /// fresh public id, the time of this log-in, and what this brings.
    Bind(LogIn),
    /// The session is bound to nobody from now on. It keeps its deadline.
    Unbind,
}

/// Which fields a write keeps; all others are removed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeepOnly {
    /// The fields that are kept as they are.
    pub names: BTreeSet<FieldName>,
    /// When the others are removed.
    pub when: KeepWhen,
}

/// When the fields that are not kept are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeepWhen {
    /// Always.
    Always,
    /// If the session was bound to a principal before the write, and is not bound to the same one
    /// after it. Then the session also starts again: `created_at` and the deadline are those of a
    /// session that begins with this write.
    IfPrincipalChanges,
}

/// What a write expects of a field before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// The field has exactly this value.
    Equals(FieldValue),
    /// There is no such field.
    Absent,
}

/// Everything that one write changes, applied in one atomic step or not at all.
///
/// There is one change per field: a later call for the same name replaces the earlier one, except
/// that increments of one field add up (saturating). Of bindings, of expectations of one field, and
/// of calls that keep fields, the last one counts.
///
/// Whatever the order of the calls, the step proceeds in this order: it checks the expectations
/// against the session as it is, removes the fields that are not kept, then changes fields in order
/// of their names.
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
///
/// // Compare and set: `Conflict`, and nothing changed, if another request was faster.
/// let step = FieldName::new("step")?;
/// let delta = Delta::new().expect_value(step.clone(), "1").set(step, "2");
/// assert_eq!(delta.expectations().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delta {
    expectations: BTreeMap<FieldName, Expectation>,
    kept: Option<KeepOnly>,
    changes: BTreeMap<FieldName, FieldChange>,
    ttl: Option<SessionTtl>,
    touch: Touch,
    binding: Option<Binding>,
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

    /// Removes every field but these and those that this delta sets or increments. "Every" includes
    /// the fields whose name is not UTF-8. An increment of a field that is not kept counts from 0.
    #[must_use]
    pub fn keep_only(self, names: impl IntoIterator<Item = FieldName>) -> Self {
        self.keep(names, KeepWhen::Always)
    }

    /// The same, but only if this write takes the session away from the principal it is bound to:
    /// it binds the session to another one, or unbinds it. Binding a session of nobody, and binding
    /// it to its own principal again, keep all fields.
    ///
    /// Where it applies, the session also starts again: `created_at` becomes the time of this
    /// write, and the deadline is fixed as for a session without one.
    #[must_use]
    pub fn keep_only_if_principal_changes(
        self,
        names: impl IntoIterator<Item = FieldName>,
    ) -> Self {
        self.keep(names, KeepWhen::IfPrincipalChanges)
    }

    fn keep(mut self, names: impl IntoIterator<Item = FieldName>, when: KeepWhen) -> Self {
        let names = names.into_iter().collect();
        self.kept = Some(KeepOnly { names, when });
        self
    }

    /// Applies the delta only if the field has exactly this value before it; else the write is
    /// refused with [`ErrorKind::Conflict`](crate::ErrorKind::Conflict).
    #[must_use]
    pub fn expect_value(mut self, name: FieldName, value: impl Into<FieldValue>) -> Self {
        self.expectations
            .insert(name, Expectation::Equals(value.into()));
        self
    }

    /// Applies the delta only if there is no such field before it; else the write is refused with
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict).
    #[must_use]
    pub fn expect_absent(mut self, name: FieldName) -> Self {
        self.expectations.insert(name, Expectation::Absent);
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

    /// Binds the session to a principal (log in): it gets a fresh public id, the time of this
    /// log-in and its persistence, or none, also if it is the principal's already. A
    /// [fresh](LogIn::fresh) log-in removes all fields but those that this delta sets or
    /// increments. A session that has no deadline yet gets one:
    /// [`SessionPolicy::principal_lifetime`](crate::SessionPolicy::principal_lifetime) from this
    /// write on.
    #[must_use]
    pub fn bind(mut self, log_in: impl Into<LogIn>) -> Self {
        let mut log_in = log_in.into();
        self.ttl = log_in.ttl.take().or(self.ttl);
        self.binding = Some(Binding::Bind(log_in));
        self
    }

    /// The same with a log-in that brings its own absolute lifetime: the session ends that long
    /// after this write, whatever deadline it had.
    #[must_use]
    pub fn bind_for(self, principal: Principal, lifetime: Lifetime) -> Self {
        self.bind(LogIn::new(principal).lifetime(lifetime))
    }

    /// Binds the session to nobody: it loses its principal, its public id, the time of its log-in
    /// and its persistence, and keeps its fields and its deadline.
    #[must_use]
    pub fn unbind(mut self) -> Self {
        self.binding = Some(Binding::Unbind);
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
        self.expectations.is_empty()
            && self.kept.is_none()
            && self.changes.is_empty()
            && self.ttl.is_none()
            && self.binding.is_none()
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

    /// What becomes of the session's principal.
    pub fn binding(&self) -> Option<&Binding> {
        self.binding.as_ref()
    }

    /// The log-in, if this write binds.
    pub fn log_in(&self) -> Option<&LogIn> {
        match &self.binding {
            Some(Binding::Bind(log_in)) => Some(log_in),
            Some(Binding::Unbind) | None => None,
        }
    }

    /// The principal to bind to.
    pub fn principal(&self) -> Option<&Principal> {
        self.log_in().map(|log_in| &log_in.principal)
    }

    /// Whether this write takes a session away from the principal it is bound to. `before` is that
    /// principal; a session of nobody cannot be taken away.
    pub fn changes_principal(&self, before: Option<&Principal>) -> bool {
        self.binding.is_some() && before.is_some_and(|before| self.principal() != Some(before))
    }

    /// Which fields are kept by their names; `None` when all are. A [fresh](LogIn::fresh) log-in
    /// keeps none of them.
    pub fn kept(&self) -> Option<&KeepOnly> {
        self.kept.as_ref()
    }

    /// The names of the fields that are kept, if this write removes the others. `before` is the
    /// principal that the session is bound to.
    pub fn kept_of(&self, before: Option<&Principal>) -> Option<&BTreeSet<FieldName>> {
        if self.is_fresh() {
            return Some(const { &BTreeSet::new() });
        }
        let kept = self.kept.as_ref()?;
        let is_due = kept.when == KeepWhen::Always || self.changes_principal(before);
        is_due.then_some(&kept.names)
    }

    /// Whether the session starts again with this write: `created_at` becomes the time of it, and
    /// the deadline is fixed as for a session without one. `before` is the principal that the
    /// session is bound to.
    pub fn starts_again(&self, before: Option<&Principal>) -> bool {
        let is_conditional =
            (self.kept.as_ref()).is_some_and(|kept| kept.when == KeepWhen::IfPrincipalChanges);
        self.is_fresh() || is_conditional && self.changes_principal(before)
    }

    /// Whether it is a fresh log-in.
    fn is_fresh(&self) -> bool {
        self.log_in().is_some_and(|log_in| log_in.fresh)
    }

    /// What is expected of fields before the write, in order of their names.
    pub fn expectations(
        &self,
    ) -> impl ExactSizeIterator<Item = (&FieldName, &Expectation)> + Clone {
        self.expectations.iter()
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
        self.principal().is_some()
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
        assert!(Delta::new().increment(name("a"), -1).may_grow());
        assert!(Delta::new().bind(Principal::new("p").unwrap()).may_grow());
    }

    #[test]
    fn the_last_binding_counts_and_only_a_bound_session_can_change_hands() {
        let [ann, bob] = ["ann", "bob"].map(|name| Principal::new(name).unwrap());
        let delta = Delta::new().bind_for(ann.clone(), Lifetime::MIN).unbind();
        assert_eq!(delta.binding(), Some(&Binding::Unbind));
        assert_eq!(delta.principal(), None);
        assert!(delta.changes_principal(Some(&ann)));
        let delta = delta.bind(bob.clone());
        assert!(delta.changes_principal(Some(&ann)));
        assert!(!delta.changes_principal(Some(&bob)));
        assert!(!delta.changes_principal(None));
        assert!(!Delta::new().changes_principal(Some(&ann)));
        // Its TTL is the delta's.
        let log_in = LogIn::new(ann.clone()).ttl(SessionTtl::MIN);
        let delta = Delta::new().ttl(SessionTtl::MAX).bind(log_in);
        let expected = Delta::new().ttl(SessionTtl::MIN).bind(ann);
        assert_eq!(delta, expected);
    }

    #[test]
    fn the_last_call_that_keeps_fields_counts() {
        assert_eq!(Delta::new().kept(), None);
        let delta = Delta::new().keep_only([name("a")]);
        let kept = KeepOnly {
            names: BTreeSet::from([name("b")]),
            when: KeepWhen::IfPrincipalChanges,
        };
        let delta = delta.keep_only_if_principal_changes([name("b")]);
        assert_eq!(delta.kept(), Some(&kept));
    }

    #[test]
    fn a_delta_that_expects_keeps_or_binds_is_no_mere_touch() {
        let touch = Delta::new().touch(Touch::Never).returning_record();
        assert!(touch.is_empty());
        for delta in [
            Delta::new().expect_absent(name("a")),
            Delta::new().expect_value(name("a"), "1"),
            Delta::new().keep_only([]),
            Delta::new().keep_only_if_principal_changes([]),
            Delta::new().unbind(),
            Delta::new().ttl(SessionTtl::MIN),
            Delta::new().remove(name("a")),
        ] {
            assert!(!delta.is_empty(), "{delta:?}");
            assert!(!delta.may_grow(), "{delta:?}");
        }
    }
}
