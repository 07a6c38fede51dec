//! The trait that carries the session semantics.

use std::fmt;

use async_trait::async_trait;

use crate::delta::{Delta, FieldChange, Touch};
use crate::error::{Effect, Error, ErrorKind, Operation};
use crate::field::FieldName;
use crate::fields::Fields;
use crate::id::{SessionHandle, SessionId};
use crate::limits::{Limit, Limits, Size};
use crate::policy::SessionPolicy;
use crate::principal::Principal;
use crate::record::SessionRecord;
use crate::steps::{
    InsertAnswer, InsertRequest, ListRequest, ReadRequest, RemoveRequest, RenameAnswer,
    RenameRequest, RevokeRequest, RevokeTarget, SessionSummary, Write, WriteAnswer, WriteRequest,
    Written,
};
use crate::stored::StoredSession;
use crate::time::Remaining;
use crate::ttl::SessionTtl;

/// The result of a session operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How often a fresh id is drawn when the one before was taken. With 256 random bits the second
/// draw never happens; the third would mean that the randomness is broken.
const ID_ATTEMPTS: usize = 3;

/// A store of sessions.
///
/// The trait has two halves. The **required steps** (`insert`, `read`, `write`, `rename`, `remove`,
/// `list`, `revoke`, `ping`) are for implementors: each is *one atomic step* on the store. The
/// **provided methods** are for applications: the session semantics, written once, on top of the
/// steps. Implement the former, call the latter; overriding a provided method is a defect that the
/// conformance suite finds (two are meant to be overridden and forwarded:
/// [`policy`](Self::policy) and [`successor_id`](Self::successor_id)).
///
/// What every backend must do is the numbered [contract](crate::_documentation::contract); the crate
/// `session-conformance` proves it.
///
/// # Atomicity
/// Every step checks that there is a live session and changes it in one atomic step on the server.
/// So no operation ever brings a session back, and no concurrent writer loses another's field.
///
/// # Errors
/// `Err` means that the backend could not tell, or that the request was refused as a whole.
/// [`Error::effect`] says whether anything can have been changed. That a session is absent, expired,
/// invalid or revoked is a value (`None`, `false`), never an error. Every operation ends within the
/// backend's deadline.
///
/// # Cancellation
/// Dropping the future of any operation is safe: the step is applied as a whole or not at all, and
/// replies are never mixed up. Whether it was applied is then unknown.
///
/// # Example
/// ```
/// # async fn example(backend: &dyn session_core::SessionBackend) -> session_core::Result<()> {
/// use session_core::{Delta, FieldName, Fields, NewSession};
///
/// let username = FieldName::new("username")?;
/// let created = backend
///     .create_session(NewSession::new(Fields::new().with(username, "andrew")))
///     .await?;
/// let views = backend.increment_field(&created.id, FieldName::new("page_views")?, 1).await?;
/// assert_eq!(views, Some(1));
/// assert!(backend.delete_session(&created.id).await?);
/// assert_eq!(backend.get_session(&created.id).await?, None);
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait SessionBackend: fmt::Debug + Send + Sync + 'static {
    // ---- Required steps -------------------------------------------------------------------------

    /// Stores a session under a free id and arms its expiry, in one step.
    async fn insert(&self, request: &InsertRequest) -> Result<InsertAnswer>;

    /// Reads a session and slides its expiry as asked; `None` when there is no live one.
    ///
    /// Linearises at the reading of the fields; one round trip.
    async fn read(&self, request: &ReadRequest) -> Result<Option<SessionRecord>>;

    /// Changes a live session, all or nothing, in one step.
    async fn write(&self, request: &WriteRequest) -> Result<WriteAnswer>;

    /// Moves a live session to a free id and changes it, all or nothing, in one step.
    async fn rename(&self, request: &RenameRequest) -> Result<RenameAnswer>;

    /// Deletes a live session, in one step; whether there was one.
    async fn remove(&self, request: &RemoveRequest) -> Result<bool>;

    /// The live sessions of a principal, oldest deadline first. May take several round trips.
    async fn list(&self, request: &ListRequest) -> Result<Vec<SessionSummary>>;

    /// Ends sessions of a principal; how many live ones it ended. May take several round trips.
    async fn revoke(&self, request: &RevokeRequest) -> Result<u64>;

    /// Whether the store answers. For readiness checks.
    async fn ping(&self) -> Result<()>;

    // ---- Provided, meant to be overridden and forwarded -----------------------------------------

    /// What the application decided once for all sessions.
    fn policy(&self) -> &SessionPolicy {
        SessionPolicy::shared_default()
    }

    /// Draws the id that a rotation moves to. A backend overrides it when `rename` needs an id with
    /// a certain property (the same hash slot of a Redis Cluster, say).
    ///
    /// # Errors
    /// [`ErrorKind::Randomness`].
    fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
        let _ = old;
        SessionId::random()
    }

    // ---- Provided: the session semantics --------------------------------------------------------

    /// Creates a session under a fresh random id.
    ///
    /// # Returns
    /// The id, and the session as it was stored.
    ///
    /// # Atomicity
    /// The session exists with its expiry, or not at all. An id that the store knows is never adopted.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`], [`ErrorKind::TooManySessions`], [`ErrorKind::StoreFull`],
    /// [`ErrorKind::Randomness`], and the backend's own.
    #[doc(alias = "createSession")]
    async fn create_session(&self, new: NewSession) -> Result<CreatedSession> {
        let policy = self.policy();
        let prepared =
            insert_request(policy, new).map_err(|error| error.during(Operation::CreateSession));
        let create = async move |mut request: InsertRequest| -> Result<CreatedSession> {
            for _ in 0..ID_ATTEMPTS {
                request.id = SessionId::random()?;
                match self.insert(&request).await? {
                    InsertAnswer::Inserted { deadline } => return Ok(created(request, deadline)),
                    InsertAnswer::Refused(refusal) => return Err(refusal.into()),
                    InsertAnswer::IdTaken => {}
                }
            }
            Err(Error::new(ErrorKind::IdExhausted, Effect::NotApplied))
        };
        create(prepared?)
            .await
            .map_err(|error| error.during(Operation::CreateSession))
    }

    /// The session, if there is a live one. Counts as use, as the policy's [`Touch`] says: by
    /// default it sets `last_accessed_at` and re-arms the TTL.
    ///
    /// # Returns
    /// `None` when there is no live session: absent, expired, deleted, rotated, or not a valid hash.
    ///
    /// # Errors
    /// The backend's own.
    #[doc(alias = "getSession")]
    async fn get_session(&self, id: &SessionId) -> Result<Option<SessionRecord>> {
        let touch = self.policy().touch();
        self.get_session_with(id, touch).await
    }

    /// The session, if there is a live one, with an explicit touch policy.
    ///
    /// # Errors
    /// The backend's own.
    async fn get_session_with(
        &self,
        id: &SessionId,
        touch: Touch,
    ) -> Result<Option<SessionRecord>> {
        self.read(&read_request(self.policy(), id, touch))
            .await
            .map_err(|error| error.during(Operation::GetSession))
    }

    /// The session, if there is a live one, without counting as use.
    ///
    /// # Errors
    /// The backend's own.
    async fn peek_session(&self, id: &SessionId) -> Result<Option<SessionRecord>> {
        self.read(&read_request(self.policy(), id, Touch::Never))
            .await
            .map_err(|error| error.during(Operation::PeekSession))
    }

    /// Applies a delta to a live session. An empty delta is a touch.
    ///
    /// # Returns
    /// The counters, the remaining life and (if asked for) the session after the write; `None` when
    /// there is no live session: then nothing was changed.
    ///
    /// # Atomicity
    /// All of the delta or nothing, in one step with the check that the session lives.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`], [`ErrorKind::NotAnInteger`], [`ErrorKind::Overflow`],
    /// [`ErrorKind::TooManySessions`], [`ErrorKind::StoreFull`]: nothing was changed. And the backend's own.
    #[doc(alias = "updateSession")]
    async fn update_session(&self, id: &SessionId, delta: Delta) -> Result<Option<Written>> {
        write(self, id, delta)
            .await
            .map_err(|error| error.during(Operation::UpdateSession))
    }

    /// Adds to the integer in a field; an absent field counts from 0. Counts as use.
    ///
    /// # Returns
    /// The new value; `None` when there is no live session.
    ///
    /// # Atomicity
    /// One step: concurrent increments answer distinct values and none is lost.
    ///
    /// # Errors
    /// [`ErrorKind::NotAnInteger`] and [`ErrorKind::Overflow`]: nothing was changed. With
    /// [`Effect::Unknown`] the increment may have happened; it is never sent twice.
    #[doc(alias = "incrementField")]
    async fn increment_field(
        &self,
        id: &SessionId,
        field: FieldName,
        by: i64,
    ) -> Result<Option<i64>> {
        let increment = async move || -> Result<Option<i64>> {
            let delta = Delta::new().increment(field.clone(), by);
            match write(self, id, delta).await? {
                None => Ok(None),
                Some(written) => match written.counter(field.as_str()) {
                    Some(value) => Ok(Some(value)),
                    None => Err(Error::new(ErrorKind::CorruptReply, Effect::Unknown)),
                },
            }
        };
        increment()
            .await
            .map_err(|error| error.during(Operation::IncrementField))
    }

    /// Removes fields; absent ones are no error. Counts as use.
    ///
    /// # Returns
    /// Whether there is a live session.
    ///
    /// # Errors
    /// The backend's own.
    async fn remove_fields(&self, id: &SessionId, names: Vec<FieldName>) -> Result<bool> {
        let delta = names.into_iter().fold(Delta::new(), Delta::remove);
        let written = write(self, id, delta).await;
        written
            .map(|written| written.is_some())
            .map_err(|error| error.during(Operation::RemoveFields))
    }

    /// Changes the session's sliding TTL and re-arms it at once. A deadline stays as it is.
    ///
    /// # Returns
    /// Whether there is a live session.
    ///
    /// # Errors
    /// The backend's own.
    #[doc(alias = "setSessionTtl")]
    async fn set_session_ttl(&self, id: &SessionId, ttl: SessionTtl) -> Result<bool> {
        let written = write(self, id, Delta::new().ttl(ttl)).await;
        written
            .map(|written| written.is_some())
            .map_err(|error| error.during(Operation::SetSessionTtl))
    }

    /// The session's configured sliding TTL. Does not count as use.
    ///
    /// # Returns
    /// `None` when there is no live session.
    ///
    /// # Errors
    /// The backend's own.
    #[doc(alias = "getConfiguredTtl")]
    async fn configured_ttl(&self, id: &SessionId) -> Result<Option<SessionTtl>> {
        let read = self
            .read(&read_request(self.policy(), id, Touch::Never))
            .await;
        read.map(|record| record.map(|record| record.ttl()))
            .map_err(|error| error.during(Operation::ConfiguredTtl))
    }

    /// What remains of the session's life if nobody uses it. Does not count as use.
    ///
    /// # Returns
    /// `None` when there is no live session.
    ///
    /// # Errors
    /// The backend's own.
    #[doc(alias = "getTtl")]
    async fn ttl(&self, id: &SessionId) -> Result<Option<Remaining>> {
        let read = self
            .read(&read_request(self.policy(), id, Touch::Never))
            .await;
        read.map(|record| record.map(|record| record.remaining()))
            .map_err(|error| error.during(Operation::Ttl))
    }

    /// Deletes the session (log out).
    ///
    /// # Returns
    /// Whether there was a live one. Deleting twice is no error.
    ///
    /// # Atomicity
    /// After the answer nothing exists under the id, whatever runs concurrently.
    ///
    /// # Errors
    /// The backend's own.
    #[doc(alias = "deleteSession")]
    async fn delete_session(&self, id: &SessionId) -> Result<bool> {
        self.remove(&RemoveRequest { id: id.clone() })
            .await
            .map_err(|error| error.during(Operation::DeleteSession))
    }

    /// Moves the session to a fresh id and applies a delta, at log-in and at each change of
    /// privilege (OWASP ASVS 5.0, 7.2.4). Fields, `created_at`, TTL and deadline stay.
    ///
    /// # Returns
    /// The new id and what the write did; `None` when there is no live session, as for all but one
    /// of several concurrent rotations.
    ///
    /// # Atomicity
    /// One step: the session is under the old id or under the new one, never both, never neither.
    ///
    /// # Errors
    /// As [`update_session`](Self::update_session); then the old id lives on.
    #[doc(alias = "cycle_id")]
    #[doc(alias = "regenerate")]
    #[doc(alias = "renew")]
    #[doc(alias = "changeSessionId")]
    async fn rotate_session(&self, id: &SessionId, delta: Delta) -> Result<Option<RotatedSession>> {
        let rotate = async move || -> Result<Option<RotatedSession>> {
            let write = checked_write(self.policy(), delta)?;
            let mut request = RenameRequest {
                from: id.clone(),
                to: id.clone(),
                write,
            };
            for _ in 0..ID_ATTEMPTS {
                request.to = self.successor_id(id)?;
                match self.rename(&request).await? {
                    RenameAnswer::Renamed(written) => {
                        let id = request.to;
                        return Ok(Some(RotatedSession { id, written }));
                    }
                    RenameAnswer::Gone => return Ok(None),
                    RenameAnswer::Refused(refusal) => return Err(refusal.into()),
                    RenameAnswer::IdTaken => {}
                }
            }
            Err(Error::new(ErrorKind::IdExhausted, Effect::NotApplied))
        };
        rotate()
            .await
            .map_err(|error| error.during(Operation::RotateSession))
    }

    /// The live sessions of a principal. Does not count as use of any. Its own session is the one
    /// whose handle is [`SessionId::handle`].
    ///
    /// # Atomicity
    /// Every session whose binding was acknowledged before the call and that lives is listed.
    ///
    /// # Errors
    /// The backend's own.
    async fn list_sessions(&self, principal: &Principal) -> Result<Vec<SessionSummary>> {
        let principal = principal.clone();
        self.list(&ListRequest { principal })
            .await
            .map_err(|error| error.during(Operation::ListSessions))
    }

    /// Ends one session of a principal, named by its handle.
    ///
    /// # Returns
    /// Whether there was a live one. A session of another principal is never ended.
    ///
    /// # Errors
    /// The backend's own.
    async fn revoke_session(&self, principal: &Principal, handle: &SessionHandle) -> Result<bool> {
        let request = RevokeRequest {
            principal: principal.clone(),
            target: RevokeTarget::One(handle.clone()),
        };
        let revoked = self.revoke(&request).await;
        revoked
            .map(|count| count > 0)
            .map_err(|error| error.during(Operation::RevokeSession))
    }

    /// Ends all sessions of a principal, or all but one (log out everywhere).
    ///
    /// # Returns
    /// How many live ones it ended.
    ///
    /// # Atomicity
    /// Every session whose binding was acknowledged before the call is dead after it. One that is
    /// being created meanwhile may survive, and is listed.
    ///
    /// # Errors
    /// The backend's own. With an error, some may have ended.
    async fn revoke_sessions(
        &self,
        principal: &Principal,
        keep: Option<&SessionId>,
    ) -> Result<u64> {
        let request = RevokeRequest {
            principal: principal.clone(),
            target: keep.map_or(RevokeTarget::All, |id| RevokeTarget::AllExcept(id.clone())),
        };
        self.revoke(&request)
            .await
            .map_err(|error| error.during(Operation::RevokeSessions))
    }
}

