//! Flaws in a principal's list that show for moments only.

use std::collections::HashMap;
use std::sync::Mutex;

use session_core::steps::{RenameOutcome, RenameRequest, SessionSummary};
use session_core::{Principal, Result, UnixMillis, async_trait};

use crate::reference::{Flaw, Store};

/// The moment, in milliseconds.
const MOMENT: u64 = 20;

/// What was listed a moment ago is listed again.
#[derive(Debug, Default)]
pub(super) struct ListsFromACache(Mutex<HashMap<Principal, (UnixMillis, Vec<SessionSummary>)>>);

#[async_trait]
impl Flaw for ListsFromACache {
    async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
        let now = store.lock().now;
        let mut cache = self.0.lock().unwrap();
        if let Some((at, list)) = cache.get(&principal)
            && now <= at.plus_millis(MOMENT)
        {
            return Ok(list.clone());
        }
        let list = store.list(&principal);
        cache.insert(principal, (now, list.clone()));
        Ok(list)
    }
}

/// What is about to expire is as good as ended.
#[derive(Debug)]
pub(super) struct ForgetsTheDying;

#[async_trait]
impl Flaw for ForgetsTheDying {
    async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
        let mut list = store.list(&principal);
        let data = store.lock();
        let soon = data.now.plus_millis(MOMENT);
        let dying = data
            .keys
            .iter()
            .filter(|(_, key)| key.expires_at <= Some(soon));
        let dying: Vec<_> = dying.map(|(id, _)| data.public_id(id)).collect();
        list.retain(|summary| !dying.contains(&summary.public_id));
        Ok(list)
    }
}

/// The index first, the sessions then: one that moves in between is under neither id.
#[derive(Debug)]
pub(super) struct ListsInTwoSteps;

#[async_trait]
impl Flaw for ListsInTwoSteps {
    async fn list(&self, store: &Store, principal: Principal) -> Result<Vec<SessionSummary>> {
        let members = store.lock().index.get(&principal).cloned();
        tokio::task::yield_now().await;
        let members = members.unwrap_or_default();
        let mut list = store.list(&principal);
        let data = store.lock();
        let was_there = |summary: &SessionSummary| {
            let mut ids = members.values().filter(|id| data.keys.contains_key(id));
            ids.any(|id| data.public_id(id) == summary.public_id)
        };
        list.retain(was_there);
        drop(data);
        Ok(list)
    }
}

/// The old name is taken out of the index before the session has the new one.
#[derive(Debug)]
pub(super) struct MovesInTwoSteps;

#[async_trait]
impl Flaw for MovesInTwoSteps {
    async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
        store.lock().unlist(&request.from);
        tokio::task::yield_now().await;
        Ok(store.rename(&request))
    }
}
