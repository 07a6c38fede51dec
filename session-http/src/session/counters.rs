//! Counting: the one change that does not wait.

use session_core::rules::parse_integer;
use session_core::{
    Delta, ErrorKind, FieldName, FieldValue, IntoFieldName, SessionId, SessionRecord,
};

use crate::error::SessionError;
use crate::exchange::{Sent, unexplained};
use crate::session::Session;
use crate::state::{Known, Purpose, State, View};

/// A counter after an increment, and its session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counted {
    /// The counter's new value.
    pub value: i64,
    /// The session as it is after the increment; changes that wait are not in it.
    pub record: SessionRecord,
}

/// Where an increment is to be done.
enum Place {
    /// In this request: nobody else can see the field yet.
    Here,
    /// On the server, in the session of this id.
    There(SessionId),
    /// Nowhere: the session ended during the request.
    Nowhere,
}

/// # Counting
///
/// An increment is sent at once and alone: it answers the new value, no concurrent increment is
/// lost, and changes that wait go on waiting. It is never sent twice.
impl Session {
    /// Adds to the integer in a field; an absent field counts from 0. Counts as use of the session.
    ///
    /// A field that this request has set or removed itself is counted on from there, and so is a
    /// field of a session that does not exist yet: then the new value waits with the other changes,
    /// and the session is created with it.
    ///
    /// # Returns
    /// The new value; `None` when the session ended while this request was using it.
    ///
    /// # Atomicity
    /// One step on the server: concurrent increments answer distinct values.
    ///
    /// # Errors
    /// A reserved name, [`NotAnInteger`](ErrorKind::NotAnInteger) or
    /// [`Overflow`](ErrorKind::Overflow): nothing is changed. [`SessionError::Committed`]. With
    /// [`Effect::Unknown`](session_core::Effect::Unknown) it may have been counted.
    ///
    /// # Cancellation
    /// A dropped increment may have been counted or not.
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// if let Some(views) = session.increment("page_views", 1).await? {
    ///     println!("view number {views}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn increment(
        &self,
        name: impl IntoFieldName,
        by: i64,
    ) -> Result<Option<i64>, SessionError> {
        let name = name.into_field_name()?;
        let turn = self.turn_to_change().await?;
        let mut place = self.with(|state| Place::of(state, &name));
        if let Place::There(id) = place {
            let delta = Delta::new().increment(name.clone(), by);
            match self.count(&turn, id, delta, name.as_str()).await? {
                Sent::Counted(value, _) => return Ok(Some(value)),
                // A dead cookie: the counter begins with the session that this request creates.
                Sent::Gone => place = self.with(|state| Place::of(state, &name)),
            }
        }
        match place {
            Place::Here => self.open(|state| count_here(state, name, by))?.map(Some),
            Place::There(_) | Place::Nowhere => Ok(None),
        }
    }

    /// Adds to the integer in a field of a session that exists, and brings the session back in the
    /// same step.
    ///
    /// # Returns
    /// `None` when there is no session: nothing is counted, and none is created.
    ///
    /// # Atomicity
    /// As [`increment`](Self::increment); the record is the session right after it.
    ///
    /// # Errors
    /// As [`increment`](Self::increment).
    ///
    /// # Cancellation
    /// A dropped increment may have been counted or not.
    pub async fn increment_and_load(
        &self,
        name: impl IntoFieldName,
        by: i64,
    ) -> Result<Option<Counted>, SessionError> {
        let name = name.into_field_name()?;
        let turn = self.turn_to_change().await?;
        let id = match self.with(|state| Place::of(state, &name)) {
            Place::There(id) => id,
            Place::Nowhere => return Ok(None),
            Place::Here => {
                drop(turn);
                let Some(record) = self.load().await? else {
                    return Ok(None);
                };
                let value = self.open(|state| count_here(state, name, by))??;
                return Ok(Some(Counted { value, record }));
            }
        };
        let delta = Delta::new().increment(name.clone(), by).returning_record();
        match self.count(&turn, id, delta, name.as_str()).await? {
            Sent::Counted(value, Some(record)) => Ok(Some(Counted { value, record })),
            Sent::Counted(_, None) => Err(unexplained()),
            Sent::Gone => Ok(None),
        }
    }
}

impl Place {
    fn of(state: &State, name: &FieldName) -> Self {
        let is_own = state.changes.waiting.delta.change(name.as_str()).is_some();
        match &state.view {
            _ if state.changes.is_ending() => Self::Here,
            View::Lost => Self::Nowhere,
            _ => match state.target() {
                Some(id) if !is_own => Self::There(id.clone()),
                _ => Self::Here,
            },
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
