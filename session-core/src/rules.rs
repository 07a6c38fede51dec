//! The session semantics as pure functions: state + request + now → state.
//!
//! `session-memory` runs them under its lock. Where a backend has a twin of them in another
//! language (Lua, SQL), a differential test proves the two equal. Time is the backend's own;
//! nothing here reads a clock.

use crate::delta::{Binding, Touch};
use crate::field::FieldValue;
use crate::limits::Size;
use crate::record::SessionRecord;
use crate::refusal::Refusal;
use crate::steps::{InsertRequest, ReadRequest, RenameRequest, Write};
use crate::stored::StoredSession;
use crate::time::{Remaining, StoredTime, Timestamp, UnixMillis};
use crate::tombstone::Tombstone;
use crate::ttl::SessionTtl;
use crate::written::Written;

pub use crate::integer::parse_integer;

/// A session and the expiry of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The session.
    pub session: StoredSession,
    /// When the key expires; `None` when another client left it without expiry.
    pub expires_at: Option<UnixMillis>,
}

impl State {
    /// Whether there is a session now: the key has not expired and the deadline has not passed.
    ///
    /// A key lives through the millisecond of its expiry, as the server's does; a session ends at
    /// the millisecond of its deadline.
    pub fn is_live(&self, now: UnixMillis) -> bool {
        self.expires_at.is_none_or(|at| now <= at)
            && self.session.deadline.is_none_or(|deadline| now < deadline)
    }

    /// What remains of the session's life.
    pub fn ttl(&self, now: UnixMillis) -> Remaining {
        self.expires_at
            .map_or(Remaining::NoExpiry, |at| Remaining::In(at.since(now)))
    }

    /// The record of the session.
    pub fn record(&self, now: UnixMillis) -> SessionRecord {
        SessionRecord::new(self.session.clone(), self.ttl(now))
    }

    /// Whether a use under this policy slides the expiry.
    pub fn is_due(&self, touch: Touch, now: UnixMillis) -> bool {
        let age_due = match touch {
            Touch::Always => return true,
            Touch::Never => return false,
            Touch::IfOlderThan(age) => age,
        };
        let Some(expires_at) = self.expires_at else {
            return true;
        };
        if self
            .session
            .deadline
            .is_some_and(|deadline| expires_at >= deadline)
        {
            return false;
        }
        let ttl = self.session.ttl.as_duration();
        // The expiry was set to now + TTL at the last use, so what is over of the TTL is its age.
        let remaining = expires_at.since(now);
        remaining <= ttl && ttl - remaining >= age_due.min(ttl / 2)
    }

    fn bind(&mut self, binding: &Binding, write: &Write, now: UnixMillis) {
        let session = &mut self.session;
        match binding {
            Binding::Bind(log_in) => {
                session.bind(log_in, write.public_id);
                session.change_optional(|optional| optional.login_at = Some(millis_value(now)));
                let deadline = match (log_in.lifetime, session.deadline) {
                    (None, Some(deadline)) => deadline,
                    (lifetime, _) => {
                        let lifetime = lifetime.unwrap_or(write.principal_lifetime);
                        now.plus_millis(lifetime.as_millis())
                    }
                };
                session.deadline = Some(deadline);
                self.expires_at = Some(self.expires_at.map_or(deadline, |at| at.min(deadline)));
            }
            Binding::Unbind => session.unbind(),
        }
    }

    fn touch(&mut self, now: UnixMillis, stamp: Timestamp) {
        self.session.last_accessed_at = StoredTime::Time(stamp);
        self.expires_at = Some(expiry_after_use(
            now,
            self.session.ttl,
            self.session.deadline,
        ));
    }
}

/// The expiry that a use sets: the TTL from now, but never beyond the deadline.
fn expiry_after_use(now: UnixMillis, ttl: SessionTtl, deadline: Option<UnixMillis>) -> UnixMillis {
    let idle = now.plus_millis(ttl.as_millis());
    deadline.map_or(idle, |deadline| idle.min(deadline))
}

