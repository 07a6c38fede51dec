//! Flaws in how a session comes into a list, and into another.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use session_core::steps::{
    RenameOutcome, RenameRequest, SessionSummary, WriteOutcome, WriteRequest,
};
use session_core::{Principal, PublicId, Result, SessionId, SessionTtl, Touch, UnixMillis};

use super::listing::summary_of;
use super::mutants;
use crate::reference::{Key, Named, Store};

/// The principal that a stored session is bound to.
fn bound_to(store: &Store, id: &SessionId) -> Option<Principal> {
    store.key(id)?.session()?.session.principal()
}

mutants! {
    /// A write stores the principal, and lists nothing.
    "PRN-2" DoesNotListWrites {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            if request.write.delta.principal().is_some() {
                store.lock().unlist(request.id());
            }
            Ok(outcome)
        }
    }

    /// A rotation stores the principal, and lists nothing.
    "PRN-3" DoesNotListRotations {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = store.rename(&request);
            if request.write.delta.principal().is_some() {
                store.lock().unlist(&request.to);
            }
            Ok(outcome)
        }
    }

    /// The list calls a rotated session by a public id of its own.
    "PRN-3" ListsAnotherPublicId(Mutex<HashSet<PublicId>>) {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = store.rename(&request);
            let public_id = store.lock().public_id(&request.to);
            self.0.lock().unwrap().insert(public_id);
            Ok(outcome)
        }

        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let mut list = store.list(&principal);
            for summary in &mut list {
                if self.0.lock().unwrap().contains(&summary.public_id) {
                    summary.public_id = PublicId::from_digest(&[7; 32]);
                }
            }
            Ok(list)
        }
    }

    /// Each login starts the lifetime again.
    "PRN-4" RestartsTheDeadline {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            if request.write.delta.principal().is_some() {
                store.edit(request.id(), |fields| {
                    fields.remove(b"session_deadline".as_slice());
                });
            }
            Ok(store.write(&request))
        }
    }

    /// A bound session lives for a day.
    "PRN-4" HasALifetimeOfItsOwn {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
            request.write.principal_lifetime = SessionTtl::from_secs(86_400).unwrap();
            Ok(store.write(&request))
        }
    }

    /// A new binding leaves the old entry, and the list believes it.
    "PRN-9" StaysInTheOldList(Mutex<HashMap<Principal, Vec<SessionId>>>) {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            if let Some(former) = bound_to(store, request.id()) {
                self.0
                    .lock()
                    .unwrap()
                    .entry(former)
                    .or_default()
                    .push(request.id().clone());
            }
            Ok(store.write(&request))
        }

        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let mut list = store.list(&principal);
            for id in self.0.lock().unwrap().get(&principal).into_iter().flatten() {
                if let Some(key) = store.key(id)
                    && !list.iter().any(|it| it.public_id == store.lock().public_id(id))
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
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = store.rename(&request);
            if request.write.delta.principal().is_none() {
                store.lock().unlist(&request.to);
            }
            Ok(outcome)
        }
    }

    /// A rotation is a logout.
    "PRN-12" UnbindsWhatRotates {
        async fn rename(&self, store: &Store, mut request: RenameRequest) -> Result<RenameOutcome> {
            request.write.delta = request.write.delta.touch(Touch::Always);
            let outcome = store.rename(&request);
            if request.write.delta.principal().is_none() {
                store.edit(&request.to, |fields| {
                    fields.remove(b"session_principal".as_slice());
                });
            }
            Ok(outcome)
        }
    }

    /// The list is the principal's own, and the session's principal is what was written last: a
    /// binding that read the former principal before does not leave the list it is in by then.
    "PRN-9" LeavesTheListItKnew(Mutex<HashMap<SessionId, Vec<Principal>>>) {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let former = bound_to(store, request.id());
            tokio::task::yield_now().await;
            let outcome = store.write(&request);
            if let Some(principal) = request.write.delta.principal() {
                let mut lists = self.0.lock().unwrap();
                let lists = lists.entry(request.id().clone()).or_default();
                lists.retain(|list| Some(list) != former.as_ref());
                lists.push(principal.clone());
            }
            Ok(outcome)
        }

        async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
            let lists = self.0.lock().unwrap();
            let ids = lists.iter().filter(|(_, lists)| lists.contains(&principal));
            let summary = |(id, _): (&SessionId, _)| Some(summary_of(id, &store.key(id)?));
            Ok(ids.filter_map(summary).collect())
        }
    }
}
