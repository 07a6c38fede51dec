//! An administration, and walks with it that are known to end.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use session_core::{
    ConvertedPage, Effect, Error, ErrorKind, PageCursor, PageRequest, PageSize, Result,
    RevokeInPageRequest, RevokedInPage, SessionAdmin, SessionHandle, SessionId, SessionOverview,
    SessionPage, async_trait,
};

use crate::harness::Harness;

/// More pages than a walk of a case has, the empty ones of a store that others share included.
const MOST_PAGES: usize = 250_000;
/// A walk may show a session twice. One that goes round shows it again and again.
const MOST_SHOWN: usize = 20;

/// The administration of the store under test, which it dereferences to.
pub(crate) struct Operator(Arc<dyn SessionAdmin>);

impl Deref for Operator {
    type Target = dyn SessionAdmin;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Operator {
    pub(crate) async fn new(h: &dyn Harness) -> Self {
        Self(h.admin().await)
    }

    /// The administration, shared.
    pub(crate) fn shared(&self) -> Arc<dyn SessionAdmin> {
        Arc::clone(&self.0)
    }

    /// A walk that has not begun.
    pub(crate) fn walk(&self, size: PageSize) -> Walk<'_> {
        Walk {
            admin: &*self.0,
            size,
            next: Some(None),
            pages: 0,
            times: HashMap::new(),
        }
    }

    /// All that a walk shows, by handle; of a session that is shown twice, what was shown last.
    pub(crate) async fn all(&self, size: PageSize) -> HashMap<SessionHandle, SessionOverview> {
        let mut all = HashMap::new();
        let mut walk = self.walk(size);
        while let Some(page) = walk.page().await {
            all.extend(page.into_iter().map(|shown| (shown.handle.clone(), shown)));
        }
        all
    }

    /// What a walk shows of a session.
    pub(crate) async fn shown(&self, id: &SessionId) -> Option<SessionOverview> {
        self.all(PageSize::MAX).await.remove(&id.handle())
    }

    /// Asserts that a walk shows these sessions and no others.
    pub(crate) async fn assert_shows(&self, ids: &[&SessionId], size: PageSize) {
        let all = self.all(size).await;
        let mut shown: Vec<_> = all.into_keys().collect();
        let mut expected: Vec<_> = ids.iter().map(|id| id.handle()).collect();
        shown.sort();
        expected.sort();
        assert_eq!(shown, expected, "pages of {} keys", size.get());
    }

    /// Ends the session of this id by its handle; whether there was one.
    pub(crate) async fn revoke(&self, id: &SessionId) -> bool {
        let revoked = self.revoke_session(&id.handle()).await;
        revoked.expect("an answer")
    }
}

/// A walk through the store, page by page, at the pace of the case.
pub(crate) struct Walk<'a> {
    admin: &'a dyn SessionAdmin,
    size: PageSize,
    /// Where to go on, unless it is over.
    next: Option<Option<PageCursor>>,
    pages: usize,
    times: HashMap<SessionHandle, usize>,
}

impl Walk<'_> {
    /// The next page; `None` after the last.
    pub(crate) async fn page(&mut self) -> Option<Vec<SessionOverview>> {
        let cursor = self.next.take()?;
        let page = self.admin.list_page(cursor.as_ref(), self.size).await;
        let page = page.expect("a page");
        self.pages += 1;
        assert!(self.pages < MOST_PAGES, "the walk does not end");
        for shown in &page.sessions {
            let times = self.times.entry(shown.handle.clone()).or_default();
            *times += 1;
            assert!(*times < MOST_SHOWN, "the walk goes round");
        }
        self.next = page.next.map(Some);
        Some(page.sessions)
    }

    /// Where the next page begins; `None` before the first and after the last.
    pub(crate) fn cursor(&self) -> Option<&PageCursor> {
        self.next.as_ref()?.as_ref()
    }
}

/// An administration that keeps what it was asked, and does nothing: only the provided methods build
/// requests.
#[derive(Debug, Default)]
pub(crate) struct AdminCatcher {
    page: Mutex<Option<PageRequest>>,
    revoke: Mutex<Option<RevokeInPageRequest>>,
}

impl AdminCatcher {
    /// The request for the page that begins there.
    pub(crate) async fn page_request(cursor: &PageCursor) -> PageRequest {
        let catcher = Self::default();
        let _ = catcher.list_page(Some(cursor), PageSize::DEFAULT).await;
        let caught = catcher.page.lock().expect("not poisoned").take();
        caught.expect("a page")
    }

    /// The request that ends the session of this handle if it is on the page that begins there.
    pub(crate) async fn revoke_request(
        handle: &SessionHandle,
        cursor: &PageCursor,
    ) -> RevokeInPageRequest {
        let catcher = Self::default();
        let _ = catcher.revoke_session(handle).await;
        let caught = catcher.revoke.lock().expect("not poisoned").take();
        let mut request = caught.expect("a page");
        request.page.cursor = Some(cursor.clone());
        request
    }
}

fn nothing_done<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied))
}

#[async_trait]
impl SessionAdmin for AdminCatcher {
    async fn page(&self, request: &PageRequest) -> Result<SessionPage> {
        *self.page.lock().expect("not poisoned") = Some(request.clone());
        nothing_done()
    }

    async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage> {
        *self.revoke.lock().expect("not poisoned") = Some(request.clone());
        nothing_done()
    }

    async fn convert_page(&self, _: &PageRequest) -> Result<ConvertedPage> {
        nothing_done()
    }
}
