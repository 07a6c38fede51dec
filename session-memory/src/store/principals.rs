//! The steps on the sessions of one principal. Each is linear in that principal's sessions.

use session_core::steps::Refusal;
use session_core::{FieldValue, OnExcess, Principal, PrincipalLimit, SessionId, UnixMillis};

use super::Store;

/// A session in a principal's list, before its handle is computed.
pub(crate) struct Listed {
    pub(crate) id: SessionId,
    pub(crate) created_at: FieldValue,
    pub(crate) last_accessed_at: FieldValue,
}

impl Store {
    /// The live sessions of a principal, nearest deadline first.
    pub(crate) fn list(&mut self, principal: &Principal, now: UnixMillis) -> Vec<Listed> {
        self.index.prune(principal, now);
        let ids = self.index.of(principal).map(|(_, id)| id);
        ids.filter_map(|id| {
            let state = self.keys.get(id)?.session()?;
            state.is_live(now).then(|| Listed {
                id: id.clone(),
                created_at: state.session.created_at().clone(),
                last_accessed_at: state.session.last_accessed_at().clone(),
            })
        })
        .collect()
    }

    /// The ids of a principal's live sessions, nearest deadline first.
    pub(crate) fn ids_of(&mut self, principal: &Principal, now: UnixMillis) -> Vec<SessionId> {
        self.index.prune(principal, now);
        let ids = self.index.of(principal).map(|(_, id)| id);
        ids.filter(|id| {
            let state = self.keys.get(id).and_then(|key| key.session());
            state.is_some_and(|state| state.is_live(now))
        })
        .cloned()
        .collect()
    }

    /// Ends a session if it is live and this principal's; whether it was.
    pub(crate) fn revoke_one(
        &mut self,
        principal: &Principal,
        id: &SessionId,
        now: UnixMillis,
    ) -> bool {
        let owner = self
            .live(id, now)
            .and_then(|state| state.session.principal());
        let is_owned = owner.as_ref() == Some(principal);
        if is_owned {
            self.take_key(id);
        }
        is_owned
    }

    /// Ends the live sessions of a principal, but for the one to keep; how many.
    pub(crate) fn revoke_all(
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
    /// ends those with the nearest deadline. A session that is already the principal's counts once;
    /// dead ones do not count.
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
        let mut others = self.ids_of(principal, now);
        others.retain(|other| other != id);
        let max = usize::try_from(max.get()).unwrap_or(usize::MAX);
        let excess = (others.len() + 1).saturating_sub(max);
        match on_excess {
            OnExcess::Refuse if excess > 0 => Err(Refusal::TooManySessions),
            OnExcess::Refuse => Ok(()),
            OnExcess::EvictOldest => {
                for other in others.iter().take(excess) {
                    self.take_key(other);
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use session_core::{NewSession, SessionBackend};

    use super::*;
    use crate::MemoryBackend;

    #[tokio::test]
    async fn a_session_that_has_changed_hands_meanwhile_is_not_revoked() {
        let backend = MemoryBackend::new();
        let [ann, bob] = ["ann", "bob"].map(|name| Principal::new(name).unwrap());
        let new = NewSession::default().bind(ann.clone());
        let id = backend.create_session(new).await.unwrap().id;
        backend.on_store(|store, now| {
            assert!(!store.revoke_one(&bob, &id, now));
            assert!(store.revoke_one(&ann, &id, now));
            assert!(!store.revoke_one(&ann, &id, now));
        });
    }
}
