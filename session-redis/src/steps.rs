//! The required steps of the backend: plain async functions that run scripts through an operation.
//!
//! Where a session may be stored under one of several keys, each is tried in turn until one does
//! not say that there is no session; that one of them has its tombstone is the outcome where none
//! has the session. A session that is known by its public id is looked for in the
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
    SessionPolicy, SessionRecord, Touch, UnixMillis,
};

use self::target::Candidates;
use crate::backend::RedisBackend;
use crate::connection::{Connect, ReadForm};
use crate::operation::Servers;
use crate::reply::{self, Outcome, Parts, Seen, corrupt};
use crate::script_call;
use crate::slot::successor_id;

#[async_trait]
impl<C: Connect> SessionBackend for RedisBackend<C> {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        let operation = self.operation().await?;
        let keys = operation.keys;
        if keys.has_cross_slot_index() && request.session.principal().is_some() {
            return Box::pin(operation.insert_bound(request)).await;
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
        if let Some(record) = self.near(request).await {
            return Ok(ReadOutcome::Found(record));
        }
        let operation = self.operation().await?;
        let keys = operation.keys;
        // In a cluster, or where a session may have one of several keys, the slot or the key could
        // change between what is sent in one round trip.
        let server = match (operation.servers, &request.target) {
            (Servers::Standalone(server), Target::Id(_)) if !keys.has_several_formats() => {
                Some(server).filter(|_| C::READ_FORM == ReadForm::Pipeline)
            }
            _ => None,
        };
        let mut candidates = Candidates::of(&request.target, keys);
        let mut is_rotated = false;
        loop {
            let Some(candidate) = operation.next_candidate(&mut candidates).await? else {
                return Ok(match is_rotated {
                    true => ReadOutcome::Rotated,
                    false => ReadOutcome::NotFound,
                });
            };
            let key = &candidate.key;
            let seen = match server {
                Some(server) if request.touch != Touch::Always => {
                    Some(operation.look(server, key).await?)
                }
                None if may_be_near(request) && operation.servers.near().is_some() => {
                    Some(operation.peek(key).await?)
                }
                _ => None,
            };
            match seen {
                Some(Seen::Live(state, now)) if !state.is_due(request.touch, now) => {
                    return Ok(ReadOutcome::Found(state.record(now)));
                }
                Some(Seen::NotLive(ReadOutcome::Rotated)) => {
                    is_rotated = true;
                    continue;
                }
                Some(Seen::NotLive(_)) => continue,
                Some(Seen::Live(..)) | None => {}
            }
            let form = server.map_or(ReadForm::Script, |_| ReadForm::Pipeline);
            let call = match (request.touch, candidate.owner) {
                (Touch::Never, owner) => script_call::peek(key, owner),
                (_, None) => script_call::touch(keys, key, request, form),
                (_, Some(owner)) => script_call::read(keys, key, owner, request),
            };
            let outcome = match operation.run(&call).await {
                // A server that only reads answers all the same.
                Err(error) if request.touch != Touch::Never && operation.may_only_read(&error) => {
                    let peek = script_call::peek(key, candidate.owner);
                    Box::pin(operation.run(&peek)).await
                }
                outcome => outcome,
            };
            match outcome? {
                Outcome::Done(parts) => return reply::found(parts),
                Outcome::Rotated(_) if candidate.owner.is_none() => is_rotated = true,
                Outcome::NotFound | Outcome::Rotated(_) => {}
                _ => return Err(corrupt()),
            }
        }
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        let operation = self.operation().await?;
        let keys = operation.keys;
        let delta = &request.write.delta;
        let mut candidates = Candidates::of(&request.target, keys);
        let mut is_rotated = false;
        loop {
            let Some(candidate) = operation.next_candidate(&mut candidates).await? else {
                return Ok(match is_rotated {
                    true => WriteOutcome::Rotated,
                    false => WriteOutcome::NotFound,
                });
            };
            if keys.has_cross_slot_index() && delta.binding().is_some() {
                match Box::pin(operation.write_across_slots(&candidate, request)).await? {
                    WriteOutcome::NotFound => {}
                    WriteOutcome::Rotated => is_rotated = true,
                    outcome => return Ok(outcome),
                }
                continue;
            }
            let key = &candidate.key;
            let simple = match candidate.owner {
                None => script_call::simple_write(keys, key, &request.write),
                Some(_) => None,
            };
            let general = || script_call::write(keys, key, candidate.owner, request, None);
            let call = simple.unwrap_or_else(general);
            match operation.run(&call).await? {
                Outcome::Done(mut parts) => {
                    let written = reply::written(&mut parts, counters(delta.changes()))?;
                    return Ok(WriteOutcome::Written(written));
                }
                Outcome::NotFound => {}
                Outcome::Rotated(_) => is_rotated = true,
                Outcome::Refused(refusal) => return Ok(WriteOutcome::Refused(refusal)),
                _ => return Err(corrupt()),
            }
        }
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        let operation = self.operation().await?;
        let keys = operation.keys;
        let mut not_found = RenameOutcome::NotFound;
        for format in keys.formats() {
            if keys.has_cross_slot_index() {
                match Box::pin(operation.rename_across_slots(*format, request)).await? {
                    RenameOutcome::NotFound => {}
                    RenameOutcome::Rotated => not_found = RenameOutcome::Rotated,
                    outcome => return Ok(outcome),
                }
                continue;
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
                Outcome::Rotated(_) => not_found = RenameOutcome::Rotated,
                Outcome::IdTaken => return Ok(RenameOutcome::IdTaken),
                Outcome::Refused(refusal) => return Ok(RenameOutcome::Refused(refusal)),
                _ => return Err(corrupt()),
            }
        }
        Ok(not_found)
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        let operation = self.operation().await?;
        let mut candidates = Candidates::of(&request.target, operation.keys);
        let mut not_found = RemoveOutcome::NotFound;
        while let Some(candidate) = operation.next_candidate(&mut candidates).await? {
            let follows = candidate.owner.is_none();
            let suffix = candidate.suffix(operation.keys);
            match operation.end(&suffix, candidate.owner, follows).await? {
                RemoveOutcome::NotFound => {}
                RemoveOutcome::Rotated => not_found = RemoveOutcome::Rotated,
                outcome => return Ok(outcome),
            }
        }
        Ok(not_found)
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

impl<C: Connect> RedisBackend<C> {
    /// The session as the near cache has it.
    async fn near(&self, request: &ReadRequest) -> Option<SessionRecord> {
        let servers = self.servers();
        servers.near().filter(|_| may_be_near(request))?;
        let Target::Id(id) = &request.target else {
            return None;
        };
        let keys = self.keys();
        let record = keys.formats().iter().find_map(|format| {
            let key = keys.session_in(*format, id);
            servers.tracking(&key)?.get(&key, request.touch)
        })?;
        // Whoever reads nothing else lets others run all the same.
        tokio::task::coop::consume_budget().await;
        Some(record)
    }
}

/// Whether a near cache may serve the read: it is known by its id, and need not count as use.
fn may_be_near(request: &ReadRequest) -> bool {
    !request.is_fresh && request.touch != Touch::Always && matches!(request.target, Target::Id(_))
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
