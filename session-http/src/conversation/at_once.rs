//! Changes that do not wait for the commit: counting, and comparing and setting.

use session_core::rules::parse_integer;
use session_core::steps::WriteRequest;
use session_core::{
    Delta, Effect, Error, ErrorKind, FieldName, FieldValue, Operation, SessionId, SessionRecord,
};

use super::Conversation;
use crate::error::SessionError;
use crate::pending::Pending;
use crate::state::{Known, Purpose, State, View};

/// How often a field is read and changed again that other requests keep changing. Each time one of
/// them has got on.
const REPLACE_ATTEMPTS: usize = 16;

/// Where the counter of an increment is.
enum Counter {
    /// In this request: nobody else can see the field yet.
    Waiting,
    /// On the server, in the session of this id.
    Stored(SessionId),
}

impl Conversation {
    /// Sends one increment, and nothing else.
    pub(crate) async fn increment(&self, name: FieldName, by: i64) -> Result<i64, SessionError> {
        self.bind_first().await?;
        self.choose().await?;
        if let Counter::Stored(id) = self.counter(&name)? {
            let delta = Delta::new().increment(name.clone(), by);
            if let Some((value, _)) = self.count(id, delta).await? {
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
        self.bind_first().await?;
        self.choose().await?;
        match self.counter(&name)? {
            Counter::Stored(id) => {
                let delta = Delta::new().increment(name.clone(), by).returning_record();
                match self.count(id, delta).await? {
                    Some((value, Some(record))) => Ok(Some((value, record))),
                    Some((_, None)) => Err(unexplained()),
                    // Not found is a value; ended or rotated during the request is an error.
                    None => self.counter(&name).map(|_| None),
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
        let update_failed = |error: Error| error.during(Operation::UpdateSession);
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
            let request = WriteRequest::new(self.backend().policy(), &id, delta);
            let request = self.checked(request.map_err(update_failed))?;
            let known = self.with(State::forget_loaded);
            let written = self.write(&request).await;
            match written.map_err(update_failed) {
                Ok(Ok(written)) => {
                    self.with(|state| {
                        state.remember_loaded(known);
                        state.has_written(id, written, Some(&changes));
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

    /// Applies a log-in or log-out that waits: what is applied at once belongs to the session after
    /// it, under its new id, and must not find the fields that it takes away.
    async fn bind_first(&self) -> Result<(), SessionError> {
        // Whoever waited for other operations longer than the handler ran is too late.
        if self.open(|state| state.changes.binding().is_some())? {
            Box::pin(self.flush(false)).await?;
        }
        Ok(())
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

    /// Applies a delta of one increment on the server; nothing, where there is no session.
    fn count(
        &self,
        id: SessionId,
        delta: Delta,
    ) -> impl Future<Output = Result<Option<(i64, Option<SessionRecord>)>, SessionError>> {
        let request = WriteRequest::new(self.backend().policy(), &id, delta);
        async move {
            let failed = |error: Error| error.during(Operation::IncrementField);
            let request = self.checked(request.map_err(failed))?;
            // If the answer is lost, nobody knows what the field holds.
            let known = self.with(State::forget_loaded);
            match self.write(&request).await {
                Ok(Ok(written)) => {
                    let record = written.record.clone();
                    let mut names = request.write.delta.changes().map(|(name, _)| name.as_str());
                    let value = names.next().and_then(|name| written.counter(name));
                    self.with(|state| {
                        state.remember_loaded(known);
                        state.has_written(id, written, None);
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
                    self.checked(Err(failed(error)))
                }
            }
        }
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
