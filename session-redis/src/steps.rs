//! The required steps of a backend, as async functions of an operation.
//!
//! Where a session may be stored under one of several keys, each is tried in turn until one does not say that
//! there is no session. A session that is known by its public id is looked for in the index of its principal
//! first; the step itself then checks that it is that one.

mod cross_slot;
mod index;
mod target;

use session_core::rules;
use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, SessionSummary, Target,
    WriteOutcome, WriteRequest,
};
use session_core::{FieldChange, FieldName, Result, UnixMillis};

use self::target::{Candidate, Candidates};
use crate::command::{ArgsBuilder, Command};
use crate::connection::{Connect, ReadForm};
use crate::operation::{Operation, Servers, evaluate};
use crate::reply::{self, Outcome, Parts, corrupt};
use crate::script_call::{self, FieldsBy, ScriptCall};

impl<C: Connect> Operation<'_, C> {
    pub(crate) async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        if self.keys.has_cross_slot_index() && request.session.principal().is_some() {
            return self.insert_bound(request).await;
        }
        match self
            .settled(&script_call::insert(self.keys, request, None))
            .await?
        {
            Outcome::Done(parts) => inserted(request, parts),
            Outcome::IdTaken => Ok(InsertOutcome::IdTaken),
            Outcome::Refused(refusal) => Ok(InsertOutcome::Refused(refusal)),
            _ => Err(corrupt()),
        }
    }

    pub(crate) async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        if C::READ_FORM == ReadForm::Pipeline
            && let Servers::Standalone(link) = self.servers
            && let Target::Id(id) = &request.target
            && !self.keys.has_several_formats()
        {
            let connection = link.connection(self.deadline).await?;
            let key = self.keys.session(id);
            return self.read_pipelined(&connection, &key, request).await;
        }
        let mut candidates = Candidates::of(&request.target, self.keys);
        while let Some(candidate) = self.next_candidate(&mut candidates).await? {
            let key = self.keys.with_suffix(&candidate.suffix);
            let call = script_call::read(&key, candidate.owner, request, FieldsBy::Script);
            match self.outcome(&call).await? {
                Outcome::Done(mut parts) => {
                    let remaining = reply::remaining(parts.next())?;
                    return reply::found(remaining, parts.next().ok_or_else(corrupt)?);
                }
                Outcome::NotFound => {}
                _ => return Err(corrupt()),
            }
        }
        Ok(ReadOutcome::NotFound)
    }

    /// By a script that slides the expiry, and `HGETALL` behind it in the same round trip. In a cluster, or
    /// where a session may have one of two keys, the slot or the key could change in between.
    async fn read_pipelined(
        &self,
        connection: &C::Connection,
        key: &[u8],
        request: &ReadRequest,
    ) -> Result<ReadOutcome> {
        let call = script_call::read(key, None, request, FieldsBy::Hgetall);
        let mut args = ArgsBuilder::default();
        args.push(key);
        let fields = [Command::with_args("HGETALL", None, args.finish())];
        let [touch, fields] = evaluate(connection, [], &call, fields, self.deadline).await;
        let read = touch.and_then(|touch| reply::read(touch, fields));
        read.map_err(|error| call.checked(error))
    }

    pub(crate) async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        let is_across_slots =
            self.keys.has_cross_slot_index() && request.write.delta.binding().is_some();
        let mut candidates = Candidates::of(&request.target, self.keys);
        while let Some(candidate) = self.next_candidate(&mut candidates).await? {
            let outcome = if is_across_slots {
                self.write_across_slots(&candidate, request).await?
            } else {
                self.write_at(&candidate, request).await?
            };
            if outcome != WriteOutcome::NotFound {
                return Ok(outcome);
            }
        }
        Ok(WriteOutcome::NotFound)
    }

    async fn write_at(
        &self,
        candidate: &Candidate<'_>,
        request: &WriteRequest,
    ) -> Result<WriteOutcome> {
        let key = self.keys.with_suffix(&candidate.suffix);
        let call = script_call::write(self.keys, &key, candidate.owner, request, None);
        match self.settled(&call).await? {
            Outcome::Done(mut parts) => {
                let counters = counters(request.write.delta.changes());
                Ok(WriteOutcome::Written(reply::written(&mut parts, counters)?))
            }
            Outcome::NotFound => Ok(WriteOutcome::NotFound),
            Outcome::Refused(refusal) => Ok(WriteOutcome::Refused(refusal)),
            _ => Err(corrupt()),
        }
    }

    pub(crate) async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        for format in self.keys.formats() {
            let outcome = if self.keys.has_cross_slot_index() {
                self.rename_across_slots(*format, request).await?
            } else {
                let formats = (*format, self.keys.storage().written());
                let call = script_call::rename(self.keys, formats, request, None);
                match self.settled(&call).await? {
                    Outcome::Done(mut parts) => {
                        let counters = counters(request.write.delta.changes());
                        RenameOutcome::Renamed(reply::written(&mut parts, counters)?)
                    }
                    Outcome::NotFound => RenameOutcome::NotFound,
                    Outcome::IdTaken => RenameOutcome::IdTaken,
                    Outcome::Refused(refusal) => RenameOutcome::Refused(refusal),
                    _ => return Err(corrupt()),
                }
            };
            if outcome != RenameOutcome::NotFound {
                return Ok(outcome);
            }
        }
        Ok(RenameOutcome::NotFound)
    }

    pub(crate) async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        let mut candidates = Candidates::of(&request.target, self.keys);
        while let Some(candidate) = self.next_candidate(&mut candidates).await? {
            let key = self.keys.with_suffix(&candidate.suffix);
            let call = script_call::remove(self.keys, &key, candidate.owner);
            if self.end(&call, &candidate.suffix).await? {
                return Ok(RemoveOutcome::Removed);
            }
        }
        Ok(RemoveOutcome::NotFound)
    }

    pub(crate) async fn list(&self, request: &ListRequest) -> Result<Vec<SessionSummary>> {
        if self.keys.has_cross_slot_index() {
            self.list_across_slots(&request.principal).await
        } else {
            self.list_indexed(&request.principal).await
        }
    }

    pub(crate) async fn revoke(&self, request: &RevokeRequest) -> Result<u64> {
        if self.keys.has_cross_slot_index() {
            self.revoke_across_slots(request).await
        } else {
            self.revoke_indexed(request).await
        }
    }

    /// What a script says in the end: it is run again while it only removes entries of ended sessions.
    async fn settled(&self, call: &ScriptCall) -> Result<Outcome> {
        loop {
            match self.outcome(call).await? {
                Outcome::Again => {}
                outcome => return Ok(outcome),
            }
        }
    }
}

/// The session that `INSERT` has stored.
fn inserted(request: &InsertRequest, mut parts: Parts) -> Result<InsertOutcome> {
    let now = u64::try_from(reply::integer(parts.next())?).map_err(|_| corrupt())?;
    let now = UnixMillis::new(now);
    let deadline = reply::deadline(parts.next())?;
    let record = rules::insert_until(request, now, deadline).record(now);
    Ok(InsertOutcome::Inserted(record))
}

/// The names of the fields that a delta counts, in their order.
fn counters<'a>(
    changes: impl Iterator<Item = (&'a FieldName, &'a FieldChange)>,
) -> impl Iterator<Item = &'a FieldName> {
    changes.filter_map(|(name, change)| matches!(change, FieldChange::Increment(_)).then_some(name))
}
