//! Steps on bound sessions where a principal's index has steps of its own.
//!
//! In a Redis Cluster a session and its principal's index are in different hash slots, which no
//! script spans. Three rules keep them together:
//!
//! 1. *The index first.* An entry is added before its session is stored, bound or moved there, with
//!    a deadline no nearer than the session's. So a live bound session is always indexed. A step
//!    that would leave one without an entry returns what the entry must be, and changes nothing.
//! 2. *Whose session it is, the session says.* Every step on a session of the index checks the
//!    principal in its own slot. An entry whose session has ended, or is another's, is never shown.
//! 3. *Removing is careful.* Such an entry is removed by whoever meets it, but not within ten
//!    seconds of its being added (its session may be about to be stored), nor after somebody added
//!    it again (its score has changed). Whatever a client that stopped midway leaves behind is
//!    found by the next use.
//!
//! While sessions are looked for in two key formats, a principal has an index for the sessions of
//! each. A rotation keeps the format here, so an entry never moves from one to the other.
//!
//! Sessions without a principal have no part in this: their steps are one call each, as on one
//! server.

mod entry;
mod list;
mod page;
mod quota;
mod revoke;

use std::collections::HashSet;

use bytes::Bytes;
use session_core::steps::{
    InsertOutcome, InsertRequest, Refusal, RemoveOutcome, RenameOutcome, RenameRequest, Write,
    WriteOutcome, WriteRequest, Written,
};
use session_core::{Principal, Result, UnixMillis};

use self::entry::PendingEntry;
use self::quota::Admission;
use super::target::Candidate;
use super::{counters, inserted};
use crate::connection::Connect;
use crate::key_format::KeyFormat;
use crate::keys::{entry_of, suffix_in};
use crate::operation::Operation;
use crate::reply::{self, Outcome, Parts, corrupt};
use crate::script_call::index::NewEntry;
use crate::script_call::{self, Indexed, Owner, Time, lifetime_of_binding};

