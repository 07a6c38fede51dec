//! One of the two stores, and the ids it has drawn.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Delta, Fields, NewSession, Principal, SessionBackend, SessionHandle, SessionId, SessionPolicy,
};

use super::answer::Facts;
use super::operation::{Change, MOST_UNITS, New, Plant, SLOTS, STEP, Step, Target, UNIT, units};
use crate::harness::{Harness, RawHash};
use crate::kit::{Timer, fresh_id, guide_hash, name, with, without};

/// A store, a backend over it, and the ids that each slot has known, the present one last.
pub(super) struct Side<'a> {
    h: &'a dyn Harness,
    backend: Arc<dyn SessionBackend>,
    slots: [Vec<SessionId>; SLOTS],
    principals: &'a [Principal],
    compare_index: bool,
    timer: Timer<'a>,
}

impl<'a> Side<'a> {
    pub(super) async fn new(
        h: &'a dyn Harness,
        policy: SessionPolicy,
        principals: &'a [Principal],
        compare_index: bool,
    ) -> Self {
        Self {
            h,
            backend: h.backend_with(policy).await,
            // An id that was never stored, so that every slot has one.
            slots: std::array::from_fn(|_| vec![fresh_id()]),
            principals,
            compare_index,
            timer: Timer::start(h).await,
        }
    }

    /// The real time that has passed in this sequence.
    pub(super) async fn real_time(&mut self) -> Duration {
        self.timer.real_time().await
    }

    fn id(&self, at: Target) -> &SessionId {
        let ids = &self.slots[at.slot];
        let former = ids.len().checked_sub(2).filter(|_| at.is_former);
        &ids[former.unwrap_or(ids.len() - 1)]
    }

    /// Names a session the same on both sides.
    fn label(&self, handle: &SessionHandle) -> String {
        for (slot, ids) in self.slots.iter().enumerate() {
            for (n, id) in ids.iter().enumerate() {
                if id.handle() == *handle {
                    return format!("session {n} of slot {slot}");
                }
            }
        }
        "a session that was never known".into()
    }

    /// Does one step; what it answered.
    pub(super) async fn step(&mut self, step: &Step) -> Facts {
        let answer = self.answer(step).await;
        let answer = answer.unwrap_or_else(|error| Facts::error(&error));
        if step.may_fix_a_deadline() {
            self.timer.advance(STEP).await;
        }
        answer
    }

    async fn answer(&mut self, step: &Step) -> session_core::Result<Facts> {
        let backend = Arc::clone(&self.backend);
        let gone = || Facts::word("gone");
        Ok(match step {
            Step::Create(slot, new) => {
                let created = backend.create_session(self.new_session(new)).await?;
                self.slots[*slot].push(created.id);
                Facts::record(&created.record, self.h.now().await)
            }
            Step::Plant(slot, plant) => {
                let id = self.plant(*plant).await;
                self.slots[*slot].push(id);
                Facts::word("planted")
            }
            Step::Get(at) => {
                let record = backend.get_session(self.id(*at)).await?;
                self.record(record.as_ref()).await
            }
            Step::GetWith(at, touch) => {
                let record = backend.get_session_with(self.id(*at), *touch).await?;
                self.record(record.as_ref()).await
            }
            Step::Peek(at) => {
                let record = backend.peek_session(self.id(*at)).await?;
                self.record(record.as_ref()).await
            }
            Step::Ttl(at) => {
                let ttl = backend.ttl(self.id(*at)).await?;
                ttl.map_or_else(gone, Facts::remaining)
            }
            Step::ConfiguredTtl(at) => {
                let ttl = backend.configured_ttl(self.id(*at)).await?;
                ttl.map_or_else(gone, |ttl| Facts::number(ttl.as_secs()))
            }
            Step::Update(at, change) => {
                let delta = self.delta(change);
                let written = backend.update_session(self.id(*at), delta).await?;
                let now = self.h.now().await;
                written.map_or_else(gone, |written| Facts::written(&written, now))
            }
            Step::Increment(at, field, by) => {
                let value = backend
                    .increment_field(self.id(*at), name(*field), *by)
                    .await?;
                value.map_or_else(gone, Facts::number)
            }
            Step::RemoveFields(at, names) => {
                let names = names.iter().map(|text| name(*text)).collect();
                Facts::number(backend.remove_fields(self.id(*at), names).await?)
            }
            Step::SetTtl(at, ttl) => {
                Facts::number(backend.set_session_ttl(self.id(*at), units(*ttl)).await?)
            }
            Step::Delete(at) => Facts::number(backend.delete_session(self.id(*at)).await?),
            Step::Rotate(at, change) => {
                let delta = self.delta(change);
                let Some(rotated) = backend.rotate_session(self.id(*at), delta).await? else {
                    return Ok(gone());
                };
                self.slots[at.slot].push(rotated.id);
                Facts::written(&rotated.written, self.h.now().await)
            }
            Step::List(who) => self.list(&self.principals[*who]).await?,
            Step::RevokeOne(who, at) => {
                let handle = self.id(*at).handle();
                let who = &self.principals[*who];
                Facts::number(backend.revoke_session(who, &handle).await?)
            }
            Step::RevokeAll(who) => Facts::number(
                backend
                    .revoke_sessions(&self.principals[*who], None)
                    .await?,
            ),
            Step::RevokeAllExcept(who, at) => {
                let who = &self.principals[*who];
                let ended = backend.revoke_sessions(who, Some(self.id(*at))).await?;
                Facts::number(ended)
            }
            Step::Advance(steps) => {
                self.timer.advance(STEP * *steps).await;
                Facts::word("advanced")
            }
        })
    }

