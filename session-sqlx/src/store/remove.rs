//! Ending a session.

use session_core::steps::{RemoveOutcome, RemoveRequest};
use session_core::{Effect, Result};

use super::{Access, Looked, Named, Store};
use crate::engine::Engine;
use crate::error::Failure;
use crate::pool::Lease;

impl<E: Engine> Store<E> {
    /// One statement; under an id that was rotated, one more.
    pub(crate) async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        let named = Named::of(&request.target)?;
        let attempt = |lease| self.try_remove(lease, named.clone());
        self.step(Access::Writes, Effect::Unknown, attempt).await
    }

    async fn try_remove(
        &self,
        mut lease: Lease<E>,
        mut named: Named,
    ) -> std::result::Result<RemoveOutcome, Failure> {
        let mut not_found = RemoveOutcome::NotFound;
        loop {
            let remove = named.statement(&self.statements.remove);
            let row = self
                .change(&mut lease, remove, named.values(), &named)
                .await?;
            let row = match row {
                Some(row) if row.is_changed => return Ok(RemoveOutcome::Removed),
                row => row,
            };
            match self.judge(&mut lease, row, &named).await? {
                // It came to be, or was rotated, after the statement had looked.
                Looked::Live(..) => {}
                Looked::Rotated(Some(_)) => {
                    not_found = RemoveOutcome::Rotated;
                    let follow = &self.statements.follow;
                    match self
                        .change(&mut lease, follow, named.values(), &named)
                        .await?
                    {
                        Some(row) if row.is_changed => return Ok(RemoveOutcome::Removed),
                        // It was rotated once more, or ended, after the statement had looked. To go
                        // on from there is faster than it is rotated.
                        Some(row) => named = Named::Key(row.key()),
                        None => return Ok(not_found),
                    }
                }
                Looked::Rotated(None) => return Ok(RemoveOutcome::Rotated),
                Looked::Nothing => return Ok(not_found),
            }
        }
    }
}
