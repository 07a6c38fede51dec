//! The principal's sessions on all devices.

use session_core::{Delta, FieldName, ListedSession, Principal, PublicId};

use super::{Conversation, Flushed};
use crate::error::SessionError;
use crate::state::{Purpose, State};

impl Conversation {
    pub(crate) async fn devices(
        &self,
        fields: Vec<FieldName>,
        purpose: Purpose,
    ) -> Result<Vec<ListedSession>, SessionError> {
        let principal = match purpose {
            Purpose::Use | Purpose::Fresh => {
                self.logged_in().await?.map(|(principal, _)| principal)
            }
            // As the store has it: what waits is not applied by a look.
            Purpose::Peek => {
                let known = |state: &State| state.record(purpose);
                self.ask(purpose, known)
                    .await?
                    .and_then(|it| it.principal())
            }
        };
        let Some(principal) = principal else {
            return Ok(Vec::new());
        };
        let listed = self.backend().list_sessions_with(&principal, fields).await;
        self.checked(listed)
    }

    pub(crate) async fn update_device(
        &self,
        public_id: PublicId,
        delta: Delta,
    ) -> Result<bool, SessionError> {
        let Some((principal, own)) = self.logged_in().await? else {
            return Ok(false);
        };
        if own == Some(public_id) {
            // It may be this one after all: what was loaded of it is outdated.
            self.with(State::forget_loaded);
        }
        let written = self
            .backend()
            .update_session_of(&principal, &public_id, delta)
            .await;
        self.checked(written.map(|written| written.is_some()))
    }

    pub(crate) async fn log_out_device(&self, public_id: PublicId) -> Result<bool, SessionError> {
        let Some((principal, own)) = self.logged_in().await? else {
            return Ok(false);
        };
        if own == Some(public_id) {
            self.log_out().await?;
            return Ok(true);
        }
        let ended = self.backend().revoke_session(&principal, &public_id).await;
        self.checked(ended)
    }

    /// One by one, by public id: unlike an id it stays when another request rotates the session.
    pub(crate) async fn log_out_others(&self) -> Result<u64, SessionError> {
        let Some((principal, own)) = self.logged_in().await? else {
            return Ok(0);
        };
        let listed = self.backend().list_sessions(&principal).await;
        let mut ended = 0;
        for other in self.checked(listed)? {
            if own == Some(other.public_id) {
                continue;
            }
            let revoked = self
                .backend()
                .revoke_session(&principal, &other.public_id)
                .await;
            ended += u64::from(self.checked(revoked)?);
        }
        Ok(ended)
    }

    pub(crate) async fn log_out_everywhere(&self) -> Result<u64, SessionError> {
        let Some((principal, _)) = self.logged_in().await? else {
            self.log_out().await?;
            return Ok(0);
        };
        let ended = self.backend().revoke_sessions(&principal, None).await;
        let ended = self.checked(ended)?;
        // What the browser has is ended, and its cookie goes.
        self.log_out().await?;
        Ok(ended)
    }

    async fn log_out(&self) -> Result<(), SessionError> {
        self.open(|state| state.changes.end())?;
        self.flush(false).await.map(drop)
    }

    /// Who is logged in after what waits is applied, and the public id of this session.
    async fn logged_in(&self) -> Result<Option<(Principal, Option<PublicId>)>, SessionError> {
        self.open(|_| ())?;
        if let Flushed::Dropped = self.flush(false).await? {
            return Err(SessionError::ChangesDropped);
        }
        let known = |state: &State| state.record(Purpose::Use);
        let record = self.ask(Purpose::Use, known).await?;
        Ok(record.and_then(|record| Some((record.principal()?, record.public_id()))))
    }
}
