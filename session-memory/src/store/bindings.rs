//! The steps that change whose a session is, or the id of one that is somebody's: they lock the
//! index, too.

use session_core::rules::{self, State};
use session_core::steps::{
    Refusal, RenameOutcome, RenameRequest, Target, Write, WriteOutcome, WriteRequest, Written,
};
use session_core::{Effect, Error, ErrorKind, Principal, Result, SessionId, UnixMillis};

use super::after::After;
use super::key::{Content, Key};
use super::locked::LockedTables;
use super::principals::Quota;
use super::{Store, lock};

impl Store {
    /// Changes a session, and whose it is.
    pub(super) fn write_binding(
        &self,
        request: &WriteRequest,
        after: &mut After,
    ) -> Result<WriteOutcome> {
        let write = &request.write;
        let owner = match &request.target {
            Target::PublicId { principal, .. } => Some(principal),
            _ => None,
        };
        let bound = write.delta.principal();
        // Where the session leaves another principal, that one's entry is removed afterwards.
        let mut parts = self.index.lock(owner.into_iter().chain(bound));
        let meant = match &request.target {
            Target::PublicId {
                principal,
                public_id,
            } => {
                let named = parts.named(principal, *public_id).into_iter();
                named.map(|(listing, id)| (Some(listing), id)).collect()
            }
            Target::Id(id) => vec![(None, id.clone())],
            // A target that this version does not know.
            _ => return Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
        };
        for (listing, id) in meant {
            let quota = parts.quota(bound, write.principal_limit, &id);
            let (mut tables, now) = self.open_all(quota.with([&id]), after);
            if listing.is_some_and(|listing| {
                let key = tables.get(&id);
                !key.is_some_and(|key| key.is_live_as(&listing, now))
            }) {
                continue;
            }
            let before = match tables.live(&id, now, after) {
                Ok(before) => before,
                Err(Some(_)) => return Ok(WriteOutcome::Rotated),
                Err(None) => return Ok(WriteOutcome::NotFound),
            };
            let done = try_write(&before, write, &quota, &mut tables, now, after);
            let (state, written) = match done {
                Ok(done) => done,
                Err(refusal) => return Ok(WriteOutcome::Refused(refusal)),
            };
            let (was, is) = (before.session.listing(), state.session.listing());
            parts.add(is.clone(), &id);
            after.unlisted = was
                .filter(|was| Some(was) != is.as_ref())
                .map(|was| (was, id.clone()));
            tables.replace(&id, state);
            return Ok(WriteOutcome::Written(written));
        }
        Ok(WriteOutcome::NotFound)
    }

    /// Moves a session to a free id, changes it, and leaves a tombstone.
    pub(crate) fn rename(&self, request: &RenameRequest, after: &mut After) -> RenameOutcome {
        let RenameRequest {
            from, to, write, ..
        } = request;
        let bound = write.delta.principal();
        loop {
            // Whose part of the index is to be locked only the session can tell, whose table comes
            // after it.
            let owner = self.owner_of(from);
            let mut parts = self.index.lock(owner.iter().chain(bound));
            let quota = parts.quota(bound, write.principal_limit, from);
            let (mut tables, now) = self.open_all(quota.with([from, to]), after);
            if owner_in(tables.get(from)) != owner {
                continue;
            }
            let before = match tables.live(from, now, after) {
                Ok(before) => before,
                Err(Some(_)) => return RenameOutcome::Rotated,
                Err(None) => return RenameOutcome::NotFound,
            };
            if tables.exists(to, now, after) {
                return RenameOutcome::IdTaken;
            }
            let done = try_write(&before, write, &quota, &mut tables, now, after);
            let (state, written) = match done {
                Ok(done) => done,
                Err(refusal) => return RenameOutcome::Refused(refusal),
            };
            let successor = to.expose().into();
            let tombstone = rules::tombstone(request, &before, &state, successor, now);
            tables.take(from, after);
            // At once: a page that ends between the entries of the two ids would miss both.
            if let Some(listing) = before.session.listing() {
                parts.remove(listing, from);
            }
            parts.add(state.session.listing(), to);
            for (id, content) in [
                (from, Content::of_tombstone(tombstone)),
                (to, Content::Session(state)),
            ] {
                let key = Key::new(id.clone(), content);
                self.capacity.added(key.weight);
                tables.put(key);
            }
            return RenameOutcome::Renamed(written);
        }
    }

    /// Whose session this is at the moment.
    fn owner_of(&self, id: &SessionId) -> Option<Principal> {
        let hashed = self.hashed(id);
        owner_in(lock(self.table(hashed.table())).get(hashed))
    }
}

fn owner_in(key: Option<&Key>) -> Option<Principal> {
    key?.listing().map(|(principal, ..)| principal)
}

/// What a write makes of a session, within the quota of its principal.
fn try_write(
    before: &State,
    write: &Write,
    quota: &Quota,
    tables: &mut LockedTables<'_>,
    now: UnixMillis,
    after: &mut After,
) -> std::result::Result<(State, Written), Refusal> {
    let mut state = before.clone();
    let written = rules::write(&mut state, write, now)?;
    quota.make_room(tables, now, after)?;
    Ok((state, written))
}
