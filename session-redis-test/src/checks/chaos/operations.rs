//! The operations: what each changes, and what its reply shows.

use std::time::Instant;

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use session_core::steps::{InsertOutcome, InsertRequest, RenameOutcome, RenameRequest};
use session_core::{Delta, NewSession, SessionId, SessionRecord, Written};

use super::ledger::{Shared, locked};
use super::losses::Wrong;
use super::session::{COUNTER, Change, PAIRS, Session, TTL, fields, ttl};
use super::worker::{End, Worker, principal};
use crate::checks::name;

/// What a write shows: the counter, and the session.
type Seen = (Option<i64>, Option<SessionRecord>);

fn parts(written: Written) -> Seen {
    (written.counter(COUNTER), written.record)
}

impl Worker {
    /// One operation, whichever.
    pub(super) async fn operate(&mut self) {
        let is_full = self.ledger.has(self.sessions);
        let dice = self.dice.random_range(0..200);
        if !is_full && dice < 100 {
            return self.create().await;
        }
        if dice == 0 {
            return self.revoke().await;
        }
        if dice == 1 {
            return self.list().await;
        }
        let has_ended = (2..12).contains(&dice);
        let picked = match has_ended {
            true => self.ledger.pick_ended(&mut self.dice),
            false => self.ledger.pick(&mut self.dice),
        };
        let Some(session) = picked else { return };
        let id = {
            let session = locked(&session);
            let by_former = has_ended || (12..24).contains(&dice);
            let former = session.former.iter().map(|it| &it.0);
            let ids: Vec<_> = session.ids.iter().collect();
            let ids = if by_former {
                ids.into_iter().chain(former).collect()
            } else {
                ids
            };
            let Some(id) = ids.choose(&mut self.dice) else {
                return;
            };
            SessionId::clone(id)
        };
        match self.dice.random_range(0..100) {
            0..40 => self.read(&session, &id).await,
            40..64 => self.count(&session, &id).await,
            64..80 => self.update(&session, &id).await,
            80..84 => self.set_ttl(&session, &id).await,
            84..94 => self.rotate(&session).await,
            _ => self.delete(&session, &id).await,
        }
    }

    /// Under an id that is known, however it ends: one that may have been created is left alone.
    async fn create(&mut self) {
        let (number, began) = (self.ledger.number(), Instant::now());
        let owner = self
            .dice
            .random_bool(0.3)
            .then(|| self.ledger.pick_owner(&mut self.dice));
        let new = NewSession::new(fields(number)).ttl(ttl(0));
        let new = match owner {
            Some(owner) => new.bind(principal(owner.number)),
            None => new,
        };
        let id = SessionId::random().expect("an id");
        let request = InsertRequest::new(self.backend.policy(), id.clone(), new);
        let (backend, request) = (self.backend.clone(), request.expect("a request"));
        match self.run(backend.insert(&request)).await {
            End::Done(InsertOutcome::Inserted(record)) => {
                let of = owner.map(|it| it.number);
                let mut session = Session::new(number, id.clone(), began, of);
                let found = session.found(&id, began, Some(&record), &self.ledger.losses);
                self.ledger.note(found);
                self.ledger.add(session, owner);
            }
            End::Done(other) => self.odd(&other),
            End::NotApplied | End::Unknown => {}
        }
    }

    async fn read(&mut self, session: &Shared, id: &SessionId) {
        let (began, slides, backend) = (Instant::now(), self.dice.random(), self.backend.clone());
        let read = match slides {
            true => self.run(backend.get_session(id)).await,
            false => self.run(backend.peek_session(id)).await,
        };
        match read {
            End::Done(Some(record)) => self.ledger.found(session, id, began, Some(&record)),
            End::Done(None) => self.ledger.missed(session, id, began),
            End::NotApplied | End::Unknown => {}
        }
    }

    async fn count(&mut self, session: &Shared, id: &SessionId) {
        let change = locked(session).begin(None, true);
        let (began, backend) = (Instant::now(), self.backend.clone());
        let counted = self
            .run(backend.increment_field(id, name(COUNTER), 1))
            .await;
        self.changed(
            session,
            id,
            began,
            change,
            counted.map(|it| it.map(|it| (Some(it), None))),
        );
    }

