//! The steps on one session.

use std::borrow::Cow;
use std::collections::HashSet;

use session_core::rules;
use session_core::steps::{
    InsertOutcome, InsertRequest, ReadOutcome, ReadRequest, Refusal, RemoveOutcome, RemoveRequest,
    RenameOutcome, RenameRequest, Target, Write, WriteOutcome, WriteRequest,
};
use session_core::{Effect, Error, ErrorKind, PublicId, Result, SessionId, Tombstone, UnixMillis};

use super::index::Listing;
use super::key::{Content, Key, NotLive};
use super::{Finding, Store};

impl Store {
    /// Stores a session under a free id.
    pub(crate) fn insert(
        &mut self,
        request: &InsertRequest,
        now: UnixMillis,
    ) -> Result<InsertOutcome> {
        // First of all, as a server with full memory refuses the step before it looks at any key.
        if self.is_full(now) {
            return Err(Error::new(ErrorKind::StoreFull, Effect::NotApplied));
        }
        if self.exists(&request.id, now) {
            return Ok(InsertOutcome::IdTaken);
        }
        let state = rules::insert(request, now);
        let listing = state.session.listing();
        if let Some((principal, ..)) = &listing {
            let limit = request.principal_limit;
            if let Err(refusal) = self.make_room(principal, limit, &request.id, now) {
                return Ok(InsertOutcome::Refused(refusal));
            }
        }
        let record = state.record(now);
        self.put_key(request.id.clone(), Key::new(Content::Session(state)));
        if let Some(listing) = listing {
            self.index.insert(listing, request.id.clone());
        }
        Ok(InsertOutcome::Inserted(record))
    }

    /// Reads a session and slides its expiry as asked.
    pub(crate) fn read(&mut self, request: &ReadRequest, now: UnixMillis) -> Result<ReadOutcome> {
        let Some(id) = self.resolve(&request.target, now)? else {
            return Ok(ReadOutcome::NotFound);
        };
        // The hot path: one lookup, and a record that shares the session's fields.
        let Some(key) = self.keys.get_mut(&id) else {
            return Ok(ReadOutcome::NotFound);
        };
        match key.live(now) {
            Ok(state) => {
                let record = rules::read(state, request, now);
                self.expiries.follow(&id, key);
                Ok(ReadOutcome::Found(record))
            }
            Err(NotLive::Rotated(_)) => Ok(ReadOutcome::Rotated),
            Err(NotLive::NotFound(found)) => {
                self.finding = Finding::of(&id, found);
                Ok(ReadOutcome::NotFound)
            }
        }
    }

    /// Changes a session.
    pub(crate) fn write(
        &mut self,
        request: &WriteRequest,
        now: UnixMillis,
    ) -> Result<WriteOutcome> {
        let Some(id) = self.resolve(&request.target, now)? else {
            return Ok(WriteOutcome::NotFound);
        };
        let before = match self.live(&id, now) {
            Ok(before) => before,
            Err(Some(_)) => return Ok(WriteOutcome::Rotated),
            Err(None) => return Ok(WriteOutcome::NotFound),
        };
        let write = &request.write;
        let (after, written) = match rules::write(before, write, now) {
            Ok(done) => done,
            Err(refusal) => return Ok(WriteOutcome::Refused(refusal)),
        };
        // Only a binding changes the index.
        if write.delta.binding().is_some() {
            let listed_before = before.session.listing();
            if let Err(refusal) = self.make_room_for(write, &id, now) {
                return Ok(WriteOutcome::Refused(refusal));
            }
            self.relist(&id, listed_before, after.session.listing());
        }
        self.replace(&id, after);
        Ok(WriteOutcome::Written(written))
    }

    /// Moves a session to a free id, changes it, and leaves a tombstone.
    pub(crate) fn rename(&mut self, request: &RenameRequest, now: UnixMillis) -> RenameOutcome {
        let RenameRequest {
            from, to, write, ..
        } = request;
        // Cheap: the copy shares the session's fields.
        let before = match self.live(from, now) {
            Ok(before) => before.clone(),
            Err(Some(_)) => return RenameOutcome::Rotated,
            Err(None) => return RenameOutcome::NotFound,
        };
        if self.exists(to, now) {
            return RenameOutcome::IdTaken;
        }
        let (after, written) = match rules::write(&before, write, now) {
            Ok(done) => done,
            Err(refusal) => return RenameOutcome::Refused(refusal),
        };
        if let Err(refusal) = self.make_room_for(write, from, now) {
            return RenameOutcome::Refused(refusal);
        }
        let successor = to.expose().into();
        let tombstone = rules::tombstone(request, &before, &after, successor, now);
        self.take_key(from);
        self.put_key(from.clone(), Key::new(Content::of_tombstone(tombstone)));
        self.relist(to, None, after.session.listing());
        self.put_key(to.clone(), Key::new(Content::Session(after)));
        RenameOutcome::Renamed(written)
    }

    /// Deletes a session: that of the target, or the one that its tombstones lead to.
    pub(crate) fn remove(
        &mut self,
        request: &RemoveRequest,
        now: UnixMillis,
    ) -> Result<RemoveOutcome> {
        let Some(mut id) = self.resolve(&request.target, now)? else {
            return Ok(RemoveOutcome::NotFound);
        };
        // Another client may have planted a circle.
        let mut followed = HashSet::new();
        loop {
            let tombstone = match self.live(&id, now) {
                Ok(_) => {
                    self.take_key(&id);
                    return Ok(RemoveOutcome::Removed);
                }
                Err(None) if followed.is_empty() => return Ok(RemoveOutcome::NotFound),
                Err(tombstone) => tombstone,
            };
            let successor = tombstone
                .as_ref()
                .and_then(Tombstone::successor)
                .and_then(|successor| SessionId::parse(successor).ok());
            match successor.filter(|_| followed.insert(id.into_owned())) {
                Some(successor) => id = Cow::Owned(successor),
                None => return Ok(RemoveOutcome::Rotated),
            }
        }
    }

    /// Deletes a session if operators see it under this public id; whether there was one.
    pub(crate) fn remove_named(
        &mut self,
        id: &SessionId,
        public_id: PublicId,
        now: UnixMillis,
    ) -> bool {
        let is_named = self.live(id, now).is_ok_and(|state| {
            let of_unbound = || PublicId::of_unbound(id);
            state.session.public_id_or(of_unbound) == public_id
        });
        is_named && self.take_key(id)
    }

    /// The id that a target means; `None` if it names no live session.
    fn resolve<'a>(
        &self,
        target: &'a Target,
        now: UnixMillis,
    ) -> Result<Option<Cow<'a, SessionId>>> {
        match target {
            Target::Id(id) => Ok(Some(Cow::Borrowed(id))),
            Target::PublicId {
                principal,
                public_id,
            } => Ok(self.id_of(principal, *public_id, now).map(Cow::Owned)),
            // A target that this version does not know.
            _ => Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
        }
    }

    /// Sees to it that a session which this write binds is within its principal's quota.
    fn make_room_for(
        &mut self,
        write: &Write,
        id: &SessionId,
        now: UnixMillis,
    ) -> Result<(), Refusal> {
        match write.delta.principal() {
            Some(principal) => self.make_room(principal, write.principal_limit, id, now),
            None => Ok(()),
        }
    }

    fn relist(&mut self, id: &SessionId, before: Option<Listing>, after: Option<Listing>) {
        if let Some(listing) = before {
            self.index.remove(listing, id);
        }
        if let Some(listing) = after {
            self.index.insert(listing, id.clone());
        }
    }
}
