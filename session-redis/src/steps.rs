//! The required steps of the backend: plain async functions that run scripts through an operation.
//!
//! Where a session may be stored under one of several keys, each is tried in turn until one does
//! not say that there is no session. A session that is known by its public id is looked for in the
//! index of its principal first; the step itself then checks that it is that one.

mod cross_slot;
mod index;
mod target;

use std::time::Duration;

use async_trait::async_trait;
use session_core::rules;
use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, Target, WriteOutcome, WriteRequest,
};
use session_core::{
    FieldChange, FieldName, ListedPage, Result, RevokedPage, SessionBackend, SessionId,
    SessionPolicy, Touch, UnixMillis,
};

use self::target::Candidates;
use crate::backend::RedisBackend;
use crate::connection::{Connect, ReadForm};
use crate::operation::Servers;
use crate::reply::{self, Outcome, Parts, corrupt};
use crate::script_call;
use crate::slot::successor_id;

#[async_trait]
impl<C: Connect> SessionBackend for RedisBackend<C> {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        let operation = self.operation().await?;
        let keys = operation.keys;
        if keys.has_cross_slot_index() && request.session.principal().is_some() {
            return operation.insert_bound(request).await;
        }
        match operation
            .run(&script_call::insert(keys, request, None))
            .await?
        {
            Outcome::Done(parts) => inserted(request, parts),
            Outcome::IdTaken => Ok(InsertOutcome::IdTaken),
            Outcome::Refused(refusal) => Ok(InsertOutcome::Refused(refusal)),
            _ => Err(corrupt()),
        }
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        let operation = self.operation().await?;
        let keys = operation.keys;
        // In a cluster, or where a session may have one of several keys, the slot or the key could
        // change between a script and what is sent behind it.
        let is_one_key = matches!(request.target, Target::Id(_)) && !keys.has_several_formats();
        let form = match operation.servers {
            Servers::Standalone(_) if is_one_key => C::READ_FORM,
            _ => ReadForm::Script,
        };
        let mut candidates = Candidates::of(&request.target, keys);
        while let Some(candidate) = operation.next_candidate(&mut candidates).await? {
            let key = keys.with_suffix(&candidate.suffix);
            let call = |touch, form| script_call::read(&key, candidate.owner, request, touch, form);
            let outcome = match operation.run(&call(request.touch, form)).await {
                // A server that only reads answers all the same.
                Err(error) if request.touch != Touch::Never && operation.may_only_read(&error) => {
                    operation.run(&call(Touch::Never, ReadForm::Script)).await
                }
                outcome => outcome,
            };
            match outcome? {
                Outcome::Done(parts) => return reply::found(parts),
                Outcome::NotFound => {}
                _ => return Err(corrupt()),
            }
        }
        Ok(ReadOutcome::NotFound)
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        let operation = self.operation().await?;
        let keys = operation.keys;
        let delta = &request.write.delta;
        let mut candidates = Candidates::of(&request.target, keys);
        while let Some(candidate) = operation.next_candidate(&mut candidates).await? {
            if keys.has_cross_slot_index() && delta.binding().is_some() {
                match operation.write_across_slots(&candidate, request).await? {
                    WriteOutcome::NotFound => continue,
                    outcome => return Ok(outcome),
                }
            }
            let key = keys.with_suffix(&candidate.suffix);
            let call = script_call::write(keys, &key, candidate.owner, request, None);
            match operation.run(&call).await? {
                Outcome::Done(mut parts) => {
                    let written = reply::written(&mut parts, counters(delta.changes()))?;
                    return Ok(WriteOutcome::Written(written));
                }
                Outcome::NotFound => {}
                Outcome::Refused(refusal) => return Ok(WriteOutcome::Refused(refusal)),
                _ => return Err(corrupt()),
            }
        }
        Ok(WriteOutcome::NotFound)
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        let operation = self.operation().await?;
        let keys = operation.keys;
        for format in keys.formats() {
            if keys.has_cross_slot_index() {
                match operation.rename_across_slots(*format, request).await? {
                    RenameOutcome::NotFound => continue,
                    outcome => return Ok(outcome),
                }
            }
            let formats = (*format, keys.storage().written());
            let call = script_call::rename(keys, formats, request, None);
            match operation.run(&call).await? {
                Outcome::Done(mut parts) => {
                    let counters = counters(request.write.delta.changes());
                    let written = reply::written(&mut parts, counters)?;
                    return Ok(RenameOutcome::Renamed(written));
                }
                Outcome::NotFound => {}
                Outcome::IdTaken => return Ok(RenameOutcome::IdTaken),
                Outcome::Refused(refusal) => return Ok(RenameOutcome::Refused(refusal)),
                _ => return Err(corrupt()),
            }
        }
        Ok(RenameOutcome::NotFound)
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        let operation = self.operation().await?;
        let keys = operation.keys;
        let mut candidates = Candidates::of(&request.target, keys);
        while let Some(candidate) = operation.next_candidate(&mut candidates).await? {
            let key = keys.with_suffix(&candidate.suffix);
            let call = script_call::remove(keys, &key, candidate.owner);
            if operation.end(&call, &candidate.suffix).await? {
                return Ok(RemoveOutcome::Removed);
            }
        }
        Ok(RemoveOutcome::NotFound)
    }

    async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
        let operation = self.operation().await?;
        if operation.keys.has_cross_slot_index() {
            operation.list_across_slots(request).await
        } else {
            operation.list_indexed(request).await
        }
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        let operation = self.operation().await?;
        if operation.keys.has_cross_slot_index() {
            operation.revoke_across_slots(request).await
        } else {
            operation.revoke_indexed(request).await
        }
    }

    /// That a session could be stored. In a cluster: on one node. An application that calls itself
    /// unready while a part of its sessions is away takes the rest away as well.
    async fn ping(&self) -> Result<()> {
        self.operation().await?.ping().await
    }

    fn policy(&self) -> &SessionPolicy {
        &self.settings().policy
    }

    fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
        successor_id(self.keys(), old)
    }

    fn deadline(&self) -> Duration {
        self.settings().deadline
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
