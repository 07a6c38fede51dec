//! The steps on all sessions, page by page.
//!
//! A page is whole tables of keys. Which table a key is in its id decides, so a session that lives
//! throughout is on exactly one page of a scan, whatever comes and goes meanwhile.

use session_core::rules::State;
use session_core::{Remaining, SessionId};

use super::{After, Store, TABLES, lock};

/// A live session, before its public id is computed.
pub(crate) struct Found {
    pub(crate) id: SessionId,
    pub(crate) state: State,
    pub(crate) remaining: Remaining,
}

impl Store {
    /// The live sessions in the tables from this one on, until there are so many; and the table
    /// that the next page begins with.
    pub(crate) fn page(
        &self,
        first: usize,
        size: usize,
        after: &mut After,
    ) -> (Vec<Found>, Option<usize>) {
        self.ping(after);
        let mut found = Vec::new();
        for number in first..TABLES {
            if found.len() >= size {
                return (found, Some(number));
            }
            let table = lock(self.table(number));
            let now = self.now();
            found.extend(table.iter().filter_map(|key| {
                let state = key.live_session(now)?;
                Some(Found {
                    id: key.id.clone(),
                    state: state.clone(),
                    remaining: state.ttl(now),
                })
            }));
        }
        (found, None)
    }
}
