//! Flaws in revocation.

use std::sync::Arc;

use session_core::steps::{RevokeRequest, RevokeTarget};
use session_core::{Principal, PublicId, Result, SessionBackend, SessionId};

use super::{mutants, same_policy, wrapper};
use crate::reference::{Reference, Store};

mutants! {
    /// Whoever knows the public id may end the session.
    "PRN-7" RevokesAnybodys {
        fn resolve(&self, store: &Store, _: &Principal, public_id: &PublicId) -> Option<SessionId> {
            let data = store.lock();
            let mut ids = data.keys.keys();
            ids.find(|id| data.public_id(id) == *public_id).cloned()
        }
    }

    /// One is all.
    "PRN-7" RevokesAllForOne {
        fn dress(&self, backend: Reference) -> Arc<dyn SessionBackend> {
            Arc::new(AllForOne(backend))
        }
    }

    /// It takes the session out of the list, and lets it live.
    "PRN-7" UnlistsOnly {
        async fn remove(&self, store: &Store, id: SessionId) -> Result<bool> {
            let keys = store.lock().keys.clone();
            let is_removed = store.remove(&id);
            store.lock().keys = keys;
            Ok(is_removed)
        }
    }

    /// The session to keep is ended.
    "PRN-8" KeepsNone {
        async fn revoke(&self, store: &Store, mut request: RevokeRequest) -> Result<u64> {
            request.target = match request.target {
                RevokeTarget::AllExcept(_) => RevokeTarget::All,
                other => other,
            };
            Ok(store.revoke(&request))
        }
    }

    /// It counts the entries, ended ones too.
    "PRN-8" CountsEntries {
        async fn revoke(&self, store: &Store, request: RevokeRequest) -> Result<u64> {
            let entries = store
                .lock()
                .index
                .get(&request.principal)
                .map_or(0, |all| all.len());
            let ended = store.revoke(&request);
            Ok(match request.target {
                RevokeTarget::All => entries as u64,
                _ => ended,
            })
        }
    }

    /// Everybody is logged out.
    "PRN-8" RevokesEverybodys {
        async fn revoke(&self, store: &Store, request: RevokeRequest) -> Result<u64> {
            let ended = store.revoke(&request);
            if request.target == RevokeTarget::All {
                store.lock().keys.clear();
            }
            Ok(ended)
        }
    }

    /// One batch.
    "PRN-8" RevokesAHundred {
        async fn revoke(&self, store: &Store, request: RevokeRequest) -> Result<u64> {
            let before: Vec<SessionId> = store.lock().members(store.flaw(), &request.principal);
            let keys = store.lock().keys.clone();
            let mut ended = store.revoke(&request);
            for id in before.iter().skip(100) {
                if let Some(key) = keys.get(id)
                    && store.key(id).is_none()
                {
                    store.set_key(id, key.clone());
                    ended -= 1;
                }
            }
            Ok(ended)
        }
    }

    /// The list is read first; what has moved by then escapes.
    "PRN-13" RevokesWhatItReadBefore {
        async fn revoke(&self, store: &Store, request: RevokeRequest) -> Result<u64> {
            let ids = store.lock().members(store.flaw(), &request.principal);
            let mut ended = 0;
            for id in ids {
                tokio::task::yield_now().await;
                ended += u64::from(store.remove(&id));
            }
            Ok(ended)
        }
    }

    /// The newest session is left.
    "PRN-13" SparesTheNewest {
        async fn revoke(&self, store: &Store, request: RevokeRequest) -> Result<u64> {
            let ids = store.lock().members(store.flaw(), &request.principal);
            let last = ids.last().cloned();
            let key = last.as_ref().and_then(|id| store.key(id));
            let mut ended = store.revoke(&request);
            if let (Some(id), Some(key), RevokeTarget::All) = (last, key, &request.target) {
                store.set_key(&id, key);
                ended -= 1;
            }
            Ok(ended)
        }
    }
}

wrapper! { AllForOne {
    same_policy! {}

    async fn revoke_session(&self, principal: &Principal, _: &PublicId) -> Result<bool> {
        Ok(self.0.revoke_sessions(principal, None).await? > 0)
    }
} }
