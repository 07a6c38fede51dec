//! Counting: the one change that does not wait.

use std::sync::Arc;

use session_core::{IntoFieldName, SessionRecord};

use crate::error::SessionError;
use crate::session::Session;

/// A counter after an increment, and its session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counted {
    /// The counter's new value.
    pub value: i64,
    /// The session as it is after the increment; changes that wait are not in it.
    pub record: SessionRecord,
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
    /// The new value.
    ///
    /// # Atomicity
    /// One step on the server: concurrent increments answer distinct values.
    ///
    /// # Errors
    /// A reserved name, [`NotAnInteger`](session_core::ErrorKind::NotAnInteger) or
    /// [`Overflow`](session_core::ErrorKind::Overflow): nothing is changed.
    /// [`SessionError::ChangesDropped`] when the session ended while this request was using it, or
    /// was rotated. [`SessionError::Committed`]. With
    /// [`Effect::Unknown`](session_core::Effect::Unknown) it may have been counted.
    ///
    /// # Cancellation
    /// An increment that has begun is counted all the same, at the latest with the commit.
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// let views = session.increment("page_views", 1).await?;
    /// println!("view number {views}");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn increment(&self, name: impl IntoFieldName, by: i64) -> Result<i64, SessionError> {
        let name = name.into_field_name()?;
        self.open(|_| ())?;
        let conversation = Arc::clone(self.conversation());
        let count = async move { conversation.increment(name, by).await };
        self.run(count).await
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
    /// As [`increment`](Self::increment).
    pub async fn increment_and_load(
        &self,
        name: impl IntoFieldName,
        by: i64,
    ) -> Result<Option<Counted>, SessionError> {
        let name = name.into_field_name()?;
        self.open(|_| ())?;
        let conversation = Arc::clone(self.conversation());
        let count = async move { conversation.increment_and_load(name, by).await };
        let counted = self.run(count).await?;
        Ok(counted.map(|(value, record)| Counted { value, record }))
    }
}
