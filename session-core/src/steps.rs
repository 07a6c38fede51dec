//! The requests and the outcomes of the required steps.
//!
//! A request is built by its constructor only, which checks what it is given: a backend cannot
//! receive an invalid one. The fields are public so that backends, wrappers and mocks can read
//! them. Later features add fields, variants and constructors, not methods of the trait.

use crate::delta::{Delta, FieldChange, Touch};
use crate::error::Result;
use crate::field::FieldName;
use crate::id::SessionId;
use crate::lifetime::Lifetime;
use crate::limits::{Limits, Size};
use crate::page::PageRequest;
use crate::policy::SessionPolicy;
use crate::principal::{Principal, PrincipalLimit};
use crate::public_id::PublicId;
use crate::record::SessionRecord;
use crate::session::NewSession;
use crate::stored::StoredSession;
use crate::time::Timestamp;

pub use crate::drawn::Drawn;
pub use crate::refusal::Refusal;
pub use crate::written::Written;

/// Which session a step is about.
///
/// A backend that does not know a variant refuses the step with
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), nothing changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The session under this id.
    Id(SessionId),
    /// The session of this principal with this public id. It names only a session that is live,
    /// bound to exactly this principal, and listed ([`StoredSession::listing`]); whatever else, and
    /// another principal's session, is not found.
    PublicId {
        /// Whom the session must be bound to.
        principal: Principal,
        /// The public id that it got at the binding.
        public_id: PublicId,
    },
}

impl From<SessionId> for Target {
    fn from(id: SessionId) -> Self {
        Self::Id(id)
    }
}

impl From<&SessionId> for Target {
    fn from(id: &SessionId) -> Self {
        Self::Id(id.clone())
    }
}

/// Store a session under an id that is free.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InsertRequest {
    /// The id to store under.
    pub id: SessionId,
    /// The session. If it has a principal, it has a fresh public id too, and is to be indexed. The
    /// step adds `session_deadline` and `session_login_at` by the backend's clock
    /// ([`rules::insert`](crate::rules::insert)).
    pub session: StoredSession,
    /// The absolute lifetime, from which the step fixes `session_deadline`. Always given when the
    /// session has a principal.
    pub lifetime: Option<Lifetime>,
    /// How many sessions the session's principal may have; `None` for any number.
    pub principal_limit: Option<PrincipalLimit>,
}

impl InsertRequest {
    /// Stores this session under this id. If it is bound to a principal, a public id is drawn.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) and
    /// [`ErrorKind::Randomness`](crate::ErrorKind::Randomness).
    pub fn new(policy: &SessionPolicy, id: SessionId, new: NewSession) -> Result<Self> {
        let limits = policy.limits();
        let mut size = Size::default();
        for (name, value) in new.fields.iter() {
            limits.check(name, value)?;
            size = size.with(name, value.len());
        }
        limits.check_size(Size::default(), size)?;
        let ttl = new.ttl.unwrap_or(policy.default_ttl());
        let mut session = StoredSession::created(policy.now(), ttl, new.fields);
        let mut lifetime = new.max_lifetime.or(policy.max_lifetime());
        if let Some(log_in) = new.log_in {
            session.bind(&log_in, Some(PublicId::random()?));
            lifetime = log_in.lifetime.or(lifetime);
            lifetime = lifetime.or(Some(policy.principal_lifetime()));
        }
        Ok(Self {
            id,
            session,
            lifetime,
            principal_limit: policy.principal_limit(),
        })
    }
}

/// The outcome of an [`InsertRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InsertOutcome {
    /// The session is stored and its expiry set. This is the record of it as it was stored.
    Inserted(SessionRecord),
    /// There is already a key of this id, session or not; it is untouched.
    IdTaken,
    /// Refused for a reason of the session semantics; nothing is stored.
    Refused(Refusal),
}

/// Read a session; slide its expiry as `touch` says, in the same step.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReadRequest {
    /// Which session.
    pub target: Target,
    /// Whether this counts as use.
    pub touch: Touch,
    /// What `last_accessed_at` becomes, if it does.
    pub now: Timestamp,
    /// The store itself is to say it: nothing that is kept nearer does.
    pub is_fresh: bool,
}

impl ReadRequest {
    /// Reads this session, with the present time of the application's clock.
    pub fn new(policy: &SessionPolicy, target: impl Into<Target>, touch: Touch) -> Self {
        Self {
            target: target.into(),
            touch,
            now: policy.now(),
            is_fresh: false,
        }
    }

    /// The same, said by the store itself, where a backend keeps in this process what it has read.
    pub fn fresh(mut self) -> Self {
        self.is_fresh = true;
        self
    }
}

/// The outcome of a [`ReadRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadOutcome {
    /// The session as it is after the step.
    Found(SessionRecord),
    /// There is no live session; nothing was changed.
    NotFound,
    /// The session of this id was rotated a short while ago
    /// ([`Tombstone`](crate::Tombstone)); nothing was changed.
    Rotated,
}

/// Change a session, if it is live.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WriteRequest {
    /// Which session.
    pub target: Target,
    /// What to change.
    pub write: Write,
}

impl WriteRequest {
    /// Applies this delta to this session. If it binds, a public id is drawn.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) and
    /// [`ErrorKind::Randomness`](crate::ErrorKind::Randomness).
    pub fn new(policy: &SessionPolicy, target: impl Into<Target>, delta: Delta) -> Result<Self> {
        Ok(Self {
            target: target.into(),
            write: Write::checked(policy, delta)?,
        })
    }
}

