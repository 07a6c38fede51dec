//! Watching the session of an open connection.

use std::sync::Arc;

use crate::error::SessionError;
use crate::session::Session;
use crate::state::Purpose;
use crate::watch::Watch;

/// # Open connections
///
/// A WebSocket and a stream of events outlive their request. What they need to know of its session
/// a [`Watch`] says: when it is over, and what the store has of it now. The handle itself still
/// reads from the store after the response headers, each time and as a use, but under the id that
/// its request had: after a rotation by another request it finds nothing, where [`Watch::load`]
/// follows.
impl Session {
    /// Watches the session. Applies what waits first, so a log-in of this request counts. Counts as
    /// use.
    ///
    /// May also be called after the response headers are sent: in the task of a WebSocket, say.
    ///
    /// # Returns
    /// `None` when there is no session.
    ///
    /// # Atomicity
    /// One step: the changes that wait, or else a read, whatever was loaded before.
    ///
    /// # Errors
    /// As [`save`](Self::save), but never [`SessionError::Committed`].
    ///
    /// # Cancellation
    /// As [`save`](Self::save).
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// if let Some(watch) = session.watch().await? {
    ///     tokio::spawn(async move { println!("it is over: {:?}", watch.ended().await) });
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn watch(&self) -> Result<Option<Watch>, SessionError> {
        self.used(|_| ());
        let conversation = Arc::clone(self.conversation());
        let begun = self.run(async move { conversation.watch(Purpose::Use).await });
        let begun = begun.await?;
        Ok(begun.map(|begun| self.settings().watched.watch(&begun)))
    }

    /// Watches the session as it is in the store, which is no use.
    pub(crate) async fn peek_watch(&self) -> Result<Option<Watch>, SessionError> {
        self.used(|_| ());
        let conversation = Arc::clone(self.conversation());
        let watch = async move { conversation.watch(Purpose::Peek).await };
        let begun = self.operations().run(watch).await?;
        Ok(begun.map(|begun| self.settings().watched.watch(&begun)))
    }
}
