//! Flaws in a principal's list.

use std::collections::HashMap;
use std::sync::Mutex;

use session_core::steps::{
    InsertAnswer, InsertRequest, RenameAnswer, RenameRequest, SessionSummary, WriteAnswer,
    WriteRequest,
};
use session_core::{FieldValue, Principal, Result, SessionId, SessionTtl, Touch, UnixMillis};

use super::mutants;
use crate::reference::{Key, Store};

/// The principal that a stored session is bound to.
fn bound_to(store: &Store, id: &SessionId) -> Option<Principal> {
    store.key(id)?.session()?.session.principal()
}

fn summary_of(id: &SessionId, key: &Key) -> SessionSummary {
    let session = key.session().map(|state| state.session);
    let text = |value: Option<&FieldValue>| value.cloned().unwrap_or_default();
    let created = text(session.as_ref().map(|session| session.created_at()));
    let accessed = text(session.as_ref().map(|session| session.last_accessed_at()));
    SessionSummary::new(id.handle(), created, accessed)
}

mutants! {
    /// A creation stores the principal, and lists nothing.
    "PRN-1" DoesNotListCreations {
        async fn insert(&self, store: &Store, request: InsertRequest) -> Result<InsertAnswer> {
            let answer = store.insert(&request);
            store.lock().unlist(&request.id);
            Ok(answer)
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

    /// A write stores the principal, and lists nothing.
    "PRN-2" DoesNotListWrites {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteAnswer> {
            let answer = store.write(&request);
            if request.write.delta.principal().is_some() {
                store.lock().unlist(&request.id);
            }
            Ok(answer)
        }
    }

    /// A rotation stores the principal, and lists nothing.
    "PRN-3" DoesNotListRotations {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameAnswer> {
            let answer = store.rename(&request);
            if request.write.delta.principal().is_some() {
                store.lock().unlist(&request.to);
            }
            Ok(answer)
        }
    }

    /// The list has the id from before the rotation.
    "PRN-3" ListsTheOldHandle(Mutex<HashMap<SessionId, SessionId>>) {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameAnswer> {
            self.0
                .lock()
                .unwrap()
                .insert(request.to.clone(), request.from.clone());
            Ok(store.rename(&request))
        }

        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let mut list = store.list(&principal);
            for (new, old) in self.0.lock().unwrap().iter() {
                for summary in &mut list {
                    if summary.handle == new.handle() {
                        summary.handle = old.handle();
                    }
                }
            }
            Ok(list)
        }
    }

    /// Each login starts the lifetime again.
    "PRN-4" RestartsTheDeadline {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteAnswer> {
            if request.write.delta.principal().is_some() {
                store.edit(&request.id, |fields| {
                    fields.remove(b"session_deadline".as_slice());
                });
            }
            Ok(store.write(&request))
        }
    }

    /// A bound session lives for a day.
    "PRN-4" HasALifetimeOfItsOwn {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteAnswer> {
            request.write.principal_lifetime = SessionTtl::from_secs(86_400).unwrap();
            Ok(store.write(&request))
        }
    }

    /// The list is what the index has.
    "PRN-5" ListsTheDead {
        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let data = store.lock();
            let members = data.index.get(&principal).into_iter().flatten();
            let gone = Key {
                fields: None,
                expires_at: None,
            };
            let summary = |((_, id), ()): (&(_, SessionId), &())| {
                summary_of(id, data.keys.get(id).unwrap_or(&gone))
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
            let summary = |((_, id), ()): (&(_, SessionId), &())| {
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

    /// It reads the sessions as anybody would.
    "PRN-6" TouchesWhatItLists {
        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let list = store.list(&principal);
            let mut data = store.lock();
            let now = data.now;
            for id in data.members(store.flaw(), &principal) {
                let key = data.keys.get_mut(&id).unwrap();
                let ttl = key.session().unwrap().session.ttl();
                let armed = now.plus_millis(u64::from(ttl.as_secs()) * 1000);
                key.expires_at = Some(armed);
            }
            drop(data);
            Ok(list)
        }
    }

    /// A new binding leaves the old entry, and the list believes it.
    "PRN-9" StaysInTheOldList(Mutex<HashMap<Principal, Vec<SessionId>>>) {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteAnswer> {
            if let Some(former) = bound_to(store, &request.id) {
                self.0
                    .lock()
                    .unwrap()
                    .entry(former)
                    .or_default()
                    .push(request.id.clone());
            }
            Ok(store.write(&request))
        }

        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let mut list = store.list(&principal);
            for id in self.0.lock().unwrap().get(&principal).into_iter().flatten() {
                if let Some(key) = store.key(id)
                    && !list.iter().any(|summary| summary.handle == id.handle())
                {
                    list.push(summary_of(id, &key));
                }
            }
            Ok(list)
        }
    }

    /// The first binding is for good.
    "PRN-9" KeepsTheFirstPrincipal {
        fn save(&self, before: Option<&Key>, after: &mut Key, _: UnixMillis) {
            let name = b"session_principal".as_slice();
            let first = before.and_then(|before| before.fields.as_ref()?.get(name).cloned());
            if let Some(first) = first {
                after.fields.as_mut().unwrap().insert(name.to_vec(), first);
            }
        }
    }

    /// A rotation without a binding leaves the list.
    "PRN-12" UnlistsWhatRotates {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameAnswer> {
            let answer = store.rename(&request);
            if request.write.delta.principal().is_none() {
                store.lock().unlist(&request.to);
            }
            Ok(answer)
        }
    }

    /// A rotation is a logout.
    "PRN-12" UnbindsWhatRotates {
        async fn rename(&self, store: &Store, mut request: RenameRequest) -> Result<RenameAnswer> {
            request.write.delta = request.write.delta.touch(Touch::Always);
            let answer = store.rename(&request);
            if request.write.delta.principal().is_none() {
                store.edit(&request.to, |fields| {
                    fields.remove(b"session_principal".as_slice());
                });
            }
            Ok(answer)
        }
    }
}
