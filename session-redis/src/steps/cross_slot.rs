//! Steps on bound sessions where a principal's index has steps of its own.
//!
//! In a Redis Cluster a session and its principal's index are in different hash slots, which no script spans.
//! Three rules keep them together:
//!
//! 1. *The index first.* An entry is added before its session is stored, bound or moved there, with a
//!    deadline no nearer than the session's. So a live bound session is always indexed. A step that would
//!    leave one without an entry returns what the entry must be, and changes nothing.
//! 2. *Whose session it is, the session says.* Every step on a session of the index checks the principal in
//!    its own slot. An entry whose session has ended, or is another's, is never shown.
//! 3. *Removing is careful.* Such an entry is removed by whoever meets it, but not within ten seconds of its
//!    being added (its session may be about to be stored), nor after somebody added it again (its score has
//!    changed). Whatever a client that stopped midway leaves behind is found by the next use.
//!
//! Sessions without a principal have no part in this: their steps are one call each, as on one server.

mod entry;
mod list;
mod quota;
mod revoke;

use bytes::Bytes;
use session_core::steps::{
    InsertAnswer, InsertRequest, Refusal, RenameAnswer, RenameRequest, WriteAnswer, WriteRequest,
};
use session_core::{Principal, Result, UnixMillis, Written};

use self::entry::PendingEntry;
use self::quota::Admission;
use super::counters;
use crate::connection::Connect;
use crate::key_format::KeyFormat;
use crate::keys::suffix_in;
use crate::operation::Operation;
use crate::reply::{self, Outcome, Parts, corrupt};
use crate::script_call::index::NewEntry;
use crate::script_call::{self, Indexed, ScriptCall, Time};

