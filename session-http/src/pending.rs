//! What a request has asked for and the store does not have yet.

use session_core::{Delta, FieldChange, FieldName, FieldValue, Lifetime, Principal, SessionTtl};

/// The changes of a request that wait for one atomic step.
///
/// They are kept apart from what is known of the session: only the step itself decides which
/// session they go to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pending {
    /// End the session first; whatever else is here belongs to the one after it.
    pub(crate) end: bool,
    /// Move the session to a fresh id in the same step.
    pub(crate) rotate: bool,
    pub(crate) delta: Delta,
    /// The absolute lifetime of a session that these changes begin.
    pub(crate) max_lifetime: Option<Lifetime>,
}

/// What the pending changes say of a field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Value(FieldValue),
    Absent,
    Nothing,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        !self.end && !self.rotate && self.delta.is_empty()
    }

    /// Whether there is anything to keep in a session that does not exist yet. A rotation, a new
    /// TTL or a removal alone creates none.
    pub(crate) fn has_content(&self) -> bool {
        self.delta.may_grow()
    }

    pub(crate) fn set(&mut self, name: FieldName, value: FieldValue) {
        self.change(|delta| delta.set(name, value));
    }

    pub(crate) fn remove(&mut self, name: FieldName) {
        self.change(|delta| delta.remove(name));
    }

    pub(crate) fn ttl(&mut self, ttl: SessionTtl) {
        self.change(|delta| delta.ttl(ttl));
    }

    pub(crate) fn bind(&mut self, principal: Principal) {
        self.change(|delta| delta.bind(principal));
    }

    pub(crate) fn max_lifetime(&mut self, lifetime: Lifetime) {
        self.max_lifetime = Some(lifetime);
    }

    /// Ends the session; what was asked of it before is moot.
    pub(crate) fn end(&mut self) {
        *self = Self {
            end: true,
            ..Self::default()
        };
    }

    pub(crate) fn says(&self, name: &str) -> Said {
        match self.delta.change(name) {
            Some(FieldChange::Set(value)) => Said::Value(value.clone()),
            Some(FieldChange::Remove) => Said::Absent,
            // Counters are sent at once and never wait here.
            Some(FieldChange::Increment(_)) => Said::Nothing,
            None if self.end => Said::Absent,
            None => Said::Nothing,
        }
    }

    /// These changes, and then later ones.
    pub(crate) fn then(self, later: Self) -> Self {
        if later.end {
            return later;
        }
        // What waits here is made of sets, removals, a TTL and a binding only: one step does any
        // two of these.
        let both = self.delta.then(later.delta.clone());
        debug_assert!(both.is_ok(), "{both:?}");
        Self {
            end: self.end,
            rotate: self.rotate || later.rotate,
            delta: both.unwrap_or(later.delta),
            max_lifetime: later.max_lifetime.or(self.max_lifetime),
        }
    }

    fn change(&mut self, with: impl FnOnce(Delta) -> Delta) {
        self.delta = with(std::mem::take(&mut self.delta));
    }
}