    async fn set_ttl(&mut self, session: &Shared, id: &SessionId) {
        let change = locked(session).begin(Some(TTL), false);
        let Some((_, value)) = change.register else {
            return;
        };
        let (began, backend) = (Instant::now(), self.backend.clone());
        let set = self.run(backend.set_session_ttl(id, ttl(value))).await;
        let set = set.map(|is_there| is_there.then_some((None, None)));
        self.changed(session, id, began, change, set);
    }

    async fn update(&mut self, session: &Shared, id: &SessionId) {
        let (change, delta) = self.delta(session);
        let (began, backend) = (Instant::now(), self.backend.clone());
        let written = self.run(backend.update_session(id, delta)).await;
        let seen = written.map(|it| it.map(parts));
        self.changed(session, id, began, change, seen);
    }

    /// Of a register and, as it may be, of the counter; some with a look.
    fn delta(&mut self, session: &Shared) -> (Change, Delta) {
        let at = self.dice.random_range(0..PAIRS.len());
        let change = locked(session).begin(Some(at), self.dice.random());
        let (fields, value) = PAIRS.get(at).zip(change.register).expect("a register");
        let set = |delta: Delta, field: &&'static str| delta.set(name(field), value.1.to_string());
        let mut delta = fields.iter().fold(Delta::new(), set);
        if change.counts {
            delta = delta.increment(name(COUNTER), 1);
        }
        if self.dice.random() {
            delta = delta.returning_record();
        }
        (change, delta)
    }

    /// What became of a change.
    fn changed(
        &self,
        session: &Shared,
        id: &SessionId,
        began: Instant,
        change: Change,
        end: End<Option<Seen>>,
    ) {
        match end {
            End::Done(Some((counter, record))) => {
                let losses = &self.ledger.losses;
                let counted = locked(session).acknowledge(change, counter, losses);
                self.ledger.note(counted);
                self.ledger.found(session, id, began, record.as_ref());
            }
            End::Done(None) => {
                locked(session).refuse(change);
                self.ledger.missed(session, id, began);
            }
            End::NotApplied => locked(session).refuse(change),
            End::Unknown => {}
        }
    }

    /// Of one whose id is known; some are log-ins. The next id is known, however it ends.
    async fn rotate(&mut self, session: &Shared) {
        let logs_in = self.dice.random_bool(0.3);
        let (old, new, owner) = {
            let mut session = locked(session);
            let [old] = &*session.ids else { return };
            if session.is_rotating || session.ended.is_some() {
                return;
            }
            let (old, new) = (old.clone(), self.backend.successor_id(old).expect("an id"));
            session.is_rotating = true;
            session.ids.push(new.clone());
            let logs_in = logs_in && session.principal.is_none();
            let owner = logs_in.then(|| self.ledger.pick_owner(&mut self.dice));
            if let Some(owner) = owner {
                session.principal = Some((owner.number, None));
                session.dooms += u32::from(owner.is_revoked());
            }
            (old, new, owner)
        };
        let (change, mut delta) = self.delta(session);
        if let Some(owner) = owner {
            delta = delta.bind(principal(owner.number));
        }
        let request = RenameRequest::new(self.backend.policy(), old.clone(), new.clone(), delta);
        let (began, backend, request) = (
            Instant::now(),
            self.backend.clone(),
            request.expect("a request"),
        );
        let renamed = self.run(backend.rename(&request)).await;
        let mut state = locked(session);
        state.is_rotating = false;
        match &renamed {
            End::Done(RenameOutcome::Renamed(_)) => {
                state.moved(&new);
                let bound = owner.map(|it| (it.number, Some(Instant::now())));
                state.principal = bound.or(state.principal);
            }
            // A late log-in may be followed by a late revocation.
            End::Unknown => state.dooms += u32::from(owner.is_some()),
            _ => {
                state.ids.retain(|it| *it != new);
                if owner.is_some() {
                    state.principal = None;
                }
            }
        }
        drop(state);
        match renamed {
            End::Done(RenameOutcome::Renamed(written)) => {
                let seen = End::Done(Some(parts(written)));
                self.changed(session, &old, began, change, seen);
            }
            End::Done(RenameOutcome::NotFound | RenameOutcome::Rotated) => {
                self.changed(session, &old, began, change, End::Done(None));
            }
            End::Done(other) => self.odd(&other),
            End::NotApplied => self.changed(session, &old, began, change, End::NotApplied),
            End::Unknown => {}
        }
    }

    fn odd(&self, outcome: &dyn std::fmt::Debug) {
        let what = format!("{outcome:?}");
        self.ledger.violations.add(Wrong("odd outcome", what));
    }
}