/// The state that an insert under a free id creates: the deadline is fixed, and for a bound session
/// the time of its log-in is now.
pub fn insert(request: &InsertRequest, now: UnixMillis) -> State {
    let deadline = request.lifetime.map(|it| now.plus_millis(it.as_millis()));
    insert_until(request, now, deadline)
}

/// The same with a deadline that was fixed before, of a backend whose index has an entry of the
/// session before the session itself.
pub fn insert_until(
    request: &InsertRequest,
    now: UnixMillis,
    deadline: Option<UnixMillis>,
) -> State {
    let mut session = request.session.clone();
    session.deadline = deadline;
    if session.optional().principal.is_some() {
        session.change_optional(|optional| optional.login_at = Some(millis_value(now)));
    }
    let expires_at = Some(expiry_after_use(now, session.ttl, session.deadline));
    State {
        session,
        expires_at,
    }
}

/// Reads a live session and slides its expiry as the request says.
pub fn read(state: &mut State, request: &ReadRequest, now: UnixMillis) -> SessionRecord {
    if state.is_due(request.touch, now) {
        state.touch(now, request.now);
    }
    state.record(now)
}

/// Applies a write to a live session, and returns what the step returns. Or a refusal, which
/// changes nothing.
///
/// A binding caps the key's expiry to the deadline, even if the write is no use; it gives a key
/// without expiry one.
///
/// # Errors
/// A [`Refusal`]. Expectations are checked first, then counters in order of the fields' names, then
/// the limits.
pub fn write(state: &mut State, write: &Write, now: UnixMillis) -> Result<Written, Refusal> {
    let delta = &write.delta;
    let session = &mut state.session;
    let mut counters = Vec::new();
    let before = delta.binding().and_then(|_| session.principal());
    let before = before.as_ref();
    let kept = delta.kept_of(before);
    if kept.is_some() || delta.changes().len() + delta.expectations().len() > 0 {
        // Whatever can be refused is refused before anything is changed.
        counters = delta.check(&session.fields, before)?;
        let was = size(session);
        let is = delta.size_after(was, &session.fields, before, &counters);
        write.limits.check_size(was, is).map_err(Refusal::Limit)?;
        let mut fields = std::mem::take(&mut session.fields);
        delta.apply_checked(&mut fields, before, &counters);
        session.fields = fields.shared();
        if kept.is_some() {
            session.hidden = None;
        }
    }
    let mut is_due = state.is_due(delta.touch_policy(), now);
    if let Some(ttl) = delta.new_ttl() {
        state.session.ttl = ttl;
        is_due |= delta.touch_policy() != Touch::Never;
    }
    if delta.starts_again(before) {
        state.session.created_at = StoredTime::Time(write.now);
        state.session.deadline = None;
    }
    if let Some(binding) = delta.binding() {
        state.bind(binding, write, now);
    }
    if is_due {
        state.touch(now, write.now);
    }
    Ok(Written {
        counters,
        ttl: state.ttl(now),
        record: delta.returns_record().then(|| state.record(now)),
    })
}

/// The tombstone of a rotation of the session `before` to `after`, whose key the store calls
/// `successor`. It names the key only where the principal stayed the same: who has the old id of a
/// visitor must not end the session of who logged in since.
pub fn tombstone(
    request: &RenameRequest,
    before: &State,
    after: &State,
    successor: FieldValue,
    now: UnixMillis,
) -> Tombstone {
    let is_kept = before.session.principal() == after.session.principal();
    Tombstone::new(
        now,
        request.tombstone_lifetime,
        is_kept.then_some(successor),
    )
}

/// A time as the reserved fields hold it.
fn millis_value(time: UnixMillis) -> FieldValue {
    time.get().to_string().into()
}

/// The size that the limits are about.
fn size(session: &StoredSession) -> Size {
    Size {
        fields: session.field_count(),
        bytes: session.field_bytes(),
    }
}

#[cfg(test)]
mod tests;
