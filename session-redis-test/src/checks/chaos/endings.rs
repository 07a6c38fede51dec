//! Operations on many sessions, and those that end them.

use std::time::Instant;

use session_core::SessionId;

use super::ledger::{Shared, locked};
use super::losses::Wrong;
use super::worker::{End, Worker, principal};

impl Worker {
    /// By an id, or by a former one.
    pub(super) async fn delete(&mut self, session: &Shared, id: &SessionId) {
        let (began, backend) = (Instant::now(), self.backend.clone());
        let was_over = {
            let mut session = locked(session);
            session.dooms += 1;
            session.ended.is_some_and(|at| at < began)
        };
        let deleted = self.run(backend.delete_session(id)).await;
        // One that has ended is doomed until that is known.
        if matches!(deleted, End::Done(false) | End::NotApplied) {
            locked(session).dooms -= 1;
        }
        match deleted {
            End::Done(true) => {
                // A deletion by a former id ends what it has become.
                let current = locked(session).ids.first().cloned();
                if was_over && let Some(current) = current {
                    self.ledger.found(session, &current, began, None);
                }
                self.ledger.end(session);
            }
            End::Done(false) => {
                self.ledger.missed(session, id, began);
                let state = locked(session);
                let may_have_ended = state.dooms > 0 && state.ids.contains(id);
                drop(state);
                if may_have_ended {
                    self.ledger.abandon(session);
                }
            }
            End::NotApplied | End::Unknown => {}
        }
    }

    pub(super) async fn revoke(&mut self) {
        let owner = self.ledger.pick_owner(&mut self.dice);
        let (theirs, began) = (self.ledger.begin_revocation(owner), Instant::now());
        let (backend, name) = (self.backend.clone(), principal(owner.number));
        let revoked = self.run(backend.revoke_sessions(&name, None)).await;
        self.ledger
            .end_revocation(owner, !matches!(revoked, End::Unknown));
        let was_bound = |session: &Shared| {
            let is_sure = |at| at < began && self.ledger.losses.is_sure(at);
            let bound = locked(session).principal.and_then(|it| it.1);
            bound.is_some_and(is_sure)
        };
        match revoked {
            End::Done(_) => theirs
                .iter()
                .filter(|it| was_bound(it))
                .for_each(|it| self.ledger.end(it)),
            End::NotApplied => theirs.iter().for_each(|it| locked(it).dooms -= 1),
            End::Unknown => {}
        }
    }

    /// All that are surely theirs are listed.
    pub(super) async fn list(&mut self) {
        let (owner, began) = (self.ledger.pick_owner(&mut self.dice), Instant::now());
        let mut theirs = self.ledger.live();
        theirs.retain(|it| {
            let bound = locked(it).principal;
            bound.is_some_and(|(number, since)| {
                let is_sure = |at| at < began && self.ledger.losses.is_sure(at);
                number == owner.number && since.is_some_and(is_sure)
            })
        });
        let (backend, name) = (self.backend.clone(), principal(owner.number));
        let End::Done(listed) = self.run(backend.list_sessions(&name)).await else {
            return;
        };
        theirs.retain(|it| {
            let it = locked(it);
            let is_sure = it
                .principal
                .and_then(|it| it.1)
                .is_some_and(|at| self.ledger.losses.is_sure(at));
            it.dooms == 0 && it.ended.is_none() && is_sure
        });
        if listed.len() < theirs.len() {
            let what = format!("{} of {}", listed.len(), theirs.len());
            self.ledger.violations.add(Wrong("not listed", what));
        }
    }
}
