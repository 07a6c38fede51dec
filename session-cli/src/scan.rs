//! Going through a store, page by page.

use session_store::admin::{
    PageRequest, PageSize, RevokeInPageRequest, RevokedInPage, Selection, SessionAdmin,
    SessionOverview,
};
use session_store::{Error, ErrorKind, Operation, PageCursor, Result};

/// One scan of a store. Where its cursor is out of date, because keys have moved from server to
/// server, it starts again, a few times: what it has shown it may show again then.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    admin: &'a dyn SessionAdmin,
    /// Of the next page; nothing behind the last.
    next: Option<PageRequest>,
    has_begun: bool,
    restarts: u8,
}

const MOST_RESTARTS: u8 = 3;

impl<'a> Scan<'a> {
    /// From there on, or from the beginning.
    pub(crate) fn from(admin: &'a dyn SessionAdmin, cursor: Option<&PageCursor>) -> Self {
        Self {
            admin,
            next: Some(PageRequest::new(cursor, PageSize::MAX)),
            has_begun: false,
            restarts: 0,
        }
    }

    /// The sessions of the next page, of about so many keys; `None` behind the last.
    pub(crate) async fn page(&mut self, size: PageSize) -> Result<Option<Vec<SessionOverview>>> {
        while let Some(mut request) = self.next.take() {
            request.size = size;
            let page = self.admin.page(&request).await;
            let next = page.as_ref().map(|page| page.next.clone());
            if self.goes_on(next.map_err(Error::kind)) {
                return page
                    .map(|page| Some(page.sessions))
                    .map_err(|error| error.during(Operation::ListPage));
            }
        }
        Ok(None)
    }

    /// Ends what is meant of the next page; `None` behind the last.
    pub(crate) async fn revoke(&mut self, which: &Selection) -> Result<Option<RevokedInPage>> {
        while let Some(page) = self.next.take() {
            let request = RevokeInPageRequest::new(page, which.clone());
            let revoked = self.admin.revoke_in_page(&request).await;
            let next = revoked.as_ref().map(|revoked| revoked.next.clone());
            if self.goes_on(next.map_err(Error::kind)) {
                return revoked
                    .map(Some)
                    .map_err(|error| error.during(Operation::RevokeSessions));
            }
        }
        Ok(None)
    }

    /// Notes where the next page begins. Whether the step is over: not, where the scan starts again
    /// because its cursor is out of date. The first page's cursor may be one that an operator has
    /// mistyped.
    fn goes_on(&mut self, next: std::result::Result<Option<PageCursor>, ErrorKind>) -> bool {
        match next {
            Ok(next) => {
                let request = |cursor| PageRequest::new(Some(&cursor), PageSize::MAX);
                self.has_begun = true;
                self.next = next.map(request);
                true
            }
            Err(ErrorKind::InvalidCursor) if self.has_begun && self.restarts < MOST_RESTARTS => {
                self.restarts += 1;
                self.next = Some(PageRequest::default());
                false
            }
            Err(_) => true,
        }
    }

    /// Where the next page begins; `None` behind the last.
    pub(crate) fn cursor(&self) -> Option<&PageCursor> {
        self.next.as_ref()?.cursor.as_ref()
    }
}
