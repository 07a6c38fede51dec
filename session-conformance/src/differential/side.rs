//! One of the two stores, and the ids it has drawn.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use session_core::steps::{ReadOutcome, ReadRequest, RemoveOutcome, RemoveRequest};
use session_core::{
    PageSize, Principal, PublicId, SessionAdmin, SessionBackend, SessionId, SessionPolicy, Touch,
};

use super::Config;
use super::build::{delta, new_session, plant};
use super::operation::{MOST_UNITS, SLOTS, STEP, Step, Target, UNIT, units};
use super::outcome::Facts;
use super::strategy::NAMES;
use crate::harness::{Harness, RawKey};
use crate::kit::{Timer, fresh_id, guide_hash, name, public_id_of};

/// A store, a backend over it, and the ids that each slot has known, the present one last.
pub(super) struct Side<'a> {
    h: &'a dyn Harness,
    backend: Arc<dyn SessionBackend>,
    admin: Option<Arc<dyn SessionAdmin>>,
    slots: [Vec<SessionId>; SLOTS],
    principals: &'a [Principal],
    /// The public ids that were seen, in the order in which they were.
    public_ids: Vec<PublicId>,
    compare_index: bool,
    timer: Timer<'a>,
}

impl<'a> Side<'a> {
    pub(super) async fn new(
        h: &'a dyn Harness,
        policy: SessionPolicy,
        principals: &'a [Principal],
        config: &Config,
    ) -> Self {
        Self {
            h,
            backend: h.backend_with(policy).await,
            admin: match config.has_admin {
                true => Some(h.admin().await),
                false => None,
            },
            // An id that was never stored, so that every slot has one.
            slots: std::array::from_fn(|_| vec![fresh_id()]),
            principals,
            public_ids: Vec::new(),
            compare_index: config.compare_index,
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

    /// Names a public id the same on both sides: by its session if that is bound to nobody, else by
    /// how many were seen before it.
    fn label(&self, public_id: PublicId) -> String {
        for (slot, ids) in self.slots.iter().enumerate() {
            for (n, id) in ids.iter().enumerate() {
                if PublicId::of_unbound(id) == public_id {
                    return format!("of session {n} of slot {slot}");
                }
            }
        }
        let number = self.public_ids.iter().position(|seen| *seen == public_id);
        number.map_or_else(
            || "that was never stored".into(),
            |number| format!("number {number}"),
        )
    }

    /// The present public id of a session, or the last that it had, or one of nobody.
    async fn public_id(&self, at: Target) -> PublicId {
        public_id_of(self.h, self.id(at)).await
    }

    /// Does one step; what it returned.
    pub(super) async fn step(&mut self, step: &Step) -> Facts {
        let outcome = self.outcome(step).await;
        let outcome = outcome.unwrap_or_else(|error| Facts::error(&error));
        if step.may_fix_a_deadline() {
            self.timer.advance(STEP).await;
        }
        outcome
    }

    async fn outcome(&mut self, step: &Step) -> session_core::Result<Facts> {
        let backend = Arc::clone(&self.backend);
        let not_found = || Facts::word("not found");
        Ok(match step {
            Step::Create(slot, new) => {
                let created = backend
                    .create_session(new_session(new, self.principals))
                    .await?;
                self.slots[*slot].push(created.id);
                Facts::record(&created.record, self.h.now().await)
            }
            Step::Plant(slot, what) => {
                let id = plant(self.h, *what).await;
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
                let request = ReadRequest::new(backend.policy(), self.id(*at), Touch::Never);
                match backend.read(&request).await? {
                    ReadOutcome::Found(record) => self.record(Some(&record)).await,
                    ReadOutcome::Rotated => Facts::word("rotated"),
                    _ => not_found(),
                }
            }
            Step::Ttl(at) => {
                let ttl = backend.ttl(self.id(*at)).await?;
                ttl.map_or_else(not_found, Facts::remaining)
            }
            Step::ConfiguredTtl(at) => {
                let ttl = backend.configured_ttl(self.id(*at)).await?;
                ttl.map_or_else(not_found, |ttl| Facts::number(ttl.as_secs()))
            }
            Step::Update(at, change) => {
                let delta = delta(change, self.principals);
                let written = backend.update_session(self.id(*at), delta).await?;
                let now = self.h.now().await;
                written.map_or_else(not_found, |written| Facts::written(&written, now))
            }
            Step::GetOf(who, at) => {
                let (who, public_id) = (&self.principals[*who], self.public_id(*at).await);
                let record = backend.get_session_of(who, &public_id).await?;
                self.record(record.as_ref()).await
            }
            Step::UpdateOf(who, at, change) => {
                let delta = delta(change, self.principals);
                let (who, public_id) = (&self.principals[*who], self.public_id(*at).await);
                let written = backend.update_session_of(who, &public_id, delta).await?;
                let now = self.h.now().await;
                written.map_or_else(not_found, |written| Facts::written(&written, now))
            }
            Step::Increment(at, field, by) => {
                let value = backend
                    .increment_field(self.id(*at), name(*field), *by)
                    .await?;
                value.map_or_else(not_found, Facts::number)
            }
            Step::RemoveFields(at, names) => {
                let names = names.iter().map(|text| name(*text)).collect();
                Facts::number(backend.remove_fields(self.id(*at), names).await?)
            }
            Step::SetTtl(at, ttl) => {
                Facts::number(backend.set_session_ttl(self.id(*at), units(*ttl)).await?)
            }
            Step::Delete(at) => Facts::word(
                match backend.remove(&RemoveRequest::new(self.id(*at))).await? {
                    RemoveOutcome::Removed => "removed",
                    RemoveOutcome::Rotated => "rotated",
                    _ => "not found",
                },
            ),
            Step::Rotate(at, change) => {
                let delta = delta(change, self.principals);
                let Some(rotated) = backend.rotate_session(self.id(*at), delta).await? else {
                    return Ok(not_found());
                };
                self.slots[at.slot].push(rotated.id);
                Facts::written(&rotated.written, self.h.now().await)
            }
            Step::List(who) => self.list(&self.principals[*who]).await?,
            Step::RevokeOne(who, at) => {
                let (who, public_id) = (&self.principals[*who], self.public_id(*at).await);
                Facts::number(backend.revoke_session(who, &public_id).await?)
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
            Step::Scan => self.scan().await?,
            Step::RevokeAnywhere(at) => {
                let public_id = self.public_id(*at).await;
                match &self.admin {
                    Some(admin) => {
                        let ended = admin.revoke_session(&public_id).await;
                        self.h.catch_up().await;
                        Facts::number(ended?)
                    }
                    None => Facts::word("nobody may"),
                }
            }
            Step::Advance(steps) => {
                self.timer.advance(STEP * *steps).await;
                Facts::word("advanced")
            }
        })
    }

    async fn record(&self, record: Option<&session_core::SessionRecord>) -> Facts {
        let now = self.h.now().await;
        record.map_or_else(
            || Facts::word("not found"),
            |record| Facts::record(record, now),
        )
    }

    async fn list(&self, who: &Principal) -> session_core::Result<Facts> {
        let mut facts = Facts::word("list");
        let size = PageSize::new(2)?;
        let mut cursor = None;
        loop {
            let fields = NAMES.map(name).to_vec();
            let page = self
                .backend
                .list_sessions_page(who, fields, cursor.as_ref(), size);
            let page = page.await?;
            for listed in page.sessions {
                facts = facts
                    .text(self.label(listed.public_id))
                    .text(listed.created_at_text.as_bytes())
                    .text(listed.last_accessed_at_text.as_bytes());
                for (field, value) in listed.fields.iter() {
                    facts = facts.text(field.as_str()).text(value.as_bytes());
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
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

    /// What an operator sees of all sessions.
    async fn scan(&self) -> session_core::Result<Facts> {
        let Some(admin) = &self.admin else {
            return Ok(Facts::word("nobody may"));
        };
        let mut shown = BTreeMap::new();
        let mut cursor = None;
        loop {
            let page = admin.list_page(cursor.as_ref(), PageSize::MAX).await?;
            for overview in page.sessions {
                shown.insert(self.label(overview.session.public_id), overview);
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let now = self.h.now().await;
        let mut facts = Facts::number(admin.count_sessions().await?);
        for (label, overview) in shown {
            let session = &overview.session;
            let deadline = overview.deadline.map(|deadline| deadline.since(now));
            let principal = overview.principal.as_ref().map_or("", Principal::as_str);
            facts = facts
                .text(label)
                .text(principal)
                .text(session.created_at_text.as_bytes())
                .text(session.last_accessed_at_text.as_bytes())
                .text(overview.configured_ttl.to_string())
                .and(Facts::remaining(overview.ttl))
                .time(deadline);
        }
        Ok(facts)
    }

    /// What is stored under the last two ids of each slot.
    pub(super) async fn dumps(&mut self) -> Vec<Facts> {
        let ids = self.slots.iter().flat_map(|ids| ids.iter().rev().take(2));
        let keys = join_all(ids.map(|id| self.h.dump(id))).await;
        let now = self.h.now().await;
        let seen = &mut self.public_ids;
        let mut label = |text: &[u8]| {
            let Ok(public_id) = PublicId::parse(text) else {
                return format!("malformed: {}", text.escape_ascii());
            };
            let number = seen.iter().position(|seen| *seen == public_id);
            let number = number.unwrap_or_else(|| {
                seen.push(public_id);
                seen.len() - 1
            });
            format!("number {number}")
        };
        let facts = |key: &Option<RawKey>| Facts::dump(key.as_ref(), now, &mut label);
        keys.iter().map(facts).collect()
    }

    /// Removes what the sequence has stored: every key gets an expiry, and then time passes.
    pub(super) async fn clean(self) {
        let ended = Some(Duration::from_secs(1));
        let end = async |id| {
            if self.h.dump(id).await.is_some() {
                self.h.plant(id, guide_hash("1"), ended).await;
            }
        };
        join_all(self.slots.iter().flatten().map(end)).await;
        self.h.advance(UNIT * (MOST_UNITS + 1)).await;
    }
}
