//! Applying the changes before the handler has answered.

use std::sync::Arc;

use session_core::SessionRecord;

use crate::conversation::Flushed;
use crate::error::SessionError;
use crate::session::Session;

/// # Saving
///
/// The layer applies what waits when the handler has answered. To do it earlier, and to be told
/// what became of it, there are these.
impl Session {
    /// Applies all changes that wait, in one step; none is applied again later. Asks nothing when
    /// there are none.
    ///
    /// # Atomicity
    /// All changes or none. A session that a [`destroy`](Self::destroy) ends and one that is
    /// created after it are two steps.
    ///
    /// # Errors
    /// [`SessionError::Backend`]: a limit, a principal with too many sessions, or the store's
    /// failure. With the effect `NotApplied` the changes go on waiting, and the layer tries again.
    /// What may have been applied is not sent again; a session that was to be created or rotated is
    /// looked for first, under the id that was drawn for it. [`SessionError::ChangesDropped`]: the
    /// session ended while this request was using it, or was rotated, and the changes are dropped.
    /// [`SessionError::Committed`].
    ///
    /// # Cancellation
    /// A save that has begun goes on, at the latest with the commit, which then fails if nobody
    /// knows what became of it.
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// session.insert("step", "paid")?;
    /// // Before the mail is sent, the session must know.
    /// session.save().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn save(&self) -> Result<(), SessionError> {
        self.flush(false).await.map(drop)
    }

    /// Applies all changes that wait and brings the session back in the same step. Without any,
    /// it is [`load`](Self::load).
    ///
    /// # Returns
    /// `None` when there is no session, and nothing that would begin one.
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
        match self.flush(true).await? {
            Flushed::Applied(record) => Ok(record),
            _ => self.load().await,
        }
    }

    async fn flush(&self, returns_record: bool) -> Result<Flushed, SessionError> {
        self.open(|_| ())?;
        let conversation = Arc::clone(self.conversation());
        let save = async move { conversation.save(returns_record).await };
        match self.run(save).await? {
            Flushed::Dropped => Err(SessionError::ChangesDropped),
            flushed => Ok(flushed),
        }
    }
}
