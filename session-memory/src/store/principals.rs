//! The steps on the sessions of one principal.

use session_core::steps::{ListRequest, Refusal};
use session_core::{
    ListPosition, ListedPage, ListedSession, OnExcess, PageSize, Principal, PrincipalLimit,
    PublicId, Result, RevokedPage, SessionId, UnixMillis,
};

use super::Store;

impl Store {
    /// A page of the live sessions of a principal, nearest deadline first.
    pub(crate) fn list(&mut self, request: &ListRequest, now: UnixMillis) -> Result<ListedPage> {
        let position = ListPosition::of(&request.page)?;
        self.index.prune(&request.principal, now);
        let mut entries = self.index.behind(&request.principal, position).peekable();
        let (mut sessions, mut next) = (Vec::new(), None);
        for _ in 0..request.page.size.get() {
            let Some((deadline, public_id, id)) = entries.next() else {
                break;
            };
            let state = self.keys.get(id).and_then(|key| key.session());
            let live = state.filter(|state| state.is_live(now));
            sessions.extend(live.and_then(|it| ListedSession::of(&it.session, &request.fields)));
            next = entries
                .peek()
                .map(|_| ListPosition::behind(deadline, public_id).cursor());
        }
        Ok(ListedPage::new(sessions, next))
    }

    /// The ids of a principal's live sessions, nearest deadline first.
    fn live_of(&self, principal: &Principal, now: UnixMillis) -> impl Iterator<Item = &SessionId> {
        let live = self.index.of(principal).filter(move |(_, _, id)| {
            let state = self.keys.get(id).and_then(|key| key.session());
            state.is_some_and(|state| state.is_live(now))
        });
        live.map(|(_, _, id)| id)
    }

    /// The id of a principal's live session with this public id.
    pub(super) fn id_of(
        &self,
        principal: &Principal,
        public_id: PublicId,
        now: UnixMillis,
    ) -> Option<SessionId> {
        let mut entries = self.index.of(principal);
        let found = entries.find(|(_, entry, id)| {
            let state = self.keys.get(id).and_then(|key| key.session());
            *entry == public_id && state.is_some_and(|state| state.is_live(now))
        });
        found.map(|(_, _, id)| id.clone())
    }

    /// Ends so many of the live sessions of a principal, but for the one to keep. What has ended is
    /// in no page any more, so the next page begins at the beginning.
    pub(crate) fn revoke(
        &mut self,
        principal: &Principal,
        keep: Option<&SessionId>,
        size: PageSize,
        now: UnixMillis,
    ) -> RevokedPage {
        self.index.prune(principal, now);
        let mut meant = self
            .live_of(principal, now)
            .filter(|id| Some(*id) != keep)
            .cloned();
        let page: Vec<_> = meant.by_ref().take(size.get().into()).collect();
        let has_more = meant.next().is_some();
        drop(meant);
        let ended = page.iter().filter(|id| self.take_key(id)).count();
        let next = has_more.then(|| ListPosition::BEGINNING.cursor());
        RevokedPage::new(u64::try_from(ended).unwrap_or(u64::MAX), next)
    }

    /// Sees to it that one more session of a principal, this one, is within the limit: refuses, or
    /// ends those with the oldest log-in. A session that is already the principal's counts once;
    /// expired ones do not count.
    pub(super) fn make_room(
        &mut self,
        principal: &Principal,
        limit: Option<PrincipalLimit>,
        id: &SessionId,
        now: UnixMillis,
    ) -> Result<(), Refusal> {
        let Some(PrincipalLimit { max, on_excess }) = limit else {
            return Ok(());
        };
        self.index.prune(principal, now);
        let entries = self.index.of(principal);
        let others = entries.filter_map(|(_, public_id, other)| {
            let state = self.keys.get(other)?.session()?;
            let counts = other != id && state.is_live(now);
            // One without a log-in sorts before all others.
            counts.then(|| (state.session.login_at(), public_id, other.clone()))
        });
        let mut others: Vec<_> = others.collect();
        let excess = (others.len() + 1).saturating_sub(usize::from(max.get()));
        if excess == 0 {
            return Ok(());
        }
        match on_excess {
            OnExcess::Refuse => Err(Refusal::TooManySessions),
            OnExcess::EvictOldest => {
                others.sort_unstable();
                for (_, _, oldest) in others.iter().take(excess) {
                    self.take_key(oldest);
                }
                self.evicted = Some(principal.clone());
                Ok(())
            }
        }
    }
}
