//! The principal's sessions on all devices.

use std::sync::Arc;

use session_core::{Delta, FieldName, IntoFieldName, ListedSession, PublicId};

use crate::error::SessionError;
use crate::session::Session;
use crate::state::Purpose;

/// # Devices
///
/// Where the session's principal is logged in. Each session is named by its public id
/// ([`public_id`](Session::public_id) is this one's), which opens none. What waits is applied
/// first, so a log-in or log-out of this request counts.
impl Session {
    /// The live sessions of this session's principal, this one included, nearest deadline first;
    /// none for a visitor. Looking is no use of the others.
    ///
    /// Of the application's fields these are shown, as far as a session has them: a device's name,
    /// say. A row serializes to a struct of `public_id`, `created_at`, `last_accessed_at`,
    /// `login_at` and `fields`.
    ///
    /// # Errors
    /// A reserved name; as [`save`](Self::save); [`SessionError::Backend`].
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// use session_http::FieldsExt;
    ///
    /// for device in session.devices(["user_agent"]).await? {
    ///     let is_this = session.public_id() == Some(device.public_id);
    ///     let name: Option<String> = device.get_as("user_agent")?;
    ///     println!("{} {}", name.unwrap_or_default(), if is_this { "(this one)" } else { "" });
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn devices<N: IntoFieldName>(
        &self,
        fields: impl IntoIterator<Item = N>,
    ) -> Result<Vec<ListedSession>, SessionError> {
        let fields = field_names(fields)?;
        let conversation = Arc::clone(self.conversation());
        self.open(|_| ())?;
        self.run(async move { conversation.devices(fields, Purpose::Use).await })
            .await
    }

    pub(crate) async fn peek_devices<N: IntoFieldName>(
        &self,
        fields: impl IntoIterator<Item = N>,
    ) -> Result<Vec<ListedSession>, SessionError> {
        let fields = field_names(fields)?;
        let conversation = Arc::clone(self.conversation());
        self.used(|_| ());
        let list = async move { conversation.devices(fields, Purpose::Peek).await };
        self.operations().run(list).await
    }

    /// Changes one session of this session's principal, on whatever device it is: its label, say.
    /// To change this one, use its own methods.
    ///
    /// # Returns
    /// Whether there was such a session.
    ///
    /// # Atomicity
    /// One step, as [`update_session_of`](session_core::SessionBackend::update_session_of).
    ///
    /// # Errors
    /// As [`save`](Self::save); [`SessionError::Backend`].
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session, public_id: session_core::PublicId)
    /// # -> Result<(), session_http::SessionError> {
    /// use session_core::{Delta, Touch};
    /// use session_http::DeltaExt;
    ///
    /// let label = Delta::new().insert("label", "my phone")?.touch(Touch::Never);
    /// session.update_device(public_id, label).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn update_device(
        &self,
        public_id: PublicId,
        delta: Delta,
    ) -> Result<bool, SessionError> {
        let conversation = Arc::clone(self.conversation());
        self.open(|_| ())?;
        let update = async move { conversation.update_device(public_id, delta).await };
        self.run(update).await
    }

    /// Ends one session of this session's principal, on whatever device it is. This one's own ends
    /// as by [`log_out`](Self::log_out).
    ///
    /// # Returns
    /// Whether there was such a session.
    ///
    /// # Errors
    /// As [`save`](Self::save); [`SessionError::Backend`].
    pub async fn log_out_device(&self, public_id: PublicId) -> Result<bool, SessionError> {
        let conversation = Arc::clone(self.conversation());
        self.open(|_| ())?;
        self.run(async move { conversation.log_out_device(public_id).await })
            .await
    }

    /// Ends all other sessions of this session's principal, and never this one, also if another
    /// request rotates its id meanwhile.
    ///
    /// # Returns
    /// How many it ended.
    ///
    /// # Atomicity
    /// Every session whose log-in was acknowledged before the call has ended after it; one step
    /// each.
    ///
    /// # Errors
    /// As [`save`](Self::save); [`SessionError::Backend`]: some may have ended.
    pub async fn log_out_others(&self) -> Result<u64, SessionError> {
        let conversation = Arc::clone(self.conversation());
        self.open(|_| ())?;
        self.run(async move { conversation.log_out_others().await })
            .await
    }

    /// Ends all sessions of this session's principal, and this one as by
    /// [`log_out`](Self::log_out).
    ///
    /// # Returns
    /// How many it ended.
    ///
    /// # Errors
    /// As [`save`](Self::save); [`SessionError::Backend`]: some may have ended.
    pub async fn log_out_everywhere(&self) -> Result<u64, SessionError> {
        let conversation = Arc::clone(self.conversation());
        self.open(|_| ())?;
        self.run(async move { conversation.log_out_everywhere().await })
            .await
    }
}

fn field_names<N: IntoFieldName>(
    names: impl IntoIterator<Item = N>,
) -> Result<Vec<FieldName>, SessionError> {
    let names: Result<_, _> = names.into_iter().map(N::into_field_name).collect();
    Ok(names?)
}
