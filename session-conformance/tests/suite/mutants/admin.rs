//! Flaws in cursors, and in what holds for every step of an operator.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use session_core::{
    Effect, Error, ErrorKind, PageCursor, PageRequest, PublicId, Result, RevokeInPageRequest,
    RevokedInPage, SessionAdmin, SessionId, SessionPage, async_trait,
};

use super::mutants;
use crate::reference::{ReferenceAdmin, Store, place};

/// Without a cursor that is none.
fn checked(mut request: PageRequest) -> PageRequest {
    if place(&request).is_err() {
        request.cursor = None;
    }
    request
}

mutants! {
    /// What is no cursor is the beginning.
    "ADM-7" StartsOver {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            store.page(&checked(request))
        }
    }

    /// It parses, and unwraps.
    "ADM-7" PanicsAtForeignCursors {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            Ok(store.page(&request).unwrap())
        }
    }

    /// Behind what is no cursor there is nothing.
    "ADM-7" EndsAtForeignCursors {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            Ok(store.page(&request).unwrap_or_else(|_| SessionPage::new(Vec::new(), None)))
        }
    }

    /// It asks the server, which refuses.
    "ADM-7" PassesForeignCursorsOn {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let failed = |_| Error::new(ErrorKind::Rejected, Effect::Unknown);
            store.page(&request).map_err(failed)
        }
    }

    /// A sign before the number is one.
    "ADM-7" ParsesSigns {
        async fn page(&self, store: &Store, mut request: PageRequest) -> Result<SessionPage> {
            let text = request.cursor.as_ref().map(PageCursor::to_string);
            if let Some(text) = text.as_deref().and_then(|text| text.strip_prefix('+'))
                && let Ok(cursor) = text.parse()
            {
                request.cursor = Some(cursor);
            }
            store.page(&request)
        }
    }

    /// The step that ends sessions does not look at its cursor.
    "ADM-7" EndsFromAnyCursor {
        async fn revoke_in_page(
            &self,
            store: &Store,
            mut request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            request.page = checked(request.page);
            store.revoke_in_page(&request)
        }
    }

    /// A page that nobody waits for stays in line.
    "OPS-2" MixesUpPages(Mutex<VecDeque<SessionPage>>) {
        async fn page(&self, store: &Store, request: PageRequest) -> Result<SessionPage> {
            let page = store.page(&request)?;
            self.0.lock().unwrap().push_back(page);
            tokio::task::yield_now().await;
            let page = self.0.lock().unwrap().pop_front();
            Ok(page.unwrap_or_else(|| SessionPage::new(Vec::new(), None)))
        }
    }

    /// The `Debug` of the administration is derived.
    "OPS-3" ShowsTheStoreToOperators {
        fn dress_admin(&self, admin: ReferenceAdmin) -> Arc<dyn SessionAdmin> {
            Arc::new(Talkative(admin))
        }
    }

    /// A cursor is the id that its page begins behind.
    "OPS-3" PutsIdsIntoCursors {
        async fn page(&self, store: &Store, mut request: PageRequest) -> Result<SessionPage> {
            if let Some(cursor) = &mut request.cursor
                && let Ok(id) = SessionId::parse(cursor.as_str())
            {
                *cursor = PublicId::of_unbound(&id).as_str().parse()?;
            }
            let mut page = store.page(&request)?;
            if let Some(next) = &mut page.next {
                let place = PublicId::parse(next.as_str())?;
                let data = store.lock();
                let id = data.keys.keys().find(|id| PublicId::of_unbound(id) == place);
                *next = id.unwrap().expose().parse()?;
            }
            Ok(page)
        }
    }
}

struct Talkative(ReferenceAdmin);

impl fmt::Debug for Talkative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = self.0.store.lock();
        let keys: Vec<_> = data.keys.keys().map(|id| id.expose()).collect();
        f.debug_struct("Talkative").field("keys", &keys).finish()
    }
}

#[async_trait]
impl SessionAdmin for Talkative {
    async fn page(&self, request: &PageRequest) -> Result<SessionPage> {
        self.0.page(request).await
    }

    async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage> {
        self.0.revoke_in_page(request).await
    }
}
