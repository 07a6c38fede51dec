//! Flaws in what an operator ends.

use session_core::{PageSize, PublicId, Result, RevokeInPageRequest, RevokedInPage, SessionId};

use super::mutants;
use crate::reference::{Data, Store};

/// The key of this public id, session or not.
fn named(data: &Data, public_id: &PublicId) -> Option<SessionId> {
    let mut ids = data.keys.keys();
    ids.find(|id| data.public_id(id) == *public_id).cloned()
}

mutants! {
    /// It looks through the indexes.
    "ADM-5" EndsTheBoundOnly {
        async fn revoke_in_page(
            &self,
            store: &Store,
            request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let id = named(&store.lock(), &request.public_id);
            let state = id.and_then(|id| store.lock().live(store.flaw(), &id));
            match state.is_some_and(|state| state.session.principal().is_none()) {
                true => Ok(RevokedInPage::new(false, None)),
                false => store.revoke_in_page(&request),
            }
        }
    }

    /// The principal is logged out everywhere.
    "ADM-5" EndsAllOfThePrincipal {
        async fn revoke_in_page(
            &self,
            store: &Store,
            request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let mut data = store.lock();
            let id = named(&data, &request.public_id);
            let state = id.and_then(|id| data.live(store.flaw(), &id));
            let principal = state.and_then(|state| state.session.principal());
            let outcome = data.revoke_in_page(store.flaw(), &request);
            for id in principal.map_or_else(Vec::new, |it| data.members(store.flaw(), &it)) {
                data.take(&id);
            }
            outcome
        }
    }

    /// It ends the session behind the one that it found.
    "ADM-5" EndsTheNext {
        async fn revoke_in_page(
            &self,
            store: &Store,
            mut request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let page = store.page(&request.page)?;
            let mut behind = page.sessions.iter().skip_while(|it| it.public_id != request.public_id);
            if let (Some(_), Some(next)) = (behind.next(), behind.next()) {
                request.public_id = next.public_id;
            }
            store.revoke_in_page(&request)
        }
    }

    /// Only the session goes.
    "ADM-5" LeavesItListed {
        async fn revoke_in_page(
            &self,
            store: &Store,
            request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let index = store.lock().index.clone();
            let outcome = store.revoke_in_page(&request);
            store.lock().index = index;
            outcome
        }
    }

    /// Only the entry goes.
    "ADM-5" UnlistsAndLetsLive {
        async fn revoke_in_page(
            &self,
            store: &Store,
            request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let keys = store.lock().keys.clone();
            let outcome = store.revoke_in_page(&request);
            store.lock().keys = keys;
            outcome
        }
    }

    /// Afterwards it is gone in any case.
    "ADM-5" AlwaysReturnsTrue {
        async fn revoke_in_page(
            &self,
            store: &Store,
            request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let mut outcome = store.revoke_in_page(&request)?;
            outcome.is_revoked |= outcome.next.is_none();
            Ok(outcome)
        }
    }

    /// It looks at one small page.
    "ADM-5" SearchesAHundred {
        async fn revoke_in_page(
            &self,
            store: &Store,
            mut request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            request.page.size = PageSize::DEFAULT;
            let mut outcome = store.revoke_in_page(&request)?;
            outcome.next = None;
            Ok(outcome)
        }
    }

    /// DEL, whatever is there.
    "ADM-5" EndsWhatIsNoSession {
        async fn revoke_in_page(
            &self,
            store: &Store,
            request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let outcome = store.revoke_in_page(&request);
            let mut data = store.lock();
            if let Some(id) = named(&data, &request.public_id) {
                data.take(&id);
            }
            drop(data);
            outcome
        }
    }

    /// It notes under the id that the session was ended.
    "ADM-5" NotesTheEnd {
        async fn revoke_in_page(
            &self,
            store: &Store,
            request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let mut data = store.lock();
            let id = named(&data, &request.public_id);
            let outcome = data.revoke_in_page(store.flaw(), &request)?;
            if let Some(id) = id.filter(|_| outcome.is_revoked) {
                let fields = [(b"revoked".to_vec(), b"1".to_vec())];
                let fields = Some(fields.into_iter().collect());
                let expires_at = None;
                data.keys.insert(id, crate::reference::Key { fields, expires_at });
            }
            drop(data);
            Ok(outcome)
        }
    }

    /// The session runs out a second later.
    "ADM-5" EndsItSoon {
        async fn revoke_in_page(
            &self,
            store: &Store,
            request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let mut data = store.lock();
            let id = named(&data, &request.public_id);
            let Some(id) = id.filter(|id| data.live(store.flaw(), id).is_some()) else {
                return data.revoke_in_page(store.flaw(), &request);
            };
            let soon = data.now.plus_millis(1000);
            data.unlist(&id);
            data.keys.get_mut(&id).unwrap().expires_at = Some(soon);
            drop(data);
            Ok(RevokedInPage::new(true, None))
        }
    }

    /// It looks for the session, and then ends what is there.
    "ADM-5" LooksThenEnds {
        async fn revoke_in_page(
            &self,
            store: &Store,
            request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let id = named(&store.lock(), &request.public_id);
            let is_live = |id: &SessionId| store.lock().live(store.flaw(), id).is_some();
            let Some(id) = id.filter(is_live) else {
                return store.revoke_in_page(&request);
            };
            tokio::task::yield_now().await;
            store.remove(&id);
            Ok(RevokedInPage::new(true, None))
        }
    }

    /// It ends the session in two steps.
    "OPS-2" UnlistsThenEnds {
        async fn revoke_in_page(
            &self,
            store: &Store,
            request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let id = named(&store.lock(), &request.public_id);
            if let Some(id) = id {
                store.lock().unlist(&id);
            }
            tokio::task::yield_now().await;
            store.revoke_in_page(&request)
        }
    }
}
