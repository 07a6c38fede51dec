//! The conversation of one request with the backend.
//!
//! One operation follows another (see `operations.rs`). So a session is loaded once, and what is
//! known of it changes in one place at a time.

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use session_core::rules::parse_integer;
use session_core::steps::{
    Drawn, ReadOutcome, ReadRequest, RenameOutcome, WriteOutcome, WriteRequest,
};
use session_core::{
    Delta, Effect, Error, ErrorKind, FieldName, FieldValue, NewSession, Operation, SessionBackend,
    SessionId, SessionRecord, Touch, Written,
};

use crate::change::CookieChange;
use crate::error::SessionError;
use crate::operations::lock;
use crate::pending::{Fate, Pending};
use crate::sessions::Settings;
use crate::state::{Known, Missing, Purpose, State, View};

/// What a request knows of its session, and the backend to ask.
pub(crate) struct Conversation {
    pub(crate) settings: Arc<Settings>,
    state: Mutex<State>,
}

/// How often a field is read and changed again that other requests keep changing. Each time one of
/// them has got on.
const REPLACE_ATTEMPTS: usize = 16;

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

/// Where the counter of an increment is.
enum Counter {
    /// In this request: nobody else can see the field yet.
    Waiting,
    /// On the server, in the session of this id.
    Stored(SessionId),
}

impl Conversation {
    pub(crate) fn new(settings: Arc<Settings>, state: State) -> Self {
        Self {
            settings,
            state: Mutex::new(state),
        }
    }

    pub(crate) fn backend(&self) -> &dyn SessionBackend {
        &*self.settings.backend
    }

