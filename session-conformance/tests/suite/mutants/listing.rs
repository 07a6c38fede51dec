//! Flaws in a principal's list.

use session_core::steps::{InsertOutcome, InsertRequest, SessionSummary};
use session_core::{FieldValue, Principal, PublicId, Result, SessionId, UnixMillis};

use super::mutants;
use crate::reference::{Key, Store};

pub(super) fn summary_of(id: &SessionId, key: &Key) -> SessionSummary {
    let session = key.session().map(|state| state.session);
    let text = |value: Option<&FieldValue>| value.cloned().unwrap_or_default();
    let created = text(session.as_ref().map(|session| session.created_at()));
    let accessed = text(session.as_ref().map(|session| session.last_accessed_at()));
    let session = session.as_ref();
    let public_id = session.and_then(|session| session.public_id());
    let public_id = public_id.unwrap_or_else(|| PublicId::of_unbound(id));
    let login_at = session.and_then(|session| session.login_at());
    SessionSummary::new(public_id, created, accessed, login_at)
}

mutants! {
    /// A creation stores the principal, and lists nothing.
    "PRN-1" DoesNotListCreations {
        async fn insert(&self, store: &Store, request: InsertRequest) -> Result<InsertOutcome> {
            let outcome = store.insert(&request);
            store.lock().unlist(&request.id);
            Ok(outcome)
        }
    }

    /// The newest first.
    "PRN-1" ListsTheFarthestFirst {
        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let mut list = store.list(&principal);
            list.reverse();
            Ok(list)
        }
    }

    /// One batch.
    "PRN-1" ListsAHundred {
        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let mut list = store.list(&principal);
            list.truncate(100);
            Ok(list)
        }
    }

    /// Both timestamps are the same one.
    "PRN-1" TellsTheCreationTwice {
        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let mut list = store.list(&principal);
            for summary in &mut list {
                summary.last_accessed_at = summary.created_at.clone();
            }
            Ok(list)
        }
    }

    /// Principals as keys without regard to case and white space.
    "PRN-1" FoldsPrincipals {
        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let fold = |principal: &Principal| principal.as_str().to_lowercase();
            let all: Vec<_> = store.lock().index.keys().cloned().collect();
            let same = all
                .into_iter()
                .filter(|other| fold(other) == fold(&principal));
            Ok(same.flat_map(|other| store.list(&other)).collect())
        }
    }

    /// The list is what the index has.
    "PRN-5" ListsTheEnded {
        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let data = store.lock();
            let members = data.index.get(&principal).into_iter().flatten();
            let expired = Key {
                fields: None,
                expires_at: None,
            };
            let summary = |(_, id): (&(UnixMillis, PublicId), &SessionId)| {
                summary_of(id, data.keys.get(id).unwrap_or(&expired))
            };
            Ok(members.map(summary).collect())
        }
    }

    /// What cannot be found is listed no more, but what is no session is.
    "PRN-5" ListsTheInvalid {
        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let data = store.lock();
            let members = data.index.get(&principal).into_iter().flatten();
            let now = data.now;
            let is_there = |key: &&Key| key.expires_at.is_none_or(|at| now <= at);
            let summary = |(_, id): (&(UnixMillis, PublicId), &SessionId)| {
                data.keys
                    .get(id)
                    .filter(is_there)
                    .map(|key| summary_of(id, key))
            };
            Ok(members.filter_map(summary).collect())
        }
    }

    /// The index only grows.
    "PRN-5" NeverPrunes {
        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let before = store.lock().index.clone();
            let list = store.list(&principal);
            store.lock().index = before;
            Ok(list)
        }
    }

    /// When somebody logged in is nobody's business.
    "PRN-1" TellsNoLogIn {
        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let mut list = store.list(&principal);
            for summary in &mut list {
                summary.login_at = None;
            }
            Ok(list)
        }
    }

    /// It reads the sessions as anybody would.
    "PRN-6" TouchesWhatItLists {
        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let list = store.list(&principal);
            let mut data = store.lock();
            let now = data.now;
            for id in data.members(store.flaw(), &principal) {
                let key = data.keys.get_mut(&id).unwrap();
                let ttl = key.session().unwrap().session.ttl();
                let expiry = now.plus_millis(u64::from(ttl.as_secs()) * 1000);
                key.expires_at = Some(expiry);
            }
            drop(data);
            Ok(list)
        }
    }
}
