//! The steps on one session.

use std::collections::HashSet;

use session_core::rules;
use session_core::steps::{
    InsertOutcome, InsertRequest, ReadOutcome, ReadRequest, RemoveOutcome, RemoveRequest, Target,
    Write, WriteOutcome, WriteRequest,
};
use session_core::{
    Effect, Error, ErrorKind, FieldChange, PublicId, Result, SessionId, Tombstone, UnixMillis,
};

use super::capacity::weight_of;
use super::key::{Content, Key, NotLive};
use super::table::{HashedId, Table};
use super::{After, Store};

impl Store {
    /// Stores a session under a free id.
    pub(crate) fn insert(
        &self,
        request: &InsertRequest,
        after: &mut After,
    ) -> Result<InsertOutcome> {
        // First of all, as a server with full memory refuses the step before it looks at any key.
        let weight = u32::try_from(weight_of(&request.session)).unwrap_or(u32::MAX);
        let reserved = self.reserve(weight)?;
        let id = &request.id;
        let principal = request.session.principal();
        let mut parts = self.index.lock(&principal);
        let quota = parts.quota(principal.as_ref(), request.principal_limit, id);
        let (mut tables, now) = self.open_all(quota.with([id]), after);
        if tables.exists(id, now, after) {
            return Ok(InsertOutcome::IdTaken);
        }
        if let Err(refusal) = quota.make_room(&mut tables, now, after) {
            return Ok(InsertOutcome::Refused(refusal));
        }
        let state = rules::insert(request, now);
        let record = state.record(now);
        parts.add(state.session.listing(), id);
        let key = Key::new(id.clone(), Content::Session(state));
        reserved.used(key.weight);
        tables.put(key);
        Ok(InsertOutcome::Inserted(record))
    }

