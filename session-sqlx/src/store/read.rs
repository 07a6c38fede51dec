//! Reading a session.

use session_core::steps::{ReadOutcome, ReadRequest};
use session_core::{Effect, Result, Touch};

use super::{Access, Looked, Named, Store, pick, text, touch_values};
use crate::engine::Engine;
use crate::error::Failure;
use crate::pool::Lease;

/// What one attempt comes to.
enum Read {
    Done(ReadOutcome),
    /// It must be slid, by who may write.
    Due,
}

impl<E: Engine> Store<E> {
    /// One statement; where it depends on the age whether the expiry slides, a look first. Where
    /// only one connection can write, that is another connection's.
    pub(crate) async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        let until = self.until();
        let named = Named::of(&request.target)?;
        // Of many uses few are due, and a statement that only reads costs a third of one that may
        // write.
        if request.touch != Touch::Always {
            let attempt = |lease| self.try_look(lease, request, &named);
            let looked = self
                .step(until, Access::Reads, Effect::NotApplied, attempt)
                .await?;
            if let Read::Done(outcome) = looked {
                return Ok(outcome);
            }
        }
        let attempt = |lease| self.try_slide(lease, request, &named);
        self.step(until, Access::Writes, Effect::Unknown, attempt)
            .await
    }

    async fn try_look(
        &self,
        mut lease: Lease<E>,
        request: &ReadRequest,
        named: &Named,
    ) -> std::result::Result<Read, Failure> {
        let look = named.statement(&self.statements.look);
        let row = pick(lease.rows(look, named.values()).await?);
        Ok(match self.look_at(&mut lease, row, named).await? {
            Looked::Live(state, now, _) => match state.is_due(request.touch, now) {
                true => Read::Due,
                false => Read::Done(ReadOutcome::Found(state.record(now))),
            },
            Looked::Rotated(_) => Read::Done(ReadOutcome::Rotated),
            Looked::Nothing => Read::Done(ReadOutcome::NotFound),
        })
    }

    async fn try_slide(
        &self,
        mut lease: Lease<E>,
        request: &ReadRequest,
        named: &Named,
    ) -> std::result::Result<ReadOutcome, Failure> {
        let slide = named.statement(&self.statements.slide);
        loop {
            let mut values = named.values();
            values.extend(touch_values(request.touch));
            values.push(text(request.now.to_string()));
            let row = self.change(&mut lease, slide, values, named).await?;
            let row = match row {
                Some(row) if row.is_changed => {
                    let now = row.now;
                    let state = row.into_state().ok_or(Failure::corrupt())?;
                    return Ok(ReadOutcome::Found(state.record(now)));
                }
                row => row,
            };
            match self.look_at(&mut lease, row, named).await? {
                // It became due, or came to be, after the statement had looked.
                Looked::Live(state, now, _) if state.is_due(request.touch, now) => {}
                Looked::Live(state, now, _) => return Ok(ReadOutcome::Found(state.record(now))),
                Looked::Rotated(_) => return Ok(ReadOutcome::Rotated),
                Looked::Nothing => return Ok(ReadOutcome::NotFound),
            }
        }
    }
}
