//! Ending a session.

use session_core::steps::{RemoveOutcome, RemoveRequest};
use session_core::{Effect, Result};

use super::{Access, Looked, Named, Store, pick};
use crate::engine::Engine;
use crate::error::Failure;
use crate::pool::Lease;

impl<E: Engine> Store<E> {
    /// One statement, and a look where it deletes nothing; under an id that was rotated, one more.
    pub(crate) async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        let until = self.until();
        let named = Named::of(&request.target)?;
        let attempt = |lease| self.try_remove(lease, &named);
        self.step(until, Access::Writes, Effect::Unknown, attempt)
            .await
    }

    async fn try_remove(
        &self,
        mut lease: Lease<E>,
        named: &Named,
    ) -> std::result::Result<RemoveOutcome, Failure> {
        let remove = named.statement(&self.statements.remove);
        loop {
            let row = self
                .change(&mut lease, remove, named.values(), named)
                .await?;
            let row = match row {
                Some(row) if row.is_changed => return Ok(RemoveOutcome::Removed),
                row => row,
            };
            match self.look_at(&mut lease, row, named).await? {
                // It came to be, or was rotated, after the statement had looked.
                Looked::Live(..) => {}
                Looked::Rotated(Some(_)) => return self.follow(&mut lease, named.clone()).await,
                Looked::Rotated(None) => return Ok(RemoveOutcome::Rotated),
                Looked::Nothing => return Ok(RemoveOutcome::NotFound),
            }
        }
    }

    /// Deletes the session at the end of the tombstones that begin at this row.
    async fn follow(
        &self,
        lease: &mut Lease<E>,
        mut from: Named,
    ) -> std::result::Result<RemoveOutcome, Failure> {
        let follow = &self.statements.follow;
        loop {
            // Twice: the statement may have waited for one that was being rotated, which is another
            // row now that it did not see. It is one statement and a rotation is several, so
            // whoever rotates without pause is caught up with.
            for _ in 0..2 {
                let removed = lease.rows(&follow.change, from.values()).await?;
                if !removed.is_empty() {
                    return Ok(RemoveOutcome::Removed);
                }
            }
            match pick(lease.rows(&follow.look, from.values()).await?) {
                Some(row) => from = Named::Key(row.key()),
                None => return Ok(RemoveOutcome::Rotated),
            }
        }
    }
}
