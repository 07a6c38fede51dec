//! Listing all sessions of the store, and ending any of them.

use std::fmt;

use session_core::steps::{RemoveOutcome, RemoveRequest, Target};
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
/// A page is one or several of the 256 tables that the sessions are spread over, each as it is at
/// one moment; so it may show a 256th of them more than was asked for. Revoking is a critical
/// section of its own after those of its page; it is as if it happened then.
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
        let table = table(request)?;
        let page = self.0.step(Step::Page, |store, after| {
            Ok(store.page(table, request.size.get().into(), after))
        });
        let (found, next) = page.await?;
        // The public id of an unbound session costs a hash: it is computed without the lock.
        let sessions = found.into_iter().map(|found| {
            let Found {
                id,
                state,
                remaining,
            } = found;
            let session = &state.session;
            let mut shown = SessionOverview::of(session, remaining, || PublicId::of_unbound(&id));
            if request.fields_of == Some(shown.session.public_id) {
                shown.session.fields = session.fields().clone();
            }
            shown
        });
        Ok(SessionPage::new(sessions.collect(), cursor(next)?))
    }

    async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage> {
        let table = table(&request.page)?;
        let revoke = || {
            let size = request.page.size.get().into();
            let (found, next) = self.0.run(|store, after| store.page(table, size, after));
            let mut ended = Vec::new();
            let mut undecided = 0;
            for found in found {
                let session = &found.state.session;
                let of_unbound = || PublicId::of_unbound(&found.id);
                let shown = SessionOverview::of(session, found.remaining, of_unbound);
                match request.which.includes(&shown) {
                    Some(true) => {}
                    Some(false) => continue,
                    None => {
                        undecided += 1;
                        continue;
                    }
                }
                let public_id = shown.session.public_id;
                let is_ended = self.0.run(|store, after| match session.listing() {
                    // It may have been rotated meanwhile.
                    Some((principal, _, public_id)) => {
                        let target = Target::PublicId {
                            principal,
                            public_id,
                        };
                        let removed = store.remove(&RemoveRequest::new(target), after);
                        removed.map(|outcome| outcome == RemoveOutcome::Removed)
                    }
                    // If it was bound meanwhile, it has another public id, and this one names
                    // nothing.
                    None => Ok(store.remove_named(&found.id, public_id, after)),
                });
                ended.extend(is_ended?.then_some(public_id));
            }
            let mut revoked = RevokedInPage::new(ended, cursor(next)?);
            revoked.undecided = undecided;
            Ok(revoked)
        };
        self.0.faults().around(Step::RevokeInPage, revoke).await
    }
}

/// The table that a page begins with.
fn table(request: &PageRequest) -> Result<usize> {
    let Some(cursor) = &request.cursor else {
        return Ok(0);
    };
    let table: Option<usize> = cursor.as_str().parse().ok();
    table
        .filter(|table| (1..crate::store::TABLES).contains(table))
        // One text for one table: "+1" and "01" are none that a page names.
        .filter(|table| table.to_string() == cursor.as_str())
        .ok_or_else(|| Error::new(ErrorKind::InvalidCursor, Effect::NotApplied))
}

fn cursor(table: Option<usize>) -> Result<Option<PageCursor>> {
    let cursor = table.map(|table| table.to_string().parse());
    Ok(cursor.transpose()?)
}
