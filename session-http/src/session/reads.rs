//! Reading the session.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use session_core::{FieldValue, Fields, Principal, SessionRecord};

use crate::error::SessionError;
use crate::json::Fault;
use crate::json::decode::{self, Form};
use crate::presented::Presented;
use crate::session::{Presence, Session};
use crate::sessions::Undecodable;
use crate::state::{Known, Purpose, State, View};

/// # Reading
///
/// The first read of a request asks the backend, in one round trip, and counts as use of the
/// session as the backend's [policy](session_core::SessionPolicy::with_touch) says; further ones
/// are answered from what was loaded. Once the response headers are sent, each read asks again.
/// To read without counting as use, there is [`ReadSession`](crate::ReadSession).
///
/// A backend with a near cache may answer with what this process has read earlier. What must be
/// exact is read by [`get_fresh`](Session::get_fresh) and [`load_fresh`](Session::load_fresh).
///
/// Whether a stored `5` is the number or the text is decided by the type that is read. A type that
/// takes anything (`serde_json::Value`, an untagged or an internally tagged enum) does not decide,
/// and is always refused: [`insert_json`](Session::insert_json) and [`get_json`](Session::get_json)
/// are for these.
///
/// What becomes of a field that holds something else than the type that is read, is the layer's
/// decision: [`Undecodable`](crate::Undecodable).
impl Session {
    /// The value of a field, as this type. This request's own changes are seen, applied or not.
    ///
    /// # Returns
    /// `None` when the field is absent, and when there is no session.
    ///
    /// # Errors
    /// [`SessionError::Decode`] when the field holds something else, and [`SessionError::Backend`].
    ///
    /// # Cancellation
    /// Safe.
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// session.insert("theme", "dark")?;
    /// assert_eq!(session.get::<String>("theme").await?.as_deref(), Some("dark"));
    /// let visits: u64 = session.get("visits").await?.unwrap_or_default();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        self.get_for(name, Form::Field, Purpose::Use).await
    }

    /// The value of a field as the store itself has it; otherwise as [`get`](Self::get).
    ///
    /// For a decision that must be exact, as of a permission or a payment: where the backend has a
    /// near cache, `get` may not see yet what another process has just changed, or that it has
    /// ended the session. Without one both see the same.
    ///
    /// This is one round trip, unless the store itself has said in this request already what the
    /// session holds. All later reads of this request see what it said.
    ///
    /// # Errors
    /// [`SessionError::Decode`] when the field holds something else, and [`SessionError::Backend`].
    ///
    /// # Cancellation
    /// Safe.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use session_core::{FieldName, Fields};
    /// # use session_http::{Session, SessionError};
    /// # use session_memory::MemoryBackend;
    /// # use std::sync::Arc;
    /// async fn may_pay(session: &Session, amount: u64) -> Result<bool, SessionError> {
    ///     let limit: Option<u64> = session.get_fresh("limit").await?;
    ///     Ok(limit.is_some_and(|limit| amount <= limit))
    /// }
    /// # let fields = Fields::new().with(FieldName::new("limit")?, 100);
    /// # let session = Session::for_test_with(Arc::new(MemoryBackend::new()), fields).await?;
    ///
    /// assert!(may_pay(&session, 100).await? && !may_pay(&session, 101).await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_fresh<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, SessionError> {
        self.get_for(name, Form::Field, Purpose::Fresh).await
    }

    /// The value of a field that holds JSON, as [`insert_json`](Self::insert_json) stores it; text
    /// without quotes is none. Otherwise as [`get`](Self::get).
    ///
    /// # Errors
    /// [`SessionError::Decode`] when the field holds something else, and [`SessionError::Backend`].
    pub async fn get_json<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, SessionError> {
        self.get_for(name, Form::Json, Purpose::Use).await
    }

    /// The bytes of a field as they are stored; otherwise as [`get`](Self::get).
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    pub async fn get_raw(&self, name: &str) -> Result<Option<FieldValue>, SessionError> {
        self.get_raw_for(name, Purpose::Use).await
    }

    /// Whether there is a field of this name; otherwise as [`get`](Self::get).
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    pub async fn contains(&self, name: &str) -> Result<bool, SessionError> {
        Ok(self.get_raw(name).await?.is_some())
    }

    /// All fields, this request's own changes included; none when there is no session.
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    pub async fn fields(&self) -> Result<Fields, SessionError> {
        self.fields_for(Purpose::Use).await
    }

    /// Takes a field out: its value, as this type, which the next request will not find. For
    /// messages that are shown once.
    ///
    /// # Returns
    /// `None` when the field is absent, and then there is nothing to change.
    ///
    /// # Atomicity
    /// The removal waits with the other changes. Two requests at the same time can both find the
    /// value.
    ///
    /// # Errors
    /// [`SessionError::Decode`] when the field holds something else: then it stays.
    /// [`SessionError::Backend`], [`SessionError::Committed`].
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// session.insert("flash", "Saved.")?;
    /// assert_eq!(session.take::<String>("flash").await?.as_deref(), Some("Saved."));
    /// assert_eq!(session.take::<String>("flash").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn take<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        let value = self.get(name).await?;
        self.remove_found(name, value)
    }

    /// Takes a field out: its bytes as they are stored; otherwise as [`take`](Self::take).
    ///
    /// # Errors
    /// [`SessionError::Backend`], [`SessionError::Committed`].
    pub async fn take_raw(&self, name: &str) -> Result<Option<FieldValue>, SessionError> {
        let value = self.get_raw(name).await?;
        self.remove_found(name, value)
    }

    /// The session as the backend last answered it: its fields, `created_at`, `last_accessed_at`,
    /// TTL, deadline, principal, and what remains of its life. Changes that wait are not in it.
    ///
    /// # Returns
    /// `None` when there is no session (yet).
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    ///
    /// # Cancellation
    /// Safe.
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// if let Some(record) = session.load().await? {
    ///     println!("ends in {:?} s", record.ttl().whole_seconds());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn load(&self) -> Result<Option<SessionRecord>, SessionError> {
        self.load_for(Purpose::Use).await
    }

    /// The session as the store itself has it, at the cost of [`get_fresh`](Self::get_fresh);
    /// otherwise as [`load`](Self::load). All later reads of this request see what it said, so this
    /// also comes before a decision by [`principal`](Self::principal) that must be exact.
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    ///
    /// # Cancellation
    /// Safe.
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// let is_logged_in = (session.load_fresh().await?).is_some_and(|it| it.principal().is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn load_fresh(&self) -> Result<Option<SessionRecord>, SessionError> {
        self.load_for(Purpose::Fresh).await
    }

    /// Whom the session is bound to: who is logged in. A log-in or log-out of this request counts.
    ///
    /// # Returns
    /// `None` for a visitor who is not logged in, with or without a session.
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// match session.principal().await? {
    ///     Some(principal) => println!("hello, {}", principal.as_str()),
    ///     None => println!("please log in"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn principal(&self) -> Result<Option<Principal>, SessionError> {
        self.principal_for(Purpose::Use).await
    }

    /// Whether there is a session, and if not, whether there was one: "please log in" is another
    /// message than "your session has expired". What this request has set does not count
    /// before it is applied.
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    pub async fn presence(&self) -> Result<Presence, SessionError> {
        self.presence_for(Purpose::Use).await
    }

    /// Whether the session was loaded in this request. Asks nothing.
    pub fn is_loaded(&self) -> bool {
        self.with(|state| state.is_loaded())
    }

    /// An answer from what is known, unless the response is on its way: then the store knows.
    fn known<T>(&self, known: impl Fn(&State) -> Known<T>) -> Option<T> {
        self.used(|state| match known(state) {
            Known::Now(answer) if !state.is_closed => Some(answer),
            _ => None,
        })
    }

    /// Answers from what is known, after a read if need be.
    async fn ask<T: Send + 'static>(
        &self,
        purpose: Purpose,
        known: impl Fn(&State) -> Known<T> + Send + Sync + 'static,
    ) -> Result<T, SessionError> {
        if let Some(known) = self.known(&known) {
            return Ok(known);
        }
        let conversation = Arc::clone(self.conversation());
        let ask = async move { conversation.ask(purpose, known).await };
        self.operations().run(ask).await
    }

    fn remove_found<T>(&self, name: &str, value: Option<T>) -> Result<Option<T>, SessionError> {
        if value.is_some() {
            self.remove(name)?;
        }
        Ok(value)
    }

    pub(crate) async fn get_raw_for(
        &self,
        name: &str,
        purpose: Purpose,
    ) -> Result<Option<FieldValue>, SessionError> {
        if let Some(known) = self.known(|state| state.field(name, purpose)) {
            return Ok(known);
        }
        let name = name.to_owned();
        self.ask(purpose, move |state| state.field(&name, purpose))
            .await
    }

    pub(crate) async fn get_for<T: DeserializeOwned>(
        &self,
        name: &str,
        form: Form<'_>,
        purpose: Purpose,
    ) -> Result<Option<T>, SessionError> {
        let Some(value) = self.get_raw_for(name, purpose).await? else {
            return Ok(None);
        };
        match decode::from_value(&value, form) {
            Ok(value) => Ok(Some(value)),
            Err(fault) => {
                self.has_undecodable::<T>(&fault.in_field(name), purpose)?;
                Ok(None)
            }
        }
    }

    /// What becomes of a field that is no value of its type: an error, or nothing from now on.
    pub(crate) fn has_undecodable<T>(
        &self,
        fault: &Fault,
        purpose: Purpose,
    ) -> Result<(), SessionError> {
        let error = fault.undecodable::<T>();
        // A type that no field can be read as is the application's mistake, not the data's.
        if fault.is_of_type || self.settings().undecodable == Undecodable::Error {
            return Err(error);
        }
        let name = fault.field().filter(|_| purpose != Purpose::Peek);
        let is_removed = name.is_some_and(|name| self.remove(name.to_owned()).is_ok());
        tracing::warn!(is_removed, "taken as absent: {error}");
        Ok(())
    }

    pub(crate) async fn fields_for(&self, purpose: Purpose) -> Result<Fields, SessionError> {
        self.ask(purpose, move |state| state.fields(purpose)).await
    }

    pub(crate) async fn principal_for(
        &self,
        purpose: Purpose,
    ) -> Result<Option<Principal>, SessionError> {
        self.ask(purpose, move |state| state.principal(purpose))
            .await
    }

    pub(crate) async fn load_for(
        &self,
        purpose: Purpose,
    ) -> Result<Option<SessionRecord>, SessionError> {
        self.ask(purpose, move |state| state.record(purpose)).await
    }

    pub(crate) async fn presence_for(&self, purpose: Purpose) -> Result<Presence, SessionError> {
        let is_unasked = |state: &State| matches!(state.view, View::Unasked(_) | View::Several);
        if self.with(|state| state.is_closed || is_unasked(state)) {
            self.load_for(purpose).await?;
        }
        Ok(self.used(|state| match state.presented {
            _ if state.live_id().is_some() => Presence::Live,
            _ if state.is_rotated() => Presence::Rotated,
            Presented::Id(_) | Presented::Several(_) => Presence::NotFound,
            Presented::Nothing | Presented::Unusable => Presence::Absent,
        }))
    }
}
