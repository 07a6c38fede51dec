//! What a backend is asked, and what it answers: the required steps' requests and answers.
//!
//! Requests are built by the provided methods of [`SessionBackend`](crate::SessionBackend) only, from
//! validated parts: a backend cannot receive an invalid one. Their fields are public so that
//! backends, wrappers and mocks can read them. Later features add fields, not methods.

use std::fmt;

use crate::delta::{Delta, Touch};
use crate::error::{Effect, Error, ErrorKind};
use crate::field::{FieldName, FieldValue};
use crate::id::{SessionHandle, SessionId};
use crate::limits::{Limit, Limits};
use crate::principal::{Principal, PrincipalLimit};
use crate::record::SessionRecord;
use crate::stored::StoredSession;
use crate::time::{Remaining, Timestamp, UnixMillis};
use crate::ttl::SessionTtl;

/// Store a session under an id that is free.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InsertRequest {
    /// The id to store under.
    pub id: SessionId,
    /// The session; its principal, if it has one, is to be indexed.
    pub session: StoredSession,
    /// The absolute lifetime, from which the step fixes `session_deadline` by the backend's clock.
    /// Always given when the session has a principal.
    pub lifetime: Option<SessionTtl>,
    /// How many sessions the session's principal may have.
    pub principal_limit: Option<PrincipalLimit>,
}

/// The answer to an [`InsertRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InsertAnswer {
    /// The session is stored and its expiry armed.
    Inserted {
        /// The end of its absolute lifetime, when one was asked for.
        deadline: Option<UnixMillis>,
    },
    /// There is already a key of this id, session or not; it is untouched.
    IdTaken,
    /// Refused for a reason of the session semantics; nothing is stored.
    Refused(Refusal),
}

/// Read a session; slide its expiry as `touch` says, in the same step.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReadRequest {
    /// The session's id.
    pub id: SessionId,
    /// Whether this counts as use.
    pub touch: Touch,
    /// What `last_accessed_at` becomes.
    pub now: Timestamp,
}

/// Change a session, if it is live.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WriteRequest {
    /// The session's id.
    pub id: SessionId,
    /// What to change.
    pub write: Write,
}

/// Move a session to a free id, if it is live, and change it in the same step.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RenameRequest {
    /// The session's id, dead after the step.
    pub from: SessionId,
    /// The session's new id.
    pub to: SessionId,
    /// What to change.
    pub write: Write,
}

/// What one step changes, and the rules it must keep.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Write {
    /// The changes.
    pub delta: Delta,
    /// What `last_accessed_at` becomes, if the write counts as use.
    pub now: Timestamp,
    /// The limits of a session's size.
    pub limits: Limits,
    /// The absolute lifetime for a session without one that this write binds to a principal.
    pub principal_lifetime: SessionTtl,
    /// How many sessions the principal that this write binds to may have.
    pub principal_limit: Option<PrincipalLimit>,
}

/// The answer to a [`WriteRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteAnswer {
    /// All of the delta is applied.
    Written(Written),
    /// There is no live session of this id; nothing was changed.
    Gone,
    /// Refused for a reason of the session semantics; nothing was changed.
    Refused(Refusal),
}

/// The answer to a [`RenameRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RenameAnswer {
    /// The session has its new id and all of the delta is applied.
    Renamed(Written),
    /// There is no live session of the old id; nothing was changed.
    Gone,
    /// The new id is taken; nothing was changed.
    IdTaken,
    /// Refused for a reason of the session semantics; nothing was changed.
    Refused(Refusal),
}

/// What a write did. `Debug` shows which counters there are, not their values.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The counters after the step, in order of the fields' names.
    pub counters: Vec<(FieldName, i64)>,
    /// What remains of the session's life after the step.
    pub remaining: Remaining,
    /// The session after the step, if it was asked for.
    pub record: Option<SessionRecord>,
}

impl Written {
    /// A write after which so much of the session's life remains.
    pub fn new(remaining: Remaining) -> Self {
        Self {
            counters: Vec::new(),
            remaining,
            record: None,
        }
    }

    /// The value of a counter after the step.
    pub fn counter(&self, name: &str) -> Option<i64> {
        let found = self
            .counters
            .iter()
            .find(|(counter, _)| counter.as_str() == name);
        found.map(|(_, value)| *value)
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters: Vec<_> = self.counters.iter().map(|(name, _)| name).collect();
        f.debug_struct("Written")
            .field("counters", &counters)
            .field("remaining", &self.remaining)
            .field("record", &self.record)
            .finish()
    }
}

/// Why a backend refuses a step that it understood: nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// A counter's field holds something else than an integer.
    NotAnInteger,
    /// A counter would leave the range of `i64`.
    Overflow,
    /// The session would exceed a limit of its size.
    Limit(Limit),
    /// The principal has as many sessions as it may.
    TooManySessions,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal {
            Refusal::NotAnInteger => ErrorKind::NotAnInteger,
            Refusal::Overflow => ErrorKind::Overflow,
            Refusal::Limit(limit) => ErrorKind::LimitExceeded(limit),
            Refusal::TooManySessions => ErrorKind::TooManySessions,
        };
        Self::new(kind, Effect::NotApplied)
    }
}

/// Delete a session, if it is live.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RemoveRequest {
    /// The session's id.
    pub id: SessionId,
}

/// List the live sessions of a principal.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListRequest {
    /// Whose sessions.
    pub principal: Principal,
}

/// One session in a principal's list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionSummary {
    /// Names the session without opening it.
    pub handle: SessionHandle,
    /// `created_at`, as stored.
    pub created_at: FieldValue,
    /// `last_accessed_at`, as stored.
    pub last_accessed_at: FieldValue,
}

impl SessionSummary {
    /// The summary of a session.
    pub fn new(
        handle: SessionHandle,
        created_at: FieldValue,
        last_accessed_at: FieldValue,
    ) -> Self {
        Self {
            handle,
            created_at,
            last_accessed_at,
        }
    }
}

/// End sessions of a principal.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RevokeRequest {
    /// Whose sessions. Those of another principal are never touched.
    pub principal: Principal,
    /// Which of them.
    pub target: RevokeTarget,
}

/// Which sessions of a principal to end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevokeTarget {
    /// The one with this handle.
    One(SessionHandle),
    /// All.
    All,
    /// All but this one.
    AllExcept(SessionId),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_counters_value() {
        let mut written = Written::new(Remaining::NoExpiry);
        let name = FieldName::new("page_views").expect("a name");
        written.counters.push((name, 4711));
        let shown = format!("{written:?}");
        assert!(
            shown.contains("page_views") && !shown.contains("4711"),
            "{shown}"
        );
    }
}