    async fn record(&self, record: Option<&session_core::SessionRecord>) -> Facts {
        let now = self.h.now().await;
        record.map_or_else(|| Facts::word("gone"), |record| Facts::record(record, now))
    }

    async fn list(&self, who: &Principal) -> session_core::Result<Facts> {
        let mut facts = Facts::word("list");
        for summary in self.backend.list_sessions(who).await? {
            facts = facts
                .text(self.label(&summary.handle))
                .text(summary.created_at.as_bytes())
                .text(summary.last_accessed_at.as_bytes());
        }
        if self.compare_index {
            let entries = self.h.index_len(who).await.unwrap_or(0);
            let entries = u64::try_from(entries).expect("a small number");
            facts = facts
                .and(Facts::word("of index"))
                .and(Facts::number(entries));
        }
        Ok(facts)
    }

    fn new_session(&self, new: &New) -> NewSession {
        let fields = new.fields.iter();
        let fields: Fields = fields.map(|(n, v)| (name(*n), (*v).into())).collect();
        let mut session = NewSession::new(fields);
        if let Some(ttl) = new.ttl {
            session = session.ttl(units(ttl));
        }
        if let Some(lifetime) = new.lifetime {
            session = session.max_lifetime(units(lifetime));
        }
        if let Some(who) = new.bind {
            session = session.bind(self.principals[who].clone());
        }
        session
    }

    fn delta(&self, change: &Change) -> Delta {
        let mut delta = Delta::new().touch(change.touch);
        for field in &change.removals {
            delta = delta.remove(name(*field));
        }
        for (field, value) in &change.sets {
            delta = delta.set(name(*field), *value);
        }
        for (field, by) in &change.counters {
            delta = delta.increment(name(*field), *by);
        }
        if let Some(ttl) = change.ttl {
            delta = delta.ttl(units(ttl));
        }
        if let Some(who) = change.bind {
            delta = delta.bind(self.principals[who].clone());
        }
        if change.is_returning {
            delta = delta.returning_record();
        }
        delta
    }

    async fn plant(&self, plant: Plant) -> SessionId {
        let id = fresh_id();
        let hash = |ttl: u32| guide_hash(units(ttl).to_string());
        let far = Some(UNIT * MOST_UNITS);
        let deadline = |hash: RawHash, at: u64| with(hash, "session_deadline", at.to_string());
        let now = self.h.now().await;
        let (hash, expires_in) = match plant {
            Plant::Valid { ttl, expires_in } => (hash(ttl), expires_in.map(|n| UNIT * n)),
            Plant::Odd { ttl } => {
                let odd = with(hash(ttl), [0xff, 0xfe], "hidden");
                (with(odd, "created_at", "\0yesterday"), Some(UNIT * ttl))
            }
            Plant::Large { ttl } => {
                let large = (0..6).fold(hash(ttl), |hash, n| with(hash, format!("f{n}"), "1"));
                (large, Some(UNIT * ttl))
            }
            Plant::Deadline { ttl, deadline: at } => {
                let millis = units(at).as_duration().as_millis();
                let at = now.plus_millis(u64::try_from(millis).expect("a lifetime"));
                (deadline(hash(ttl), at.get()), far)
            }
            Plant::Ended => (deadline(hash(3), now.get() - 1_000_000), far),
            Plant::Ttl(text) => (guide_hash(text), far),
            Plant::MalformedDeadline(text) => (with(hash(3), "session_deadline", text), far),
            Plant::Without(field) => (without(hash(3), field), far),
            Plant::OtherType => {
                self.h.plant_other_type(&id).await;
                return id;
            }
        };
        self.h.plant(&id, hash, expires_in).await;
        id
    }

    /// What is stored under the last two ids of each slot.
    pub(super) async fn dumps(&self) -> Vec<Facts> {
        let mut dumps = Vec::new();
        for ids in &self.slots {
            for id in ids.iter().rev().take(2) {
                let key = self.h.dump(id).await;
                dumps.push(Facts::dump(key.as_ref(), self.h.now().await));
            }
        }
        dumps
    }

    /// Removes what the sequence has stored: every key gets an expiry, and then time passes.
    pub(super) async fn clean(self) {
        for id in self.slots.iter().flatten() {
            if self.h.dump(id).await.is_some() {
                self.h
                    .plant(id, guide_hash("1"), Some(Duration::from_secs(1)))
                    .await;
            }
        }
        self.h.advance(UNIT * (MOST_UNITS + 1)).await;
    }
}