impl<C: Connect> Operation<'_, C> {
    /// Index, session.
    pub(super) async fn insert_bound(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        let session = &request.session;
        let (Some(principal), Some(public_id), Some(lifetime)) =
            (session.principal(), session.public_id(), request.lifetime)
        else {
            return Err(corrupt());
        };
        let suffix = self.keys.suffix(&request.id);
        let new = NewEntry {
            entry: entry_of(public_id.as_str().as_bytes(), &suffix),
            suffix: None,
            until: Time::In(lifetime),
            limit: request.principal_limit,
            may_grow: true,
        };
        let trial = script_call::insert(self.keys, request, None);
        let entry = match self.admit(&principal, &new, Some(trial)).await? {
            Admission::Added(entry) => entry,
            Admission::OverQuota => {
                return Ok(InsertOutcome::Refused(Refusal::TooManySessions));
            }
            Admission::Futile(Outcome::IdTaken) => return Ok(InsertOutcome::IdTaken),
            Admission::Futile(_) => return Err(corrupt()),
        };
        let call = script_call::insert(self.keys, request, Some(&entry.indexed));
        match self.run(&call).await {
            Ok(Outcome::Done(parts)) => inserted(request, parts),
            Ok(Outcome::IdTaken) => {
                self.roll_back(&entry).await;
                Ok(InsertOutcome::IdTaken)
            }
            Ok(_) => Err(corrupt()),
            Err(error) => Err(self.failed(Some(&entry), error).await),
        }
    }

    /// A write that binds: index, session; then, if it was bound before, the index that had it. One
    /// that unbinds: session, index.
    pub(super) async fn write_across_slots(
        &self,
        candidate: &Candidate<'_>,
        request: &WriteRequest,
    ) -> Result<WriteOutcome> {
        let write = &request.write;
        let (key, suffix) = (&candidate.key, candidate.suffix(self.keys));
        let call = |indexed: Option<&Indexed>| {
            script_call::write(self.keys, key, candidate.owner, request, indexed)
        };
        let mut entry = match self.entry_for(write, &suffix, Some(&suffix)) {
            Some((principal, new)) => match self.admit(&principal, &new, Some(call(None))).await? {
                Admission::Added(entry) => Some(entry),
                Admission::OverQuota => {
                    return Ok(WriteOutcome::Refused(Refusal::TooManySessions));
                }
                Admission::Futile(Outcome::NotFound) => return Ok(WriteOutcome::NotFound),
                Admission::Futile(Outcome::Rotated(_)) => return Ok(WriteOutcome::Rotated),
                Admission::Futile(Outcome::Refused(why)) => {
                    return Ok(WriteOutcome::Refused(why));
                }
                Admission::Futile(_) => return Err(corrupt()),
            },
            None => None,
        };
        let outcome = loop {
            let call = call(entry.as_ref().map(|entry: &PendingEntry| &entry.indexed));
            match self.run(&call).await {
                Ok(Outcome::Done(parts)) => {
                    let (written, before) = written(parts, write)?;
                    let former = before.listing.map(|listing| listing.entry(&suffix));
                    self.finish(entry.as_ref(), before.deadline, former).await;
                    return Ok(WriteOutcome::Written(written));
                }
                Ok(Outcome::NotIndexed { deadline, .. }) => {
                    let entry = entry.as_mut().ok_or_else(corrupt)?;
                    self.raise_deadline(entry, deadline).await?;
                }
                Ok(Outcome::NotFound) => break WriteOutcome::NotFound,
                Ok(Outcome::Rotated(_)) => break WriteOutcome::Rotated,
                Ok(Outcome::Refused(why)) if has_evicted(&entry) => {
                    return Err(self.failed(entry.as_ref(), why.into()).await);
                }
                Ok(Outcome::Refused(why)) => break WriteOutcome::Refused(why),
                Ok(_) => return Err(corrupt()),
                Err(error) => return Err(self.failed(entry.as_ref(), error).await),
            }
        };
        self.roll_back_if_any(entry).await;
        Ok(outcome)
    }

    /// An unbound session: one call, as on one server. A bound one tells whose it is: index,
    /// session, index. One that is being bound: index, session. Within the key's format, and so
    /// within the slot.
    pub(super) async fn rename_across_slots(
        &self,
        format: KeyFormat,
        request: &RenameRequest,
    ) -> Result<RenameOutcome> {
        let write = &request.write;
        let new_suffix = Bytes::from(suffix_in(format, &request.to));
        let former_suffix = Bytes::from(suffix_in(format, &request.from));
        let call = |indexed: Option<&Indexed>| {
            script_call::rename(self.keys, (format, format), request, indexed)
        };
        let mut entry = match self.entry_for(write, &new_suffix, Some(&former_suffix)) {
            Some((principal, new)) => match self.admit(&principal, &new, Some(call(None))).await? {
                Admission::Added(entry) => Some(entry),
                Admission::OverQuota => {
                    return Ok(RenameOutcome::Refused(Refusal::TooManySessions));
                }
                Admission::Futile(Outcome::NotFound) => return Ok(RenameOutcome::NotFound),
                Admission::Futile(Outcome::Rotated(_)) => return Ok(RenameOutcome::Rotated),
                Admission::Futile(Outcome::IdTaken) => return Ok(RenameOutcome::IdTaken),
                Admission::Futile(Outcome::Refused(why)) => {
                    return Ok(RenameOutcome::Refused(why));
                }
                Admission::Futile(_) => return Err(corrupt()),
            },
            None => None,
        };
        let binds = entry.is_some();
        let outcome = loop {
            let call = call(entry.as_ref().map(|entry: &PendingEntry| &entry.indexed));
            match self.run(&call).await {
                Ok(Outcome::Done(parts)) => {
                    let (written, before) = written(parts, write)?;
                    let former = before.listing.map(|listing| listing.entry(&former_suffix));
                    self.finish(entry.as_ref(), before.deadline, former).await;
                    return Ok(RenameOutcome::Renamed(written));
                }
                Ok(Outcome::NotIndexed { deadline, .. }) if binds => {
                    let entry = entry.as_mut().ok_or_else(corrupt)?;
                    self.raise_deadline(entry, deadline).await?;
                }
                Ok(Outcome::NotIndexed {
                    principal,
                    deadline,
                    public_id,
                }) => {
                    let owner = principal.ok_or_else(corrupt)?;
                    let public_id = public_id.ok_or_else(corrupt)?;
                    let needed = entry_of(&public_id, &new_suffix);
                    match &mut entry {
                        Some(entry) if entry.is(&owner, &needed) => {
                            self.raise_deadline(entry, deadline).await?;
                        }
                        _ => {
                            self.roll_back_if_any(entry.take()).await;
                            let until = Time::Exactly(deadline.ok_or_else(corrupt)?);
                            entry = Some(self.add_present(&owner, &needed, until).await?);
                        }
                    }
                }
                Ok(Outcome::NotFound) => break RenameOutcome::NotFound,
                Ok(Outcome::Rotated(_)) => break RenameOutcome::Rotated,
                Ok(Outcome::IdTaken) => break RenameOutcome::IdTaken,
                Ok(Outcome::Refused(why)) if has_evicted(&entry) => {
                    return Err(self.failed(entry.as_ref(), why.into()).await);
                }
                Ok(Outcome::Refused(why)) => break RenameOutcome::Refused(why),
                Ok(_) => return Err(corrupt()),
                Err(error) => return Err(self.failed(entry.as_ref(), error).await),
            }
        };
        self.roll_back_if_any(entry).await;
        Ok(outcome)
    }

    /// Ends the session under a key, this owner's if one is given; or the one that the key's
    /// tombstone leads to, if tombstones are followed. Then, if it was bound and the index has
    /// steps of its own, removes its entry.
    ///
    /// The script follows tombstones by itself. In a cluster it may be kept from a key that it was
    /// not sent for, or not see it, while the slot is migrating: then it is sent for that key.
    pub(crate) async fn end(
        &self,
        suffix: &Bytes,
        owner: Option<Owner<'_>>,
        follows: bool,
    ) -> Result<RemoveOutcome> {
        let mut suffix = suffix.clone();
        let mut looked_at = HashSet::new();
        loop {
            let key = self.keys.with_suffix(&suffix);
            let call = match follows {
                true => script_call::remove_following(self.keys, &key),
                false => script_call::remove(self.keys, &key, owner),
            };
            match self.run(&call).await? {
                Outcome::Done(mut parts) => {
                    let listing = Listing::of(&mut parts)?;
                    if let Some(listing) = listing.filter(|_| self.keys.has_cross_slot_index()) {
                        let ended = reply::text_or_nil(parts.next())?.unwrap_or(suffix);
                        self.finish(None, None, Some(listing.entry(&ended))).await;
                    }
                    return Ok(RemoveOutcome::Removed);
                }
                Outcome::NotFound if looked_at.is_empty() => return Ok(RemoveOutcome::NotFound),
                Outcome::Rotated(Some(next)) if self.keys.has_cross_slot_index() => {
                    looked_at.insert(suffix);
                    if looked_at.contains(&next) {
                        return Ok(RemoveOutcome::Rotated);
                    }
                    suffix = next;
                }
                Outcome::NotFound | Outcome::Rotated(_) => return Ok(RemoveOutcome::Rotated),
                _ => return Err(corrupt()),
            }
        }
    }

    /// The entry that a write that binds needs, and in whose index.
    fn entry_for(
        &self,
        write: &Write,
        suffix: &[u8],
        present: Option<&Bytes>,
    ) -> Option<(Principal, NewEntry)> {
        let principal = write.delta.principal()?;
        let public_id = write.public_id.as_ref()?;
        let new = NewEntry {
            entry: entry_of(public_id.as_str().as_bytes(), suffix),
            suffix: present.cloned(),
            until: Time::In(lifetime_of_binding(write)),
            limit: write.principal_limit,
            may_grow: true,
        };
        Some((principal.clone(), new))
    }
}

