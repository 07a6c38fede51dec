//! The session that an open connection begins to watch.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Conversation, Flushed};
use crate::error::SessionError;
use crate::state::{Purpose, State};
use crate::watch::Begun;

impl Conversation {
    /// The session as the store has it now, after what waits is applied if this is a use.
    pub(crate) async fn watch(&self, purpose: Purpose) -> Result<Option<Begun>, SessionError> {
        let at = Instant::now();
        let mut record = None;
        if purpose != Purpose::Peek && self.with(|state| !state.is_closed) {
            match self.flush(true).await? {
                Flushed::Applied(after) => record = after,
                Flushed::Dropped => return Err(SessionError::ChangesDropped),
                Flushed::Nothing => {}
            }
        }
        if record.is_none() {
            // What remains of its life counts from now on: what was loaded earlier will not do.
            let known = |state: &State| state.record(purpose);
            record = self.ask_if(true, purpose, known).await?;
        }
        let id = self.with(|state| state.live_id().cloned());
        Ok(id.zip(record).map(|(id, record)| Begun {
            backend: Arc::clone(&self.settings.backend),
            id,
            record,
            at,
        }))
    }
}
