//! Listing all sessions of the store, and ending any of them.

use std::fmt;

use session_core::{
    Effect, Error, ErrorKind, PageCursor, PageRequest, PublicId, Result, RevokeInPageRequest,
    RevokedInPage, SessionAdmin, SessionOverview, SessionPage, async_trait,
};

use crate::backend::MemoryBackend;
use crate::faults::Step;
use crate::store::Found;

/// The admin API of a backend's sessions. Available through [`MemoryBackend::admin`].
///
/// # Atomicity
/// A page is one critical section: its sessions as they are at one moment. It is one or several of
/// the 64 tables that the sessions are spread over, so it may show a 64th of them more than was
/// asked for. Revoking is two sections a page; it is as if it happened at the second.
#[derive(Clone)]
pub struct MemoryAdmin(MemoryBackend);

impl MemoryBackend {
    /// The admin API of these sessions: lists all of them, and ends any.
    pub fn admin(&self) -> MemoryAdmin {
        MemoryAdmin(self.clone())
    }
}

impl fmt::Debug for MemoryAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryAdmin").field(&self.0).finish()
    }
}

#[async_trait]
impl SessionAdmin for MemoryAdmin {
    async fn page(&self, request: &PageRequest) -> Result<SessionPage> {
        let shard = shard(request)?;
        let page = self.0.step(Step::Page, |store, now| {
            Ok(store.page(shard, request.size.get().into(), now))
        });
        let (found, next) = page.await?;
        // The public id of an unbound session costs a hash: it is computed without the lock.
        let sessions = found.into_iter().map(|found| {
            let Found {
                id,
                state,
                remaining,
            } = found;
            SessionOverview::of(&state.session, remaining, || PublicId::of_unbound(&id))
        });
        Ok(SessionPage::new(sessions.collect(), cursor(next)?))
    }

    async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage> {
        let shard = shard(&request.page)?;
        let revoke = || {
            let size = request.page.size.get().into();
            let (found, next) = self.0.run(|store, now| store.page(shard, size, now));
            let named = found.into_iter().find(|found| {
                let of_unbound = || PublicId::of_unbound(&found.id);
                found.state.session.public_id_or(of_unbound) == request.public_id
            });
            let Some(named) = named else {
                return Ok(RevokedInPage::new(false, cursor(next)?));
            };
            // If it was bound meanwhile, it has another public id, and this one names nothing.
            let is_revoked = self
                .0
                .run(|store, now| store.remove_named(&named.id, request.public_id, now));
            Ok(RevokedInPage::new(is_revoked, None))
        };
        self.0.faults().around(Step::RevokeInPage, revoke).await
    }
}

/// The table that a page begins with.
fn shard(request: &PageRequest) -> Result<usize> {
    let Some(cursor) = &request.cursor else {
        return Ok(0);
    };
    let shard: Option<usize> = cursor.as_str().parse().ok();
    shard
        .filter(|shard| (1..crate::store::SHARDS).contains(shard))
        // One text for one table: "+1" and "01" are none that a page names.
        .filter(|shard| shard.to_string() == cursor.as_str())
        .ok_or_else(|| Error::new(ErrorKind::InvalidCursor, Effect::NotApplied))
}

fn cursor(shard: Option<usize>) -> Result<Option<PageCursor>> {
    let cursor = shard.map(|shard| shard.to_string().parse());
    Ok(cursor.transpose()?)
}