/// Whether sessions were ended to make room for this one: a refusal did change something then.
fn has_evicted(entry: &Option<PendingEntry>) -> bool {
    entry.as_ref().is_some_and(|entry| entry.has_evicted)
}

fn bytes_of(principal: &Principal) -> Bytes {
    Bytes::copy_from_slice(principal.as_str().as_bytes())
}

/// What a step says of the session around it.
struct Before {
    /// Where it was listed before.
    listing: Option<Listing>,
    /// Its deadline after the step.
    deadline: Option<UnixMillis>,
}

/// Whose index has an entry of a session, and under which public id.
struct Listing {
    principal: Bytes,
    public_id: Bytes,
}

impl Listing {
    fn of(parts: &mut Parts) -> Result<Option<Self>> {
        let principal = reply::text_or_nil(parts.next())?;
        let public_id = reply::text_or_nil(parts.next())?;
        let listing = principal.zip(public_id);
        Ok(listing.map(|(principal, public_id)| Self {
            principal,
            public_id,
        }))
    }

    /// The index and the entry of the session whose key had this suffix.
    fn entry(self, suffix: &[u8]) -> (Bytes, Bytes) {
        let entry = entry_of(&self.public_id, suffix);
        (self.principal, entry)
    }
}

fn written(mut parts: Parts, write: &Write) -> Result<(Written, Before)> {
    let written = reply::written(&mut parts, counters(write.delta.changes()))?;
    let before = Before {
        listing: Listing::of(&mut parts)?,
        deadline: reply::deadline(parts.next())?,
    };
    Ok((written, before))
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
