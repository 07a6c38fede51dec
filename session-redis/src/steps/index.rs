//! The sessions of a principal, where one script may touch both the index and the sessions.

use std::collections::HashSet;

use bytes::Bytes;
use session_core::steps::{RevokeRequest, RevokeTarget};
use session_core::{
    Effect, Error, ErrorKind, FieldValue, ListedSession, Principal, PublicId, Result, SessionId,
};

use crate::connection::Connect;
use crate::keys::public_id_of;
use crate::operation::Operation;
use crate::reply::{self, Outcome, Reply, corrupt};
use crate::script_call;

/// How many entries one call looks at: under a millisecond of the server's time.
const PAGE: usize = 512;

/// Where a scan of an index by pages is.
///
/// A page begins at the greatest score of the page before it, so that entries which come and go
/// meanwhile make the scan neither skip nor end early.
pub(super) struct IndexPages {
    pub(super) least_score: Bytes,
    pub(super) size: usize,
    pub(super) is_over: bool,
}

impl IndexPages {
    pub(super) fn of(size: usize) -> Self {
        Self {
            least_score: Bytes::from_static(b"-inf"),
            size,
            is_over: false,
        }
    }

    /// The page had so many entries, up to this score.
    pub(super) fn advance(&mut self, entries: i64, greatest_score: Bytes) -> Result<()> {
        let entries = usize::try_from(entries).map_err(|_| corrupt())?;
        self.is_over = entries < self.size;
        if greatest_score == self.least_score {
            // All of the page has one score: look at more at once, or the scan would stand still.
            self.size = self.size.saturating_mul(2);
        }
        self.least_score = greatest_score;
        Ok(())
    }
}

impl<C: Connect> Operation<'_, C> {
    pub(super) async fn list_indexed(&self, principal: &Principal) -> Result<Vec<ListedSession>> {
        let mut pages = IndexPages::of(PAGE);
        // What is seen twice counts once.
        let mut seen = HashSet::new();
        let mut sessions = Vec::new();
        while !pages.is_over {
            let page = self.index_page(principal, &mut pages).await?.into_iter();
            sessions.extend(page.filter(|(_, session)| seen.insert(session.public_id)));
        }
        // A page has the sessions of each index in order.
        sessions.sort_by_key(|(deadline, session)| (*deadline, session.public_id));
        Ok(sessions.into_iter().map(|(_, session)| session).collect())
    }

    pub(super) async fn revoke_indexed(&self, request: &RevokeRequest) -> Result<u64> {
        let principal = &request.principal;
        match &request.target {
            RevokeTarget::All => self.revoke_all(principal, None).await,
            RevokeTarget::AllExcept(keep) => self.revoke_all(principal, Some(keep)).await,
            _ => Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
        }
    }

    async fn revoke_all(&self, principal: &Principal, keep: Option<&SessionId>) -> Result<u64> {
        let call = script_call::revoke_page(self.keys, principal, keep, PAGE);
        let mut ended = 0;
        loop {
            let outcome = self.run(&call).await.map_err(|error| match ended {
                0 => error,
                // Earlier pages have ended some.
                _ => error.with_effect(Effect::Unknown),
            });
            let Outcome::Done(mut parts) = outcome? else {
                return Err(corrupt());
            };
            let of_page = u64::try_from(reply::integer(parts.next())?).map_err(|_| corrupt())?;
            ended = u64::saturating_add(ended, of_page);
            let looked_at = reply::integer(parts.next())?;
            if usize::try_from(looked_at).map_err(|_| corrupt())? < PAGE {
                return Ok(ended);
            }
        }
    }

    /// The live sessions of the next page, and their deadlines.
    async fn index_page(
        &self,
        principal: &Principal,
        pages: &mut IndexPages,
    ) -> Result<Vec<(u64, ListedSession)>> {
        let call = script_call::list(self.keys, principal, &pages.least_score, pages.size);
        let Outcome::Done(mut parts) = self.run(&call).await? else {
            return Err(corrupt());
        };
        let looked_at = reply::integer(parts.next())?;
        pages.advance(looked_at, reply::bytes(parts.next())?)?;
        let mut sessions = Vec::new();
        while let Some(entry) = parts.next() {
            let entry = reply::bytes(Some(entry))?;
            let session = listed(&entry, &mut parts)?;
            sessions.push((deadline(&reply::bytes(parts.next())?), session));
        }
        Ok(sessions)
    }
}

/// The deadline in a score: the score without its fraction, if it has one.
pub(super) fn deadline(score: &[u8]) -> u64 {
    let text = std::str::from_utf8(score).unwrap_or_default();
    let whole = text.split('.').next().unwrap_or_default();
    whole.parse().unwrap_or_default()
}

/// What a list shows of the session with this entry.
pub(super) fn listed(
    entry: &[u8],
    mut parts: impl Iterator<Item = Reply>,
) -> Result<ListedSession> {
    let public_id = PublicId::parse(public_id_of(entry)).map_err(|_| corrupt())?;
    let created_at = FieldValue::from(reply::bytes(parts.next())?);
    let last_accessed_at = FieldValue::from(reply::bytes(parts.next())?);
    let login_at = reply::stored_time(parts.next())?;
    Ok(ListedSession::new(
        public_id,
        created_at,
        last_accessed_at,
        login_at,
    ))
}
