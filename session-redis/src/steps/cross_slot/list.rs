//! The live sessions of a principal, each in its own slot.

use std::collections::HashSet;

use session_core::steps::ListRequest;
use session_core::{ListPosition, ListedPage, Result};

use super::bytes_of;
use super::page::{Visit, deadline, is_before};
use super::quota::Entry;
use crate::connection::Connect;
use crate::operation::Operation;
use crate::script_call::index as calls;
use crate::steps::index::listed;

impl<C: Connect> Operation<'_, C> {
    /// Index, sessions.
    pub(in crate::steps) async fn list_across_slots(
        &self,
        request: &ListRequest,
    ) -> Result<ListedPage> {
        let from = ListPosition::of(&request.page)?;
        let principal = bytes_of(&request.principal);
        let fields = &*request.fields;
        let visit = Visit {
            indexes: &self.keys.indexes(&request.principal),
            from,
            page: &request.page,
            keep: &[],
            call: |it: &Entry| calls::listed(self.keys, &principal, &it.entry, fields),
            ends: false,
        };
        let page = self.visit(&visit).await?;
        let mut sessions = Vec::new();
        for (entry, parts) in page.found {
            // The page has become smaller since.
            if !is_before(&entry, page.to) {
                continue;
            }
            sessions.push((deadline(&entry), listed(&entry.entry, fields, parts)?));
        }
        sessions.sort_by_key(|(deadline, listed)| (*deadline, listed.public_id));
        // One that was looked at before it was moved and after counts once.
        let mut seen = HashSet::new();
        let sessions = sessions.into_iter().map(|(_, listed)| listed);
        let sessions = sessions.filter(|listed| seen.insert(listed.public_id));
        let next = page.to.map(|to| to.cursor());
        Ok(ListedPage::new(sessions.collect(), next))
    }
}
