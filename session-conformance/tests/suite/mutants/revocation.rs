//! Flaws in revocation.

use session_core::steps::{RevokeRequest, RevokeTarget};
use session_core::{Result, SessionId};

use super::mutants;
use crate::reference::Store;

mutants! {
    /// Whoever knows the handle may end the session.
    "PRN-7" RevokesAnybodys {
        async fn revoke(&self, store: &Store, request: RevokeRequest) -> Result<u64> {
            let RevokeTarget::One(handle) = &request.target else {
                return Ok(store.revoke(&request));
            };
            let mut data = store.lock();
            let found = data.keys.keys().find(|id| id.handle() == *handle).cloned();
            Ok(u64::from(
                found.is_some_and(|id| data.remove(store.flaw(), &id)),
            ))
        }
    }

    /// One is all.
    "PRN-7" RevokesAllForOne {
        async fn revoke(&self, store: &Store, mut request: RevokeRequest) -> Result<u64> {
            request.target = match request.target {
                RevokeTarget::One(_) => RevokeTarget::All,
                other => other,
            };
            Ok(store.revoke(&request))
        }
    }

    /// It takes the session out of the list, and lets it live.
    "PRN-7" UnlistsOnly {
        async fn revoke(&self, store: &Store, request: RevokeRequest) -> Result<u64> {
            let keys = store.lock().keys.clone();
            let ended = store.revoke(&request);
            store.lock().keys = keys;
            Ok(ended)
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

    /// It counts the entries, dead ones too.
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
