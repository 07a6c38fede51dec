//! Changing the session: what waits for the commit.

use serde::Serialize;
use session_core::{FieldName, FieldValue, IntoFieldName, LogIn, SessionTtl};

use crate::error::SessionError;
use crate::json::{Fault, encode};
use crate::pending::Pending;
use crate::session::Session;
use crate::state::{Known, Purpose};

/// # Changing
///
/// These ask nothing and do not wait: they note what to change. All of it is applied in one atomic
/// step when the handler has answered, or by [`save`](Session::save). That step counts as use of
/// the session. A name is a `&str`, a `String` or a [`FieldName`](session_core::FieldName).
///
/// # How values are stored
///
/// **Text is stored as it is, everything else as JSON.** So a number has the form that counters
/// have, other languages' clients of the same session find what they expect, and a `Vec` or a
/// struct is JSON. `None` is stored as no field. Bytes that are no text are for
/// [`insert_raw`](Session::insert_raw).
///
/// A value comes back as it was, or is refused, and the error says which part of it is in the way:
/// a float that is not finite, a `Some` of null, a map whose keys are no text, the unit as a field.
/// The type that reads decides what a stored `5` is, so a type that takes anything cannot be read
/// from a field, whatever the field holds: for these there is
/// [`insert_json`](Session::insert_json).
impl Session {
    /// Sets a field to a value of any serializable type; `None` removes it.
    ///
    /// # Errors
    /// A reserved name, a name or value that is too long, [`SessionError::Encode`] when the value
    /// would not come back as it is, and [`SessionError::Committed`].
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// session.insert("username", "andrew")?;
    /// session.insert("sizes", [38, 39])?;
    /// assert_eq!(session.get::<Vec<u8>>("sizes").await?, Some(vec![38, 39]));
    /// assert!(session.insert("created_at", "now").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert(
        &self,
        name: impl IntoFieldName,
        value: impl Serialize,
    ) -> Result<(), SessionError> {
        let name = name.into_field_name()?;
        match unless_unencodable(&name, encode::to_text(&value))? {
            Some(text) => self.insert_raw(name, text),
            None => self.remove(name),
        }
    }

    /// Sets a field to a value's JSON, also where [`insert`](Self::insert) would store text or
    /// nothing: text has quotes, and null is `null`. It is read by [`get_json`](Self::get_json).
    ///
    /// For types that take anything: `serde_json::Value`, untagged and internally tagged enums.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// use serde_json::Value;
    ///
    /// session.insert_json("answer", Value::from("42"))?;
    /// assert_eq!(session.get_json("answer").await?, Some(Value::from("42")));
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert_json(
        &self,
        name: impl IntoFieldName,
        value: impl Serialize,
    ) -> Result<(), SessionError> {
        let name = name.into_field_name()?;
        let json = unless_unencodable(&name, encode::to_json(&value))?;
        self.insert_raw(name, json)
    }

    /// Sets a field to these bytes, or this text.
    ///
    /// # Errors
    /// A reserved name, a name or value that is too long, and [`SessionError::Committed`].
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// session.insert_raw("key", vec![0x00, 0xff])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert_raw(
        &self,
        name: impl IntoFieldName,
        value: impl Into<FieldValue>,
    ) -> Result<(), SessionError> {
        let (name, value) = (name.into_field_name()?, value.into());
        // Where the handler can still react.
        self.backend().policy().limits().check(&name, &value)?;
        self.note(|pending| pending.set(name, value))
    }

    /// Removes a field. To know what it held, [`take`](Self::take) it.
    ///
    /// # Errors
    /// A reserved name, and [`SessionError::Committed`].
    pub fn remove(&self, name: impl IntoFieldName) -> Result<(), SessionError> {
        let name = name.into_field_name()?;
        self.open(|state| {
            // What is known to be absent needs no removal, and its session no write.
            let is_absent = state.field(name.as_str(), Purpose::Peek) == Known::Now(None);
            if !is_absent || state.changes.waiting.delta.change(name.as_str()).is_some() {
                state.changes.waiting.remove(name);
            }
        })
    }

    /// Changes the sliding TTL of this session. The expiry moves with it; a deadline stays.
    ///
    /// # Errors
    /// [`SessionError::Committed`].
    pub fn set_ttl(&self, ttl: SessionTtl) -> Result<(), SessionError> {
        self.note(|pending| pending.ttl(ttl))
    }

    /// Moves the session to a fresh id, so that an id that somebody else knows is worth nothing.
    /// Needed at each change of privilege; [`log_in`](Self::log_in) does it.
    ///
    /// # Atomicity
    /// The session is under the old id or the new one, never both, never neither. Of several
    /// requests that rotate at the same time one wins; for the others the session is gone.
    ///
    /// # Errors
    /// [`SessionError::Committed`].
    #[doc(alias = "cycle_id")]
    #[doc(alias = "regenerate")]
    #[doc(alias = "renew")]
    pub fn rotate(&self) -> Result<(), SessionError> {
        self.note(Pending::rotate)
    }

    /// Logs a principal in, so that the session can be listed and revoked: [rotates](Self::rotate)
    /// the id, binds the session and fixes its deadline again, in one step with all else that this
    /// request sets. Without a session, or if it has ended meanwhile, one is begun.
    ///
    /// A [`LogIn`] says how long this log-in lasts, also without a use, and whether the browser
    /// keeps the cookie beyond its own end; where it does not say, the policy's lifetime and TTL
    /// and the layer's cookie decide. Rotations keep all of it.
    ///
    /// The fields of a visitor's session stay (a cart, say), and so do those of the same
    /// principal's. Of another principal's session nothing stays but what this request sets, and of
    /// none where the log-in is [fresh](LogIn::fresh).
    ///
    /// # Errors
    /// [`SessionError::Committed`]. A principal with too many sessions is found when the changes
    /// are applied; [`save`](Self::save) to be told.
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// use session_core::{Lifetime, LogIn, Principal, SessionTtl};
    ///
    /// session.log_in(Principal::new("user:42")?)?;
    /// session.insert("username", "andrew")?;
    ///
    /// // "Remember me": a cookie that outlives the browser, 30 days, a week of them without a use.
    /// let (month, week) = (Lifetime::from_secs(30 * 86_400)?, SessionTtl::from_secs(7 * 86_400)?);
    /// let log_in = LogIn::new(Principal::new("user:42")?).lifetime(month).ttl(week);
    /// session.log_in(log_in.persistent(true))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn log_in(&self, log_in: impl Into<LogIn>) -> Result<(), SessionError> {
        let log_in = log_in.into();
        self.note(|pending| pending.log_in(log_in))
    }

    /// Ends the session: it is deleted, and the cookie cleared. What this request has changed and
    /// not applied is forgotten; what it sets after this goes into a new session under a fresh id.
    ///
    /// # Errors
    /// [`SessionError::Committed`].
    #[doc(alias = "flush")]
    #[doc(alias = "invalidate")]
    pub fn destroy(&self) -> Result<(), SessionError> {
        self.open(|state| state.changes.end())
    }

    /// Logs out: [`destroy`](Self::destroy) by its everyday name.
    ///
    /// # Errors
    /// [`SessionError::Committed`].
    pub fn log_out(&self) -> Result<(), SessionError> {
        self.destroy()
    }

    /// Logs the principal out and lets the session go on as a visitor's, under a fresh id and with
    /// these fields only (a cart, a language). `created_at` and the deadline are those of a session
    /// that begins now. A session that is bound to nobody keeps all of its fields.
    ///
    /// If the session ended or was rotated meanwhile, it is a [`log_out`](Self::log_out); what this
    /// request sets goes into a new one.
    ///
    /// # Errors
    /// A reserved name, and [`SessionError::Committed`].
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// session.log_out_keeping(["cart", "language"])?;
    /// assert_eq!(session.principal().await?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn log_out_keeping<N: IntoFieldName>(
        &self,
        names: impl IntoIterator<Item = N>,
    ) -> Result<(), SessionError> {
        let names = names.into_iter().map(N::into_field_name);
        let names = names.collect::<Result<Vec<_>, _>>()?;
        self.note(|pending| pending.log_out_keeping(names))
    }

    /// Forgets what this request has changed and not applied yet.
    ///
    /// A [`save`](Self::save) that is under way may still apply what it took with it.
    ///
    /// # Errors
    /// [`SessionError::Committed`].
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// session.insert("draft", "…")?;
    /// session.discard()?;
    /// assert_eq!(session.get::<String>("draft").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn discard(&self) -> Result<(), SessionError> {
        self.open(|state| state.changes.discard())
    }

    fn note(&self, change: impl FnOnce(&mut Pending)) -> Result<(), SessionError> {
        self.open(|state| change(&mut state.changes.waiting))
    }
}

pub(crate) fn unless_unencodable<T>(
    name: &FieldName,
    written: Result<T, Fault>,
) -> Result<T, SessionError> {
    written.map_err(|fault| fault.in_field(name.as_str()).unencodable::<T>())
}
