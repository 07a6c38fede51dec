//! The steps on one session.

use session_core::rules;
use session_core::steps::{
    InsertAnswer, InsertRequest, ReadRequest, RenameAnswer, RenameRequest, WriteAnswer,
    WriteRequest,
};
use session_core::{Effect, Error, ErrorKind, Result, SessionId, SessionRecord, UnixMillis};

use super::key::{Content, Key, listing};
use super::{Finding, Store};

impl Store {
    /// Stores a session under a free id.
    pub(crate) fn insert(
        &mut self,
        request: &InsertRequest,
        now: UnixMillis,
    ) -> Result<InsertAnswer> {
        // First of all, as a server with full memory refuses the step before it looks at any key.
        if self.is_full(now) {
            return Err(Error::new(ErrorKind::StoreFull, Effect::NotApplied));
        }
        if self.exists(&request.id, now) {
            return Ok(InsertAnswer::IdTaken);
        }
        let state = rules::insert(request, now);
        let listing = listing(&state);
        if let Some((principal, _)) = &listing {
            let limit = request.principal_limit;
            if let Err(refusal) = self.make_room(principal, limit, &request.id, now) {
                return Ok(InsertAnswer::Refused(refusal));
            }
        }
        let deadline = state.session.deadline();
        self.put_key(request.id.clone(), Key::new(Content::Session(state)));
        if let Some(listing) = listing {
            self.index.insert(listing, request.id.clone());
        }
        Ok(InsertAnswer::Inserted { deadline })
    }

    /// Reads a session and slides its expiry as asked.
    pub(crate) fn read(&mut self, request: &ReadRequest, now: UnixMillis) -> Option<SessionRecord> {
        // The hot path: one lookup, and a record that shares the session's fields.
        let key = self.keys.get_mut(&request.id)?;
        match key.live(now) {
            Ok(state) => {
                let record = rules::read(state, request, now);
                self.expiries.follow(&request.id, key);
                Some(record)
            }
            Err(found) => {
                self.finding = Finding::of(&request.id, found);
                None
            }
        }
    }

    /// Changes a session.
    pub(crate) fn write(&mut self, request: &WriteRequest, now: UnixMillis) -> WriteAnswer {
        let Some(before) = self.live(&request.id, now) else {
            return WriteAnswer::Gone;
        };
        let (after, written) = match rules::write(before, &request.write, now) {
            Ok(done) => done,
            Err(refusal) => return WriteAnswer::Refused(refusal),
        };
        // Only a binding changes the index.
        if let Some(principal) = request.write.delta.principal() {
            let listed_before = listing(before);
            let limit = request.write.principal_limit;
            if let Err(refusal) = self.make_room(principal, limit, &request.id, now) {
                return WriteAnswer::Refused(refusal);
            }
            if let Some(listed) = listed_before {
                self.index.remove(listed, &request.id);
            }
            if let Some(listed) = listing(&after) {
                self.index.insert(listed, request.id.clone());
            }
        }
        self.replace(&request.id, after);
        WriteAnswer::Written(written)
    }

    /// Moves a session to a free id and changes it.
    pub(crate) fn rename(&mut self, request: &RenameRequest, now: UnixMillis) -> RenameAnswer {
        let RenameRequest {
            from, to, write, ..
        } = request;
        // Cheap: the copy shares the session's fields.
        let Some(before) = self.live(from, now).cloned() else {
            return RenameAnswer::Gone;
        };
        if self.exists(to, now) {
            return RenameAnswer::IdTaken;
        }
        let (after, written) = match rules::write(&before, write, now) {
            Ok(done) => done,
            Err(refusal) => return RenameAnswer::Refused(refusal),
        };
        if let Some(principal) = write.delta.principal()
            && let Err(refusal) = self.make_room(principal, write.principal_limit, from, now)
        {
            return RenameAnswer::Refused(refusal);
        }
        self.take_key(from);
        if let Some(listed) = listing(&after) {
            self.index.insert(listed, to.clone());
        }
        self.put_key(to.clone(), Key::new(Content::Session(after)));
        RenameAnswer::Renamed(written)
    }

    /// Deletes a session; whether there was one.
    pub(crate) fn remove(&mut self, id: &SessionId, now: UnixMillis) -> bool {
        self.live(id, now).is_some() && self.take_key(id)
    }
}
