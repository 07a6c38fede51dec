//! A page of a principal's sessions, each in its own slot: what lists and revocations have in
//! common.
//!
//! A page is a part of the index, or of both where a principal has two: from one position to
//! another, in the order of deadlines and public ids. A rotation gives a session another entry, but
//! in the same index, of the same deadline and the same public id, and so on the same page.
//!
//! The index is read first, then the sessions. One that is not found may have been moved in
//! between: to a key of which the index had an entry already, which is pending, and is looked at a
//! second time once all were looked at; or to one whose entry was added later, and then the next
//! reading of the page has an entry that was not looked at. So a page has missed nobody once it
//! found all, or once it has no new entry.

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::future::try_join_all;
use session_core::{Error, ListPosition, PageRequest, PublicId, Result, UnixMillis};

use super::quota::{Entry, entries};
use crate::connection::Connect;
use crate::keys::{public_id_of, suffix_of};
use crate::operation::{Operation, after_eviction};
use crate::reply::{self, Outcome, Parts, corrupt};
use crate::script_call::ScriptCall;
use crate::script_call::index::{self as calls, Removal};
use crate::server_error::worse;
use crate::steps::index::deadline_of;

/// What is done to the sessions of a page, one by one.
pub(super) struct Visit<'v, F> {
    /// The keys of the principal's indexes.
    pub(super) indexes: &'v [Vec<u8>],
    pub(super) from: ListPosition,
    pub(super) page: &'v PageRequest,
    /// The suffixes of keys that are passed over.
    pub(super) keep: &'v [Vec<u8>],
    /// The call on the session of an entry.
    pub(super) call: F,
    /// Whether it ends the session.
    pub(super) ends: bool,
}

/// What became of a page.
#[derive(Default)]
pub(super) struct Visited {
    /// The sessions that were found, and what their calls returned.
    pub(super) found: Vec<(Entry, Parts)>,
    /// Where the page ends; `None` for the end of all indexes.
    pub(super) to: Option<ListPosition>,
}

/// A part of an index, as it was at one moment; or of each of several.
#[derive(Default)]
pub(super) struct IndexPart {
    pub(super) entries: Vec<Entry>,
    pub(super) to: Option<ListPosition>,
}

