//! Storing a session.

use session_core::steps::{InsertOutcome, InsertRequest};
use session_core::{Effect, Result};

use super::{Access, Store, bytes, pick, text, text_of};
use crate::engine::{Engine, Value};
use crate::error::Failure;
use crate::pool::Lease;
use crate::row::Columns;

impl<E: Engine> Store<E> {
    /// One statement; for a principal with a limit, a transaction.
    pub(crate) async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        let until = self.until();
        let attempt = |lease| self.try_insert(lease, request);
        let (outcome, ended) = self
            .step(until, Access::Writes, Effect::Unknown, attempt)
            .await?;
        self.warn(request.session.principal().as_ref(), ended);
        Ok(outcome)
    }

    async fn try_insert(
        &self,
        mut lease: Lease<E>,
        request: &InsertRequest,
    ) -> std::result::Result<(InsertOutcome, u64), Failure> {
        let principal = request.session.principal();
        let bound = principal.as_ref().map(text_of).zip(request.principal_limit);
        if bound.is_some() {
            self.begin(&mut lease, &bound).await?;
        }
        let rows = lease.rows(&self.statements.insert, values(request)).await?;
        let inserted = match pick(rows) {
            None => Err(InsertOutcome::IdTaken),
            Some(row) => {
                let room = self.make_room(&mut lease, &bound, &row.key()).await?;
                let room = room.map_err(InsertOutcome::Refused);
                room.map(|ended| (row, ended))
            }
        };
        let (row, ended) = match inserted {
            Ok(inserted) => inserted,
            Err(outcome) => {
                if bound.is_some() {
                    lease.rollback().await?;
                }
                return Ok((outcome, 0));
            }
        };
        if bound.is_some() {
            lease.commit().await?;
        }
        // The row has the times; the fields are those that were sent.
        let now = row.now;
        let mut columns = row.columns;
        columns.fields = Columns::of_session(&request.session).fields;
        let row = crate::row::Row::new(true, crate::row::millis(now), row.id, columns);
        let state = row.into_state().ok_or(Failure::corrupt())?;
        Ok((InsertOutcome::Inserted(state.record(now)), ended))
    }
}

fn values(request: &InsertRequest) -> Vec<Value> {
    let columns = Columns::of_session(&request.session);
    let lifetime = request.lifetime;
    let lifetime = lifetime.map(|it| i64::from(it.as_secs()) * 1_000);
    vec![
        bytes(&request.id.digest()),
        Value::Int(columns.ttl),
        Value::Int(lifetime),
        Value::Text(columns.created_at),
        Value::Text(columns.last_accessed_at),
        Value::Text(columns.principal),
        Value::Text(columns.public_id),
        Value::Int(columns.persistent),
        text(columns.fields),
    ]
}
