//! Flaws in a principal's list that show for moments only, and the race that finds them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_conformance::races;
use session_core::steps::{ListRequest, RenameOutcome, RenameRequest};
use session_core::{ListedPage, Principal, PublicId, Result, UnixMillis, async_trait};

use crate::flawed::{Flaw, FlawedHarness, Memory};
use crate::mutants;

/// The moment.
const MOMENT: Duration = Duration::from_millis(20);

/// What was listed a moment ago is listed again.
#[derive(Debug, Default)]
struct ListsFromACache(Mutex<HashMap<Principal, (UnixMillis, ListedPage)>>);

#[async_trait]
impl Flaw for ListsFromACache {
    async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
        let now = m.now().await;
        let page = m.list(&request).await?;
        let mut cache = self.0.lock().unwrap();
        let cached = cache
            .entry(request.principal)
            .or_insert_with(|| (now, page.clone()));
        if now.since(cached.0) > MOMENT {
            *cached = (now, page);
        }
        Ok(cached.1.clone())
    }
}

/// What is about to expire is as good as ended.
#[derive(Debug)]
struct ForgetsTheDying;

#[async_trait]
impl Flaw for ForgetsTheDying {
    async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
        let mut page = m.list(&request).await?;
        for id in m.ids() {
            let key = m.key(&id).await;
            let is_dying = key.is_some_and(|key| key.expires_in <= Some(MOMENT));
            if let (true, Some(session)) = (is_dying, m.session(&id).await) {
                page.sessions
                    .retain(|summary| Some(summary.public_id) != session.public_id());
            }
        }
        Ok(page)
    }
}

/// The index first, the sessions then: one that moves in between is under neither id.
#[derive(Debug)]
struct ListsInTwoSteps;

#[async_trait]
impl Flaw for ListsInTwoSteps {
    async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
        let mut ids = Vec::new();
        for id in m.ids() {
            if m.is_live(&id).await {
                ids.push(id);
            }
        }
        tokio::task::yield_now().await;
        let mut there: Vec<Option<PublicId>> = Vec::new();
        for id in ids {
            there.push(m.session(&id).await.and_then(|it| it.public_id()));
        }
        let mut page = m.list(&request).await?;
        page.sessions
            .retain(|summary| there.contains(&Some(summary.public_id)));
        Ok(page)
    }
}

/// The entry of the old id is removed before the session has the new one.
#[derive(Debug, Default)]
struct MovesInTwoSteps(Mutex<Vec<PublicId>>);

#[async_trait]
impl Flaw for MovesInTwoSteps {
    async fn rename(&self, m: &Memory, request: RenameRequest) -> Result<RenameOutcome> {
        let public_id = m.session(&request.from).await.and_then(|it| it.public_id());
        self.0.lock().unwrap().extend(public_id);
        tokio::task::yield_now().await;
        let outcome = m.rename(&request).await;
        self.0.lock().unwrap().retain(|it| Some(*it) != public_id);
        outcome
    }

    async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
        let mut page = m.list(&request).await?;
        let moving = self.0.lock().unwrap();
        page.sessions
            .retain(|summary| !moving.contains(&summary.public_id));
        Ok(page)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn flawed_lists_lose_against_expirations() {
    let of_cases = [
        "ListsWhatItHasListed",
        "ListsAnotherPublicId",
        "TouchesWhatItLists",
    ];
    let of_cases = of_cases.map(mutants::flaw).into_iter();
    let flaws: [Arc<dyn Flaw>; 4] = [
        Arc::new(ListsFromACache::default()),
        Arc::new(ForgetsTheDying),
        Arc::new(ListsInTwoSteps),
        Arc::new(MovesInTwoSteps::default()),
    ];
    for flaw in of_cases.chain(flaws) {
        let name = format!("{flaw:?}");
        let race = tokio::spawn(async move {
            let h = FlawedHarness::new(flaw);
            races::expirations_against_listing(&h, 200).await
        });
        let lost = race.await.is_err_and(|error| error.is_panic());
        assert!(lost, "{name} is not found");
    }
}
