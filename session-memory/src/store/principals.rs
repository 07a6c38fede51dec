//! The steps on the sessions of one principal, and how many it may have.

use session_core::steps::{ListRequest, Refusal};
use session_core::{
    ListPosition, ListedPage, ListedSession, OnExcess, PageSize, Principal, PrincipalLimit, Result,
    RevokedPage, SessionId, UnixMillis,
};

use super::Store;
use super::after::After;
use super::index::{Listing, LockedParts};
use super::locked::LockedTables;

impl Store {
    /// A page of the live sessions of a principal, nearest deadline first.
    pub(crate) fn list(&self, request: &ListRequest, after: &mut After) -> Result<ListedPage> {
        let position = ListPosition::of(&request.page)?;
        let size = usize::from(request.page.size.get());
        let mut parts = self.index.lock([&request.principal]);
        parts.prune(&request.principal, self.now());
        let mut page = parts.entries(&request.principal, position, size + 1);
        let has_more = page.len() > size;
        page.truncate(size);
        let (mut tables, now) = self.open_all(page.iter().map(|(_, id)| id), after);
        let mut sessions = Vec::new();
        for (listing, id) in &page {
            let key = tables.get(id).filter(|key| key.is_listed_as(listing));
            let live = key.and_then(|key| key.live_session(now));
            sessions.extend(live.and_then(|it| ListedSession::of(&it.session, &request.fields)));
        }
        let last = page.last().filter(|_| has_more);
        let next = last.map(|((_, deadline, public_id), _)| {
            ListPosition::behind(*deadline, *public_id).cursor()
        });
        Ok(ListedPage::new(sessions, next))
    }

    /// Ends so many of the live sessions of a principal, but for the one to keep. What has ended is
    /// in no page any more, so the next page begins at the beginning.
    pub(crate) fn revoke(
        &self,
        principal: &Principal,
        keep: Option<&SessionId>,
        size: PageSize,
        after: &mut After,
    ) -> RevokedPage {
        let size = usize::from(size.get());
        let mut parts = self.index.lock([principal]);
        parts.prune(principal, self.now());
        // One more to know whether more follow, and one that may be the one to keep.
        let mut page = parts.entries(principal, ListPosition::BEGINNING, size + 2);
        // That one may have two, while it is logged in again.
        let is_cut = page.len() == size + 2;
        page.retain(|(_, id)| Some(id) != keep);
        let has_more = is_cut || page.len() > size;
        page.truncate(size);
        let (mut tables, now) = self.open_all(page.iter().map(|(_, id)| id), after);
        let mut ended = 0;
        for (listing, id) in page {
            if let Some(key) = tables.get(&id).filter(|key| key.is_listed_as(&listing)) {
                let is_live = key.live_session(now).is_some();
                if is_live || key.is_expired(now) {
                    tables.take(&id, after);
                }
                ended += u64::from(is_live);
            }
            // The next page begins behind it, whatever it was.
            parts.remove(listing, &id);
        }
        let next = has_more.then(|| ListPosition::BEGINNING.cursor());
        RevokedPage::new(ended, next)
    }
}

/// How many sessions the principal of a binding may have, and which it has, as far as they matter.
pub(super) struct Quota {
    limit: Option<PrincipalLimit>,
    principal: Option<Principal>,
    /// All but the session that is bound, if they may be too many; those included that have ended.
    others: Vec<(Listing, SessionId)>,
}

impl LockedParts<'_> {
    /// The quota of a binding of this session. Below the limit nobody is looked at.
    pub(super) fn quota(
        &mut self,
        principal: Option<&Principal>,
        limit: Option<PrincipalLimit>,
        id: &SessionId,
    ) -> Quota {
        let mut others = Vec::new();
        if let (Some(principal), Some(limit)) = (principal, limit)
            && self.has(principal, limit.max.get().into())
        {
            others = self.entries(principal, ListPosition::BEGINNING, usize::MAX);
            others.retain(|(_, other)| other != id);
        }
        Quota {
            limit,
            principal: principal.cloned(),
            others,
        }
    }
}

impl Quota {
    /// The ids of a step's keys, and those of the sessions that the quota may end.
    pub(super) fn with<'a, const N: usize>(
        &'a self,
        ids: [&'a SessionId; N],
    ) -> impl Iterator<Item = &'a SessionId> {
        ids.into_iter().chain(self.others.iter().map(|(_, id)| id))
    }

    /// Sees to it that one more session of the principal is within the limit: refuses, or ends
    /// those with the oldest log-in. Expired ones do not count.
    pub(super) fn make_room(
        &self,
        tables: &mut LockedTables<'_>,
        now: UnixMillis,
        after: &mut After,
    ) -> std::result::Result<(), Refusal> {
        let Some(PrincipalLimit { max, on_excess }) = self.limit else {
            return Ok(());
        };
        let mut live = Vec::new();
        for (listing, id) in &self.others {
            let key = tables.get(id).filter(|key| key.is_listed_as(listing));
            let state = key.and_then(|key| key.live_session(now));
            // One without a log-in sorts before all others.
            live.extend(state.map(|state| (state.session.login_at(), listing.2, id)));
        }
        let excess = (live.len() + 1).saturating_sub(usize::from(max.get()));
        if excess == 0 {
            return Ok(());
        }
        match on_excess {
            OnExcess::Refuse => Err(Refusal::TooManySessions),
            OnExcess::EvictOldest => {
                live.sort_unstable();
                for (_, _, oldest) in live.into_iter().take(excess) {
                    tables.take(oldest, after);
                }
                after.evicted.clone_from(&self.principal);
                Ok(())
            }
        }
    }
}
