//! Handles for tests of handlers, without HTTP.

use std::sync::Arc;

use session_core::{Fields, NewSession, SessionBackend, SessionId};

use crate::change::CookieChange;
use crate::error::SessionError;
use crate::presented::Presented;
use crate::session::Session;
use crate::sessions::Settings;
use crate::state::{Former, State};

/// # Testing handlers
///
/// A handler that takes a [`Session`] is a function; these make one to call it with. More is on the
/// page about testing of the crate `session-store`.
impl Session {
    /// A handle as the layer gives it to the handler of a request whose cookie holds this id, or
    /// that has no cookie.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), session_http::SessionError> {
    /// use session_memory::MemoryBackend;
    /// use session_http::{CookieChange, Session};
    /// use std::sync::Arc;
    ///
    /// async fn greet(session: Session) -> Result<(), session_http::SessionError> {
    ///     session.insert("greeted", "yes")
    /// }
    ///
    /// let session = Session::for_test(Arc::new(MemoryBackend::new()), None);
    /// greet(session.clone()).await?;
    /// assert!(matches!(session.commit_for_test().await?, CookieChange::Set { .. }));
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_test(backend: Arc<dyn SessionBackend>, id: Option<SessionId>) -> Self {
        let presented = id.map_or(Presented::Nothing, Presented::Id);
        let state = State::new(presented, Former::Nowhere);
        Self::new(Arc::new(Settings::new(backend)), state, None)
    }

    /// A handle as [`for_test`](Self::for_test) makes it, for a request of a session that has these
    /// fields.
    ///
    /// # Errors
    /// [`SessionError::Backend`]: creating the session is one round trip.
    pub async fn for_test_with(
        backend: Arc<dyn SessionBackend>,
        fields: Fields,
    ) -> Result<Self, SessionError> {
        let created = backend.create_session(NewSession::new(fields)).await?;
        Ok(Self::for_test(backend, Some(created.id)))
    }

    /// Does what the layer does when the handler has answered: applies what waits, and closes the
    /// handle.
    ///
    /// # Returns
    /// What the response would do to the cookie.
    ///
    /// # Errors
    /// [`SessionError::Backend`], which the layer would answer with its failure response.
    pub async fn commit_for_test(&self) -> Result<CookieChange, SessionError> {
        self.with(|state| state.is_closed = true);
        let conversation = Arc::clone(self.conversation());
        self.operations()
            .run(async move { conversation.commit().await })
            .await
    }
}