    /// Looks at the state or changes it. Never across an `.await`: a closure cannot.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut lock(&self.state))
    }

    /// Looks at the state to change it, unless the response is on its way.
    pub(crate) fn open<T>(&self, change: impl FnOnce(&mut State) -> T) -> Result<T, SessionError> {
        self.with(|state| match state.is_closed {
            true => Err(SessionError::Committed),
            false => Ok(change(state)),
        })
    }

    // ---- Operations -----------------------------------------------------------------------------

    /// Answers from what is known, after a read if need be; when the response is on its way, after
    /// a read in any case.
    pub(crate) async fn ask<T>(
        &self,
        purpose: Purpose,
        known: impl Fn(&State) -> Known<T>,
    ) -> Result<T, SessionError> {
        let mut is_outdated = self.with(|state| state.is_closed);
        loop {
            // Another clone of the handle may have read meanwhile.
            let answer = self.with(|state| known(state));
            if let Known::Now(answer) = answer
                && !std::mem::take(&mut is_outdated)
            {
                return Ok(answer);
            }
            self.choose().await?;
            self.read(purpose).await?;
        }
    }

    /// Sends one increment, and nothing else.
    pub(crate) async fn increment(&self, name: FieldName, by: i64) -> Result<i64, SessionError> {
        // Whoever waited for other operations longer than the handler ran is too late.
        self.open(|_| ())?;
        self.bind_first().await?;
        self.choose().await?;
        if let Counter::Stored(id) = self.counter(&name)? {
            let delta = Delta::new().increment(name.clone(), by);
            if let Some((value, _)) = self.count(id, delta, &name).await? {
                return Ok(value);
            }
            // A dead cookie: the counter begins with the session that this request creates.
            self.counter(&name)?;
        }
        self.open(|state| count_here(state, name, by))?
    }

    /// Sends one increment to a session that exists, and brings the session back.
    pub(crate) async fn increment_and_load(
        &self,
        name: FieldName,
        by: i64,
    ) -> Result<Option<(i64, SessionRecord)>, SessionError> {
        self.open(|_| ())?;
        self.bind_first().await?;
        self.choose().await?;
        match self.counter(&name)? {
            Counter::Stored(id) => {
                let delta = Delta::new().increment(name.clone(), by).returning_record();
                match self.count(id, delta, &name).await? {
                    Some((value, Some(record))) => Ok(Some((value, record))),
                    Some((_, None)) => Err(unexplained()),
                    None => Ok(None),
                }
            }
            Counter::Waiting => {
                let known = |state: &State| state.record(Purpose::Use);
                let Some(record) = self.ask(Purpose::Use, known).await? else {
                    return Ok(None);
                };
                let value = self.open(|state| count_here(state, name, by))??;
                Ok(Some((value, record)))
            }
        }
    }

    /// Changes a field by what it holds, if it still holds that. `change` returns what it becomes,
    /// if it is to be changed, and the answer.
    pub(crate) async fn replace<T>(
        &self,
        name: FieldName,
        mut change: impl FnMut(
            Option<FieldValue>,
        ) -> Result<(Option<Option<FieldValue>>, T), SessionError>,
    ) -> Result<T, SessionError> {
        let mut conflict = None;
        self.bind_first().await?;
        for _ in 0..REPLACE_ATTEMPTS {
            self.open(|_| ())?;
            let known = |state: &State| state.field(name.as_str(), Purpose::Use);
            let before = self.ask(Purpose::Use, known).await?;
            let (after, answer) = change(before.clone())?;
            let Some(after) = after else {
                return Ok(answer);
            };
            let mut changes = Pending::default();
            match after {
                Some(after) => {
                    self.backend().policy().limits().check(&name, &after)?;
                    changes.set(name.clone(), after);
                }
                None => changes.remove(name.clone()),
            }
            let Counter::Stored(id) = self.counter(&name)? else {
                self.open(|state| state.changes.add(changes))?;
                return Ok(answer);
            };
            let delta = match before {
                Some(before) => changes.delta.clone().expect_value(name.clone(), before),
                None => changes.delta.clone().expect_absent(name.clone()),
            };
            let known = self.with(State::forget_loaded);
            let written = self.write(&id, delta).await;
            match written.map_err(|error| error.during(Operation::UpdateSession)) {
                Ok(Ok(written)) => {
                    self.with(|state| {
                        state.remember_loaded(known);
                        state.has_written(id, written, &changes);
                    });
                    return Ok(answer);
                }
                Ok(Err(missing)) => self.with(|state| state.not_found(missing)),
                // What was loaded is outdated.
                Err(error) if error.kind() == ErrorKind::Conflict => conflict = Some(error),
                Err(error) => return self.checked(Err(error)),
            }
        }
        let conflict =
            conflict.unwrap_or_else(|| Error::new(ErrorKind::Conflict, Effect::NotApplied));
        self.checked(Err(conflict))
    }

    /// Sends the pending changes now.
    pub(crate) async fn save(&self, returns_record: bool) -> Result<Flushed, SessionError> {
        self.open(|_| ())?;
        self.flush(returns_record).await
    }

    /// Sends the pending changes: what is done before the response headers. An operation that
    /// nobody waited for any more, and of which nobody knows whether it was done, fails here.
    pub(crate) async fn commit(&self) -> Result<CookieChange, SessionError> {
        let unreported = self.with(|state| state.unreported.take());
        if let Some(error) = unreported.filter(|error| error.effect() == Effect::Unknown) {
            return Err(error);
        }
        if let Flushed::Dropped = self.flush(false).await? {
            self.with(|state| state.has_dropped = true);
            tracing::info!(
                "the session ended or was rotated during the request: its changes are dropped"
            );
        }
        Ok(self.with(|state| state.cookie_change(&self.settings)))
    }

    /// Applies a log-in or log-out that waits: what is applied at once belongs to the session after
    /// it, under its new id, and must not find the fields that it takes away.
    async fn bind_first(&self) -> Result<(), SessionError> {
        if self.open(|state| state.changes.binding().is_some())? {
            self.flush(false).await?;
        }
        Ok(())
    }

    // ---- Their parts ----------------------------------------------------------------------------

    /// Finds out which of several presented sessions it is.
    async fn choose(&self) -> Result<(), SessionError> {
        let ids = self.with(|state| match state.view {
            View::Several => state.presented.ids().to_vec(),
            _ => Vec::new(),
        });
        if ids.is_empty() {
            return Ok(());
        }
        let look = async |id: SessionId| {
            let outcome = self.look(&id).await;
            outcome.map(|outcome| (id, outcome))
        };
        let found = join_all(ids.into_iter().map(look)).await;
        let found: Result<Vec<_>, Error> = found.into_iter().collect();
        let found = self.checked(found.map_err(|error| error.during(Operation::GetSession)))?;
        let trusts_name = self.settings.transport.is_tamper_proof();
        self.with(|state| state.chosen(found, trusts_name));
        Ok(())
    }

    /// Reads the session: afterwards it is known, one way or the other.
    async fn read(&self, purpose: Purpose) -> Result<(), SessionError> {
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
            ReadOutcome::Rotated => self.with(|state| state.not_found(Missing::Rotated)),
            _ => self.with(|state| state.not_found(Missing::NotFound)),
        }
        Ok(())
    }

    /// What is under an id, without counting as use.
    async fn look(&self, id: &SessionId) -> Result<ReadOutcome, Error> {
        let request = ReadRequest::new(self.backend().policy(), id, Touch::Never);
        self.backend().read(&request).await
    }

    /// Changes the session of this id.
    async fn write(&self, id: &SessionId, delta: Delta) -> Result<Found<Written>, Error> {
        let request = WriteRequest::new(self.backend().policy(), id, delta)?;
        match self.backend().write(&request).await? {
            WriteOutcome::Written(written) => Ok(Ok(written)),
            WriteOutcome::Refused(refusal) => {
                Err(refusal.explained(self.backend().policy(), &request.write.delta))
            }
            WriteOutcome::Rotated => Ok(Err(Missing::Rotated)),
            _ => Ok(Err(Missing::NotFound)),
        }
    }

    /// Moves the session of this id to a fresh one, and changes it.
    async fn rename(
        &self,
        id: &SessionId,
        delta: Delta,
    ) -> Result<Found<(SessionId, Written)>, Error> {
        let Drawn { id, outcome, .. } = Drawn::rename(self.backend(), id, delta).await?;
        match outcome {
            Ok(RenameOutcome::Renamed(written)) => Ok(Ok((id, written))),
            Ok(RenameOutcome::Rotated) => Ok(Err(Missing::Rotated)),
            Ok(_) => Ok(Err(Missing::NotFound)),
            Err(error) => {
                let record = self.found_after(error, &id).await?;
                let mut written = Written::new(record.ttl());
                written.record = Some(record);
                Ok(Ok((id, written)))
            }
        }
    }

    /// Stores a session under a fresh id.
    async fn create(&self, new: NewSession) -> Result<(SessionId, SessionRecord), Error> {
        let Drawn { id, outcome, .. } = Drawn::insert(self.backend(), new).await?;
        match outcome {
            Ok(record) => Ok((id, record)),
            Err(error) => {
                let record = self.found_after(error, &id).await?;
                Ok((id, record))
            }
        }
    }

    /// The session under an id that was drawn here, after a step that failed: where nobody knows
    /// whether it was done, a look tells. What is found proves that it was; that nothing is found
    /// proves nothing. The step is never sent again: the first one may still be on its way.
    async fn found_after(&self, error: Error, drawn: &SessionId) -> Result<SessionRecord, Error> {
        if error.effect() != Effect::Unknown {
            return Err(error);
        }
        match self.look(drawn).await {
            Ok(ReadOutcome::Found(record)) => Ok(record),
            _ => Err(error),
        }
    }

    fn counter(&self, name: &FieldName) -> Result<Counter, SessionError> {
        self.with(|state| {
            let is_own = state.changes.waiting.delta.change(name.as_str()).is_some();
            match (&state.view, state.target()) {
                _ if state.changes.is_ending() => Ok(Counter::Waiting),
                (View::Ended(..), _) => Err(SessionError::ChangesDropped),
                (_, Some(id)) if !is_own => Ok(Counter::Stored(id.clone())),
                _ => Ok(Counter::Waiting),
            }
        })
    }

    /// Counts on the server; nothing, where there is no session.
    async fn count(
        &self,
        id: SessionId,
        delta: Delta,
        name: &FieldName,
    ) -> Result<Option<(i64, Option<SessionRecord>)>, SessionError> {
        // If the answer is lost, nobody knows what the field holds.
        let known = self.with(State::forget_loaded);
        let counted = self.write(&id, delta).await;
        match counted.map_err(|error| error.during(Operation::IncrementField)) {
            Ok(Ok(written)) => {
                let record = written.record.clone();
                let value = written.counter(name.as_str());
                self.with(|state| {
                    state.remember_loaded(known);
                    state.has_written(id, written, &Pending::default());
                });
                let value = value.ok_or_else(unexplained)?;
                Ok(Some((value, record)))
            }
            Ok(Err(missing)) => {
                self.with(|state| state.not_found(missing));
                Ok(None)
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
    /// When it fails and nothing was changed, the changes go on waiting. What may have been applied
    /// is not sent again.
    async fn flush(&self, returns_record: bool) -> Result<Flushed, SessionError> {
        if self.with(|state| !state.changes.is_ending()) {
            self.choose().await?;
        }
        let Some(changes) = self.with(State::send) else {
            return Ok(Flushed::Nothing);
        };
        let flushed = self.deliver(&changes, returns_record).await;
        self.with(|state| match &flushed {
            Ok(_) => state.changes.delivered(),
            Err(error) => {
                if error.effect() == Effect::NotApplied {
                    state.changes.take_back();
                } else {
                    state.changes.delivered();
                    // What the session holds now, nobody knows.
                    state.forget_loaded();
                }
                state.unreported = Some(error.clone());
            }
        });
        flushed
    }

    async fn deliver(
        &self,
        changes: &Pending,
        returns_record: bool,
    ) -> Result<Flushed, SessionError> {
        if changes.is_ending() {
            self.end().await?;
        }
        match self.with(|state| state.target().cloned()) {
            Some(id) => self.change(id, changes, returns_record).await,
            None => self.begin(changes).await,
        }
    }

    /// Changes the session of this id, or begins another if this one was never seen alive.
    async fn change(
        &self,
        id: SessionId,
        changes: &Pending,
        returns_record: bool,
    ) -> Result<Flushed, SessionError> {
        let rotates = changes.fate == Fate::Rotates;
        let mut delta = changes.delta(self.backend().policy());
        let is_default = self.settings.transport.is_persistent();
        let tells_age = || self.with(|state| state.may_persist(changes, is_default));
        if returns_record || (rotates && tells_age()) {
            delta = delta.returning_record();
        }
        let answer = if rotates {
            let moved = self.rename(&id, delta).await;
            moved.map_err(|error| error.during(Operation::RotateSession))
        } else {
            let written = self.write(&id, delta).await;
            let written = written.map(|written| written.map(|written| (id, written)));
            written.map_err(|error| error.during(Operation::UpdateSession))
        };
        match self.checked(answer)? {
            Ok((id, written)) => {
                let record = written.record.clone();
                self.with(|state| state.has_written(id, written, changes));
                Ok(Flushed::Applied(record))
            }
            Err(missing) if changes.logs_out_keeping() => {
                self.with(|state| state.not_found(missing));
                self.end().await?;
                self.begin(changes).await
            }
            Err(missing) => {
                self.with(|state| state.not_found(missing));
                self.begin(changes).await
            }
        }
    }

    /// Ends all that the browser has.
    async fn end(&self) -> Result<(), SessionError> {
        for id in self.with(|state| state.to_end()) {
            let deleted = self.backend().delete_session(&id).await;
            self.checked(deleted)?;
        }
        self.with(State::ended);
        Ok(())
    }

    /// Begins a session with what the changes set, under a fresh id: one that the client sent is
    /// never adopted.
    async fn begin(&self, changes: &Pending) -> Result<Flushed, SessionError> {
        // A log-in brings all that it needs, and proves it: whatever became of the visitor's
        // session, there is one for it.
        let logs_in = changes.delta.principal().is_some();
        if !logs_in && self.with(|state| matches!(state.view, View::Ended(..))) {
            return Ok(Flushed::Dropped);
        }
        if !changes.has_content() {
            return Ok(Flushed::Applied(None));
        }
        let new = NewSession::from_delta(&changes.delta(self.backend().policy()))?;
        let created = self.create(new).await;
        let created = created.map_err(|error| error.during(Operation::CreateSession));
        let (id, record) = self.checked(created)?;
        let stored = record.clone();
        self.with(|state| state.has_created(id, record));
        Ok(Flushed::Applied(Some(stored)))
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

/// Counts in the changes that wait.
fn count_here(state: &mut State, name: FieldName, by: i64) -> Result<i64, SessionError> {
    let before = match state.field(name.as_str(), Purpose::Peek) {
        Known::Now(Some(value)) => parse_integer(value.as_bytes())
            .ok_or_else(|| SessionError::uncountable(ErrorKind::NotAnInteger))?,
        Known::Now(None) | Known::Ask => 0,
    };
    let value = before
        .checked_add(by)
        .ok_or_else(|| SessionError::uncountable(ErrorKind::Overflow))?;
    state.changes.waiting.set(name, FieldValue::from(value));
    Ok(value)
}

/// The backend acknowledged an increment without saying what it came to.
fn unexplained() -> SessionError {
    let kind = ErrorKind::CorruptReply;
    Error::new(kind, Effect::Unknown)
        .during(Operation::IncrementField)
        .into()
}
