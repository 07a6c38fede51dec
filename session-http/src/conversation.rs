//! The conversation of one request with the backend.
//!
//! One operation follows another (see `operations.rs`). So a session is loaded once, and what is
//! known of it changes in one place at a time.

mod at_once;
mod devices;
mod steps;
mod watch;

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use session_core::steps::{ReadOutcome, ReadRequest, WriteRequest};
use session_core::{
    Effect, Error, NewSession, Operation, SessionBackend, SessionId, SessionRecord, Touch,
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
        let is_outdated = self.with(|state| state.is_closed);
        self.ask_if(is_outdated, purpose, known).await
    }

    /// Answers after a read where what is known is outdated.
    async fn ask_if<T>(
        &self,
        mut is_outdated: bool,
        purpose: Purpose,
        known: impl Fn(&State) -> Known<T>,
    ) -> Result<T, SessionError> {
        loop {
            // Another clone of the handle may have read meanwhile.
            let answer = self.with(|state| known(state));
            if let Known::Now(answer) = answer
                && !is_outdated
            {
                return Ok(answer);
            }
            self.choose().await?;
            self.read(purpose).await?;
            is_outdated = false;
        }
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

    // ---- Their parts ----------------------------------------------------------------------------

    /// Finds out which of several presented sessions it is.
    async fn choose(&self) -> Result<(), SessionError> {
        if self.with(|state| matches!(state.view, View::Several)) {
            // In a box, as all that is rare: an operation is as large as its largest part.
            Box::pin(self.choose_of_several()).await?;
        }
        Ok(())
    }

    async fn choose_of_several(&self) -> Result<(), SessionError> {
        let ids = self.with(|state| state.presented.ids().to_vec());
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
            Purpose::Peek if policy.touch() != Touch::Never => (Touch::Never, Purpose::Peek),
            // Where reads never slide anyway, a peek serves both purposes.
            Purpose::Peek => (Touch::Never, Purpose::Use),
            Purpose::Use | Purpose::Fresh => (policy.touch(), purpose),
        };
        let mut request = ReadRequest::new(policy, &id, touch);
        request.is_fresh = purpose == Purpose::Fresh;
        let answer = self.backend().read(&request).await;
        match self.checked(answer.map_err(|error| error.during(Operation::GetSession)))? {
            ReadOutcome::Found(record) => self.with(|state| state.has_read(id, record, purpose)),
            ReadOutcome::Rotated => self.with(|state| state.not_found(Missing::Rotated)),
            _ => self.with(|state| state.not_found(Missing::NotFound)),
        }
        Ok(())
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
        let policy = self.backend().policy();
        let mut delta = changes.delta(policy);
        let is_default = self.settings.transport.is_persistent();
        let tells_age = || self.with(|state| state.may_persist(changes, is_default));
        if returns_record || (rotates && tells_age()) {
            delta = delta.returning_record();
        }
        let answer = if rotates {
            let moved = Box::pin(self.rename(&id, delta)).await;
            moved.map_err(|error| error.during(Operation::RotateSession))
        } else {
            let failed = |error: Error| error.during(Operation::UpdateSession);
            let request = WriteRequest::new(policy, &id, delta);
            let request = self.checked(request.map_err(failed))?;
            let written = self.write(&request).await;
            let written = written.map(|written| written.map(|written| (id, written)));
            written.map_err(failed)
        };
        let missing = match self.checked(answer)? {
            Ok((id, written)) => {
                let record = written.record.clone();
                self.with(|state| state.has_written(id, written, Some(changes)));
                return Ok(Flushed::Applied(record));
            }
            Err(missing) => missing,
        };
        self.with(|state| state.not_found(missing));
        if changes.logs_out_keeping() {
            self.end().await?;
        }
        self.begin(changes).await
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
        let created = Box::pin(self.create(new)).await;
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
