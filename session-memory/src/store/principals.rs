//! The steps on the sessions of one principal. Each is linear in that principal's sessions.

use session_core::steps::Refusal;
use session_core::{
    ListedSession, OnExcess, Principal, PrincipalLimit, PublicId, SessionId, UnixMillis,
};

use super::Store;

impl Store {
    /// The live sessions of a principal, nearest deadline first.
    pub(crate) fn list(&mut self, principal: &Principal, now: UnixMillis) -> Vec<ListedSession> {
        self.index.prune(principal, now);
        let entries = self.index.of(principal);
        entries
            .filter_map(|(_, _, id)| {
                let state = self.keys.get(id)?.session()?;
                let listed = ListedSession::of(&state.session)?;
                state.is_live(now).then_some(listed)
            })
            .collect()
    }

    /// The ids of a principal's live sessions, nearest deadline first.
    fn ids_of(&mut self, principal: &Principal, now: UnixMillis) -> Vec<SessionId> {
        self.index.prune(principal, now);
        let entries = self.index.of(principal);
        let live = entries.filter(|(_, _, id)| {
            let state = self.keys.get(id).and_then(|key| key.session());
            state.is_some_and(|state| state.is_live(now))
        });
        live.map(|(_, _, id)| id.clone()).collect()
    }

    /// The id of a principal's live session with this public id.
    pub(super) fn id_of(
        &self,
        principal: &Principal,
        public_id: PublicId,
        now: UnixMillis,
    ) -> Option<SessionId> {
        let mut entries = self.index.of(principal);
        let found = entries.find(|(_, entry, id)| {
            let state = self.keys.get(id).and_then(|key| key.session());
            *entry == public_id && state.is_some_and(|state| state.is_live(now))
        });
        found.map(|(_, _, id)| id.clone())
    }

    /// Ends the live sessions of a principal, but for the one to keep; how many.
    pub(crate) fn revoke(
        &mut self,
        principal: &Principal,
        keep: Option<&SessionId>,
        now: UnixMillis,
    ) -> u64 {
        let mut ended = 0;
        for id in self.ids_of(principal, now) {
            if Some(&id) != keep && self.take_key(&id) {
                ended += 1;
            }
        }
        ended
    }

    /// Sees to it that one more session of a principal, this one, is within the limit: refuses, or
    /// ends those with the oldest log-in. A session that is already the principal's counts once;
    /// expired ones do not count.
    pub(super) fn make_room(
        &mut self,
        principal: &Principal,
        limit: Option<PrincipalLimit>,
        id: &SessionId,
        now: UnixMillis,
    ) -> Result<(), Refusal> {
        let Some(PrincipalLimit { max, on_excess }) = limit else {
            return Ok(());
        };
        self.index.prune(principal, now);
        let entries = self.index.of(principal);
        let others = entries.filter_map(|(_, public_id, other)| {
            let state = self.keys.get(other)?.session()?;
            let counts = other != id && state.is_live(now);
            // One without a log-in sorts before all others.
            counts.then(|| (state.session.login_at(), public_id, other.clone()))
        });
        let mut others: Vec<_> = others.collect();
        let excess = (others.len() + 1).saturating_sub(usize::from(max.get()));
        if excess == 0 {
            return Ok(());
        }
        match on_excess {
            OnExcess::Refuse => Err(Refusal::TooManySessions),
            OnExcess::EvictOldest => {
                others.sort_unstable();
                for (_, _, oldest) in others.iter().take(excess) {
                    self.take_key(oldest);
                }
                self.evicted = Some(principal.clone());
                Ok(())
            }
        }
    }
}
