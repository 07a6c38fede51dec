//! Those who use the sessions.

use std::sync::Arc;

use session_core::{Delta, NewSession, Principal, PublicId, SessionId, Touch};

use super::clock::StoreClock;
use super::house::House;
use super::life::{Life, Span};
use super::plan::{Binding, Plan, Use};
use crate::kit::{Dice, lasting, set, ttl};
use crate::races::crew::Member;

/// A session, which nobody else uses.
struct Session {
    house: Arc<House>,
    number: usize,
    id: SessionId,
    plan: Plan,
    in_use_until: u64,
}

/// Uses sessions by turns, each for as long as its plan says.
pub(super) struct User {
    member: Member,
    clock: Arc<StoreClock>,
    dice: Dice,
    /// The last reading of the clock.
    now: u64,
}

impl User {
    pub(super) fn new(member: Member, clock: Arc<StoreClock>, dice: Dice) -> Self {
        Self {
            member,
            clock,
            dice,
            now: 0,
        }
    }

    pub(super) async fn run(mut self, plans: Vec<(Arc<House>, Plan)>) {
        self.now = self.clock.read().await;
        let mut sessions = Vec::new();
        for (house, plan) in plans {
            sessions.push(self.begin(house, plan).await);
        }
        while !sessions.is_empty() {
            let count = u64::try_from(sessions.len()).expect("a small number");
            let chosen = usize::try_from(self.dice.below(count)).expect("a small number");
            let session = &mut sessions[chosen];
            let is_last = self.now >= session.in_use_until;
            let next = if is_last {
                session.plan.last_use()
            } else {
                Some(session.plan.next_use(&mut self.dice))
            };
            let is_alive = match next {
                Some(next) => self.make_use(session, next).await,
                None => true,
            };
            if is_last || !is_alive {
                sessions.swap_remove(chosen);
            }
        }
    }

    /// The time since the last reading, up to now.
    async fn since(&mut self) -> Span {
        let earliest = self.now;
        self.now = self.clock.read().await;
        let latest = self.now;
        Span { earliest, latest }
    }

    /// Creates and binds a session.
    async fn begin(&mut self, house: Arc<House>, plan: Plan) -> Session {
        loop {
            if let Some((id, life)) = self.bound(&house.principal, &plan).await {
                let in_use_until = self.now + plan.in_use_for;
                let number = house.enter(life);
                return Session {
                    house,
                    number,
                    id,
                    plan,
                    in_use_until,
                };
            }
        }
    }

    /// A bound session, unless it ended before it was bound.
    async fn bound(&mut self, principal: &Principal, plan: &Plan) -> Option<(SessionId, Life)> {
        let backend = Arc::clone(&self.member.backend);
        let new = NewSession::default()
            .ttl(ttl(plan.ttl))
            .max_lifetime(lasting(plan.lifetime));
        let new = match plan.binding {
            Binding::Creation => new.bind(principal.clone()),
            Binding::Write | Binding::Rotation => new,
        };
        let new = self.member.did(backend.create_session(new).await);
        let created = self.since().await;
        let deadline = created.plus(plan.lifetime * 1000);
        let life = |id: PublicId, used| Life::new(id, used, plan.ttl * 1000, deadline);
        let (id, own) = (new.id, new.record.public_id());
        let unbound = life(own.unwrap_or_else(|| PublicId::of_unbound(&id)), created);
        let bind = Delta::new().bind(principal.clone()).returning_record();
        let bound = match plan.binding {
            Binding::Creation => return Some((id, unbound)),
            Binding::Write => {
                let written = backend.update_session(&id, bind).await;
                self.member.did(written).map(|written| (id, written))
            }
            Binding::Rotation => {
                let rotated = backend.rotate_session(&id, bind).await;
                let rotated = self.member.did(rotated);
                rotated.map(|rotated| (rotated.id, rotated.written))
            }
        };
        let at = self.since().await;
        assert_possible(&unbound, bound.is_some(), at);
        bound.map(|(id, written)| {
            let record = written.record.expect("the record that was asked for");
            let life = life(record.public_id().expect("a bound session"), at);
            (id, life)
        })
    }

    /// Uses a session; whether it was alive.
    async fn make_use(&mut self, session: &mut Session, next: Use) -> bool {
        let Session { house, number, .. } = session;
        let before = house.change(*number, |life| {
            let before = life.clone();
            match next {
                Use::Peek | Use::AskTtl | Use::WriteQuietly => {}
                Use::Read | Use::Write | Use::Rotate => life.touch_begins(),
                Use::SetTtl(_) | Use::Delete | Use::Revoke => life.doubt_begins(),
            }
            before
        });
        let (is_alive, left) = self.ask(session, next).await;
        let at = self.since().await;
        assert_possible(&before, is_alive, at);
        session.house.change(session.number, |life| match next {
            _ if !is_alive => life.has_ended(),
            Use::Peek | Use::WriteQuietly => {}
            Use::AskTtl => life.had_left(left, at),
            Use::Read | Use::Write | Use::Rotate => life.touched(at),
            Use::SetTtl(seconds) => life.ttl_was_set(seconds * 1000, at),
            Use::Delete | Use::Revoke => life.has_ended(),
        });
        is_alive
    }

    /// Whether there was a session, and the milliseconds that it has left if it was asked for them.
    async fn ask(&mut self, session: &mut Session, next: Use) -> (bool, u64) {
        let Self { member, dice, .. } = self;
        let (backend, id) = (Arc::clone(&member.backend), session.id.clone());
        let delta = set("n", if dice.below(2) == 0 { "a" } else { "b" });
        let is_alive = match next {
            Use::Read => member.did(backend.get_session(&id).await).is_some(),
            Use::Peek => member.did(backend.peek_session(&id).await).is_some(),
            Use::Write => member
                .did(backend.update_session(&id, delta).await)
                .is_some(),
            Use::WriteQuietly => {
                let delta = delta.touch(Touch::Never);
                member
                    .did(backend.update_session(&id, delta).await)
                    .is_some()
            }
            Use::AskTtl => {
                let outcome = member.did(backend.ttl(&id).await);
                let left = outcome.map(|left| left.as_duration().expect("it has an expiry"));
                let millis = left.unwrap_or_default().as_millis();
                return (left.is_some(), millis.try_into().expect("a short time"));
            }
            Use::SetTtl(seconds) => member.did(backend.set_session_ttl(&id, ttl(seconds)).await),
            Use::Rotate => {
                let rotated = member.did(backend.rotate_session(&id, delta).await);
                rotated.is_some_and(|rotated| {
                    session.id = rotated.id;
                    true
                })
            }
            Use::Delete => member.did(backend.delete_session(&id).await),
            Use::Revoke => {
                let principal = &session.house.principal;
                let public_id = session
                    .house
                    .change(session.number, |life| life.public_id());
                let revoked = backend.revoke_session(principal, &public_id).await;
                member.did(revoked)
            }
        };
        (is_alive, 0)
    }
}

/// Asserts that a session could be found so then, by what was known before.
#[track_caller]
fn assert_possible(before: &Life, is_alive: bool, at: Span) {
    let end = before.end();
    if is_alive {
        assert!(
            !before.has_ended_by(at.earliest),
            "an ended session is found, {at:?}: {before:?}"
        );
    } else {
        assert!(
            end.earliest <= at.latest,
            "a live session is not found, {at:?}: {before:?}"
        );
    }
}
