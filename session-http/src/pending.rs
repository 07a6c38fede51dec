//! What a request has asked for and the store does not have yet.

use std::sync::Arc;

use session_core::{
    Binding, Delta, FieldChange, FieldName, FieldValue, Fields, LogIn, Principal, SessionPolicy,
    SessionTtl,
};

/// What a request asks for, as far as no step has delivered it.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) waiting: Pending,
    /// What a step under way carries.
    sent: Option<Arc<Pending>>,
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
    /// It is as it was, unless they take the session away from the principal that it had.
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

    /// Whom the session is bound to after them; `None` where they do not say.
    pub(crate) fn binding(&self) -> Option<&Binding> {
        self.latest_first()
            .find_map(|changes| changes.delta.binding())
    }

    /// Whether a field stays that a session of this principal has and these changes do not speak
    /// of.
    pub(crate) fn keep(&self, name: &str, principal: impl FnOnce() -> Option<Principal>) -> bool {
        let mut binds = self
            .latest_first()
            .filter(|changes| changes.delta.binding().is_some());
        let Some(delta) = binds.next().map(|changes| &changes.delta) else {
            return true;
        };
        let kept = delta.kept_of(principal().as_ref());
        kept.is_none_or(|kept| kept.contains(name))
    }

    pub(crate) fn apply_to(&self, fields: &mut Fields, principal: Option<&Principal>) {
        if let Some(sent) = self.sent.as_ref().filter(|_| !self.waiting.is_ending()) {
            sent.apply_to(fields, principal);
        }
        let sent = self.sent.as_ref().and_then(|sent| sent.delta.principal());
        self.waiting.apply_to(fields, sent.or(principal));
    }

    /// Moves what waits into a step; `None` when nothing does.
    pub(crate) fn send(&mut self) -> Option<Arc<Pending>> {
        if self.waiting.is_empty() {
            return None;
        }
        let sent = Arc::new(std::mem::take(&mut self.waiting));
        self.sent = Some(Arc::clone(&sent));
        Some(sent)
    }

    /// The step has done what it carried, or nobody knows.
    pub(crate) fn delivered(&mut self) {
        self.sent = None;
    }

    /// The step has done nothing: what it carried waits again.
    pub(crate) fn take_back(&mut self) {
        if let Some(sent) = self.sent.take() {
            let waiting = std::mem::take(&mut self.waiting);
            self.waiting = Arc::unwrap_or_clone(sent).then(waiting);
        }
    }

    /// Adds changes to what waits.
    pub(crate) fn add(&mut self, later: Pending) {
        self.waiting = std::mem::take(&mut self.waiting).then(later);
    }

    /// Forgets what waits, and what a step under way would bring back.
    pub(crate) fn discard(&mut self) {
        self.waiting = Pending::default();
        self.sent = None;
    }

    fn latest_first(&self) -> impl Iterator<Item = &Pending> {
        std::iter::once(&self.waiting).chain(self.sent.as_deref())
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

    /// Of another user nothing stays but what this request sets; of a visitor neither, if it is
    /// fresh.
    pub(crate) fn log_in(&mut self, log_in: LogIn) {
        self.rotate();
        self.change(|delta| delta.bind(log_in).keep_only_if_principal_changes([]));
    }

    /// The session goes on without its principal, and with these fields.
    pub(crate) fn log_out_keeping(&mut self, names: impl IntoIterator<Item = FieldName>) {
        self.rotate();
        self.change(|delta| delta.unbind().keep_only_if_principal_changes(names));
    }

    /// Whether a principal is logged out and the session goes on.
    pub(crate) fn logs_out_keeping(&self) -> bool {
        self.delta.binding() == Some(&Binding::Unbind)
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

    /// What a step is told. A log-in fixes the deadline and the TTL again: by what it brings, or
    /// those of a session that begins now.
    pub(crate) fn delta(&self, policy: &SessionPolicy) -> Delta {
        let delta = self.delta.clone();
        let Some(log_in) = self.delta.log_in().cloned() else {
            return delta;
        };
        let lifetime = log_in.lifetime.or(policy.max_lifetime());
        let ttl = delta.new_ttl().unwrap_or(policy.default_ttl());
        delta
            .ttl(ttl)
            .bind(log_in.lifetime(lifetime.unwrap_or(policy.principal_lifetime())))
    }

    /// What becomes of the fields of a session of this principal.
    pub(crate) fn apply_to(&self, fields: &mut Fields, principal: Option<&Principal>) {
        // Counters are sent at once and nothing is expected, so nothing is refused.
        let counters = self.delta.apply_to(fields, principal);
        debug_assert_eq!(counters, Ok(Vec::new()));
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

    /// These changes, and then later ones, as if they had waited together.
    fn then(mut self, later: Self) -> Self {
        if later.is_ending() {
            return later;
        }
        self.fate = self.fate.max(later.fate);
        for (name, change) in later.delta.changes() {
            match change {
                FieldChange::Set(value) => self.set(name.clone(), value.clone()),
                FieldChange::Remove => self.remove(name.clone()),
                FieldChange::Increment(_) => {}
            }
        }
        if let Some(ttl) = later.delta.new_ttl() {
            self.ttl(ttl);
        }
        match later.delta.binding() {
            Some(Binding::Bind(log_in)) => self.log_in(log_in.clone()),
            Some(_) => {
                let kept = later.delta.kept().map(|kept| kept.names.clone());
                self.log_out_keeping(kept.unwrap_or_default());
            }
            None => {}
        }
        self
    }

    fn change(&mut self, with: impl FnOnce(Delta) -> Delta) {
        self.delta = with(std::mem::take(&mut self.delta));
    }
}
