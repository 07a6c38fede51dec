//! What a request has asked for and the store does not have yet.

use session_core::{
    Delta, FieldChange, FieldName, FieldValue, Fields, Lifetime, Principal, SessionTtl,
};

/// What a request asks for, as far as no step has delivered it.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) waiting: Pending,
    /// What a step under way carries. A step that failed or was dropped leaves it here, and
    /// [`Changes::take_back`] makes it wait again.
    sent: Option<Pending>,
    /// Counts the sessions that this request has ended or begun.
    generation: u32,
}

/// The changes of a request that wait for one atomic step.
///
/// They are kept apart from what is known of the session: only the step itself decides which
/// session they go to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pending {
    pub(crate) fate: Fate,
    pub(crate) delta: Delta,
    /// The absolute lifetime of a session that these changes begin.
    pub(crate) max_lifetime: Option<Lifetime>,
}

/// What becomes of the session in the step, beside the changes. The greater one wins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    #[default]
    Stays,
    /// It moves to a fresh id.
    Rotates,
    /// It is ended first; the changes belong to the one after it.
    Ends,
}

/// What the pending changes say of a field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Value(FieldValue),
    Absent,
    Nothing,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.sent.is_none()
    }

    /// Whether the session is to be ended before anything else.
    pub(crate) fn is_ending(&self) -> bool {
        self.latest_first().any(Pending::is_ending)
    }

    /// Ends the session; see [`Pending::end`].
    pub(crate) fn end(&mut self) {
        self.waiting.end();
        self.has_begun_anew();
    }

    /// Tells whether what was known of the session is of one that was ended or replaced since.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    pub(crate) fn has_begun_anew(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }

    pub(crate) fn says(&self, name: &str) -> Said {
        let mut said = self.latest_first().map(|changes| changes.says(name));
        said.find(|said| *said != Said::Nothing)
            .unwrap_or(Said::Nothing)
    }

    pub(crate) fn apply_to(&self, fields: &mut Fields) {
        if let Some(sent) = self.sent.as_ref().filter(|_| !self.waiting.is_ending()) {
            sent.apply_to(fields);
        }
        self.waiting.apply_to(fields);
    }

    /// Moves what waits into a step; `None` when nothing does.
    pub(crate) fn send(&mut self) -> Option<Pending> {
        if self.waiting.is_empty() {
            return None;
        }
        let sent = std::mem::take(&mut self.waiting);
        self.sent = Some(sent.clone());
        Some(sent)
    }

    /// The step is done with what it carried.
    pub(crate) fn delivered(&mut self) {
        self.sent = None;
    }

    /// Makes what a step failed to deliver wait again.
    pub(crate) fn take_back(&mut self) {
        if let Some(sent) = self.sent.take() {
            self.waiting = sent.then(std::mem::take(&mut self.waiting));
        }
    }

    fn latest_first(&self) -> impl Iterator<Item = &Pending> {
        std::iter::once(&self.waiting).chain(&self.sent)
    }
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.fate == Fate::Stays && self.delta.is_empty()
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.fate == Fate::Ends
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

    pub(crate) fn rotate(&mut self) {
        self.fate = self.fate.max(Fate::Rotates);
    }

    /// Ends the session; what was asked of it before is moot.
    fn end(&mut self) {
        *self = Self {
            fate: Fate::Ends,
            ..Self::default()
        };
    }

    pub(crate) fn apply_to(&self, fields: &mut Fields) {
        for (name, change) in self.delta.changes() {
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

    fn says(&self, name: &str) -> Said {
        match self.delta.change(name) {
            Some(FieldChange::Set(value)) => Said::Value(value.clone()),
            Some(FieldChange::Remove) => Said::Absent,
            // Counters are sent at once and never wait here.
            Some(FieldChange::Increment(_)) => Said::Nothing,
            None if self.is_ending() => Said::Absent,
            None => Said::Nothing,
        }
    }

    /// These changes, and then later ones.
    fn then(self, later: Self) -> Self {
        if later.is_ending() {
            return later;
        }
        // What waits here is made of sets, removals, a TTL and a binding only: one step does any
        // two of these.
        let both = self.delta.then(later.delta.clone());
        debug_assert!(both.is_ok(), "{both:?}");
        Self {
            fate: self.fate.max(later.fate),
            delta: both.unwrap_or(later.delta),
            max_lifetime: later.max_lifetime.or(self.max_lifetime),
        }
    }

    fn change(&mut self, with: impl FnOnce(Delta) -> Delta) {
        self.delta = with(std::mem::take(&mut self.delta));
    }
}
