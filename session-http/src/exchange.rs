//! The conversation of one request with the backend.
//!
//! Whoever talks to the backend holds the request's *turn*: a load, an increment, a save and the
//! final commit follow each other, however many clones of the handle there are. So a session is
//! loaded once, and what is known of it changes in one place at a time.

use session_core::steps::{
    InsertOutcome, InsertRequest, ReadOutcome, ReadRequest, RenameOutcome, RenameRequest,
    WriteOutcome, WriteRequest,
};
use session_core::{
    Delta, Effect, Error, ErrorKind, NewSession, Operation, SessionBackend, SessionId,
    SessionRecord, Touch, Written,
};
use tokio::sync::MutexGuard;

use crate::change::CookieChange;
use crate::error::SessionError;
use crate::pending::{Fate, Pending};
use crate::session::Session;
use crate::state::{Known, Missing, Purpose, State, View};

/// How often a fresh id is drawn when the one before was taken.
const ID_ATTEMPTS: usize = 3;

/// The right to talk to the backend for this request.
pub(crate) type Turn<'a> = MutexGuard<'a, ()>;

/// The outcome of a step on a session, if there is one.
type Found<T> = Result<T, Missing>;

/// What became of the pending changes.
#[derive(Debug)]
pub(crate) enum Flushed {
    /// There were none.
    Nothing,
    /// They are applied; the session as it is after that, if it was asked for.
    Applied(Option<SessionRecord>),
    /// There is no session to change, and they were dropped.
    Dropped,
}

/// The outcome of an increment that was sent.
#[derive(Debug)]
pub(crate) enum Sent {
    Counted(i64, Option<SessionRecord>),
    Gone,
}

