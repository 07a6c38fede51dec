//! The backend's steps, as a request takes them.

use session_core::steps::{
    Drawn, ReadOutcome, ReadRequest, RenameOutcome, WriteOutcome, WriteRequest,
};
use session_core::{Delta, Effect, Error, NewSession, SessionId, SessionRecord, Touch, Written};

use super::{Conversation, Found};
use crate::state::Missing;

impl Conversation {
    /// What is under an id, without counting as use.
    pub(super) async fn look(&self, id: &SessionId) -> Result<ReadOutcome, Error> {
        let request = ReadRequest::new(self.backend().policy(), id, Touch::Never);
        self.backend().read(&request).await
    }

    /// Changes a session.
    pub(super) async fn write(&self, request: &WriteRequest) -> Result<Found<Written>, Error> {
        match self.backend().write(request).await? {
            WriteOutcome::Written(written) => Ok(Ok(written)),
            WriteOutcome::Refused(refusal) => {
                Err(refusal.explained(self.backend().policy(), &request.write.delta))
            }
            WriteOutcome::Rotated => Ok(Err(Missing::Rotated)),
            _ => Ok(Err(Missing::NotFound)),
        }
    }

    /// Moves the session of this id to a fresh one, and changes it.
    pub(super) async fn rename(
        &self,
        id: &SessionId,
        delta: Delta,
    ) -> Result<Found<(SessionId, Written)>, Error> {
        let Drawn { id, outcome, .. } = Drawn::rename(self.backend(), id, delta).await?;
        match outcome {
            Ok(RenameOutcome::Renamed(written)) => Ok(Ok((id, written))),
            Ok(RenameOutcome::Rotated) => Ok(Err(Missing::Rotated)),
            Ok(_) => Ok(Err(Missing::NotFound)),
            Err(error) => {
                let record = self.found_after(error, &id).await?;
                let mut written = Written::new(record.ttl());
                written.record = Some(record);
                Ok(Ok((id, written)))
            }
        }
    }

    /// Stores a session under a fresh id.
    pub(super) async fn create(
        &self,
        new: NewSession,
    ) -> Result<(SessionId, SessionRecord), Error> {
        let Drawn { id, outcome, .. } = Drawn::insert(self.backend(), new).await?;
        match outcome {
            Ok(record) => Ok((id, record)),
            Err(error) => {
                let record = self.found_after(error, &id).await?;
                Ok((id, record))
            }
        }
    }

    /// The session under an id that was drawn here, after a step that failed: where nobody knows
    /// whether it was done, a look tells. What is found proves that it was; that nothing is found
    /// proves nothing. The step is never sent again: the first one may still be on its way.
    async fn found_after(&self, error: Error, drawn: &SessionId) -> Result<SessionRecord, Error> {
        if error.effect() != Effect::Unknown {
            return Err(error);
        }
        match self.look(drawn).await {
            Ok(ReadOutcome::Found(record)) => Ok(record),
            _ => Err(error),
        }
    }
}