/// What a session starts with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewSession {
    fields: Fields,
    ttl: Option<SessionTtl>,
    max_lifetime: Option<SessionTtl>,
    principal: Option<Principal>,
}

impl NewSession {
    /// A session with these fields and the policy's TTL.
    pub fn new(fields: Fields) -> Self {
        Self {
            fields,
            ..Self::default()
        }
    }

    /// What a delta would make of a session that is empty: how a write whose session turned out
    /// dead goes into a fresh one.
    pub fn from_delta(delta: &Delta) -> Self {
        let value_of = |change: &FieldChange| match change {
            FieldChange::Set(value) => Some(value.clone()),
            FieldChange::Increment(by) => Some((*by).into()),
            FieldChange::Remove => None,
        };
        let fields = delta
            .changes()
            .filter_map(|(name, change)| Some((name.clone(), value_of(change)?)));
        Self {
            fields: fields.collect(),
            ttl: delta.new_ttl(),
            max_lifetime: None,
            principal: delta.principal().cloned(),
        }
    }

    /// Its own sliding TTL.
    #[must_use]
    pub fn ttl(mut self, ttl: SessionTtl) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Its own absolute lifetime: it ends that long after its creation, whatever its use.
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: SessionTtl) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// Binds it to a principal.
    #[must_use]
    pub fn bind(mut self, principal: Principal) -> Self {
        self.principal = Some(principal);
        self
    }
}