impl<C: Connect> Operation<'_, C> {
    pub(super) async fn visit<F>(&self, visit: &Visit<'_, F>) -> Result<Visited>
    where
        F: Fn(&Entry) -> ScriptCall + Sync,
    {
        let mut visited = Visited::default();
        let finished = self.visit_all(visit, &mut visited).await;
        let has_ended = visit.ends && !visited.found.is_empty();
        finished.map_err(|error| after_eviction(has_ended, error))?;
        Ok(visited)
    }

    async fn visit_all<F>(&self, visit: &Visit<'_, F>, visited: &mut Visited) -> Result<()>
    where
        F: Fn(&Entry) -> ScriptCall + Sync,
    {
        let mut looked_at: HashSet<Bytes> = HashSet::new();
        let mut removals = Vec::new();
        loop {
            let part = self.part_of_indexes(visit, &removals).await?;
            removals.clear();
            visited.to = nearer(visited.to, part.to);
            let is_kept = |it: &Entry| visit.keep.iter().any(|kept| kept == suffix_of(&it.entry));
            let mut new = part.entries;
            new.retain(|it| is_before(it, visited.to) && !is_kept(it));
            new.retain(|it| looked_at.insert(it.entry.clone()));
            if new.is_empty() {
                return Ok(());
            }
            let not_found = self.look_at(visit, new, visited, &mut removals).await?;
            if not_found.is_empty() && removals.is_empty() {
                return Ok(());
            }
            let (pending, ended): (Vec<_>, Vec<_>) =
                not_found.into_iter().partition(|it| it.is_pending);
            removals.extend(ended.into_iter().map(Entry::removal));
            self.look_at(visit, pending, visited, &mut removals).await?;
        }
    }

    /// Makes the calls on the sessions of these entries, each in its slot; those that are not
    /// found.
    async fn look_at<F>(
        &self,
        visit: &Visit<'_, F>,
        entries: Vec<Entry>,
        visited: &mut Visited,
        removals: &mut Vec<Removal>,
    ) -> Result<Vec<Entry>>
    where
        F: Fn(&Entry) -> ScriptCall + Sync,
    {
        let calls: Vec<ScriptCall> = entries.iter().map(&visit.call).collect();
        let outcomes = self.run_all(&calls).await;
        let mut not_found = Vec::new();
        let mut failure: Option<Error> = None;
        for (entry, outcome) in entries.into_iter().zip(outcomes) {
            match outcome {
                Ok(Outcome::Done(parts)) => {
                    if visit.ends {
                        removals.push(entry.clone().removal_of_ended());
                    }
                    visited.found.push((entry, parts));
                }
                Ok(Outcome::NotFound) => not_found.push(entry),
                Ok(_) => return Err(corrupt()),
                Err(error) => failure = Some(worse(failure, error)),
            }
        }
        failure.map_or(Ok(not_found), Err)
    }

    /// Reads the entries of the page, and removes some on the way.
    async fn part_of_indexes<F>(
        &self,
        visit: &Visit<'_, F>,
        removals: &[Removal],
    ) -> Result<IndexPart> {
        let size = usize::from(visit.page.size.get());
        let indexes = visit.indexes.iter();
        let parts = indexes.map(|it| self.part_of_index(it, visit.from, size + 1, removals));
        let mut all = IndexPart::default();
        for part in try_join_all(parts).await? {
            all.to = nearer(all.to, part.to);
            all.entries.extend(part.entries);
        }
        all.entries.retain(|it| is_before(it, all.to));
        Ok(all.limited(size))
    }

    /// At most so many entries, but all of a session: one more than fit tells where the page ends.
    async fn part_of_index(
        &self,
        index: &[u8],
        from: ListPosition,
        mut count: usize,
        mut removals: &[Removal],
    ) -> Result<IndexPart> {
        loop {
            let call = calls::page(index, from, count, removals);
            let Outcome::Done(mut parts) = self.run(&call).await? else {
                return Err(corrupt());
            };
            let common = deadline_of(&reply::bytes(parts.next())?);
            let entries = entries(index, parts)?;
            let part = match common {
                None => Some(whole_deadlines(entries, count)),
                Some(deadline) => part_of_deadline(deadline, entries, count),
            };
            if let Some(part) = part {
                return Ok(part);
            }
            // So many are of one session that is being moved.
            count = count.saturating_mul(2);
            removals = &[];
        }
    }
}

impl IndexPart {
    /// No more than the entries of so many sessions.
    fn limited(mut self, size: usize) -> Self {
        let place = |it: &Entry| {
            Some((
                deadline(it)?,
                PublicId::parse(public_id_of(&it.entry)).ok()?,
            ))
        };
        let mut places: Vec<_> = self.entries.iter().filter_map(place).collect();
        places.sort();
        places.dedup();
        if let (Some(_), Some((deadline, public_id))) = (places.get(size), places.get(size - 1)) {
            self.to = Some(ListPosition::behind(*deadline, *public_id));
            self.entries.retain(|it| is_before(it, self.to));
        }
        self
    }
}

/// All entries of some deadlines: the last one may have more than were read, and is left to the
/// next page.
pub(super) fn whole_deadlines(mut entries: Vec<Entry>, count: usize) -> IndexPart {
    let last = entries.last().filter(|_| entries.len() >= count);
    let to = last.and_then(deadline).map(ListPosition::at);
    entries.retain(|it| is_before(it, to));
    IndexPart { entries, to }
}

/// Some of the entries of one deadline: the first ones by public id, all of each. `None` if all
/// that fit are of one public id, and there may be more.
pub(super) fn part_of_deadline(
    deadline: UnixMillis,
    mut entries: Vec<Entry>,
    count: usize,
) -> Option<IndexPart> {
    let next_deadline = ListPosition::at(deadline.plus_millis(1));
    if entries.len() < count {
        let to = Some(next_deadline);
        return Some(IndexPart { entries, to });
    }
    entries.sort_by(|a, b| a.entry.cmp(&b.entry));
    let is_of = |it: &Entry, public_id: &[u8]| public_id_of(&it.entry) == public_id;
    let last = public_id_of(&entries.get(count - 1)?.entry).to_vec();
    let fit = entries.iter().position(|it| is_of(it, &last))?;
    entries.truncate(fit);
    let behind = PublicId::parse(public_id_of(&entries.last()?.entry)).ok()?;
    let to = Some(ListPosition::behind(deadline, behind));
    Some(IndexPart { entries, to })
}

/// The deadline of an entry; `None` if no session can have it.
pub(super) fn deadline(entry: &Entry) -> Option<UnixMillis> {
    deadline_of(&entry.score)
}

fn nearer(one: Option<ListPosition>, other: Option<ListPosition>) -> Option<ListPosition> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Whether an entry is on a page that ends there.
pub(super) fn is_before(entry: &Entry, to: Option<ListPosition>) -> bool {
    let Some(to) = to else { return true };
    let public_id = PublicId::parse(public_id_of(&entry.entry));
    match (deadline(entry), public_id) {
        (Some(deadline), Ok(public_id)) => !to.is_before(deadline, public_id),
        // Without a public id it is no session's: any page may remove it.
        (Some(deadline), Err(_)) => deadline <= to.deadline(),
        (None, _) => false,
    }
}
