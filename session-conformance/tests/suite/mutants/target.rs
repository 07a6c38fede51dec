//! Flaws in finding a session by its principal and public id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use session_core::{
    Delta, Principal, PublicId, Result, SessionBackend, SessionId, SessionRecord, Touch, Written,
};

use super::{mutants, same_policy, wrapper};
use crate::reference::{Reference, Store};

/// Whoever's session has this public id.
fn anybodys(store: &Store, public_id: &PublicId) -> Option<SessionId> {
    let data = store.lock();
    let mut ids = data.keys.keys();
    ids.find(|id| data.public_id(id) == *public_id).cloned()
}

/// What was once found, as long as something is there.
type Found = Mutex<HashMap<PublicId, SessionId>>;

fn once_found(
    found: &Found,
    store: &Store,
    principal: &Principal,
    public_id: &PublicId,
) -> Option<SessionId> {
    let mut found = found.lock().unwrap();
    if let Some(id) = found.get(public_id) {
        return Some(id.clone());
    }
    let id = store.id_of(principal, public_id)?;
    found.insert(*public_id, id.clone());
    Some(id)
}

mutants! {
    /// A public id is enough to read.
    "TGT-1" ReadsAnybodys {
        fn resolve(&self, store: &Store, _: &Principal, public_id: &PublicId) -> Option<SessionId> {
            anybodys(store, public_id)
        }
    }

    /// The index names sessions, and does not ask them.
    "TGT-1" BelievesTheIndex {
        fn resolve(&self, store: &Store, who: &Principal, public_id: &PublicId) -> Option<SessionId> {
            let data = store.lock();
            let mut members = data.index.get(who)?.iter();
            let named = members.find(|((_, member), _)| member == public_id)?;
            Some(named.1.clone())
        }
    }

    /// It remembers the id that it found, wherever the session went.
    "TGT-1" FindsTheOldId(Found) {
        fn resolve(&self, store: &Store, who: &Principal, public_id: &PublicId) -> Option<SessionId> {
            once_found(&self.0, store, who, public_id)
        }
    }

    /// The first of the principal's.
    "TGT-1" FindsTheFirst {
        fn resolve(&self, store: &Store, who: &Principal, _: &PublicId) -> Option<SessionId> {
            store.lock().members(store.flaw(), who).into_iter().next()
        }
    }

    /// By public id it only looks.
    "TGT-1" NeverTouchesByPublicId {
        fn dress(&self, backend: Reference) -> Arc<dyn SessionBackend> {
            Arc::new(Looking(backend))
        }
    }

    /// A look by public id is a use.
    "TGT-1" TouchesWithAPeek {
        fn dress(&self, backend: Reference) -> Arc<dyn SessionBackend> {
            Arc::new(Using(backend))
        }
    }

    /// A public id is enough to write.
    "TGT-2" WritesAnybodys {
        fn resolve(&self, store: &Store, _: &Principal, public_id: &PublicId) -> Option<SessionId> {
            anybodys(store, public_id)
        }
    }

    /// All of the principal's are written.
    "TGT-2" WritesTheFirst {
        fn resolve(&self, store: &Store, who: &Principal, _: &PublicId) -> Option<SessionId> {
            store.lock().members(store.flaw(), who).into_iter().next()
        }
    }

    /// A write by public id is done quietly.
    "TGT-2" WritesQuietly {
        fn dress(&self, backend: Reference) -> Arc<dyn SessionBackend> {
            Arc::new(Quiet(backend))
        }
    }

    /// A public id is enough to end a session.
    "TGT-3" RemovesAnybodys {
        fn resolve(&self, store: &Store, _: &Principal, public_id: &PublicId) -> Option<SessionId> {
            anybodys(store, public_id)
        }
    }

    /// It looks for the session, and removes the entry.
    "TGT-3" RemovesTheEntryOnly {
        async fn remove(&self, store: &Store, id: SessionId) -> Result<bool> {
            let keys = store.lock().keys.clone();
            let is_removed = store.remove(&id);
            store.lock().keys = keys;
            Ok(is_removed)
        }
    }
}

wrapper! { Looking {
    same_policy!();

    async fn get_session_of(
        &self,
        who: &Principal,
        public_id: &PublicId,
    ) -> Result<Option<SessionRecord>> {
        self.0.peek_session_of(who, public_id).await
    }
} }

wrapper! { Using {
    same_policy!();

    async fn peek_session_of(
        &self,
        who: &Principal,
        public_id: &PublicId,
    ) -> Result<Option<SessionRecord>> {
        let touch = Delta::new().returning_record();
        let written = self.0.update_session_of(who, public_id, touch).await?;
        Ok(written.and_then(|written| written.record))
    }
} }

wrapper! { Quiet {
    same_policy!();

    async fn update_session_of(
        &self,
        who: &Principal,
        public_id: &PublicId,
        delta: Delta,
    ) -> Result<Option<Written>> {
        let delta = delta.touch(Touch::Never);
        self.0.update_session_of(who, public_id, delta).await
    }
} }
