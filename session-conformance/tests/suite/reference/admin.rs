//! The administration: each page under one lock.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use session_core::rules::State;
use session_core::{
    ConvertedPage, Effect, Error, ErrorKind, PageRequest, Result, RevokeInPageRequest,
    RevokedInPage, SessionAdmin, SessionHandle, SessionId, SessionOverview, SessionPage,
    UnixMillis, async_trait,
};

use super::{Data, Flaw, Store};

/// The keys of one page, sessions or not, and the handle that the next page begins behind.
type Keys = (Vec<SessionId>, Option<SessionHandle>);

/// What a page shows of a session.
pub(crate) fn overview(id: &SessionId, state: &State, now: UnixMillis) -> SessionOverview {
    let session = &state.session;
    let mut overview = SessionOverview::new(
        id.handle(),
        session.created_at().clone(),
        session.last_accessed_at().clone(),
        session.ttl(),
        state.remaining(now),
    );
    overview.principal = session.principal();
    overview.deadline = session.deadline();
    overview
}

/// A cursor is the handle that its page begins behind: a session keeps its place, whatever comes and goes.
pub(crate) fn place(request: &PageRequest) -> Result<Option<SessionHandle>> {
    let place = request.cursor.as_ref();
    let place = place.map(|cursor| SessionHandle::parse(cursor.as_str()));
    let refused = |_| Error::new(ErrorKind::InvalidCursor, Effect::NotApplied);
    place.transpose().map_err(refused)
}

impl Data {
    fn page_keys(&mut self, request: &PageRequest) -> Result<Keys> {
        let from = place(request)?.map_or(Bound::Unbounded, Bound::Excluded);
        // Hashing costs most.
        for id in self.keys.keys() {
            if !self.handles.contains_key(id) {
                self.handles.insert(id.clone(), id.handle());
            }
        }
        let by_handle: BTreeMap<&SessionHandle, &SessionId> =
            self.keys.keys().map(|id| (&self.handles[id], id)).collect();
        let size = request.size.get().into();
        let mut behind = by_handle.range::<SessionHandle, _>((from.as_ref(), Bound::Unbounded));
        let page: Vec<_> = behind.by_ref().take(size).collect();
        let last = page.last().map(|(handle, _)| (**handle).clone());
        let next = behind.next().and(last);
        let ids = page.into_iter().map(|(_, id)| (*id).clone()).collect();
        Ok((ids, next))
    }

    pub(crate) fn page(&mut self, flaw: &dyn Flaw, request: &PageRequest) -> Result<SessionPage> {
        let (ids, next) = self.page_keys(request)?;
        let now = self.now;
        let shown = |id: &SessionId| Some(overview(id, &self.live(flaw, id)?, now));
        let sessions = ids.iter().filter_map(shown).collect();
        let next = next.map(|handle| handle.as_str().parse()).transpose()?;
        Ok(SessionPage::new(sessions, next))
    }

    pub(crate) fn revoke_in_page(
        &mut self,
        flaw: &dyn Flaw,
        request: &RevokeInPageRequest,
    ) -> Result<RevokedInPage> {
        let (ids, next) = self.page_keys(&request.page)?;
        let is_meant = |id: &&SessionId| id.handle() == request.handle;
        let next = next.map(|handle| handle.as_str().parse()).transpose()?;
        Ok(match ids.iter().find(is_meant) {
            Some(id) => RevokedInPage::new(self.remove(flaw, id), None),
            None => RevokedInPage::new(false, next),
        })
    }
}

impl Store {
    pub(crate) fn page(&self, request: &PageRequest) -> Result<SessionPage> {
        self.lock().page(self.flaw(), request)
    }

    pub(crate) fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage> {
        self.lock().revoke_in_page(self.flaw(), request)
    }

    /// There is one form.
    pub(crate) fn convert_page(&self, request: &PageRequest) -> Result<ConvertedPage> {
        place(request).map(|_| ConvertedPage::nothing_to_do())
    }
}

/// The reference's administration.
#[derive(Clone)]
pub(crate) struct ReferenceAdmin {
    pub(crate) store: Arc<Store>,
}

impl fmt::Debug for ReferenceAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flaw = self.store.flaw();
        f.debug_tuple("ReferenceAdmin").field(&flaw).finish()
    }
}

#[async_trait]
impl SessionAdmin for ReferenceAdmin {
    async fn page(&self, request: &PageRequest) -> Result<SessionPage> {
        self.store.flaw().page(&self.store, request.clone()).await
    }

    async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage> {
        let flaw = self.store.flaw();
        flaw.revoke_in_page(&self.store, request.clone()).await
    }

    async fn convert_page(&self, request: &PageRequest) -> Result<ConvertedPage> {
        let flaw = self.store.flaw();
        flaw.convert_page(&self.store, request.clone()).await
    }
}
