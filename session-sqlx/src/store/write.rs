//! Changing a session.

use session_core::rules;
use session_core::steps::{Write, WriteOutcome, WriteRequest};
use session_core::{Effect, FieldChange, FieldName, Result, Touch, Written};

use super::{Access, Looked, Named, Store, bound_by, count, int, pick, text, touch_values};
use crate::engine::{Engine, Value, values};
use crate::error::{Because, Failure};
use crate::pool::Lease;
use crate::row::{Columns, Row};
use crate::text::{object, pairs, text as as_text};

/// A write that one statement can do.
struct Simple<'a> {
    write: &'a Write,
    counter: Option<(&'a FieldName, i64)>,
}

impl<'a> Simple<'a> {
    /// A write of values, removals, one counter and a TTL. What else a write can do is decided by
    /// `rules::write` alone.
    fn of(write: &'a Write) -> Option<Self> {
        let delta = &write.delta;
        let is_more = delta.binding().is_some()
            || delta.kept().is_some()
            || delta.expectations().len() > 0
            || (write.limits.session_bytes().is_some() && delta.may_grow());
        if is_more {
            return None;
        }
        let mut counters = delta.changes().filter_map(|(name, change)| match change {
            FieldChange::Increment(by) => Some((name, *by)),
            _ => None,
        });
        let counter = counters.next();
        match counters.next() {
            Some(_) => None,
            None => Some(Self { write, counter }),
        }
    }

    fn values(&self, named: &Named) -> Vec<Value> {
        let (write, delta) = (self.write, &self.write.delta);
        let touch = match (delta.new_ttl(), delta.touch_policy()) {
            (Some(_), Touch::IfOlderThan(_)) => Touch::Always,
            (_, touch) => touch,
        };
        let mut added = usize::from(self.counter.is_some());
        let changes = delta.changes().filter_map(|(name, change)| {
            let name = as_text(name.as_str().as_bytes());
            match change {
                FieldChange::Set(value) => {
                    added += 1;
                    Some((name, Some(as_text(value.as_bytes()))))
                }
                FieldChange::Remove => Some((name, None)),
                _ => None,
            }
        });
        let patch = object(changes.collect::<Vec<_>>());
        // What adds nothing is not limited.
        let most = match added {
            0 => i64::MAX,
            _ => write.limits.fields().into(),
        };
        let mut values = named.values();
        values.extend(touch_values(touch));
        values.push(text(write.now.to_string()));
        values.push(Value::Int(delta.new_ttl().map(|ttl| ttl.as_secs().into())));
        values.push(text(patch));
        values.push(int(count(added)));
        values.push(int(most));
        if let Some((name, by)) = self.counter {
            values.push(text(as_text(name.as_str().as_bytes()).into_owned()));
            values.push(int(by));
        }
        values
    }

    /// What the statement has written.
    fn written(&self, row: Row) -> std::result::Result<Written, Failure> {
        let mut counters = Vec::new();
        if let Some((name, _)) = self.counter {
            let fields = pairs(&row.columns.fields).unwrap_or_default();
            let value = fields.iter().find(|(n, _)| n == name.as_str().as_bytes());
            let value = value.and_then(|(_, value)| rules::parse_integer(value));
            counters.push((name.clone(), value.ok_or(Failure::corrupt())?));
        }
        let (now, ttl) = (row.now, row.ttl());
        let record = match self.write.delta.returns_record() {
            true => Some(row.into_state().ok_or(Failure::corrupt())?.record(now)),
            false => None,
        };
        let mut written = Written::new(ttl);
        written.counters = counters;
        written.record = record;
        Ok(written)
    }
}

impl<E: Engine> Store<E> {
    /// One statement where it can be; else a transaction.
    pub(crate) async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        let until = self.until();
        let named = Named::of(&request.target)?;
        if let Some(simple) = Simple::of(&request.write) {
            let attempt = |lease| self.try_simple(lease, &simple, &named);
            let written = self
                .step(until, Access::Writes, Effect::Unknown, attempt)
                .await?;
            if let Some(outcome) = written {
                return Ok(outcome);
            }
        }
        let attempt = |lease| self.try_write(lease, &request.write, &named);
        let (outcome, ended) = self
            .step(until, Access::Writes, Effect::Unknown, attempt)
            .await?;
        self.warn(request.write.delta.principal(), ended);
        Ok(outcome)
    }

    /// `None` when the rules must decide.
    async fn try_simple(
        &self,
        mut lease: Lease<E>,
        simple: &Simple<'_>,
        named: &Named,
    ) -> std::result::Result<Option<WriteOutcome>, Failure> {
        let writes = match simple.write.delta.returns_record() {
            true => &self.statements.write_returning,
            false => &self.statements.write,
        };
        let statement = named.statement(match simple.counter {
            Some(_) => &writes.counting,
            None => &writes.plain,
        });
        let row = self.change(&mut lease, statement, simple.values(named), named);
        let row = match row.await? {
            Some(row) if row.is_changed => {
                return simple.written(row).map(WriteOutcome::Written).map(Some);
            }
            row => row,
        };
        Ok(match self.look_at(&mut lease, row, named).await? {
            Looked::Live(..) => None,
            Looked::Rotated(_) => Some(WriteOutcome::Rotated),
            Looked::Nothing => Some(WriteOutcome::NotFound),
        })
    }

    async fn try_write(
        &self,
        mut lease: Lease<E>,
        write: &Write,
        named: &Named,
    ) -> std::result::Result<(WriteOutcome, u64), Failure> {
        self.begin(&mut lease, &bound_by(write)).await?;
        let lock = named.statement(&self.statements.lock);
        let row = pick(lease.rows(lock, named.values()).await?);
        if row.is_none() && self.was_missed(&mut lease, named).await? {
            return Err(Failure::again(Because::InTheWay));
        }
        let (mut state, now, key) = match self.look_at(&mut lease, row, named).await? {
            Looked::Live(state, now, key) => (state, now, key),
            Looked::Rotated(_) => {
                lease.commit().await?;
                return Ok((WriteOutcome::Rotated, 0));
            }
            Looked::Nothing => {
                lease.commit().await?;
                return Ok((WriteOutcome::NotFound, 0));
            }
        };
        let changed = self.change_locked(&mut lease, &mut state, write, (now, &key));
        let (written, ended) = match changed.await? {
            Ok(changed) => changed,
            Err(refusal) => {
                lease.rollback().await?;
                return Ok((WriteOutcome::Refused(refusal), 0));
            }
        };
        let row = values(&key, Columns::of(&state));
        lease.rows(&self.statements.put, row).await?;
        lease.commit().await?;
        Ok((WriteOutcome::Written(written), ended))
    }
}
