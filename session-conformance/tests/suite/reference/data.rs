//! The keys and the index, and the steps on them.

use std::collections::{BTreeMap, HashMap};

use session_core::rules::{self, State};
use session_core::steps::{
    InsertOutcome, InsertRequest, ReadRequest, Refusal, RenameOutcome, RenameRequest, RevokeTarget,
    SessionSummary, WriteOutcome, WriteRequest,
};
use session_core::{
    OnExcess, Principal, PrincipalLimit, PublicId, SessionId, SessionRecord, StoredSession,
    UnixMillis,
};

use super::{Flaw, Named};

pub(crate) type RawFields = BTreeMap<Vec<u8>, Vec<u8>>;

/// What is stored under an id: a hash, or (without fields) something else.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) fields: Option<RawFields>,
    pub(crate) expires_at: Option<UnixMillis>,
}

#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) now: UnixMillis,
    pub(crate) keys: HashMap<SessionId, Key>,
    /// Whom which session is bound to, as the index remembers it, by deadline and public id.
    pub(crate) index: HashMap<Principal, BTreeMap<(UnixMillis, PublicId), SessionId>>,
    /// The places of ids in the pages, which cost a hash.
    pub(crate) places: HashMap<SessionId, PublicId>,
}

impl Key {
    /// The hash as a session, live or not.
    pub(crate) fn session(&self) -> Option<State> {
        self.session_of(self.fields.clone()?)
    }

    /// These fields as a session with this key's expiry.
    pub(crate) fn session_of(&self, fields: RawFields) -> Option<State> {
        let session = StoredSession::parse(fields).ok()?;
        let expires_at = self.expires_at;
        Some(State {
            session,
            expires_at,
        })
    }

    /// The key that holds this session.
    pub(crate) fn of(state: &State) -> Self {
        let fields = state.session.to_hash().into_iter();
        let fields = fields.map(|(name, value)| (name.to_vec(), value.as_bytes().to_vec()));
        Self {
            fields: Some(fields.collect()),
            expires_at: state.expires_at,
        }
    }
}

impl Data {
    pub(crate) fn new() -> Self {
        Self {
            // Not a whole second, so that one who counts in seconds is noticed.
            now: UnixMillis::new(1_767_225_600_789),
            keys: HashMap::new(),
            index: HashMap::new(),
            places: HashMap::new(),
        }
    }

    /// The key under an id, unless it has expired.
    pub(crate) fn key(&mut self, id: &SessionId) -> Option<&Key> {
        let is_expired = |key: &Key| key.expires_at.is_some_and(|at| at < self.now);
        if self.keys.get(id).is_some_and(is_expired) {
            self.keys.remove(id);
        }
        self.keys.get(id)
    }

    /// The public id of what is stored under an id, as operators see it.
    pub(crate) fn public_id(&self, id: &SessionId) -> PublicId {
        let of_unbound = || PublicId::of_unbound(id);
        let state = self.keys.get(id).and_then(Key::session);
        state.map_or_else(of_unbound, |state| state.session.public_id_or(of_unbound))
    }

    /// The live session under an id.
    pub(crate) fn live(&mut self, flaw: &dyn Flaw, id: &SessionId) -> Option<State> {
        let now = self.now;
        self.key(id).and_then(|key| flaw.load(key, now))
    }

    /// Stores a session, and lists it.
    pub(crate) fn put(&mut self, flaw: &dyn Flaw, id: &SessionId, state: &State) {
        let mut key = Key::of(state);
        let before = self.keys.get(id).cloned();
        flaw.save(before.as_ref(), &mut key, self.now);
        self.keys.insert(id.clone(), key);
        if let Some((principal, deadline, public_id)) = state.session.listing() {
            let members = self.index.entry(principal).or_default();
            members.insert((deadline, public_id), id.clone());
        }
    }

    /// Removes a key, and unlists it.
    pub(crate) fn take(&mut self, id: &SessionId) -> Option<Key> {
        self.unlist(id);
        self.keys.remove(id)
    }

    pub(crate) fn unlist(&mut self, id: &SessionId) {
        for members in self.index.values_mut() {
            members.retain(|_, member| member != id);
        }
        self.index.retain(|_, members| !members.is_empty());
    }

    /// The live sessions of a principal, the nearest deadline first; the ended are pruned.
    pub(crate) fn members(&mut self, flaw: &dyn Flaw, principal: &Principal) -> Vec<SessionId> {
        let members = self.index.get(principal).cloned().unwrap_or_default();
        let mut live = Vec::new();
        for id in members.into_values() {
            let session = self.live(flaw, &id);
            if session.is_some_and(|state| state.session.principal().as_ref() == Some(principal)) {
                live.push(id);
            } else if let Some(members) = self.index.get_mut(principal) {
                members.retain(|_, member| *member != id);
            }
        }
        self.index.retain(|_, members| !members.is_empty());
        live
    }