impl From<Fields> for NewSession {
    fn from(fields: Fields) -> Self {
        Self::new(fields)
    }
}

/// A session that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedSession {
    /// Its id.
    pub id: SessionId,
    /// The session as it was stored.
    pub record: SessionRecord,
}

/// A session that was moved to a new id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotatedSession {
    /// Its new id.
    pub id: SessionId,
    /// What the write did.
    pub written: Written,
}

fn read_request(policy: &SessionPolicy, id: &SessionId, touch: Touch) -> ReadRequest {
    ReadRequest {
        id: id.clone(),
        touch,
        now: policy.now(),
    }
}

fn insert_request(policy: &SessionPolicy, new: NewSession) -> Result<InsertRequest> {
    let limits = policy.limits();
    let mut size = Size::default();
    for (name, value) in new.fields.iter() {
        limits.check_field(name, value)?;
        size.fields += 1;
        size.bytes += name.as_str().len() + value.len();
    }
    limits.check_size(Size::default(), size)?;
    let principal_lifetime = new.principal.is_some().then(|| policy.principal_lifetime());
    let ttl = new.ttl.unwrap_or(policy.default_ttl());
    let mut session = StoredSession::created(policy.now(), ttl, new.fields);
    session.principal = new.principal.map(|principal| principal.as_str().into());
    Ok(InsertRequest {
        // Replaced by each attempt's fresh draw.
        id: SessionId::from_bytes(&[0; 32]),
        session,
        lifetime: new
            .max_lifetime
            .or(policy.max_lifetime())
            .or(principal_lifetime),
        principal_limit: policy.principal_limit(),
    })
}

