//! The live sessions of a principal, each in its own slot.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use session_core::{ListedSession, Principal, Result};

use super::bytes_of;
use super::quota::{Entry, entries};
use crate::connection::Connect;
use crate::operation::Operation;
use crate::reply::{self, Outcome, corrupt};
use crate::script_call::ScriptCall;
use crate::script_call::index::{self as calls, Removal};
use crate::steps::index::{IndexPages, deadline, listed};

/// How many entries one call looks at, and how many sessions are asked at once.
pub(super) const PAGE: usize = 256;

impl<C: Connect> Operation<'_, C> {
    /// The next page of an index, some of whose entries may have been on the one before. Removes
    /// entries on the way.
    pub(super) async fn entries(
        &self,
        principal: &Bytes,
        pages: &mut IndexPages,
        removals: &mut Vec<Removal>,
    ) -> Result<Vec<Entry>> {
        let removals = std::mem::take(removals);
        let least_score = pages.least_score.clone();
        let call = calls::page(self.keys, principal, &least_score, pages.size, &removals);
        let Outcome::Done(mut parts) = self.run(&call).await? else {
            return Err(corrupt());
        };
        let looked_at = reply::integer(parts.next())?;
        pages.advance(looked_at, reply::bytes(parts.next())?)?;
        entries(parts)
    }

    /// Index, sessions. A session that is not found may have been moved after the index was read:
    /// to a key of which the index had an entry already, and that is looked at a second time at the
    /// end of the round; or to one whose entry was added later, and then the next round sees an
    /// entry that this one did not.
    ///
    /// So a round has missed nobody if it found all, or if no entry was added until the next. (An
    /// index of several pages may change between two: there it is always the next round that
    /// tells.)
    pub(in crate::steps) async fn list_across_slots(
        &self,
        principal: &Principal,
    ) -> Result<Vec<ListedSession>> {
        let principal = bytes_of(principal);
        let mut found = HashMap::new();
        let mut removals = Vec::new();
        let mut before: Option<HashSet<Bytes>> = None;
        loop {
            let mut pages = IndexPages::of(PAGE);
            let mut read = 0;
            let mut indexed = HashSet::new();
            let mut not_found = Vec::new();
            while !pages.is_over {
                let page = self.entries(&principal, &mut pages, &mut removals).await?;
                read += 1;
                indexed.extend(page.iter().map(|it| it.entry.clone()));
                let is_unknown = |it: &Entry| !found.contains_key(&it.entry);
                let unknown = page.into_iter().filter(is_unknown).collect();
                not_found.extend(self.look_at(&principal, unknown, &mut found).await?);
            }
            if let Some(before) = before
                && indexed.is_subset(&before)
            {
                return Ok(in_order(found, &before));
            }
            if not_found.is_empty() && read == 1 {
                return Ok(in_order(found, &indexed));
            }
            let (pending, ended): (Vec<_>, Vec<_>) =
                not_found.into_iter().partition(|it| it.is_pending);
            removals.extend(ended.into_iter().map(Entry::removal));
            self.look_at(&principal, pending, &mut found).await?;
            before = Some(indexed);
        }
    }

    /// Looks at the sessions of these entries, each in its slot; those that are not found.
    async fn look_at(
        &self,
        principal: &Bytes,
        entries: Vec<Entry>,
        found: &mut HashMap<Bytes, Found>,
    ) -> Result<Vec<Entry>> {
        let session = |it: &Entry| calls::member(self.keys, principal, &it.entry);
        let calls: Vec<ScriptCall> = entries.iter().map(session).collect();
        let outcomes = self.run_all(&calls).await;
        let mut not_found = Vec::new();
        for (entry, outcome) in entries.into_iter().zip(outcomes) {
            match outcome? {
                Outcome::Done(parts) => {
                    let session = Found {
                        deadline: deadline(&entry.score),
                        listed: listed(&entry.entry, parts)?,
                    };
                    found.insert(entry.entry, session);
                }
                Outcome::NotFound => not_found.push(entry),
                _ => return Err(corrupt()),
            }
        }
        Ok(not_found)
    }
}

/// A live session.
struct Found {
    deadline: u64,
    listed: ListedSession,
}

/// The sessions that the index still has entries of, the nearest deadline first, then by public id.
/// One of which it has none was moved or ended after it was looked at. One that was looked at
/// before it was moved and after counts once.
fn in_order(mut found: HashMap<Bytes, Found>, indexed: &HashSet<Bytes>) -> Vec<ListedSession> {
    found.retain(|entry, _| indexed.contains(entry));
    let mut found: Vec<Found> = found.into_values().collect();
    found.sort_by_key(|found| (found.deadline, found.listed.public_id));
    found.dedup_by(|a, b| a.listed.public_id == b.listed.public_id);
    found.into_iter().map(|found| found.listed).collect()
}