impl Session {
    /// Waits for the operations before this one. What they failed to deliver is pending again.
    ///
    /// This lock is held while the backend answers, on purpose: it is an asynchronous one of this
    /// request alone, and each answer comes within the backend's deadline.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        let turn = self.turn_lock().lock().await;
        self.with(|state| state.changes.take_back());
        turn
    }

    /// As [`Session::turn`], to change something that does not wait for the commit.
    pub(crate) async fn turn_to_change(&self) -> Result<Turn<'_>, SessionError> {
        self.open(|_| ())?;
        let turn = self.turn().await;
        // Whoever waited for the turn longer than the handler ran is too late.
        self.open(|_| ())?;
        Ok(turn)
    }

    /// Answers from what is known, after a read if need be.
    pub(crate) async fn ask<T>(
        &self,
        purpose: Purpose,
        known: impl Fn(&State) -> Known<T>,
    ) -> Result<T, SessionError> {
        if let Known::Now(answer) = self.with(|state| known(state)) {
            return Ok(answer);
        }
        let turn = self.turn().await;
        loop {
            // Another clone of the handle may have read meanwhile.
            if let Known::Now(answer) = self.with(|state| known(state)) {
                return Ok(answer);
            }
            self.read(&turn, purpose).await?;
        }
    }

    /// Reads the session: afterwards it is known, one way or the other.
    async fn read(&self, _turn: &Turn<'_>, purpose: Purpose) -> Result<(), SessionError> {
        let Some(id) = self.with(|state| state.target().cloned()) else {
            return Ok(());
        };
        let policy = self.backend().policy();
        let (touch, purpose) = match purpose {
            // Where reads never slide anyway, a peek serves both purposes.
            Purpose::Peek if policy.touch() != Touch::Never => (Touch::Never, Purpose::Peek),
            _ => (policy.touch(), Purpose::Use),
        };
        let request = ReadRequest::new(policy, &id, touch);
        let answer = self.backend().read(&request).await;
        match self.checked(answer.map_err(|error| error.during(Operation::GetSession)))? {
            ReadOutcome::Found(record) => self.with(|state| state.has_read(id, record, purpose)),
            ReadOutcome::Rotated => self.with(|state| state.gone(Missing::Rotated)),
            _ => self.with(|state| state.gone(Missing::NotFound)),
        }
        Ok(())
    }

    /// Changes the session of this id.
    async fn write(&self, id: &SessionId, delta: Delta) -> Result<Found<Written>, Error> {
        let write = async || -> Result<Found<Written>, Error> {
            let request = WriteRequest::new(self.backend().policy(), id, delta)?;
            match self.backend().write(&request).await? {
                WriteOutcome::Written(written) => Ok(Ok(written)),
                WriteOutcome::Refused(refusal) => Err(refusal.into()),
                WriteOutcome::Rotated => Ok(Err(Missing::Rotated)),
                _ => Ok(Err(Missing::NotFound)),
            }
        };
        write()
            .await
            .map_err(|error| error.during(Operation::UpdateSession))
    }

    /// Moves the session of this id to a fresh one, and changes it.
    async fn rename(
        &self,
        id: &SessionId,
        delta: Delta,
    ) -> Result<Found<(SessionId, Written)>, Error> {
        let rename = async || -> Result<Found<(SessionId, Written)>, Error> {
            let backend = self.backend();
            let to = backend.successor_id(id)?;
            let mut request = RenameRequest::new(backend.policy(), id.clone(), to, delta)?;
            for _ in 0..ID_ATTEMPTS {
                match backend.rename(&request).await {
                    Ok(RenameOutcome::Renamed(written)) => return Ok(Ok((request.to, written))),
                    Ok(RenameOutcome::Refused(refusal)) => return Err(refusal.into()),
                    Ok(RenameOutcome::IdTaken) => request.to = backend.successor_id(id)?,
                    Ok(RenameOutcome::Rotated) => return Ok(Err(Missing::Rotated)),
                    Ok(_) => return Ok(Err(Missing::NotFound)),
                    Err(error) => {
                        let record = self.found_after(error, &request.to).await?;
                        let mut written = Written::new(record.ttl());
                        written.record = Some(record);
                        return Ok(Ok((request.to, written)));
                    }
                }
            }
            Err(Error::new(ErrorKind::IdExhausted, Effect::NotApplied))
        };
        rename()
            .await
            .map_err(|error| error.during(Operation::RotateSession))
    }

    /// Stores a session under a fresh id.
    async fn create(&self, new: NewSession) -> Result<(SessionId, SessionRecord), Error> {
        let create = async || -> Result<(SessionId, SessionRecord), Error> {
            let backend = self.backend();
            let mut request = InsertRequest::new(backend.policy(), SessionId::random()?, new)?;
            for _ in 0..ID_ATTEMPTS {
                match backend.insert(&request).await {
                    Ok(InsertOutcome::Inserted(record)) => return Ok((request.id, record)),
                    Ok(InsertOutcome::Refused(refusal)) => return Err(refusal.into()),
                    Ok(_) => request.id = SessionId::random()?,
                    Err(error) => {
                        let record = self.found_after(error, &request.id).await?;
                        return Ok((request.id, record));
                    }
                }
            }
            Err(Error::new(ErrorKind::IdExhausted, Effect::NotApplied))
        };
        create()
            .await
            .map_err(|error| error.during(Operation::CreateSession))
    }

    /// The session under an id that was drawn here, after a step that failed: where nobody knows
    /// whether it was done, a look tells. What is found proves that it was; that nothing is found
    /// proves nothing. The step is never sent again: the first one may still be on its way.
    async fn found_after(&self, error: Error, drawn: &SessionId) -> Result<SessionRecord, Error> {
        if error.effect() != Effect::Unknown {
            return Err(error);
        }
        let request = ReadRequest::new(self.backend().policy(), drawn, Touch::Never);
        match self.backend().read(&request).await {
            Ok(ReadOutcome::Found(record)) => Ok(record),
            _ => Err(error),
        }
    }

    /// Sends one increment, and nothing else.
    pub(crate) async fn count(
        &self,
        _turn: &Turn<'_>,
        id: SessionId,
        delta: Delta,
        name: &str,
    ) -> Result<Sent, SessionError> {
        // If the answer is lost, or this future dropped, nobody knows what the field holds.
        let known = self.with(State::forget_loaded);
        match self.write(&id, delta).await {
            Ok(Ok(written)) => {
                let record = written.record.clone();
                let value = written.counter(name);
                self.with(|state| {
                    state.remember_loaded(known);
                    state.has_written(id, written, &Pending::default());
                });
                match value {
                    Some(value) => Ok(Sent::Counted(value, record)),
                    None => Err(unexplained()),
                }
            }
            Ok(Err(missing)) => {
                self.with(|state| state.gone(missing));
                Ok(Sent::Gone)
            }
            Err(error) => {
                if error.effect() == Effect::NotApplied {
                    self.with(|state| state.remember_loaded(known));
                }
                self.checked(Err(error))
            }
        }
    }

    /// Sends the pending changes, in one step (two when a session is ended and another begun, or
    /// when a session that was only written to turns out dead).
    ///
    /// When it fails and nothing was changed, or is dropped, the changes stay pending. What may
    /// have been applied is not sent again.
    pub(crate) async fn flush(
        &self,
        _turn: &Turn<'_>,
        returns_record: bool,
    ) -> Result<Flushed, SessionError> {
        let Some(changes) = self.with(|state| state.changes.send()) else {
            return Ok(Flushed::Nothing);
        };
        if changes.is_ending() {
            let target = self.with(|state| state.target().cloned());
            if let Some(id) = &target {
                let deleted = self.backend().delete_session(id).await;
                self.checked(deleted)?;
            }
            self.with(|state| state.ended(target.is_some()));
        }
        let flushed = match self.with(|state| state.target().cloned()) {
            Some(id) => self.change(id, &changes, returns_record).await,
            None => self.begin(&changes).await,
        };
        let effect = flushed.as_ref().err().map(SessionError::effect);
        if effect != Some(Effect::NotApplied) {
            self.with(|state| {
                state.changes.delivered();
                if effect.is_some() {
                    // What the session holds now, nobody knows.
                    state.forget_loaded();
                }
            });
        }
        flushed
    }

    /// Changes the session of this id, or begins another if this one was never seen alive.
    async fn change(
        &self,
        id: SessionId,
        changes: &Pending,
        returns_record: bool,
    ) -> Result<Flushed, SessionError> {
        let rotates = changes.fate == Fate::Rotates;
        // A persistent cookie is kept until the deadline, which the record tells.
        let tells_deadline = rotates && self.settings().cookie.is_persistent();
        let delta = if returns_record || tells_deadline {
            changes.delta.clone().returning_record()
        } else {
            changes.delta.clone()
        };
        let answer = if rotates {
            self.rename(&id, delta).await
        } else {
            let written = self.write(&id, delta).await;
            written.map(|written| written.map(|written| (id, written)))
        };
        match self.checked(answer)? {
            Ok((id, written)) => {
                let record = written.record.clone();
                self.with(|state| state.has_written(id, written, changes));
                Ok(Flushed::Applied(record))
            }
            Err(missing) => {
                self.with(|state| state.gone(missing));
                self.begin(changes).await
            }
        }
    }

    /// Begins a session with what the changes set, under a fresh id: one that the client sent is
    /// never adopted.
    async fn begin(&self, changes: &Pending) -> Result<Flushed, SessionError> {
        // A log-in brings all that it needs, and proves it: whatever became of the visitor's
        // session, there is one for it.
        let logs_in = changes.delta.principal().is_some();
        if !logs_in && self.with(|state| matches!(state.view, View::Lost)) {
            tracing::info!(
                "the session ended or was rotated during the request: its changes are dropped"
            );
            return Ok(Flushed::Dropped);
        }
        if !changes.has_content() {
            let was_asked = changes.is_ending() && changes.delta.is_empty();
            return Ok(if was_asked {
                Flushed::Applied(None)
            } else {
                Flushed::Dropped
            });
        }
        let mut new = NewSession::from_delta(&changes.delta)?;
        if let Some(lifetime) = changes.max_lifetime {
            new = new.max_lifetime(lifetime);
        }
        let (id, record) = self.checked(self.create(new).await)?;
        let stored = record.clone();
        self.with(|state| state.has_created(id, record));
        Ok(Flushed::Applied(Some(stored)))
    }

    /// Closes the handle and sends the pending changes: what is done before the response's
    /// head.
    pub(crate) async fn commit(&self) -> Result<CookieChange, SessionError> {
        self.with(|state| state.is_closed = true);
        let turn = self.turn().await;
        self.flush(&turn, false).await?;
        let now = self.backend().policy().now();
        Ok(self.with(|state| state.cookie_change(now)))
    }

    /// The backend's answer; its failure is noted, for the response.
    fn checked<T>(&self, answer: Result<T, Error>) -> Result<T, SessionError> {
        answer.map_err(|error| {
            let error = SessionError::from(error);
            if error.status() == http::StatusCode::SERVICE_UNAVAILABLE {
                self.with(|state| state.has_store_failed = true);
            }
            error
        })
    }
}

/// The backend acknowledged an increment without saying what it came to.
pub(crate) fn unexplained() -> SessionError {
    let kind = ErrorKind::CorruptReply;
    Error::new(kind, Effect::Unknown)
        .during(Operation::IncrementField)
        .into()
}