/// The outcome of a [`WriteRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteOutcome {
    /// All of the delta is applied.
    Written(Written),
    /// There is no live session; nothing was changed.
    NotFound,
    /// The session of this id was rotated a short while ago
    /// ([`Tombstone`](crate::Tombstone)); nothing was changed.
    Rotated,
    /// Refused for a reason of the session semantics; nothing was changed.
    Refused(Refusal),
}

/// Move a session to a free id, if it is live, change it, and leave a tombstone under the old id,
/// in the same step.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RenameRequest {
    /// The session's id. After the step there is nothing under it but the tombstone.
    pub from: SessionId,
    /// The session's new id.
    pub to: SessionId,
    /// What to change.
    pub write: Write,
    /// How long the old id is known as rotated.
    pub tombstone_lifetime: Lifetime,
}

impl RenameRequest {
    /// Moves this session to this id and applies this delta to it. If it binds, a public id is
    /// drawn.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) and
    /// [`ErrorKind::Randomness`](crate::ErrorKind::Randomness).
    pub fn new(
        policy: &SessionPolicy,
        from: SessionId,
        to: SessionId,
        delta: Delta,
    ) -> Result<Self> {
        Ok(Self {
            from,
            to,
            write: Write::checked(policy, delta)?,
            tombstone_lifetime: policy.tombstone_lifetime(),
        })
    }
}

/// The outcome of a [`RenameRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RenameOutcome {
    /// The session has its new id, all of the delta is applied, and the old id has a tombstone.
    Renamed(Written),
    /// There is no live session of the old id; nothing was changed.
    NotFound,
    /// The session of the old id was rotated a short while ago already
    /// ([`Tombstone`](crate::Tombstone)); nothing was changed.
    Rotated,
    /// The new id is taken; nothing was changed.
    IdTaken,
    /// Refused for a reason of the session semantics; nothing was changed.
    Refused(Refusal),
}

/// What one step changes, and the rules it must keep.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Write {
    /// The changes.
    pub delta: Delta,
    /// What `last_accessed_at` becomes, if the write counts as use; and `created_at`, if the
    /// session starts again.
    pub now: Timestamp,
    /// The limits of a session's size.
    pub limits: Limits,
    /// The absolute lifetime for a session without one that this write binds to a principal.
    pub principal_lifetime: Lifetime,
    /// How many sessions the principal that this write binds to may have; `None` for any number.
    pub principal_limit: Option<PrincipalLimit>,
    /// The public id that the session gets if this write binds it: given if, and only if, the delta
    /// binds.
    pub public_id: Option<PublicId>,
}

impl Write {
    fn checked(policy: &SessionPolicy, delta: Delta) -> Result<Self> {
        let limits = policy.limits();
        check_fields(limits, &delta)?;
        let public_id = delta.principal().map(|_| PublicId::random()).transpose()?;
        Ok(Self {
            delta,
            now: policy.now(),
            limits: *limits,
            principal_lifetime: policy.principal_lifetime(),
            principal_limit: policy.principal_limit(),
            public_id,
        })
    }
}

fn check_fields(limits: &Limits, delta: &Delta) -> Result<()> {
    for (name, change) in delta.changes() {
        match change {
            FieldChange::Set(value) => limits.check(name, value)?,
            FieldChange::Increment(_) => limits.check_name(name)?,
            // A name of any length may be removed: another client may have set it.
            FieldChange::Remove => {}
        }
    }
    Ok(())
}

/// Delete a session, if it is live. Under an id that was rotated a short while ago: the session
/// that it has become.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RemoveRequest {
    /// Which session.
    pub target: Target,
}

impl RemoveRequest {
    /// Deletes this session.
    pub fn new(target: impl Into<Target>) -> Self {
        Self {
            target: target.into(),
        }
    }
}

/// The outcome of a [`RemoveRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoveOutcome {
    /// There was a live session; it is deleted.
    Removed,
    /// There was no live session; nothing was changed.
    NotFound,
    /// The session of this id was rotated a short while ago, and its tombstone leads to no live
    /// session: it names nobody, since the principal changed, or that one has ended. Nothing was
    /// changed.
    Rotated,
}

/// List a page of the live sessions of a principal.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListRequest {
    /// Whose sessions.
    pub principal: Principal,
    /// Which of their fields to show, in order, each once.
    pub fields: Vec<FieldName>,
    /// Which page.
    pub page: PageRequest,
}

impl ListRequest {
    /// Lists this page of this principal's sessions, with these fields.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) when a name is longer than a
    /// field's may be, or when these are more fields than a session may have.
    pub fn new(
        policy: &SessionPolicy,
        principal: Principal,
        mut fields: Vec<FieldName>,
        page: PageRequest,
    ) -> Result<Self> {
        fields.sort();
        fields.dedup();
        policy.limits().check_names(&fields)?;
        Ok(Self {
            principal,
            fields,
            page,
        })
    }
}

/// End a page of the sessions of a principal.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RevokeRequest {
    /// Whose sessions. Those of another principal are never touched.
    pub principal: Principal,
    /// Which of them.
    pub target: RevokeTarget,
    /// Which page. Its size is about how many sessions end.
    pub page: PageRequest,
}

impl RevokeRequest {
    /// Ends these sessions of this principal, as far as they are on this page.
    pub fn new(principal: Principal, target: RevokeTarget, page: PageRequest) -> Self {
        Self {
            principal,
            target,
            page,
        }
    }
}

/// Which sessions of a principal to end. (One alone is ended by a [`RemoveRequest`] with a
/// [`Target::PublicId`].)
///
/// A backend that does not know a variant refuses the step with
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), nothing changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevokeTarget {
    /// All.
    All,
    /// All but this one. It need not be the principal's.
    AllExcept(SessionId),
}
