//! Giving a session another id.

use session_core::rules;
use session_core::steps::{RenameOutcome, RenameRequest};
use session_core::{Effect, Result};

use super::{Access, Looked, Named, Store, bound_by, bytes};
use crate::engine::{Engine, values};
use crate::error::Failure;
use crate::pool::Lease;
use crate::row::Columns;

impl<E: Engine> Store<E> {
    /// A transaction.
    pub(crate) async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        let until = self.until();
        let attempt = |lease| self.try_rename(lease, request);
        let (outcome, ended) = self
            .step(until, Access::Writes, Effect::Unknown, attempt)
            .await?;
        self.warn(request.write.delta.principal(), ended);
        Ok(outcome)
    }

    async fn try_rename(
        &self,
        mut lease: Lease<E>,
        request: &RenameRequest,
    ) -> std::result::Result<(RenameOutcome, u64), Failure> {
        let write = &request.write;
        self.begin(&mut lease, &bound_by(write)).await?;
        let (from, to) = (request.from.digest(), request.to.digest());
        let both = vec![bytes(&from), bytes(&to)];
        let rows = lease.rows(&self.statements.lock_two, both).await?;
        let (mut old, mut new) = (None, None);
        for row in rows {
            match row.key() == from {
                true => old = Some(row),
                false => new = Some(row),
            }
        }
        let named = Named::of_id(&request.from);
        let found = match self.look_at(&mut lease, old, &named).await? {
            Looked::Live(before, now, key) => Ok((before, now, key)),
            Looked::Rotated(_) => Err(RenameOutcome::Rotated),
            Looked::Nothing => Err(RenameOutcome::NotFound),
        };
        let (before, now, key) = match found {
            Ok(found) => found,
            Err(outcome) => {
                lease.commit().await?;
                return Ok((outcome, 0));
            }
        };
        let is_taken = from == to || new.is_some_and(|row| row.is_taken());
        if is_taken {
            lease.rollback().await?;
            return Ok((RenameOutcome::IdTaken, 0));
        }
        let mut after = before.clone();
        let changed = self.change_locked(&mut lease, &mut after, write, (now, &key));
        let (written, ended) = match changed.await? {
            Ok(changed) => changed,
            Err(refusal) => {
                lease.rollback().await?;
                return Ok((RenameOutcome::Refused(refusal), 0));
            }
        };
        let successor = to.as_slice().into();
        let tombstone = rules::tombstone(request, &before, &after, successor, now);
        let tombstone = values(&from, Columns::of_tombstone(&tombstone));
        lease.rows(&self.statements.put, tombstone).await?;
        let renamed = values(&to, Columns::of(&after));
        let put = lease.rows(&self.statements.put_new, renamed).await?;
        if put.is_empty() {
            lease.rollback().await?;
            return Ok((RenameOutcome::IdTaken, 0));
        }
        lease.commit().await?;
        Ok((RenameOutcome::Renamed(written), ended))
    }
}