impl<C: Connect> Operation<'_, C> {
    /// Index, session.
    pub(super) async fn insert_bound(&self, request: &InsertRequest) -> Result<InsertAnswer> {
        let (Some(principal), Some(lifetime)) = (request.session.principal(), request.lifetime)
        else {
            return Err(corrupt());
        };
        let new = NewEntry {
            entry: self.keys.suffix(&request.id).into(),
            replaced: None,
            until: Time::In(lifetime),
            limit: request.principal_limit,
            may_grow: true,
        };
        let entry = match self.admit(&bytes_of(&principal), &new, None).await? {
            Admission::Added(entry) => entry,
            Admission::OverQuota => {
                return Ok(InsertAnswer::Refused(Refusal::TooManySessions));
            }
            Admission::Futile(_) => return Err(corrupt()),
        };
        let call = script_call::insert(self.keys, request, Some(&entry.indexed));
        match self.outcome(&call).await {
            Ok(Outcome::Done(mut parts)) => Ok(InsertAnswer::Inserted {
                deadline: reply::deadline(parts.next())?,
            }),
            Ok(Outcome::IdTaken) => {
                self.roll_back(&entry).await;
                Ok(InsertAnswer::IdTaken)
            }
            Ok(_) => Err(corrupt()),
            Err(error) => Err(self.failed(Some(&entry), error).await),
        }
    }

    /// Index, session; then, if need be, the index of the principal whose it was.
    pub(super) async fn write_binding(
        &self,
        format: KeyFormat,
        request: &WriteRequest,
    ) -> Result<WriteAnswer> {
        let Some(principal) = request.write.delta.principal().map(bytes_of) else {
            return Err(corrupt());
        };
        let new = NewEntry {
            entry: suffix_in(format, &request.id).into(),
            replaced: None,
            until: Time::In(request.write.principal_lifetime),
            limit: request.write.principal_limit,
            may_grow: true,
        };
        let trial = script_call::write(self.keys, format, request, None);
        let mut entry = match self.admit(&principal, &new, Some(trial)).await? {
            Admission::Added(entry) => entry,
            Admission::OverQuota => {
                return Ok(WriteAnswer::Refused(Refusal::TooManySessions));
            }
            Admission::Futile(Outcome::NotFound) => return Ok(WriteAnswer::Gone),
            Admission::Futile(Outcome::Refused(why)) => return Ok(WriteAnswer::Refused(why)),
            Admission::Futile(_) => return Err(corrupt()),
        };
        let answer = loop {
            let call = script_call::write(self.keys, format, request, Some(&entry.indexed));
            match self.outcome(&call).await {
                Ok(Outcome::Done(parts)) => {
                    let (written, before) = written(parts, &request.write)?;
                    self.finish_write(&entry, before).await;
                    return Ok(WriteAnswer::Written(written));
                }
                Ok(Outcome::NotIndexed { deadline, .. }) => {
                    self.raise_deadline(&mut entry, deadline).await?;
                }
                Ok(Outcome::NotFound) => break WriteAnswer::Gone,
                Ok(Outcome::Refused(why)) => break WriteAnswer::Refused(why),
                Ok(_) => return Err(corrupt()),
                Err(error) => return Err(self.failed(Some(&entry), error).await),
            }
        };
        self.roll_back(&entry).await;
        Ok(answer)
    }

    /// An unbound session: one call, as on one server. A bound one tells whose it is: index, session, index.
    /// One that is being bound: index, session. Within the key's format, and so within the slot.
    pub(super) async fn rename_across_slots(
        &self,
        format: KeyFormat,
        request: &RenameRequest,
    ) -> Result<RenameAnswer> {
        let bind = request.write.delta.principal().map(bytes_of);
        let new_suffix = Bytes::from(suffix_in(format, &request.to));
        let former_suffix = Bytes::from(suffix_in(format, &request.from));
        let call = |indexed: Option<&Indexed>| {
            script_call::rename(self.keys, (format, format), request, indexed)
        };
        let mut entry = None;
        if let Some(principal) = &bind {
            let new = NewEntry {
                entry: new_suffix.clone(),
                replaced: Some(former_suffix.clone()),
                until: Time::In(request.write.principal_lifetime),
                limit: request.write.principal_limit,
                may_grow: true,
            };
            entry = match self.admit(principal, &new, Some(call(None))).await? {
                Admission::Added(entry) => Some(entry),
                Admission::OverQuota => {
                    return Ok(RenameAnswer::Refused(Refusal::TooManySessions));
                }
                Admission::Futile(Outcome::NotFound) => return Ok(RenameAnswer::Gone),
                Admission::Futile(Outcome::IdTaken) => return Ok(RenameAnswer::IdTaken),
                Admission::Futile(Outcome::Refused(why)) => return Ok(RenameAnswer::Refused(why)),
                Admission::Futile(_) => return Err(corrupt()),
            };
        }
        let answer = loop {
            let indexed = entry.as_ref().map(|entry: &PendingEntry| &entry.indexed);
            let call = call(indexed);
            match self.outcome(&call).await {
                Ok(Outcome::Done(parts)) => {
                    let (written, before) = written(parts, &request.write)?;
                    let former = before.principal.map(|former| (former, former_suffix));
                    self.finish(entry.as_ref(), before.deadline, former).await;
                    return Ok(RenameAnswer::Renamed(written));
                }
                Ok(Outcome::NotIndexed {
                    principal,
                    deadline,
                }) => {
                    let owner = bind.clone().or(principal).ok_or_else(corrupt)?;
                    match &mut entry {
                        Some(entry) if entry.indexed.principal == owner => {
                            self.raise_deadline(entry, deadline).await?;
                        }
                        _ => {
                            self.roll_back_if_any(entry.take()).await;
                            let until = Time::Exactly(deadline.ok_or_else(corrupt)?);
                            let added = self.add_present(&owner, &new_suffix, until).await?;
                            entry = Some(added);
                        }
                    }
                }
                Ok(Outcome::NotFound) => break RenameAnswer::Gone,
                Ok(Outcome::IdTaken) => break RenameAnswer::IdTaken,
                Ok(Outcome::Refused(why)) => break RenameAnswer::Refused(why),
                Ok(_) => return Err(corrupt()),
                Err(error) => return Err(self.failed(entry.as_ref(), error).await),
            }
        };
        self.roll_back_if_any(entry).await;
        Ok(answer)
    }

    /// Ends the session of a call of `REMOVE`; then, if it was bound and the index has steps of its own, removes
    /// its entry. Whether there was a session.
    pub(crate) async fn end(&self, call: &ScriptCall, suffix: Bytes) -> Result<bool> {
        match self.outcome(call).await? {
            Outcome::Done(mut parts) => {
                let principal = reply::principal(parts.next())?;
                if let Some(principal) = principal.filter(|_| self.keys.has_cross_slot_index()) {
                    self.finish(None, None, Some((principal, suffix))).await;
                }
                Ok(true)
            }
            Outcome::NotFound => Ok(false),
            _ => Err(corrupt()),
        }
    }
}

fn bytes_of(principal: &Principal) -> Bytes {
    Bytes::copy_from_slice(principal.as_str().as_bytes())
}

/// What a step says of the session before it.
struct Before {
    /// Whose the session was.
    principal: Option<Bytes>,
    deadline: Option<UnixMillis>,
}

fn written(mut parts: Parts, write: &session_core::steps::Write) -> Result<(Written, Before)> {
    let written = reply::written(&mut parts, counters(write.delta.changes()))?;
    let before = Before {
        principal: reply::principal(parts.next())?,
        deadline: reply::deadline(parts.next())?,
    };
    Ok((written, before))
}

#[cfg(test)]
mod tests;
