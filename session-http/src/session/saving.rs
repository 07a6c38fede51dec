//! Applying the changes before the handler has answered.

use session_core::SessionRecord;

use crate::error::SessionError;
use crate::exchange::Flushed;
use crate::session::Session;

/// # Saving
///
/// The layer applies what waits when the handler has answered. To do it earlier, and to be told
/// what became of it, there are these.
impl Session {
    /// Applies all changes that wait, in one step; none is applied again later. Asks nothing when
    /// there are none.
    ///
    /// # Returns
    /// `false` when the changes were dropped because there is no session for them: it ended while
    /// this request was using it, or there is none and nothing that would create one.
    ///
    /// # Atomicity
    /// All changes or none. A session that a [`destroy`](Self::destroy) ends and one that is
    /// created after it are two steps.
    ///
    /// # Errors
    /// [`SessionError::Backend`]: a limit, a principal with too many sessions, or the store's
    /// failure. With the effect `NotApplied` the changes go on waiting, and the layer tries again.
    /// What may have been applied is not sent again; a session that was to be created or rotated is
    /// looked for first, under the id that was drawn for it. [`SessionError::Committed`].
    ///
    /// # Cancellation
    /// A dropped save is tried again by the layer.
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// session.insert("step", "paid")?;
    /// // Before the mail is sent, the session must know.
    /// if !session.save().await? {
    ///     println!("the session has expired");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn save(&self) -> Result<bool, SessionError> {
        Ok(match self.flush_open(false).await? {
            Flushed::Nothing | Flushed::Applied(_) => true,
            Flushed::Dropped => false,
        })
    }

    /// Applies all changes that wait and brings the session back in the same step. Without any,
    /// it is [`load`](Self::load).
    ///
    /// # Returns
    /// `None` when there is no session.
    ///
    /// # Atomicity
    /// As [`save`](Self::save); the record is the session right after it.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    ///
    /// # Cancellation
    /// As [`save`](Self::save).
    pub async fn save_and_load(&self) -> Result<Option<SessionRecord>, SessionError> {
        match self.flush_open(true).await? {
            Flushed::Nothing => self.load().await,
            Flushed::Applied(record) => Ok(record),
            Flushed::Dropped => Ok(None),
        }
    }

    async fn flush_open(&self, returns_record: bool) -> Result<Flushed, SessionError> {
        let turn = self.turn_to_change().await?;
        self.flush(&turn, returns_record).await
    }
}
