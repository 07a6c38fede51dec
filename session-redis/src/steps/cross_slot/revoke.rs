//! The end of a principal's sessions, each in its own slot.

use session_core::steps::RevokeRequest;
use session_core::{ListPosition, PageCursor, PageRequest, Result, RevokedPage};

use super::bytes_of;
use super::page::Visit;
use super::quota::Entry;
use crate::connection::Connect;
use crate::keys::suffix_of;
use crate::operation::Operation;
use crate::script_call::{self, Owner, ScriptCall};
use crate::steps::index::kept_suffixes;

/// Where a revocation is.
///
/// It goes through the index page by page. A session that is bound again meanwhile may move to a
/// page that is over. So a pass of several pages that has ended anybody is followed by another; the
/// last one has one page, as a rule, which is all of what is left of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Progress {
    /// The pass has ended sessions.
    has_ended: bool,
    position: ListPosition,
}

impl Progress {
    const BEGINNING: Self = Self {
        has_ended: false,
        position: ListPosition::BEGINNING,
    };
    /// What a cursor begins with if the pass has ended sessions.
    const MARK: char = 'e';

    fn of(page: &PageRequest) -> Result<Self> {
        let mut page = page.clone();
        let text = page.cursor.as_ref().map(PageCursor::as_str);
        let marked = text.and_then(|text| text.strip_prefix(Self::MARK));
        let has_ended = marked.is_some();
        if let Some(rest) = marked {
            page.cursor = Some(rest.parse()?);
        }
        let position = ListPosition::of(&page)?;
        Ok(Self {
            has_ended,
            position,
        })
    }

    /// Where the revocation goes on after a page that went on to there.
    fn after(self, has_ended: bool, to: Option<ListPosition>) -> Option<Self> {
        let is_all = self.position == ListPosition::BEGINNING && to.is_none();
        let has_ended = self.has_ended || has_ended;
        match to {
            Some(position) => Some(Self {
                has_ended,
                position,
            }),
            None if has_ended && !is_all => Some(Self::BEGINNING),
            None => None,
        }
    }

    fn cursor(self) -> Result<PageCursor> {
        let position = self.position.cursor();
        if !self.has_ended {
            return Ok(position);
        }
        Ok(format!("{}{position}", Self::MARK).parse()?)
    }
}

impl<C: Connect> Operation<'_, C> {
    /// Index, sessions, index.
    pub(in crate::steps) async fn revoke_across_slots(
        &self,
        request: &RevokeRequest,
    ) -> Result<RevokedPage> {
        let progress = Progress::of(&request.page)?;
        let keep = kept_suffixes(self.keys, &request.target)?;
        let principal = bytes_of(&request.principal);
        let visit = Visit {
            indexes: &self.keys.indexes(&request.principal),
            from: progress.position,
            page: &request.page,
            keep: &keep,
            call: |it: &Entry| self.end_of(&principal, &it.entry),
            ends: true,
        };
        let page = self.visit(&visit).await?;
        let ended = u64::try_from(page.found.len()).unwrap_or(u64::MAX);
        let next = progress.after(ended > 0, page.to);
        let next = next.map(Progress::cursor).transpose()?;
        Ok(RevokedPage::new(ended, next))
    }

    /// Ends the session of this entry, if it is this principal's.
    pub(super) fn end_of(&self, principal: &[u8], entry: &[u8]) -> ScriptCall {
        let key = self.keys.with_suffix(suffix_of(entry));
        script_call::remove(self.keys, &key, Some(Owner::of_entry(principal, entry)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_core::{PageSize, UnixMillis};

    #[test]
    fn a_pass_of_several_pages_that_has_ended_sessions_is_followed_by_another() {
        let there = ListPosition::at(UnixMillis::new(7));
        let progress = |has_ended, position| Progress {
            has_ended,
            position,
        };
        let beginning = Progress::BEGINNING;
        for (before, has_ended, to, after) in [
            (beginning, true, None, None),
            (beginning, false, Some(there), Some(progress(false, there))),
            (beginning, true, Some(there), Some(progress(true, there))),
            (progress(true, there), false, None, Some(beginning)),
            (progress(false, there), true, None, Some(beginning)),
            (progress(false, there), false, None, None),
        ] {
            assert_eq!(before.after(has_ended, to), after);
            let cursor = before.cursor().unwrap();
            let page = PageRequest::new(Some(&cursor), PageSize::MAX);
            assert_eq!(Progress::of(&page).unwrap(), before);
        }
    }
}
