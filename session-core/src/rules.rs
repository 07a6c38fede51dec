//! The session semantics as pure functions: state + request + now → state.
//!
//! `session-memory` runs them under its lock. Their twin in Lua lives in `session-redis-wire`; a
//! differential test proves the two equal. Time is the backend's own; nothing here reads a clock.

use std::sync::Arc;

use crate::delta::{FieldChange, Touch};
use crate::field::FieldValue;
use crate::fields::Fields;
use crate::limits::{Limits, Size};
use crate::record::SessionRecord;
use crate::steps::{InsertRequest, ReadRequest, Refusal, Write, Written};
use crate::stored::StoredSession;
use crate::time::{Remaining, Timestamp, UnixMillis};
use crate::ttl::SessionTtl;

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
    /// A key lives through the millisecond of its expiry, as the server's does; a session dies at
    /// the millisecond of its deadline.
    pub fn is_live(&self, now: UnixMillis) -> bool {
        self.expires_at.is_none_or(|at| now <= at)
            && self.session.deadline.is_none_or(|deadline| now < deadline)
    }

    /// What remains of the session's life.
    pub fn remaining(&self, now: UnixMillis) -> Remaining {
        self.expires_at
            .map_or(Remaining::NoExpiry, |at| Remaining::In(at.since(now)))
    }

    /// The record of the session.
    pub fn record(&self, now: UnixMillis) -> SessionRecord {
        SessionRecord::new(self.session.clone(), self.remaining(now))
    }

    /// Whether a use under this policy slides the expiry.
    fn is_due(&self, touch: Touch, now: UnixMillis) -> bool {
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
        // The expiry was armed to now + TTL at the last use, so what has gone of the TTL is its age.
        let remaining = expires_at.since(now);
        remaining <= ttl && ttl - remaining >= age_due.min(ttl / 2)
    }

    fn touch(&mut self, now: UnixMillis, stamp: Timestamp) {
        self.session.last_accessed_at = stamp.to_value();
        self.expires_at = Some(armed(now, self.session.ttl, self.session.deadline));
    }
}

/// The expiry that a use arms: the TTL from now, but never beyond the deadline.
fn armed(now: UnixMillis, ttl: SessionTtl, deadline: Option<UnixMillis>) -> UnixMillis {
    let idle = now.plus_millis(ttl.as_millis());
    deadline.map_or(idle, |deadline| idle.min(deadline))
}

