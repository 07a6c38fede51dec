//! Steps on many sessions.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use session_core::steps::{ListRequest, RevokeRequest, RevokeTarget};
use session_core::{
    Effect, Error, ErrorKind, ListPosition, ListedPage, ListedSession, PageCursor, PageRequest,
    PublicId, Result, RevokeInPageRequest, RevokedInPage, RevokedPage, SessionOverview,
    SessionPage,
};
use tokio::time::Instant;

use super::{Access, Content, Key, Store, bytes, hex, int, text, text_of};
use crate::engine::{Engine, Value};
use crate::error::Failure;
use crate::pool::Lease;
use crate::row::{KEY_LEN, Row, integer, millis};

/// A key that no session has.
const NOBODY: Key = [0; KEY_LEN];

impl<E: Engine> Store<E> {
    /// One statement.
    pub(crate) async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
        let until = self.until();
        let position = ListPosition::of(&request.page)?;
        let behind = position.public_id();
        let behind = behind.map_or_else(String::new, |id| id.as_str().to_owned());
        let size = usize::from(request.page.size.get());
        let attempt = |mut lease: Lease<E>| {
            let values = vec![
                text(text_of(&request.principal)),
                int(millis(position.deadline())),
                text(behind.clone()),
                int(super::count(size + 1)),
            ];
            let list = match request.fields.is_empty() {
                true => &self.statements.list_bare,
                false => &self.statements.list,
            };
            async move { lease.rows(list, values).await }
        };
        let rows = self
            .step(until, Access::Reads, Effect::NotApplied, attempt)
            .await?;
        let has_more = rows.len() > size;
        let mut sessions = Vec::new();
        let mut last = None;
        for row in rows.into_iter().take(size) {
            last = row.position().map(|position| position.cursor());
            let Content::Live(state) = row.into_content() else {
                continue;
            };
            sessions.extend(ListedSession::of(&state.session, &request.fields));
        }
        Ok(ListedPage::new(sessions, last.filter(|_| has_more)))
    }

    /// One statement, again until it finds nobody, or the page is full.
    pub(crate) async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        let until = self.until();
        ListPosition::of(&request.page)?;
        let keep = match &request.target {
            RevokeTarget::All => NOBODY,
            RevokeTarget::AllExcept(id) => id.digest(),
            // A target that this version does not know.
            _ => return Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
        };
        let principal = text_of(&request.principal);
        let size = u64::from(request.page.size.get());
        let meant = vec![text(principal), bytes(&keep)];
        // What has ended stays ended, whatever becomes of the rest.
        let ended = AtomicU64::new(0);
        let attempt = |lease| self.try_revoke(lease, &meant, size, &ended);
        let revoked = self.step(until, Access::Writes, Effect::Unknown, attempt);
        let revoked = revoked.await;
        let ended = ended.load(Ordering::Relaxed);
        let has_more = revoked.map_err(|error| match ended {
            0 => error,
            _ => error.with_effect(Effect::Unknown),
        })?;
        // What has ended is on no page any more.
        let next = has_more.then(|| ListPosition::BEGINNING.cursor());
        Ok(RevokedPage::new(ended, next))
    }

    /// Whether there are more.
    async fn try_revoke(
        &self,
        mut lease: Lease<E>,
        meant: &[Value],
        size: u64,
        ended: &AtomicU64,
    ) -> std::result::Result<bool, Failure> {
        let note = |changed: usize| {
            let changed = u64::try_from(changed).unwrap_or(u64::MAX);
            ended.fetch_add(changed, Ordering::Relaxed);
        };
        loop {
            let left = size.saturating_sub(ended.load(Ordering::Relaxed));
            if left == 0 {
                return Ok(true);
            }
            let mut values = meant.to_vec();
            values.push(int(integer(left)));
            // Those that nobody has locked first: one that is being rotated is another row by the
            // time that a statement has waited for it, and until then all others are rotated on.
            let revoke = &self.statements.revoke;
            let unlocked = &self.statements.revoke_unlocked;
            let changed = lease.rows(unlocked, values.clone()).await?.len();
            note(changed);
            let more = lease.rows(&revoke.look, meant.to_vec()).await?;
            if more.is_empty() {
                return Ok(false);
            }
            if changed == 0 {
                note(lease.rows(&revoke.change, values).await?.len());
            }
        }
    }

    /// One statement.
    pub(crate) async fn page(&self, request: &PageRequest) -> Result<SessionPage> {
        let until = self.until();
        let (found, next) = self.keys(until, request).await?;
        let sessions = found.into_iter().map(|Found { state, shown, .. }| {
            let mut shown = shown;
            if request.fields_of == Some(shown.session.public_id) {
                shown.session.fields = state.session.fields().clone();
            }
            shown
        });
        Ok(SessionPage::new(sessions.collect(), next))
    }

    /// A statement that looks, and two that delete.
    pub(crate) async fn revoke_in_page(
        &self,
        request: &RevokeInPageRequest,
    ) -> Result<RevokedInPage> {
        let until = self.until();
        let (found, next) = self.keys(until, &request.page).await?;
        let (mut listed, mut unlisted) = (Vec::new(), Vec::new());
        let mut undecided = 0;
        for found in found {
            match request.which.includes(&found.shown) {
                Some(true) => {}
                Some(false) => continue,
                None => {
                    undecided += 1;
                    continue;
                }
            }
            match found.state.session.listing() {
                Some((principal, _, public_id)) => {
                    listed.push([text_of(&principal), public_id.as_str().to_owned()]);
                }
                None => unlisted.push(hex(&found.key)),
            }
        }
        // What has ended stays ended, whatever becomes of the rest.
        let ended = Mutex::new(HashSet::new());
        if listed.len() + unlisted.len() > 0 {
            let listed = serde_json::Value::from(
                listed
                    .into_iter()
                    .map(|listing| serde_json::Value::from(listing.to_vec()))
                    .collect::<Vec<_>>(),
            );
            let listed = listed.to_string();
            let unlisted = crate::text::array(unlisted.into_iter().map(Into::into));
            let attempt = |lease| self.try_revoke_both(lease, &listed, &unlisted, &ended);
            let revoked = self.step(until, Access::Writes, Effect::Unknown, attempt);
            let revoked = revoked.await;
            revoked.map_err(|error| match locked(&ended).is_empty() {
                true => error,
                false => error.with_effect(Effect::Unknown),
            })?;
        }
        let ended = std::mem::take(&mut *locked(&ended));
        let mut revoked = RevokedInPage::new(ended.into_iter().collect(), next);
        revoked.undecided = undecided;
        Ok(revoked)
    }

    /// A session that was rotated meanwhile has its public id still; one that was bound meanwhile
    /// has another, and is not meant.
    async fn try_revoke_both(
        &self,
        mut lease: Lease<E>,
        listed: &str,
        unlisted: &str,
        ended: &Mutex<HashSet<PublicId>>,
    ) -> std::result::Result<(), Failure> {
        for (statement, which) in [
            (&self.statements.revoke_unlisted, unlisted),
            (&self.statements.revoke_listed, listed),
        ] {
            if which == "[]" {
                continue;
            }
            let rows = lease.rows(statement, vec![text(which.to_owned())]).await?;
            locked(ended).extend(rows.iter().map(|row| {
                let own = row.columns.public_id.as_deref();
                let own = own.filter(|_| row.columns.principal.is_some());
                let own = own.and_then(|id| PublicId::parse(id).ok());
                own.unwrap_or_else(|| PublicId::from_digest(&row.key()))
            }));
        }
        Ok(())
    }

    /// The live sessions of a page of the table.
    async fn keys(
        &self,
        until: Instant,
        request: &PageRequest,
    ) -> Result<(Vec<Found>, Option<PageCursor>)> {
        let behind = position(request)?;
        let size = usize::from(request.size.get());
        let attempt = |mut lease: Lease<E>| {
            let values = vec![bytes(&behind), int(super::count(size + 1))];
            async move { lease.rows(&self.statements.page, values).await }
        };
        let rows = self
            .step(until, Access::Reads, Effect::NotApplied, attempt)
            .await?;
        let has_more = rows.len() > size;
        let last = rows.get(size.saturating_sub(1)).map(Row::key);
        let next = last.filter(|_| has_more).map(|key| cursor(&key));
        let found = rows.into_iter().take(size).filter_map(|row| {
            let (key, now) = (row.key(), row.now);
            let Content::Live(state) = row.into_content() else {
                return None;
            };
            let of_unbound = || PublicId::from_digest(&key);
            let shown = SessionOverview::of(&state.session, state.ttl(now), of_unbound);
            Some(Found { key, state, shown })
        });
        Ok((found.collect(), next.transpose()?))
    }

    /// Deletes so many rows that have expired; how many it did.
    pub(crate) async fn purge(&self, most: u32) -> Result<u64> {
        let until = self.until();
        let attempt = |mut lease: Lease<E>| async move {
            let rows = lease.rows(&self.statements.purge, vec![int(most)]).await?;
            Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
        };
        self.step(until, Access::Writes, Effect::Unknown, attempt)
            .await
    }

    /// A statement for each right that the steps need.
    pub(crate) async fn ping(&self) -> Result<()> {
        let until = self.until();
        let attempt = |mut lease: Lease<E>| async move {
            for statement in &self.statements.ping {
                lease.run(statement, Vec::new()).await?;
            }
            Ok(())
        };
        self.step(until, Access::Writes, Effect::NotApplied, attempt)
            .await
    }
}

/// A live session that a page has found.
struct Found {
    key: Key,
    state: session_core::rules::State,
    shown: SessionOverview,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cursor(key: &Key) -> Result<PageCursor> {
    Ok(URL_SAFE_NO_PAD.encode(key).parse()?)
}

/// The key that a page begins behind.
fn position(request: &PageRequest) -> Result<Key> {
    let Some(cursor) = &request.cursor else {
        return Ok(NOBODY);
    };
    let key = URL_SAFE_NO_PAD.decode(cursor.as_str()).ok();
    key.and_then(|key| Key::try_from(key).ok())
        .ok_or_else(|| Error::new(ErrorKind::InvalidCursor, Effect::NotApplied))
}
