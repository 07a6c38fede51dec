//! Steps on many sessions.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use session_core::steps::{ListRequest, RevokeRequest, RevokeTarget};
use session_core::{
    Effect, Error, ErrorKind, ListPosition, ListedPage, ListedSession, PageCursor, PageRequest,
    PublicId, Result, RevokeInPageRequest, RevokedInPage, RevokedPage, SessionOverview,
    SessionPage,
};

use super::{Access, Content, Key, Store, bytes, hex, int, text, text_of};
use crate::engine::Engine;
use crate::error::Failure;
use crate::pool::Lease;
use crate::row::{KEY_LEN, Row, millis};

/// A key that no session has.
const NOBODY: Key = [0; KEY_LEN];

impl<E: Engine> Store<E> {
    /// One statement.
    pub(crate) async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
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
            async move { lease.rows(&self.statements.list, values).await }
        };
        let rows = self
            .step(Access::Reads, Effect::NotApplied, attempt)
            .await?;
        let has_more = rows.len() > size;
        let mut sessions = Vec::new();
        let mut last = None;
        for row in rows.into_iter().take(size) {
            let Content::Live(state) = row.into_content() else {
                continue;
            };
            let listing = state.session.listing();
            last = listing.map(|(_, deadline, id)| ListPosition::behind(deadline, id).cursor());
            sessions.extend(ListedSession::of(&state.session, &request.fields));
        }
        Ok(ListedPage::new(sessions, last.filter(|_| has_more)))
    }

    /// One statement, and a look whether there are more.
    pub(crate) async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        ListPosition::of(&request.page)?;
        let keep = match &request.target {
            RevokeTarget::All => NOBODY,
            RevokeTarget::AllExcept(id) => id.digest(),
            // A target that this version does not know.
            _ => return Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
        };
        let principal = text_of(&request.principal);
        let size = i64::from(request.page.size.get());
        let attempt = |lease| self.try_revoke(lease, principal.clone(), keep, size);
        let (ended, has_more) = self.step(Access::Writes, Effect::Unknown, attempt).await?;
        // What has ended is on no page any more.
        let next = has_more.then(|| ListPosition::BEGINNING.cursor());
        Ok(RevokedPage::new(ended, next))
    }

    async fn try_revoke(
        &self,
        mut lease: Lease<E>,
        principal: String,
        keep: Key,
        size: i64,
    ) -> std::result::Result<(u64, bool), Failure> {
        let meant = vec![text(principal), bytes(&keep)];
        let mut values = meant.clone();
        values.push(int(size));
        let ended = lease.rows(&self.statements.revoke, values).await?;
        // One that was being rotated has been passed over, and is another row now.
        let more = lease.rows(&self.statements.has_more, meant).await?;
        Ok((
            u64::try_from(ended.len()).unwrap_or(u64::MAX),
            !more.is_empty(),
        ))
    }

    /// One statement.
    pub(crate) async fn page(&self, request: &PageRequest) -> Result<SessionPage> {
        let (found, next) = self.keys(request).await?;
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
        let (found, next) = self.keys(&request.page).await?;
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
        let mut ended = HashSet::new();
        if listed.len() + unlisted.len() > 0 {
            let listed = serde_json::Value::from(
                listed
                    .into_iter()
                    .map(|listing| serde_json::Value::from(listing.to_vec()))
                    .collect::<Vec<_>>(),
            );
            let listed = listed.to_string();
            let unlisted = crate::text::array(unlisted.into_iter().map(Into::into));
            let attempt = |lease| self.try_revoke_both(lease, &listed, &unlisted);
            ended = self.step(Access::Writes, Effect::Unknown, attempt).await?;
        }
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
    ) -> std::result::Result<HashSet<PublicId>, Failure> {
        let mut ended = HashSet::new();
        for (statement, which) in [
            (&self.statements.revoke_unlisted, unlisted),
            (&self.statements.revoke_listed, listed),
        ] {
            if which == "[]" {
                continue;
            }
            let rows = lease.rows(statement, vec![text(which.to_owned())]).await?;
            ended.extend(rows.iter().map(|row| {
                let own = row.columns.public_id.as_deref();
                let own = own.filter(|_| row.columns.principal.is_some());
                let own = own.and_then(|id| PublicId::parse(id).ok());
                own.unwrap_or_else(|| PublicId::from_digest(&row.key()))
            }));
        }
        Ok(ended)
    }

    /// The live sessions of a page of the table.
    async fn keys(&self, request: &PageRequest) -> Result<(Vec<Found>, Option<PageCursor>)> {
        let behind = position(request)?;
        let size = usize::from(request.size.get());
        let attempt = |mut lease: Lease<E>| {
            let values = vec![bytes(&behind), int(super::count(size + 1))];
            async move { lease.rows(&self.statements.page, values).await }
        };
        let rows = self
            .step(Access::Reads, Effect::NotApplied, attempt)
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
        let attempt = |mut lease: Lease<E>| async move {
            let rows = lease.rows(&self.statements.purge, vec![int(most)]).await?;
            Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
        };
        self.step(Access::Writes, Effect::Unknown, attempt).await
    }

    /// A statement for each right that the steps need.
    pub(crate) async fn ping(&self) -> Result<()> {
        let attempt = |mut lease: Lease<E>| async move {
            for statement in &self.statements.ping {
                lease.run(statement, Vec::new()).await?;
            }
            Ok(())
        };
        self.step(Access::Writes, Effect::NotApplied, attempt).await
    }
}

/// A live session that a page has found.
struct Found {
    key: Key,
    state: session_core::rules::State,
    shown: SessionOverview,
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
