//! Steps under an id that is drawn for them.

use crate::backend::SessionBackend;
use crate::delta::Delta;
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::id::SessionId;
use crate::record::SessionRecord;
use crate::session::NewSession;
use crate::steps::{InsertOutcome, InsertRequest, RenameOutcome, RenameRequest};

/// How often a fresh id is drawn when the one before was taken. With 256 random bits the second
/// draw never happens; the third would mean that the randomness is broken.
const ID_ATTEMPTS: usize = 3;

/// A step under a fresh id: the id that was drawn last, and what the step did. A refusal is its
/// error.
///
/// Where nobody knows what the step did ([`Effect::Unknown`]), the id tells where to look.
#[derive(Debug)]
#[non_exhaustive]
pub struct Drawn<T> {
    /// The id.
    pub id: SessionId,
    /// What the step did with it.
    pub outcome: Result<T>,
}

impl Drawn<SessionRecord> {
    /// Stores a session under a fresh id: an [`insert`](SessionBackend::insert), repeated while the
    /// id is taken.
    ///
    /// # Errors
    /// What was found before anything was sent: [`ErrorKind::LimitExceeded`] and
    /// [`ErrorKind::Randomness`].
    pub async fn insert<B>(backend: &B, new: NewSession) -> Result<Self>
    where
        B: SessionBackend + ?Sized,
    {
        let policy = backend.policy();
        let mut request = InsertRequest::new(policy, SessionId::random()?, new)?;
        for _ in 0..ID_ATTEMPTS {
            let outcome = match backend.insert(&request).await {
                Ok(InsertOutcome::Inserted(record)) => Ok(record),
                Ok(InsertOutcome::Refused(refusal)) => {
                    Err(refusal.explained(policy, &Delta::new()))
                }
                Ok(InsertOutcome::IdTaken) => {
                    request.id = SessionId::random()?;
                    continue;
                }
                Err(error) => Err(error),
            };
            let id = request.id;
            return Ok(Self { id, outcome });
        }
        Err(exhausted())
    }
}

impl Drawn<RenameOutcome> {
    /// Moves a session to a fresh id: a [`rename`](SessionBackend::rename), repeated while the id
    /// is taken.
    ///
    /// # Errors
    /// As [`insert`](Drawn::insert).
    pub async fn rename<B>(backend: &B, from: &SessionId, delta: Delta) -> Result<Self>
    where
        B: SessionBackend + ?Sized,
    {
        let to = backend.successor_id(from)?;
        let mut request = RenameRequest::new(backend.policy(), from.clone(), to, delta)?;
        for _ in 0..ID_ATTEMPTS {
            let outcome = match backend.rename(&request).await {
                Ok(RenameOutcome::Refused(refusal)) => {
                    Err(refusal.explained(backend.policy(), &request.write.delta))
                }
                Ok(RenameOutcome::IdTaken) => {
                    request.to = backend.successor_id(from)?;
                    continue;
                }
                outcome => outcome,
            };
            let id = request.to;
            return Ok(Self { id, outcome });
        }
        Err(exhausted())
    }
}

fn exhausted() -> Error {
    Error::new(ErrorKind::IdExhausted, Effect::NotApplied)
}
