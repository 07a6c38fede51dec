//! The trait that carries the session semantics.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::delta::{Delta, Touch};
use crate::error::{Effect, Error, ErrorKind, Operation, Result};
use crate::field::FieldName;
use crate::id::SessionId;
use crate::listed::ListedSession;
use crate::listed_sessions::ListedSessions;
use crate::page::{ListedPage, PageCursor, PageRequest, PageSize, RevokedPage};
use crate::policy::SessionPolicy;
use crate::principal::Principal;
use crate::public_id::PublicId;
use crate::record::SessionRecord;
use crate::session::{CreatedSession, NewSession, RotatedSession};
use crate::steps::{
    Drawn, InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, RevokeTarget, Target, WriteOutcome,
    WriteRequest,
};
use crate::time::Remaining;
use crate::ttl::SessionTtl;
use crate::written::Written;

/// The deadline of a backend that names none.
const DEFAULT_DEADLINE: Duration = Duration::from_millis(500);

/// A store of sessions.
///
/// The trait has two halves. The **required steps** (`insert`, `read`, `write`, `rename`, `remove`,
/// `list`, `revoke`, `ping`) are for implementors: each is *one atomic step* on the store. The
/// **provided methods** are for applications: the session semantics, written once, on top of the
/// steps. Implement the former, call the latter; overriding a provided method is a defect that the
/// conformance suite finds (three are meant to be overridden and forwarded:
/// [`policy`](Self::policy), [`deadline`](Self::deadline) and
/// [`successor_id`](Self::successor_id)).
///
/// Each step takes one request that its constructor has checked, and returns one outcome. Both can
/// gain variants: a backend refuses a [`Target`] or a [`RevokeTarget`] that it does not know with
/// [`ErrorKind::Unsupported`], nothing changed.
///
/// What every backend must do is the numbered [contract](crate::_documentation::contract); the
/// crate `session-conformance` proves it.
///
/// # Atomicity
/// Every step checks that there is a live session and changes it in one atomic step on the server.
/// So no operation ever brings a session back, and no concurrent writer loses another's field.
///
/// # Rotated ids
/// A rotation leaves a [`Tombstone`](crate::Tombstone) under the old id. For its lifetime
/// ([`SessionPolicy::with_tombstone_lifetime`]) the steps on that id return `Rotated`, where an id
/// that nobody knows is `NotFound`; to the provided methods both are no session. Only
/// [`remove`](Self::remove) follows it.
///
/// # Errors
/// `Err` means that the backend could not tell, or that the request was refused as a whole.
/// [`Error::effect`] says whether anything can have been changed. That a session is absent,
/// expired, invalid, rotated or revoked is a value (`None`, `false`), never an error. Every
/// operation ends within the backend's [`deadline`](Self::deadline); those that go through all
/// sessions of a principal read page after page, and each page ends within it.
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

    /// Stores a session under a free id and sets its expiry, in one step. Returns the record of it
    /// as it was stored.
    ///
    /// A key of this id, session or not, comes first ([`InsertOutcome::IdTaken`]), then the quota
    /// of the session's principal
    /// ([`Refusal::TooManySessions`](crate::steps::Refusal::TooManySessions), or others end). The
    /// limits of its size were checked by [`InsertRequest::new`].
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome>;

    /// Reads a session and slides its expiry as asked; the record is that after it.
    ///
    /// Linearises at the reading of the fields; one round trip for a target that is an id. An
    /// unknown target is [`ErrorKind::Unsupported`].
    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome>;

    /// Changes a live session, all or nothing, in one step.
    ///
    /// What is checked, in this order, and the first that fails is the outcome: whether there is a
    /// live session ([`WriteOutcome::NotFound`], [`WriteOutcome::Rotated`]); the expectations
    /// ([`Refusal::Conflict`](crate::steps::Refusal::Conflict)); the counters, in order of the
    /// fields' names (`NotAnInteger`, `Overflow`); the limits of the session's size (`Limit`),
    /// which refuse growth only; for a binding, the quota of the principal (`TooManySessions`),
    /// where a session that is the principal's already does not count twice, and what is no live
    /// session does not count. Where the quota evicts, the sessions with the oldest log-in end, one
    /// without a time of its log-in before all others, of equal ones that with the least public id,
    /// and never the one that is bound. (Of very many more sessions than the limit, as after it was
    /// introduced, others may end.)
    ///
    /// An unknown target is [`ErrorKind::Unsupported`].
    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome>;

    /// Moves a live session to a free id, changes it, and leaves a tombstone under the old id
    /// ([`rules::tombstone`](crate::rules::tombstone)), all or nothing, in one step.
    ///
    /// What is checked is what a [`write`](Self::write) checks, and, right after there is a live
    /// session, whether the new id is free ([`RenameOutcome::IdTaken`]).
    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome>;

    /// Deletes a live session, in one step.
    ///
    /// Under an id that was rotated: follows its tombstone, and each that it leads to, and deletes
    /// the session at the end, if there is one ([`RemoveOutcome::Removed`], else
    /// [`RemoveOutcome::Rotated`]). The tombstones stay until they end by themselves. A target that
    /// is no id follows nothing. Where the store cannot follow in one step, a step per tombstone.
    ///
    /// An unknown target is [`ErrorKind::Unsupported`].
    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome>;

    /// One page of the live sessions of a principal that are listed
    /// ([`StoredSession::listing`](crate::StoredSession::listing)), nearest deadline first, those
    /// with the same deadline in order of their public ids. May take several round trips.
    ///
    /// A session that is listed from before the first page to after the last, and is not bound
    /// again meanwhile, is on a page, also if it is rotated. A backend that keeps the list in its
    /// order has [`ListPosition`](crate::ListPosition) for its cursors; another's cursor is
    /// [`ErrorKind::InvalidCursor`].
    async fn list(&self, request: &ListRequest) -> Result<ListedPage>;

    /// Ends listed sessions of a principal, about as many as a page has; how many live ones it
    /// ended, and where to go on. May take several round trips.
    ///
    /// Once a page is returned that no other follows, every session that is meant, and whose
    /// binding was acknowledged before the first page, has ended.
    ///
    /// An unknown target is [`ErrorKind::Unsupported`], another's cursor
    /// [`ErrorKind::InvalidCursor`].
    async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage>;

    /// Whether sessions can be read and stored. For readiness checks.
    async fn ping(&self) -> Result<()>;

    // ---- Provided, meant to be overridden and forwarded -----------------------------------------

    /// What the application decided once for all sessions.
    fn policy(&self) -> &SessionPolicy {
        SessionPolicy::shared_default()
    }

    /// How long an operation may take: each step ends within it. Whoever waits for the backend
    /// waits by it. 500 ms, unless a backend says otherwise.
    fn deadline(&self) -> Duration {
        DEFAULT_DEADLINE
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
    /// The session exists with its expiry, or not at all. An id that the store knows is never
    /// adopted.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`], [`ErrorKind::TooManySessions`], [`ErrorKind::StoreFull`],
    /// [`ErrorKind::Randomness`], and the backend's own.
    #[doc(alias = "createSession")]
    async fn create_session(&self, new: NewSession) -> Result<CreatedSession> {
        let create = async move || -> Result<CreatedSession> {
            let Drawn { id, outcome } = Drawn::insert(self, new).await?;
            outcome.map(|record| CreatedSession { id, record })
        };
        create()
            .await
            .map_err(|error| error.during(Operation::CreateSession))
    }

    /// The session, if there is a live one. Counts as use, as the policy's [`Touch`] says: by
    /// default it sets `last_accessed_at` and sets the expiry to the TTL from now.
    ///
    /// # Returns
    /// `None` when there is no live session: absent, expired, deleted, rotated, or not a valid
    /// hash. The step [`read`](Self::read) tells an id that was rotated a short while ago from the
    /// others; so do the other steps.
    ///
    /// # Errors
    /// The backend's own.
    #[doc(alias = "getSession")]
    async fn get_session(&self, id: &SessionId) -> Result<Option<SessionRecord>> {
        read(self, id.into(), self.policy().touch())
            .await
            .map_err(|error| error.during(Operation::GetSession))
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
        read(self, id.into(), touch)
            .await
            .map_err(|error| error.during(Operation::GetSession))
    }

    /// The session, if there is a live one, as the store itself has it: where a backend keeps what
    /// it has read in this process, it is asked all the same. Elsewhere this is
    /// [`get_session`](Self::get_session).
    ///
    /// # Errors
    /// The backend's own.
    async fn get_fresh_session(&self, id: &SessionId) -> Result<Option<SessionRecord>> {
        let request = ReadRequest::new(self.policy(), id, self.policy().touch()).fresh();
        let outcome = self.read(&request).await;
        outcome
            .map(found)
            .map_err(|error| error.during(Operation::GetSession))
    }

    /// The session, if there is a live one, without counting as use.
    ///
    /// # Errors
    /// The backend's own.
    async fn peek_session(&self, id: &SessionId) -> Result<Option<SessionRecord>> {
        read(self, id.into(), Touch::Never)
            .await
            .map_err(|error| error.during(Operation::PeekSession))
    }

    /// The session of a principal with this public id, if there is a live one. Counts as use, as
    /// the policy's [`Touch`] says; see [`peek_session_of`](Self::peek_session_of) for a look that
    /// does not.
    ///
    /// # Returns
    /// `None` when there is no live session of this public id, or when it is another principal's.
    ///
    /// # Errors
    /// The backend's own.
    async fn get_session_of(
        &self,
        principal: &Principal,
        public_id: &PublicId,
    ) -> Result<Option<SessionRecord>> {
        read(self, target_of(principal, public_id), self.policy().touch())
            .await
            .map_err(|error| error.during(Operation::GetSession))
    }

    /// The session of a principal with this public id, if there is a live one, without counting as
    /// use.
    ///
    /// # Returns
    /// As [`get_session_of`](Self::get_session_of).
    ///
    /// # Errors
    /// The backend's own.
    async fn peek_session_of(
        &self,
        principal: &Principal,
        public_id: &PublicId,
    ) -> Result<Option<SessionRecord>> {
        read(self, target_of(principal, public_id), Touch::Never)
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
    /// [`ErrorKind::Conflict`], [`ErrorKind::LimitExceeded`], [`ErrorKind::NotAnInteger`],
    /// [`ErrorKind::Overflow`], [`ErrorKind::TooManySessions`], [`ErrorKind::StoreFull`]: nothing
    /// was changed. And the backend's own.
    #[doc(alias = "updateSession")]
    async fn update_session(&self, id: &SessionId, delta: Delta) -> Result<Option<Written>> {
        write(self, id.into(), delta)
            .await
            .map_err(|error| error.during(Operation::UpdateSession))
    }

    /// Applies a delta to the live session of a principal with this public id. An empty delta is a
    /// touch, as any delta is one unless it says otherwise ([`Delta::touch`]).
    ///
    /// # Returns
    /// As [`update_session`](Self::update_session); `None` when there is no live session of this
    /// public id, or when it is another principal's.
    ///
    /// # Atomicity
    /// As [`update_session`](Self::update_session).
    ///
    /// # Errors
    /// As [`update_session`](Self::update_session).
    async fn update_session_of(
        &self,
        principal: &Principal,
        public_id: &PublicId,
        delta: Delta,
    ) -> Result<Option<Written>> {
        write(self, target_of(principal, public_id), delta)
            .await
            .map_err(|error| error.during(Operation::UpdateSession))
    }

    /// Adds to the integer in a field; an absent field counts from 0. Counts as use.
    ///
    /// # Returns
    /// The new value; `None` when there is no live session.
    ///
    /// # Atomicity
    /// One step: concurrent increments return distinct values and none is lost.
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
            match write(self, id.into(), delta).await? {
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
        let written = write(self, id.into(), delta).await;
        written
            .map(|written| written.is_some())
            .map_err(|error| error.during(Operation::RemoveFields))
    }

    /// Changes the session's sliding TTL and sets the expiry to it from now. A deadline stays as it
    /// is.
    ///
    /// # Returns
    /// Whether there is a live session.
    ///
    /// # Errors
    /// The backend's own.
    #[doc(alias = "setSessionTtl")]
    async fn set_session_ttl(&self, id: &SessionId, ttl: SessionTtl) -> Result<bool> {
        let written = write(self, id.into(), Delta::new().ttl(ttl)).await;
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
        let read = read(self, id.into(), Touch::Never).await;
        read.map(|record| record.map(|record| record.configured_ttl()))
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
        let read = read(self, id.into(), Touch::Never).await;
        read.map(|record| record.map(|record| record.ttl()))
            .map_err(|error| error.during(Operation::Ttl))
    }

    /// Deletes the session (log out). Under an id that was rotated a short while ago it is the
    /// session that it has become, unless its principal has changed since: a log-out that meets a
    /// rotation on the way ends the session all the same.
    ///
    /// # Returns
    /// Whether there was a live one. Deleting twice is no error.
    ///
    /// # Atomicity
    /// Once this has returned `true`, no session and no field of one exists under the id, nor under
    /// one that it was rotated to, whatever runs concurrently.
    ///
    /// # Errors
    /// The backend's own.
    #[doc(alias = "deleteSession")]
    async fn delete_session(&self, id: &SessionId) -> Result<bool> {
        remove(self, id.into())
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
    /// The old id keeps a tombstone for a while (see [`delete_session`](Self::delete_session)).
    ///
    /// # Errors
    /// As [`update_session`](Self::update_session); then the old id lives on.
    #[doc(alias = "cycle_id")]
    #[doc(alias = "regenerate")]
    #[doc(alias = "renew")]
    #[doc(alias = "changeSessionId")]
    async fn rotate_session(&self, id: &SessionId, delta: Delta) -> Result<Option<RotatedSession>> {
        let rotate = async move || -> Result<Option<RotatedSession>> {
            let Drawn { id, outcome } = Drawn::rename(self, id, delta).await?;
            Ok(match outcome? {
                RenameOutcome::Renamed(written) => Some(RotatedSession { id, written }),
                _ => None,
            })
        };
        rotate()
            .await
            .map_err(|error| error.during(Operation::RotateSession))
    }

    /// The live sessions of a principal, nearest deadline first, without their fields. Does not
    /// count as use of any. Its own session is the one with the public id of its record
    /// ([`SessionRecord::public_id`]).
    ///
    /// Reads page after page, each within the [`deadline`](Self::deadline). Where there may be
    /// thousands, see [`ListedSessions`] and [`list_sessions_page`](Self::list_sessions_page).
    ///
    /// # Atomicity
    /// Every session whose binding was acknowledged before the call, and that lives and is not
    /// bound again until it returns, is listed, once.
    ///
    /// # Errors
    /// The backend's own.
    async fn list_sessions(&self, principal: &Principal) -> Result<Vec<ListedSession>> {
        self.list_sessions_with(principal, Vec::new()).await
    }

    /// The live sessions of a principal as [`list_sessions`](Self::list_sessions) lists them, with
    /// these fields of each, as far as it has them: a device's name, say.
    ///
    /// # Atomicity
    /// As [`list_sessions`](Self::list_sessions).
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`] when these are more fields, or longer names, than a session may
    /// have; and the backend's own.
    async fn list_sessions_with(
        &self,
        principal: &Principal,
        fields: Vec<FieldName>,
    ) -> Result<Vec<ListedSession>> {
        let mut listed = ListedSessions::new(self, principal.clone(), fields)?;
        let mut sessions = Vec::new();
        while let Some(session) = listed.next().await {
            sessions.push(session?);
        }
        Ok(sessions)
    }

    /// One page of the live sessions of a principal, from the beginning or from where another page
    /// ended, with these fields of each. Does not count as use of any.
    ///
    /// # Returns
    /// At most so many sessions, in the order of [`list_sessions`](Self::list_sessions), and where
    /// the next page begins. A page may be empty, and still not be the last. One session may be on
    /// two pages.
    ///
    /// # Atomicity
    /// A session that is listed from before the first page to after the last, and is not bound
    /// again meanwhile, is on a page, also if it is rotated.
    ///
    /// # Errors
    /// As [`list_sessions_with`](Self::list_sessions_with); [`ErrorKind::InvalidCursor`] when the
    /// cursor is not one of this store's.
    async fn list_sessions_page(
        &self,
        principal: &Principal,
        fields: Vec<FieldName>,
        cursor: Option<&PageCursor>,
        size: PageSize,
    ) -> Result<ListedPage> {
        let list = async || {
            let page = PageRequest::new(cursor, size);
            let request = ListRequest::new(self.policy(), principal.clone(), fields, page)?;
            self.list(&request).await
        };
        list()
            .await
            .map_err(|error| error.during(Operation::ListSessions))
    }

    /// Ends one session of a principal, named by its public id.
    ///
    /// # Returns
    /// Whether there was a live one. A session of another principal is never ended.
    ///
    /// # Errors
    /// The backend's own.
    async fn revoke_session(&self, principal: &Principal, public_id: &PublicId) -> Result<bool> {
        remove(self, target_of(principal, public_id))
            .await
            .map_err(|error| error.during(Operation::RevokeSession))
    }

    /// Ends all sessions of a principal, or all but one (log out everywhere): page after page, each
    /// within the [`deadline`](Self::deadline).
    ///
    /// # Returns
    /// How many live ones it ended.
    ///
    /// # Atomicity
    /// Every session whose binding was acknowledged before the call has ended after it. One that is
    /// being created meanwhile may survive, and is listed.
    ///
    /// # Errors
    /// The backend's own. Where some have ended already its effect is [`Effect::Unknown`].
    async fn revoke_sessions(
        &self,
        principal: &Principal,
        keep: Option<&SessionId>,
    ) -> Result<u64> {
        let target = keep.map_or(RevokeTarget::All, |id| RevokeTarget::AllExcept(id.clone()));
        let mut request = RevokeRequest::new(principal.clone(), target, PageRequest::default());
        let mut ended = 0;
        loop {
            let page = self.revoke(&request).await.map_err(|error| {
                let error = error.during(Operation::RevokeSessions);
                match ended {
                    0 => error,
                    _ => error.with_effect(Effect::Unknown),
                }
            })?;
            ended = u64::saturating_add(ended, page.ended);
            if page.next.is_none() {
                return Ok(ended);
            }
            request.page.cursor = page.next;
        }
    }
}

fn target_of(principal: &Principal, public_id: &PublicId) -> Target {
    Target::PublicId {
        principal: principal.clone(),
        public_id: *public_id,
    }
}

async fn read<B: SessionBackend + ?Sized>(
    backend: &B,
    target: Target,
    touch: Touch,
) -> Result<Option<SessionRecord>> {
    let request = ReadRequest::new(backend.policy(), target, touch);
    Ok(found(backend.read(&request).await?))
}

fn found(outcome: ReadOutcome) -> Option<SessionRecord> {
    match outcome {
        ReadOutcome::Found(record) => Some(record),
        ReadOutcome::NotFound | ReadOutcome::Rotated => None,
    }
}

async fn write<B: SessionBackend + ?Sized>(
    backend: &B,
    target: Target,
    delta: Delta,
) -> Result<Option<Written>> {
    let request = WriteRequest::new(backend.policy(), target, delta)?;
    match backend.write(&request).await? {
        WriteOutcome::Written(written) => Ok(Some(written)),
        WriteOutcome::NotFound | WriteOutcome::Rotated => Ok(None),
        WriteOutcome::Refused(refusal) => {
            Err(refusal.explained(backend.policy(), &request.write.delta))
        }
    }
}

async fn remove<B: SessionBackend + ?Sized>(backend: &B, target: Target) -> Result<bool> {
    Ok(match backend.remove(&RemoveRequest::new(target)).await? {
        RemoveOutcome::Removed => true,
        RemoveOutcome::NotFound | RemoveOutcome::Rotated => false,
    })
}
