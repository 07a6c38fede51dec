//! The admin: each page under one lock.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use session_core::rules::State;
use session_core::{
    Effect, Error, ErrorKind, PageRequest, PublicId, Result, RevokeInPageRequest, RevokedInPage,
    SessionAdmin, SessionId, SessionOverview, SessionPage, UnixMillis, async_trait,
};

use super::{Data, Flaw, Store};

/// The keys of one page, sessions or not, and the place behind which the next page begins.
type Keys = (Vec<SessionId>, Option<PublicId>);

/// What a page shows of a session.
pub(crate) fn overview(id: &SessionId, state: &State, now: UnixMillis) -> SessionOverview {
    let of_unbound = || PublicId::of_unbound(id);
    SessionOverview::of(&state.session, state.remaining(now), of_unbound)
}

/// A cursor is the place behind which its page begins. The id alone decides a session's place: it
/// keeps it, whatever comes and goes, and whomever it is bound to.
pub(crate) fn place(request: &PageRequest) -> Result<Option<PublicId>> {
    let place = request.cursor.as_ref();
    let place = place.map(|cursor| PublicId::parse(cursor.as_str()));
    let refused = |_| Error::new(ErrorKind::InvalidCursor, Effect::NotApplied);
    place.transpose().map_err(refused)
}

impl Data {
    fn page_keys(&mut self, request: &PageRequest) -> Result<Keys> {
        let from = place(request)?.map_or(Bound::Unbounded, Bound::Excluded);
        // Hashing costs most.
        for id in self.keys.keys() {
            if !self.places.contains_key(id) {
                self.places.insert(id.clone(), PublicId::of_unbound(id));
            }
        }
        let by_place: BTreeMap<&PublicId, &SessionId> =
            self.keys.keys().map(|id| (&self.places[id], id)).collect();
        let size = request.size.get().into();
        let mut behind = by_place.range::<PublicId, _>((from.as_ref(), Bound::Unbounded));
        let page: Vec<_> = behind.by_ref().take(size).collect();
        let last = page.last().map(|(place, _)| PublicId::clone(place));
        let next = behind.next().and(last);
        let ids = page.into_iter().map(|(_, id)| (*id).clone()).collect();
        Ok((ids, next))
    }

    pub(crate) fn page(&mut self, flaw: &dyn Flaw, request: &PageRequest) -> Result<SessionPage> {
        let (ids, next) = self.page_keys(request)?;
        let now = self.now;
        let shown = |id: &SessionId| Some(overview(id, &self.live(flaw, id)?, now));
        let sessions = ids.iter().filter_map(shown).collect();
        let next = next.map(|place| place.as_str().parse()).transpose()?;
        Ok(SessionPage::new(sessions, next))
    }

    pub(crate) fn revoke_in_page(
        &mut self,
        flaw: &dyn Flaw,
        request: &RevokeInPageRequest,
    ) -> Result<RevokedInPage> {
        let (ids, next) = self.page_keys(&request.page)?;
        let now = self.now;
        let mut is_meant = |id: &&SessionId| {
            let state = self.live(flaw, id);
            state.is_some_and(|state| overview(id, &state, now).public_id == request.public_id)
        };
        let meant = ids.iter().find(&mut is_meant).cloned();
        let next = next.map(|place| place.as_str().parse()).transpose()?;
        Ok(match meant {
            Some(id) => RevokedInPage::new(self.remove(flaw, &id), None),
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
}
