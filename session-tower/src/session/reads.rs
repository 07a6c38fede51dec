//! Reading the session.

use session_core::{FieldValue, Fields, SessionRecord};

use crate::cookie::Presented;
use crate::error::SessionError;
use crate::session::{Presence, Session};
use crate::state::{Purpose, View};

/// # Reading
///
/// The first read of a request asks the backend, in one round trip, and counts as use of the
/// session as the backend's [policy](session_core::SessionPolicy::with_touch) says; further ones
/// are answered from what was loaded. To read without counting as use, there is
/// [`ReadSession`](crate::ReadSession).
impl Session {
    /// The value of a field. This request's own changes are seen, applied or not.
    ///
    /// # Returns
    /// `None` when the field is absent, and when there is no session.
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    ///
    /// # Cancellation
    /// Safe.
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_tower::Session) -> Result<(), session_tower::SessionError> {
    /// session.insert("theme", "dark")?;
    /// assert_eq!(session.get("theme").await?, Some("dark".into()));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get(&self, name: &str) -> Result<Option<FieldValue>, SessionError> {
        self.get_for(name, Purpose::Use).await
    }

    /// The value of a field as text; otherwise as [`get`](Self::get).
    ///
    /// # Errors
    /// [`SessionError::Decode`] when the value is not UTF-8, and [`SessionError::Backend`].
    pub async fn get_str(&self, name: &str) -> Result<Option<String>, SessionError> {
        self.get_str_for(name, Purpose::Use).await
    }

    /// Whether there is a field of this name; otherwise as [`get`](Self::get).
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    pub async fn contains(&self, name: &str) -> Result<bool, SessionError> {
        Ok(self.get(name).await?.is_some())
    }

    /// All fields, this request's own changes included; none when there is no session.
    ///
    /// # Errors
    /// [`SessionError::Backend`].
    pub async fn fields(&self) -> Result<Fields, SessionError> {
        self.fields_for(Purpose::Use).await
    }

    /// Takes a field out: its value, which the next request will not find. For messages that are
    /// shown once.
    ///
    /// # Returns
    /// `None` when the field is absent, and then there is nothing to change.
    ///
    /// # Atomicity
    /// The removal waits with the other changes. Two requests at the same time can both find the
    /// value.
    ///
    /// # Errors
    /// [`SessionError::Backend`], [`SessionError::Committed`].
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_tower::Session) -> Result<(), session_tower::SessionError> {
    /// session.insert("flash", "Saved.")?;
    /// assert_eq!(session.take("flash").await?, Some("Saved.".into()));
    /// assert_eq!(session.take("flash").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn take(&self, name: &str) -> Result<Option<FieldValue>, SessionError> {
        let value = self.get(name).await?;
        if value.is_some() {
            self.remove(name.to_owned())?;
        }
        Ok(value)
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
    /// # async fn example(session: session_tower::Session) -> Result<(), session_tower::SessionError> {
    /// if let Some(record) = session.load().await? {
    ///     println!("ends in {:?} s", record.remaining().whole_seconds());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn load(&self) -> Result<Option<SessionRecord>, SessionError> {
        self.load_for(Purpose::Use).await
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
        self.with(|state| matches!(&state.view, View::Live { loaded, .. } if loaded.is_some()))
    }

    pub(crate) async fn get_for(
        &self,
        name: &str,
        purpose: Purpose,
    ) -> Result<Option<FieldValue>, SessionError> {
        self.used(|_| ());
        self.ask(purpose, |state| state.field(name, purpose)).await
    }

    pub(crate) async fn get_str_for(
        &self,
        name: &str,
        purpose: Purpose,
    ) -> Result<Option<String>, SessionError> {
        let value = self.get_for(name, purpose).await?;
        let text = value.map(|value| value.as_str().map(str::to_owned));
        text.transpose().map_err(|_| SessionError::Decode {
            what: format!("the field `{name}`"),
            type_name: "text",
            why: "it is not UTF-8".to_owned(),
        })
    }

    pub(crate) async fn fields_for(&self, purpose: Purpose) -> Result<Fields, SessionError> {
        self.used(|_| ());
        self.ask(purpose, |state| state.fields(purpose)).await
    }

    pub(crate) async fn load_for(
        &self,
        purpose: Purpose,
    ) -> Result<Option<SessionRecord>, SessionError> {
        self.used(|_| ());
        self.ask(purpose, |state| state.record(purpose)).await
    }

    pub(crate) async fn presence_for(&self, purpose: Purpose) -> Result<Presence, SessionError> {
        if self.with(|state| matches!(state.view, View::Unasked(_))) {
            self.load_for(purpose).await?;
        }
        Ok(self.used(|state| match &state.view {
            View::Live { .. } if !state.is_ending() => Presence::Live,
            _ if matches!(state.presented, Presented::Id(_)) => Presence::Gone,
            _ => Presence::Absent,
        }))
    }
}