    /// Reads a session and slides its expiry as asked.
    pub(crate) fn read(&self, request: &ReadRequest, after: &mut After) -> Result<ReadOutcome> {
        let read = |table: &mut Table, hashed: HashedId<'_>, now, after: &mut After| {
            // The hot path: one lookup, and a record that shares the session's fields.
            let Some((key, expiries)) = table.get_mut(hashed) else {
                return ReadOutcome::NotFound;
            };
            match key.live(now) {
                Ok(state) => {
                    let record = rules::read(state, request, now);
                    expiries.follow(hashed.hash, key);
                    ReadOutcome::Found(record)
                }
                Err(NotLive::Rotated(_)) => ReadOutcome::Rotated,
                Err(NotLive::NotFound(found)) => {
                    after.found(hashed.id, found);
                    ReadOutcome::NotFound
                }
            }
        };
        let outcome = self.on_target(&request.target, after, read)?;
        Ok(outcome.unwrap_or(ReadOutcome::NotFound))
    }

    /// Changes a session.
    pub(crate) fn write(&self, request: &WriteRequest, after: &mut After) -> Result<WriteOutcome> {
        let write = &request.write;
        if may_grow(write) {
            self.reserve_growth()?;
        }
        // Only a binding changes the index.
        if write.delta.binding().is_some() {
            return self.write_binding(request, after);
        }
        let change = |table: &mut Table, hashed: HashedId<'_>, now, after: &mut After| {
            let Some((key, expiries)) = table.get_mut(hashed) else {
                return WriteOutcome::NotFound;
            };
            let state = match key.live(now) {
                Ok(state) => state,
                Err(NotLive::Rotated(_)) => return WriteOutcome::Rotated,
                Err(NotLive::NotFound(found)) => {
                    after.found(hashed.id, found);
                    return WriteOutcome::NotFound;
                }
            };
            match rules::write(state, write, now) {
                Ok(written) => {
                    self.resized(key);
                    expiries.follow(hashed.hash, key);
                    WriteOutcome::Written(written)
                }
                Err(refusal) => WriteOutcome::Refused(refusal),
            }
        };
        let outcome = self.on_target(&request.target, after, change)?;
        Ok(outcome.unwrap_or(WriteOutcome::NotFound))
    }

    /// Deletes a session: that of the target, or the one that its tombstones lead to.
    pub(crate) fn remove(
        &self,
        request: &RemoveRequest,
        after: &mut After,
    ) -> Result<RemoveOutcome> {
        // What one look at a key finds: whether it was a live session, else its tombstone.
        let look = |table: &mut Table, hashed: HashedId<'_>, now, after: &mut After| {
            let Some((key, _)) = table.get_mut(hashed) else {
                return Err(None);
            };
            match key.live(now) {
                Ok(_) => {
                    after.freed.extend(table.take(hashed));
                    Ok(())
                }
                Err(NotLive::Rotated(tombstone)) => Err(Some(tombstone)),
                Err(NotLive::NotFound(found)) => {
                    after.found(hashed.id, found);
                    Err(None)
                }
            }
        };
        let Some(mut found) = self.on_target(&request.target, after, look)? else {
            return Ok(RemoveOutcome::NotFound);
        };
        // A tombstone after the other, each in a critical section of its own: one that leads on
        // leads on for longer than this takes. Another client may have planted a circle.
        let mut followed = HashSet::new();
        loop {
            let tombstone = match found {
                Ok(()) => return Ok(RemoveOutcome::Removed),
                Err(None) if followed.is_empty() => return Ok(RemoveOutcome::NotFound),
                Err(None) => return Ok(RemoveOutcome::Rotated),
                Err(Some(tombstone)) => tombstone,
            };
            let successor = Tombstone::successor(&tombstone);
            let successor = successor.and_then(|successor| SessionId::parse(successor).ok());
            let Some(successor) = successor.filter(|id| followed.insert(id.clone())) else {
                return Ok(RemoveOutcome::Rotated);
            };
            let hashed = self.hashed(&successor);
            let (mut table, now) = self.open(hashed, after);
            found = look(&mut table, hashed, now, after);
        }
    }

    /// Deletes a session if operators see it under this public id; whether there was one.
    pub(crate) fn remove_named(
        &self,
        id: &SessionId,
        public_id: PublicId,
        after: &mut After,
    ) -> bool {
        let hashed = self.hashed(id);
        let (mut table, now) = self.open(hashed, after);
        let live = table.get(hashed).and_then(|key| key.live_session(now));
        let is_named = live.is_some_and(|state| {
            let of_unbound = || PublicId::of_unbound(id);
            state.session.public_id_or(of_unbound) == public_id
        });
        let taken = is_named.then(|| table.take(hashed)).flatten();
        let is_taken = taken.is_some();
        after.freed.extend(taken);
        is_taken
    }

    /// Does something to the key that a target means, under the lock of its table; `None` if the
    /// target names no live session.
    fn on_target<T>(
        &self,
        target: &Target,
        after: &mut After,
        act: impl Fn(&mut Table, HashedId<'_>, UnixMillis, &mut After) -> T,
    ) -> Result<Option<T>> {
        match target {
            Target::Id(id) => {
                let hashed = self.hashed(id);
                let (mut table, now) = self.open(hashed, after);
                Ok(Some(act(&mut table, hashed, now, after)))
            }
            Target::PublicId {
                principal,
                public_id,
            } => {
                let mut parts = self.index.lock([principal]);
                for (listing, id) in parts.named(principal, *public_id) {
                    let hashed = self.hashed(&id);
                    let (mut table, now) = self.open(hashed, after);
                    let key = table.get(hashed);
                    if key.is_some_and(|key| key.is_live_as(&listing, now)) {
                        return Ok(Some(act(&mut table, hashed, now, after)));
                    }
                }
                Ok(None)
            }
            // A target that this version does not know.
            _ => Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
        }
    }
}

/// Whether a write may make a session larger: a server with full memory refuses such a one.
fn may_grow(write: &Write) -> bool {
    let mut changes = write.delta.changes();
    let adds = |change: &FieldChange| !matches!(change, FieldChange::Remove);
    write.delta.log_in().is_some() || changes.any(|(_, change)| adds(change))
}