    /// Sees to it that the session may be bound to the principal.
    pub(crate) fn make_room(
        &mut self,
        flaw: &dyn Flaw,
        id: &SessionId,
        principal: Option<&Principal>,
        limit: Option<PrincipalLimit>,
    ) -> Result<(), Refusal> {
        let (Some(principal), Some(limit)) = (principal, limit) else {
            return Ok(());
        };
        let mut others = self.members(flaw, principal);
        others.retain(|member| member != id);
        let max = limit.max.get() as usize;
        let surplus = (others.len() + 1).saturating_sub(max);
        if surplus > 0 && limit.on_excess == OnExcess::Refuse {
            return Err(Refusal::TooManySessions);
        }
        for id in others.iter().take(surplus) {
            self.take(id);
        }
        Ok(())
    }

    pub(crate) fn insert(&mut self, flaw: &dyn Flaw, request: &InsertRequest) -> InsertOutcome {
        if self.key(&request.id).is_some() {
            return InsertOutcome::IdTaken;
        }
        let principal = request.session.principal();
        let limit = request.principal_limit;
        if let Err(refusal) = self.make_room(flaw, &request.id, principal.as_ref(), limit) {
            return InsertOutcome::Refused(refusal);
        }
        let state = rules::insert(request, self.now);
        self.put(flaw, &request.id, &state);
        InsertOutcome::Inserted(state.record(self.now))
    }

    pub(crate) fn read(&mut self, flaw: &dyn Flaw, request: &ReadRequest) -> Option<SessionRecord> {
        let mut state = self.live(flaw, request.id())?;
        let before = state.clone();
        let record = rules::read(&mut state, request, self.now);
        if state != before {
            self.put(flaw, request.id(), &state);
        }
        Some(record)
    }

    pub(crate) fn write(&mut self, flaw: &dyn Flaw, request: &WriteRequest) -> WriteOutcome {
        let Some(before) = self.live(flaw, request.id()) else {
            return WriteOutcome::NotFound;
        };
        let (after, written) = match rules::write(&before, &request.write, self.now) {
            Ok(done) => done,
            Err(refusal) => return WriteOutcome::Refused(refusal),
        };
        let principal = request.write.delta.principal();
        let limit = request.write.principal_limit;
        if let Err(refusal) = self.make_room(flaw, request.id(), principal, limit) {
            return WriteOutcome::Refused(refusal);
        }
        self.unlist(request.id());
        self.put(flaw, request.id(), &after);
        WriteOutcome::Written(written)
    }

    pub(crate) fn rename(&mut self, flaw: &dyn Flaw, request: &RenameRequest) -> RenameOutcome {
        let Some(before) = self.live(flaw, &request.from) else {
            return RenameOutcome::NotFound;
        };
        if self.key(&request.to).is_some() {
            return RenameOutcome::IdTaken;
        }
        let (after, written) = match rules::write(&before, &request.write, self.now) {
            Ok(done) => done,
            Err(refusal) => return RenameOutcome::Refused(refusal),
        };
        let principal = request.write.delta.principal();
        let limit = request.write.principal_limit;
        if let Err(refusal) = self.make_room(flaw, &request.from, principal, limit) {
            return RenameOutcome::Refused(refusal);
        }
        self.take(&request.from);
        self.put(flaw, &request.to, &after);
        RenameOutcome::Renamed(written)
    }

    pub(crate) fn remove(&mut self, flaw: &dyn Flaw, id: &SessionId) -> bool {
        let is_live = self.live(flaw, id).is_some();
        if is_live {
            self.take(id);
        }
        is_live
    }

    pub(crate) fn list(&mut self, flaw: &dyn Flaw, principal: &Principal) -> Vec<SessionSummary> {
        let ids = self.members(flaw, principal);
        let summary = |id: &SessionId| SessionSummary::of(&self.live(flaw, id)?.session);
        ids.iter().filter_map(summary).collect()
    }

    /// The id of a principal's live session with this public id.
    pub(crate) fn id_of(
        &mut self,
        flaw: &dyn Flaw,
        principal: &Principal,
        public_id: &PublicId,
    ) -> Option<SessionId> {
        let members = self.index.get(principal)?.iter();
        let mut named = members.filter(|((_, member), _)| member == public_id);
        let id = named.next()?.1.clone();
        let listing = self.live(flaw, &id)?.session.listing();
        listing
            .is_some_and(|(owner, ..)| owner == *principal)
            .then_some(id)
    }

    pub(crate) fn revoke(
        &mut self,
        flaw: &dyn Flaw,
        principal: &Principal,
        target: &RevokeTarget,
    ) -> u64 {
        let mut ended = 0;
        for id in self.members(flaw, principal) {
            let is_meant = match target {
                RevokeTarget::AllExcept(keep) => id != *keep,
                _ => true,
            };
            if is_meant {
                self.take(&id);
                ended += 1;
            }
        }
        ended
    }
}
