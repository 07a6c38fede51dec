//! Flaws in the limit of sessions per principal.

use std::num::NonZeroU32;

use session_core::steps::{
    InsertOutcome, InsertRequest, Refusal, RenameOutcome, RenameRequest, WriteOutcome, WriteRequest,
};
use session_core::{Delta, FieldChange, OnExcess, Principal, PrincipalLimit, Result, SessionId};

use super::mutants;
use crate::reference::Store;

/// The index's entries of a principal, ended ones too.
fn entries(store: &Store, principal: Option<Principal>) -> usize {
    let data = store.lock();
    let members = principal.and_then(|principal| data.index.get(&principal).map(|m| m.len()));
    members.unwrap_or(0)
}

fn is_full(entries: usize, limit: Option<PrincipalLimit>) -> bool {
    limit.is_some_and(|limit| {
        limit.on_excess == OnExcess::Refuse && entries >= limit.max.get() as usize
    })
}

fn is_evicting(request: &InsertRequest) -> bool {
    let limit = request.principal_limit;
    limit.is_some_and(|limit| limit.on_excess == OnExcess::EvictOldest)
}

/// Evicts the session at this place from the front of the list, when the list is full.
fn evict(store: &Store, principal: Option<Principal>, limit: Option<PrincipalLimit>, last: bool) {
    let (Some(principal), Some(limit)) = (principal, limit) else {
        return;
    };
    let ids: Vec<SessionId> = store.lock().members(store.flaw(), &principal);
    if ids.len() >= limit.max.get() as usize
        && let Some(id) = if last { ids.last() } else { ids.first() }
    {
        store.lock().take(id);
    }
}

mutants! {
    /// ZCARD.
    "PRN-10" CountsTheEnded {
        async fn insert(&self, store: &Store, request: InsertRequest) -> Result<InsertOutcome> {
            let count = entries(store, request.session.principal());
            if is_full(count, request.principal_limit) {
                return Ok(InsertOutcome::Refused(Refusal::TooManySessions));
            }
            Ok(store.insert(&request))
        }
    }

    /// The session itself takes a second place.
    "PRN-10" CountsItselfTwice {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let count = entries(store, request.write.delta.principal().cloned());
            if is_full(count, request.write.principal_limit) {
                return Ok(WriteOutcome::Refused(Refusal::TooManySessions));
            }
            Ok(store.write(&request))
        }
    }

    /// Only creations are limited.
    "PRN-10" DoesNotLimitWrites {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
            request.write.principal_limit = None;
            Ok(store.write(&request))
        }

        async fn rename(&self, store: &Store, mut request: RenameRequest) -> Result<RenameOutcome> {
            request.write.principal_limit = None;
            Ok(store.rename(&request))
        }
    }

    /// The fields are written before the limit refuses.
    "PRN-10" WritesBeforeItRefuses {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            if outcome == WriteOutcome::Refused(Refusal::TooManySessions) {
                let mut rest = request.clone();
                rest.write.delta =
                    request
                        .write
                        .delta
                        .changes()
                        .fold(Delta::new(), |delta, (name, change)| match change {
                            FieldChange::Set(value) => delta.set(name.clone(), value.clone()),
                            _ => delta,
                        });
                store.write(&rest);
            }
            Ok(outcome)
        }
    }

    /// One more than the limit.
    "PRN-10" AllowsOneMore {
        async fn insert(&self, store: &Store, mut request: InsertRequest) -> Result<InsertOutcome> {
            if let Some(limit) = &mut request.principal_limit {
                limit.max = limit.max.saturating_add(1);
            }
            Ok(store.insert(&request))
        }
    }

    /// The newest goes.
    "PRN-11" EvictsTheFarthest {
        async fn insert(&self, store: &Store, request: InsertRequest) -> Result<InsertOutcome> {
            if is_evicting(&request) {
                evict(
                    store,
                    request.session.principal(),
                    request.principal_limit,
                    true,
                );
            }
            Ok(store.insert(&request))
        }
    }

    /// One goes, though more are too many.
    "PRN-11" EvictsOne {
        async fn insert(&self, store: &Store, mut request: InsertRequest) -> Result<InsertOutcome> {
            if is_evicting(&request) {
                evict(
                    store,
                    request.session.principal(),
                    request.principal_limit,
                    false,
                );
                request.principal_limit = None;
            }
            Ok(store.insert(&request))
        }
    }

    /// The limit is kept after the binding: the new session itself may go.
    "PRN-11" EvictsTheNewSession {
        async fn insert(&self, store: &Store, mut request: InsertRequest) -> Result<InsertOutcome> {
            let limit = request.principal_limit.take();
            let outcome = store.insert(&request);
            let above = limit.map(|limit| PrincipalLimit {
                max: limit.max.saturating_add(1),
                ..limit
            });
            if limit.is_some_and(|limit| limit.on_excess == OnExcess::EvictOldest) {
                evict(store, request.session.principal(), above, false);
            }
            Ok(outcome)
        }
    }

    /// It refuses instead.
    "PRN-11" RefusesInstead {
        async fn insert(&self, store: &Store, mut request: InsertRequest) -> Result<InsertOutcome> {
            if let Some(limit) = &mut request.principal_limit {
                limit.on_excess = OnExcess::Refuse;
                limit.max = limit.max.max(NonZeroU32::MIN);
            }
            Ok(store.insert(&request))
        }
    }

    /// Look first, bind then: together they are too many.
    "PRN-10" CountsOutsideTheStep {
        async fn insert(&self, store: &Store, mut request: InsertRequest) -> Result<InsertOutcome> {
            let principal = request.session.principal();
            let limit = request.principal_limit.take();
            let room = {
                let mut data = store.lock();
                data.make_room(store.flaw(), &request.id, principal.as_ref(), limit)
            };
            if let Err(refusal) = room {
                return Ok(InsertOutcome::Refused(refusal));
            }
            tokio::task::yield_now().await;
            Ok(store.insert(&request))
        }
    }
}
