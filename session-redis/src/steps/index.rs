//! The sessions of a principal, where one script may touch both the index and the sessions.

use session_core::steps::{ListRequest, RevokeRequest, RevokeTarget};
use session_core::{
    Effect, Error, ErrorKind, FieldName, FieldValue, ListPosition, ListedPage, ListedSession,
    PageSize, PublicId, Result, RevokedPage, UnixMillis,
};

use crate::connection::Connect;
use crate::keys::{KeySpace, public_id_of};
use crate::operation::Operation;
use crate::reply::{self, Outcome, Reply, corrupt};
use crate::script_call;

impl<C: Connect> Operation<'_, C> {
    pub(super) async fn list_indexed(&self, request: &ListRequest) -> Result<ListedPage> {
        let position = ListPosition::of(&request.page)?;
        let count = entries_of_page(request.page.size, request.fields.len());
        let call = script_call::list(self.keys, request, position, count);
        let Outcome::Done(mut parts) = self.run(&call).await? else {
            return Err(corrupt());
        };
        let looked_at = usize::try_from(reply::integer(parts.next())?).map_err(|_| corrupt())?;
        let last_deadline = deadline_of(&reply::bytes(parts.next())?);
        let last_public_id = PublicId::parse(reply::bytes(parts.next())?).ok();
        let next = last_deadline
            .filter(|_| looked_at >= count)
            .map(|deadline| {
                // An entry without a public id was removed: it is not met again.
                let behind = |public_id| ListPosition::behind(deadline, public_id);
                last_public_id.map_or(ListPosition::at(deadline), behind)
            });
        let mut sessions = Vec::new();
        while let Some(entry) = parts.next() {
            let entry = reply::bytes(Some(entry))?;
            sessions.push(listed(&entry, &request.fields, &mut parts)?);
        }
        Ok(ListedPage::new(sessions, next.map(|next| next.cursor())))
    }

    /// What a page has ended is not in the index any more, so each begins at the beginning, and
    /// the last one says that there is nobody left.
    pub(super) async fn revoke_indexed(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        ListPosition::of(&request.page)?;
        let keep = kept_suffixes(self.keys, &request.target)?;
        // The kept one is met by every page.
        let count = entries_of_page(request.page.size, 0) + keep.len();
        let call = script_call::revoke(self.keys, &request.principal, &keep, count);
        let Outcome::Done(mut parts) = self.run(&call).await? else {
            return Err(corrupt());
        };
        let ended = u64::try_from(reply::integer(parts.next())?).map_err(|_| corrupt())?;
        let looked_at = usize::try_from(reply::integer(parts.next())?).map_err(|_| corrupt())?;
        let next = (looked_at >= count).then(|| ListPosition::BEGINNING.cursor());
        Ok(RevokedPage::new(ended, next))
    }
}

/// How many entries one call looks at at most: about a millisecond of the server's time.
const MOST_ENTRIES: usize = 128;

/// How many entries a page looks at, where it also reads so many fields of each.
fn entries_of_page(size: PageSize, fields: usize) -> usize {
    let most = MOST_ENTRIES * 16 / (16 + fields);
    usize::from(size.get()).min(most).max(1)
}

/// The suffixes of the keys of the session that a revocation keeps.
pub(super) fn kept_suffixes(keys: &KeySpace, target: &RevokeTarget) -> Result<Vec<Vec<u8>>> {
    match target {
        RevokeTarget::All => Ok(Vec::new()),
        RevokeTarget::AllExcept(keep) => Ok(keys.suffixes(keep)),
        _ => Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
    }
}

/// The deadline that a score is, without its fraction. No session has such a one as is no deadline:
/// what has it is behind all that are listed.
pub(super) fn deadline_of(score: &[u8]) -> Option<UnixMillis> {
    let whole = score.split(|byte| *byte == b'.').next()?;
    UnixMillis::parse(whole)
}

/// What a list shows of the session with this entry.
pub(super) fn listed(
    entry: &[u8],
    fields: &[FieldName],
    mut parts: impl Iterator<Item = Reply>,
) -> Result<ListedSession> {
    let public_id = PublicId::parse(public_id_of(entry)).map_err(|_| corrupt())?;
    let created_at = FieldValue::from(reply::bytes(parts.next())?);
    let last_accessed_at = FieldValue::from(reply::bytes(parts.next())?);
    let login_at = reply::stored_time(parts.next())?;
    let mut listed = ListedSession::new(public_id, created_at, last_accessed_at, login_at);
    for field in fields {
        if let Some(value) = reply::text_or_nil(parts.next())? {
            listed.fields.insert(field.clone(), value.into());
        }
    }
    Ok(listed)
}
