//! An admin, and scans with it that are known to end.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use session_core::{
    PageCursor, PageRequest, PageSize, PublicId, RevokeInPageRequest, Selection, SessionAdmin,
    SessionId, SessionOverview,
};

use super::{Step, public_id_of};
use crate::harness::Harness;

/// More pages than a scan of a case has, the empty ones of a store that others share included.
const MOST_PAGES: usize = 250_000;
/// A scan may show a session twice. One that goes round shows it again and again.
const MOST_SHOWN: usize = 20;

/// The admin of the store under test, which it dereferences to.
pub(crate) struct Operator<'a> {
    h: &'a dyn Harness,
    admin: Arc<dyn SessionAdmin>,
}

impl Deref for Operator<'_> {
    type Target = dyn SessionAdmin;

    fn deref(&self) -> &Self::Target {
        &*self.admin
    }
}

impl<'a> Operator<'a> {
    pub(crate) async fn new(h: &'a dyn Harness) -> Self {
        let admin = h.admin().await;
        Self { h, admin }
    }

    /// The admin, shared.
    pub(crate) fn shared(&self) -> Arc<dyn SessionAdmin> {
        Arc::clone(&self.admin)
    }

    /// A scan that has not begun.
    pub(crate) fn scan(&self, size: PageSize) -> Scan<'_> {
        Scan {
            admin: &*self.admin,
            size,
            next: Some(None),
            pages: 0,
            times: HashMap::new(),
        }
    }

    /// All that a scan shows, by public id; of a session that is shown twice, what was shown last.
    pub(crate) async fn all(&self, size: PageSize) -> HashMap<PublicId, SessionOverview> {
        let mut all = HashMap::new();
        let mut scan = self.scan(size);
        while let Some(page) = scan.page().await {
            let page = page.into_iter();
            all.extend(page.map(|shown| (shown.session.public_id, shown)));
        }
        all
    }

    /// What a scan shows of a session.
    pub(crate) async fn shown(&self, id: &SessionId) -> Option<SessionOverview> {
        let public_id = public_id_of(self.h, id).await;
        self.all(PageSize::MAX).await.remove(&public_id)
    }

    /// Asserts that a scan shows these sessions and no others.
    pub(crate) async fn assert_shows<'s>(
        &self,
        ids: impl IntoIterator<Item = &'s SessionId, IntoIter: Send>,
        size: PageSize,
    ) {
        let ids = ids.into_iter();
        let mut shown: Vec<_> = self.all(size).await.into_keys().collect();
        let mut expected = Vec::new();
        for id in ids {
            expected.push(public_id_of(self.h, id).await);
        }
        shown.sort();
        expected.sort();
        assert_eq!(shown, expected, "pages of {} keys", size.get());
    }

    /// Ends the session of this id by its public id; whether there was one.
    pub(crate) async fn revoke(&self, id: &SessionId) -> bool {
        let public_id = public_id_of(self.h, id).await;
        let was_there = self.revoke_session(&public_id).done().await;
        self.h.catch_up().await;
        was_there
    }
}

/// A scan through the store, page by page, at the pace of the case.
pub(crate) struct Scan<'a> {
    admin: &'a dyn SessionAdmin,
    size: PageSize,
    /// Where to go on, unless it is over.
    next: Option<Option<PageCursor>>,
    pages: usize,
    times: HashMap<PublicId, usize>,
}

impl Scan<'_> {
    /// The next page; `None` after the last.
    pub(crate) async fn page(&mut self) -> Option<Vec<SessionOverview>> {
        let cursor = self.next.take()?;
        let page = self.admin.list_page(cursor.as_ref(), self.size);
        let page = page.done().await;
        self.pages += 1;
        assert!(self.pages < MOST_PAGES, "the scan does not end");
        for shown in &page.sessions {
            let times = self.times.entry(shown.session.public_id).or_default();
            *times += 1;
            assert!(*times < MOST_SHOWN, "the scan goes round");
        }
        self.next = page.next.map(Some);
        Some(page.sessions)
    }

    /// The public ids on the next page; `None` after the last.
    pub(crate) async fn ids(&mut self) -> Option<Vec<PublicId>> {
        let page = self.page().await?;
        Some(page.into_iter().map(|it| it.session.public_id).collect())
    }

    /// Where the next page begins; `None` before the first and after the last.
    pub(crate) fn cursor(&self) -> Option<&PageCursor> {
        self.next.as_ref()?.as_ref()
    }
}

/// The request for the page that begins there.
pub(crate) fn page_at(cursor: &PageCursor) -> PageRequest {
    PageRequest::new(Some(cursor), PageSize::DEFAULT)
}

/// The sessions of these public ids.
pub(crate) fn named(public_ids: impl IntoIterator<Item = PublicId>) -> Selection {
    Selection::Named(public_ids.into_iter().collect())
}

/// The request that ends the session of this public id if it is on the page that begins there.
pub(crate) fn revoke_at(public_id: PublicId, cursor: &PageCursor) -> RevokeInPageRequest {
    RevokeInPageRequest::new(
        PageRequest::new(Some(cursor), PageSize::MAX),
        named([public_id]),
    )
}
