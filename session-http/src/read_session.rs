//! The read-only handle.

use std::fmt;

use http::Extensions;
use serde::de::DeserializeOwned;
use session_core::{
    FieldValue, Fields, IntoFieldName, ListedSession, Principal, PublicId, SessionRecord,
};

use crate::error::SessionError;
use crate::json::decode::Form;
use crate::session::{Presence, Session};
use crate::state::Purpose;
use crate::watch::Watch;

/// The session of one request, to look at: reading it does not count as use, so it never slides
/// the expiry. For polling, health checks and countdowns.
///
/// With the feature `axum` it is an extractor. It shares what is loaded with the request's
/// [`Session`]; when a `Session` reads what was only looked at, that is a use, and one more round
/// trip.
///
/// ```
/// use session_http::{ReadSession, SessionError};
///
/// async fn seconds_left(session: ReadSession) -> Result<String, SessionError> {
///     let record = session.load().await?;
///     let left = record.and_then(|record| record.ttl().whole_seconds());
///     Ok(left.unwrap_or(0).to_string())
/// }
/// ```
#[derive(Clone)]
pub struct ReadSession(Session);

impl ReadSession {
    /// The session of a request, found in the request's extensions: that of the innermost layer.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        Session::of(extensions).map(Self)
    }

    /// The value of a field, as this type; `None` when it is absent, and when there is no session.
    ///
    /// # Errors
    /// [`SessionError::Decode`] when the field holds something else, and [`SessionError::Backend`].
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        self.0.get_for(name, Form::Field, Purpose::Peek).await
    }

    /// The value of a field that holds JSON, as [`Session::insert_json`] stores it; otherwise as
    /// [`get`](Self::get).
    ///
    /// # Errors
    /// [`SessionError::Decode`] when the field holds something else, and [`SessionError::Backend`].
    pub async fn get_json<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, SessionError> {
        self.0.get_for(name, Form::Json, Purpose::Peek).await
    }

    /// The bytes of a field as they are stored; otherwise as [`get`](Self::get).
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    pub async fn get_raw(&self, name: &str) -> Result<Option<FieldValue>, SessionError> {
        self.0.get_raw_for(name, Purpose::Peek).await
    }

    /// Whether there is a field of this name.
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    pub async fn contains(&self, name: &str) -> Result<bool, SessionError> {
        Ok(self.get_raw(name).await?.is_some())
    }

    /// All fields; none when there is no session.
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    pub async fn fields(&self) -> Result<Fields, SessionError> {
        self.0.fields_for(Purpose::Peek).await
    }

    /// The session as the backend last answered it; `None` when there is none.
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    pub async fn load(&self) -> Result<Option<SessionRecord>, SessionError> {
        self.0.load_for(Purpose::Peek).await
    }

    /// Whom the session is bound to: who is logged in.
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    pub async fn principal(&self) -> Result<Option<Principal>, SessionError> {
        self.0.principal_for(Purpose::Peek).await
    }

    /// Whether there is a session, and if not, whether there was one.
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    pub async fn presence(&self) -> Result<Presence, SessionError> {
        self.0.presence_for(Purpose::Peek).await
    }

    /// The live sessions of the session's principal, with these of their fields, as
    /// [`Session::devices`] lists them; none for a visitor. A log-in that waits does not count.
    ///
    /// # Errors
    /// A reserved name; [`SessionError::Backend`].
    pub async fn devices<N: IntoFieldName>(
        &self,
        fields: impl IntoIterator<Item = N>,
    ) -> Result<Vec<ListedSession>, SessionError> {
        self.0.peek_devices(fields).await
    }

    /// Watches the session as the store has it, for an open connection; `None` when there is none.
    /// What waits in the request is not applied first, as [`Session::watch`] does.
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    pub async fn watch(&self) -> Result<Option<Watch>, SessionError> {
        self.0.peek_watch().await
    }

    /// The name of the cookie, or of the request's header, that the session's id travels in.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Names a session that is bound to a principal without opening it, once it is loaded.
    pub fn public_id(&self) -> Option<PublicId> {
        self.0.public_id()
    }
}

impl From<Session> for ReadSession {
    fn from(session: Session) -> Self {
        Self(session)
    }
}

impl fmt::Debug for ReadSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadSession").field(&self.0).finish()
    }
}
