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
use crate::steps::index::{IndexPages, listed};

/// How many entries one call looks at, and how many sessions are asked at once.
pub(super) const PAGE: usize = 256;

impl<C: Connect> Operation<'_, C> {
    /// The next page of an index, some of whose entries may have been on the one before. Removes entries on
    /// the way.
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

    /// Index, sessions. A session that is not found may have been moved meanwhile: to a key of which the index
    /// had an entry already, and that is looked at a second time at the end of the round; or to one whose
    /// entry was added later. So rounds follow until all are found.
    pub(in crate::steps) async fn list_across_slots(
        &self,
        principal: &Principal,
    ) -> Result<Vec<ListedSession>> {
        let principal = bytes_of(principal);
        let mut looked_at: HashMap<Bytes, Option<Found>> = HashMap::new();
        let mut removals = Vec::new();
        loop {
            let mut pages = IndexPages::of(PAGE);
            let mut indexed = HashSet::new();
            let mut pending = Vec::new();
            let mut are_all_found = true;
            while !pages.is_over {
                let page = self.entries(&principal, &mut pages, &mut removals).await?;
                indexed.extend(page.iter().map(|it| it.entry.clone()));
                let is_new = |it: &Entry| !looked_at.contains_key(&it.entry);
                let new: Vec<Entry> = page.into_iter().filter(is_new).collect();
                for (entry, found) in self.look_at(&principal, new).await? {
                    are_all_found &= found.is_some();
                    match &found {
                        Some(_) => {}
                        None if entry.is_pending => pending.push(entry.clone()),
                        None => removals.push(entry.clone().removal()),
                    }
                    looked_at.insert(entry.entry, found);
                }
            }
            for (entry, found) in self.look_at(&principal, pending).await? {
                looked_at.insert(entry.entry, found);
            }
            if are_all_found {
                return Ok(in_order(looked_at, &indexed));
            }
        }
    }

    /// Looks at the sessions of these entries, each in its slot.
    async fn look_at(
        &self,
        principal: &Bytes,
        entries: Vec<Entry>,
    ) -> Result<Vec<(Entry, Option<Found>)>> {
        let session = |it: &Entry| calls::member(self.keys, principal, &it.entry);
        let calls: Vec<ScriptCall> = entries.iter().map(session).collect();
        let outcomes = self.run_all(&calls).await;
        let looked_at = entries.into_iter().zip(outcomes).map(|(entry, outcome)| {
            let found = match outcome? {
                Outcome::Done(parts) => Some(Found {
                    deadline: deadline(&entry),
                    listed: listed(&entry.entry, parts)?,
                }),
                Outcome::NotFound => None,
                _ => return Err(corrupt()),
            };
            Ok((entry, found))
        });
        looked_at.collect()
    }
}

/// A live session.
struct Found {
    deadline: u64,
    listed: ListedSession,
}

/// The deadline of an entry: its score without the fraction.
fn deadline(entry: &Entry) -> u64 {
    let text = std::str::from_utf8(&entry.score).unwrap_or_default();
    let whole = text.split('.').next().unwrap_or_default();
    whole.parse().unwrap_or_default()
}

/// The sessions that the index still has entries of, the nearest deadline first, then by public id. One of which
/// it has none was moved or ended after it was looked at. One that was looked at before it was moved and after
/// counts once.
fn in_order(
    looked_at: HashMap<Bytes, Option<Found>>,
    indexed: &HashSet<Bytes>,
) -> Vec<ListedSession> {
    let still_indexed =
        |(entry, found): (Bytes, Option<Found>)| found.filter(|_| indexed.contains(&entry));
    let mut found: Vec<Found> = looked_at.into_iter().filter_map(still_indexed).collect();
    found.sort_by_key(|found| (found.deadline, found.listed.public_id));
    found.dedup_by(|a, b| a.listed.public_id == b.listed.public_id);
    found.into_iter().map(|found| found.listed).collect()
}
