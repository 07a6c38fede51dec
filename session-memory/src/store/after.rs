//! What a step leaves to be done when its locks are released.

use std::time::Instant;

use session_core::{Principal, PublicId, SessionId, UnixMillis};

use super::expiry::GROUPS;
use super::index::Listing;
use super::key::{Key, NoSession};
use super::table::{SWEEP_BATCH, Table};
use super::{Store, lock};

/// What a step leaves to be done when its locks are released.
#[derive(Default)]
pub(crate) struct After {
    /// What was taken out, to be dropped, and its entries in the index.
    pub(super) freed: Freed,
    /// An entry whose session is listed elsewhere by now, or nowhere.
    pub(super) unlisted: Option<(Listing, SessionId)>,
    /// The key that this step found to be no session, to be logged.
    finding: Option<Finding>,
    /// The principal whose sessions this step has ended for its limit, to be logged likewise.
    pub(super) evicted: Option<Principal>,
    /// Where else to look for what has expired.
    search: Option<Search>,
}

/// A look at some of the tables for keys that have expired.
pub(super) struct Search {
    pub(super) now: UnixMillis,
    /// The number of the first group of tables.
    pub(super) first: usize,
    /// How many groups.
    pub(super) groups: usize,
    /// How many keys of them, at most.
    pub(super) keys: usize,
}

/// Keys that were taken out. To drop one takes a while, and now and then the allocator tidies up.
pub(super) type Freed = Vec<Box<Key>>;

/// A key that a step expected to be a session and that is none. For the log.
struct Finding {
    id: SessionId,
    found: NoSession,
}

impl After {
    /// The search that follows an operation on a table: at other tables each time, so that
    /// operations on a single session come to all of them.
    pub(super) fn search_behind(
        &mut self,
        number: usize,
        table: &mut Table,
        now: UnixMillis,
        keys: usize,
    ) {
        self.search = Some(Search {
            now,
            first: number.wrapping_add(table.count()),
            groups: 1,
            keys,
        });
    }

    /// Notes that a key is no session, if it is none, for the log.
    pub(super) fn found(&mut self, id: &SessionId, found: Option<NoSession>) {
        self.finding = found.map(|found| Finding {
            found,
            id: id.clone(),
        });
    }
}

impl Store {
    /// Does what a step has left to be done, without a lock of its own.
    pub(crate) fn finish(&self, after: After) {
        self.release(after.freed);
        if let Some(mut search) = after.search {
            let mut freed = Freed::new();
            self.search(&mut search, &mut freed);
            self.release(freed);
        }
        if let Some((listing, id)) = after.unlisted {
            self.index.remove(listing, &id);
        }
        // A subscriber is foreign code.
        if let Some(Finding { id, found }) = after.finding {
            tracing::warn!(
                session = PublicId::of_unbound(&id).as_str(),
                reason = found.reason(),
                "a key is no session, and is left alone"
            );
        }
        if let Some(principal) = after.evicted {
            let now = Instant::now();
            self.quota_warnings.sessions_ended(&principal, now);
        }
    }

    /// Takes out keys that have expired by the time of the search.
    pub(super) fn search(&self, search: &mut Search, freed: &mut Freed) {
        let groups = (search.first..).take(search.groups);
        for number in groups.flat_map(|group| self.board.due(group, search.now)) {
            if search.keys == 0 {
                return;
            }
            let mut table = lock(self.table(number));
            search.keys -= table.sweep(search.now, search.keys, freed);
        }
    }

    /// Leaves a look at all tables for what has expired to be done, and nothing else.
    pub(crate) fn ping(&self, after: &mut After) {
        after.search = Some(Search {
            now: self.now(),
            first: 0,
            groups: GROUPS,
            keys: SWEEP_BATCH,
        });
    }

    /// Drops keys that were taken out, and their entries in the index.
    pub(super) fn release(&self, freed: Freed) {
        for key in freed {
            self.capacity.removed(key.weight);
            if let Some(listing) = key.listing() {
                self.index.remove(listing, &key.id);
            }
        }
    }
}
