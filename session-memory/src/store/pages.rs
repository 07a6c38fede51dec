//! The steps on all sessions, page by page.
//!
//! A page is whole tables of keys. Which table a key is in its id decides, so a session that lives
//! throughout is on exactly one page of a scan, whatever comes and goes meanwhile.

use session_core::rules::State;
use session_core::{Remaining, SessionId, UnixMillis};

use super::Store;
use super::keys::SHARDS;

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
        now: UnixMillis,
    ) -> (Vec<Found>, Option<usize>) {
        let mut found = Vec::new();
        for shard in first..SHARDS {
            if found.len() >= size {
                return (found, Some(shard));
            }
            found.extend(self.keys.shard(shard).filter_map(|(id, key)| {
                let state = key.session().filter(|state| state.is_live(now))?;
                Some(Found {
                    id: id.clone(),
                    state: state.clone(),
                    remaining: state.ttl(now),
                })
            }));
        }
        (found, None)
    }
}