/// The state that an insert under a free id creates.
pub fn insert(request: &InsertRequest, now: UnixMillis) -> State {
    let mut session = request.session.clone();
    session.deadline = request
        .lifetime
        .map(|lifetime| now.plus_millis(lifetime.as_millis()));
    let expires_at = Some(armed(now, session.ttl, session.deadline));
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

/// Applies a write to a live session: the state after it, and what is answered. Or a refusal, which
/// changes nothing.
///
/// # Errors
/// A [`Refusal`]. Counters are judged first, in order of the fields' names, then the limits.
pub fn write(state: &State, write: &Write, now: UnixMillis) -> Result<(State, Written), Refusal> {
    let mut after = state.clone();
    let mut counters = Vec::new();
    if write.delta.changes().len() > 0 {
        let fields = Arc::make_mut(&mut after.session.fields);
        for (name, change) in write.delta.changes() {
            match change {
                FieldChange::Set(value) => {
                    fields.insert(name.clone(), value.clone());
                }
                FieldChange::Remove => {
                    fields.remove(name.as_str());
                }
                FieldChange::Increment(by) => {
                    let value = incremented(fields, name.as_str(), *by)?;
                    fields.insert(name.clone(), value.into());
                    counters.push((name.clone(), value));
                }
            }
        }
        let (was, is) = (
            size(&state.session, &write.limits),
            size(&after.session, &write.limits),
        );
        write.limits.check_size(was, is).map_err(Refusal::Limit)?;
    }
    let mut is_due = after.is_due(write.delta.touch_policy(), now);
    if let Some(ttl) = write.delta.new_ttl() {
        after.session.ttl = ttl;
        is_due |= write.delta.touch_policy() != Touch::Never;
    }
    if let Some(principal) = write.delta.principal() {
        after.session.principal = Some(FieldValue::from(principal.as_str()));
        if after.session.deadline.is_none() {
            let deadline = now.plus_millis(write.principal_lifetime.as_millis());
            after.session.deadline = Some(deadline);
            after.expires_at = Some(after.expires_at.map_or(deadline, |at| at.min(deadline)));
        }
    }
    if is_due {
        after.touch(now, write.now);
    }
    let written = Written {
        counters,
        remaining: after.remaining(now),
        record: write.delta.returns_record().then(|| after.record(now)),
    };
    Ok((after, written))
}

/// The size that the limits judge; bytes are counted only where they are limited.
fn size(session: &StoredSession, limits: &Limits) -> Size {
    Size {
        fields: session.field_count(),
        bytes: limits.session_bytes().map_or(0, |_| session.field_bytes()),
    }
}

fn incremented(fields: &Fields, name: &str, by: i64) -> Result<i64, Refusal> {
    let current = match fields.get(name) {
        Some(value) => parse_integer(value.as_bytes()).ok_or(Refusal::NotAnInteger)?,
        None => 0,
    };
    current.checked_add(by).ok_or(Refusal::Overflow)
}

/// Redis's integer grammar: an optional minus, no leading zero, no `-0`, in the range of `i64`.
///
/// ```
/// use session_core::rules::parse_integer;
///
/// assert_eq!(parse_integer(b"-17"), Some(-17));
/// for text in ["", "+5", "007", "-0", " 1", "1.0", "9223372036854775808"] {
///     assert_eq!(parse_integer(text.as_bytes()), None);
/// }
/// ```
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::Delta;
    use crate::field::FieldName;
    use crate::limits::Limit;
    use crate::principal::Principal;
    use std::time::Duration;

    const T0: UnixMillis = UnixMillis::new(1_000_000);

    fn at(millis: u64) -> UnixMillis {
        T0.plus_millis(millis)
    }

    fn stamp() -> Timestamp {
        Timestamp::parse("2026-04-02T12:34:56Z").unwrap()
    }

    fn name(text: &'static str) -> FieldName {
        FieldName::new(text).unwrap()
    }

    fn state(ttl: u64) -> State {
        let ttl = SessionTtl::from_secs(ttl).unwrap();
        let fields = Fields::new().with(name("n"), 5).with(name("s"), "text");
        State {
            session: StoredSession::created(stamp(), ttl, fields),
            expires_at: Some(T0.plus_millis(ttl.as_millis())),
        }
    }

    fn change(delta: Delta) -> Write {
        Write {
            delta,
            now: stamp(),
            limits: Limits::default().with_fields(3),
            principal_lifetime: SessionTtl::from_secs(100).unwrap(),
            principal_limit: None,
        }
    }

    #[test]
    fn a_key_lives_through_its_last_millisecond_and_a_deadline_ends_at_its_first() {
        let mut state = state(10);
        assert!(state.is_live(at(10_000)));
        assert!(!state.is_live(at(10_001)));
        state.session.deadline = Some(at(5_000));
        assert!(state.is_live(at(4_999)));
        assert!(!state.is_live(at(5_000)));
    }

    #[test]
    fn a_throttled_touch_is_due_by_age_clamped_to_half_the_ttl() {
        let state = state(10);
        let due = |secs, now| state.is_due(Touch::IfOlderThan(Duration::from_secs(secs)), now);
        assert!(!due(3, at(2_999)));
        assert!(due(3, at(3_000)));
        assert!(!due(60, at(4_999)));
        assert!(due(60, at(5_000)));
    }

    #[test]
    fn a_throttled_touch_is_not_due_while_the_deadline_caps_and_due_without_expiry() {
        let mut state = state(10);
        let touch = Touch::IfOlderThan(Duration::from_secs(1));
        state.session.deadline = state.expires_at;
        assert!(!state.is_due(touch, at(9_000)));
        state.expires_at = None;
        assert!(state.is_due(touch, at(0)));
    }

    #[test]
    fn one_refused_counter_changes_nothing() {
        let before = state(10);
        let delta = Delta::new()
            .increment(name("n"), 1)
            .increment(name("s"), 1)
            .set(name("x"), "y");
        assert_eq!(
            write(&before, &change(delta), T0),
            Err(Refusal::NotAnInteger)
        );
        let delta = Delta::new().increment(name("n"), i64::MAX);
        assert_eq!(write(&before, &change(delta), T0), Err(Refusal::Overflow));
    }

    #[test]
    fn limits_refuse_growth_only() {
        let mut before = state(10);
        let grow = Delta::new().set(name("a"), "1").set(name("b"), "2");
        assert_eq!(
            write(&before, &change(grow.clone()), T0),
            Err(Refusal::Limit(Limit::Fields))
        );
        let swap = grow.remove(name("n"));
        assert!(write(&before, &change(swap), T0).is_ok());
        let many = (0..9).map(|n| {
            (
                FieldName::new(format!("f{n}")).unwrap(),
                FieldValue::from(n),
            )
        });
        Arc::make_mut(&mut before.session.fields).extend(many);
        assert!(write(&before, &change(Delta::new().set(name("s"), "new")), T0).is_ok());
    }

    #[test]
    fn binding_fixes_a_deadline_and_caps_the_expiry_even_without_a_touch() {
        let principal = Principal::new("ann").unwrap();
        let delta = Delta::new().bind(principal.clone()).touch(Touch::Never);
        let (after, _) = write(&state(1_000), &change(delta), T0).unwrap();
        assert_eq!(after.session.principal(), Some(principal.clone()));
        assert_eq!(after.session.deadline, Some(at(100_000)));
        assert_eq!(after.expires_at, Some(at(100_000)));
        let again = Delta::new().bind(principal);
        let (later, _) = write(&after, &change(again), at(50_000)).unwrap();
        assert_eq!(later.session.deadline, Some(at(100_000)));
    }

    #[test]
    fn a_new_ttl_rearms_unless_the_write_is_no_use() {
        let ttl = SessionTtl::from_secs(60).unwrap();
        let (after, written) =
            write(&state(10), &change(Delta::new().ttl(ttl)), at(4_000)).unwrap();
        assert_eq!(after.expires_at, Some(at(64_000)));
        assert_eq!(written.remaining, Remaining::In(Duration::from_secs(60)));
        let (after, _) = write(
            &state(10),
            &change(Delta::new().ttl(ttl).touch(Touch::Never)),
            at(4_000),
        )
        .unwrap();
        assert_eq!(after.session.ttl, ttl);
        assert_eq!(after.expires_at, Some(at(10_000)));
    }
}