fn created(request: InsertRequest, deadline: Option<crate::UnixMillis>) -> CreatedSession {
    let InsertRequest {
        id,
        mut session,
        lifetime,
        ..
    } = request;
    session.deadline = deadline;
    let life = lifetime.map_or(session.ttl(), |lifetime| lifetime.min(session.ttl()));
    let record = SessionRecord::new(session, Remaining::In(life.as_duration()));
    CreatedSession { id, record }
}

fn checked_write(policy: &SessionPolicy, delta: Delta) -> Result<Write, Limit> {
    let limits: &Limits = policy.limits();
    for (name, change) in delta.changes() {
        match change {
            FieldChange::Set(value) => limits.check_field(name, value)?,
            FieldChange::Increment(_) => limits.check_name(name)?,
            // A name of any length may be removed: another client may have set it.
            FieldChange::Remove => {}
        }
    }
    Ok(Write {
        delta,
        now: policy.now(),
        limits: *limits,
        principal_lifetime: policy.principal_lifetime(),
        principal_limit: policy.principal_limit(),
    })
}

async fn write<B: SessionBackend + ?Sized>(
    backend: &B,
    id: &SessionId,
    delta: Delta,
) -> Result<Option<Written>> {
    let request = WriteRequest {
        id: id.clone(),
        write: checked_write(backend.policy(), delta)?,
    };
    match backend.write(&request).await? {
        WriteAnswer::Written(written) => Ok(Some(written)),
        WriteAnswer::Gone => Ok(None),
        WriteAnswer::Refused(refusal) => Err(refusal.into()),
    }
}
