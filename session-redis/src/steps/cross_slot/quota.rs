//! Whether a principal may have one more session.

use std::collections::HashSet;

use bytes::Bytes;
use session_core::steps::Refusal;
use session_core::{Effect, Error, ListPosition, OnExcess, Principal, Result, UnixMillis};

use super::bytes_of;
use super::entry::PendingEntry;
use crate::connection::Connect;
use crate::keys::{public_id_of, suffix_of};
use crate::operation::{Operation, after_eviction};
use crate::reply::{self, Outcome, Reply, corrupt};
use crate::script_call::ScriptCall;
use crate::script_call::index::{self as calls, NewEntry, Removal};
use crate::server_error::worse;

/// How often the index is asked again when every entry belongs to a session that is about to be
/// stored: such an entry is free or filled a round trip later, unless its client has stopped.
const RETRIES: usize = 8;

/// How many entries more than the limit are read of an index: as many as `index_add.lua` shows.
const MORE_THAN_FIT: usize = 128;

pub(super) enum Admission {
    /// The entry is added.
    Added(PendingEntry),
    /// There is no room.
    OverQuota,
    /// The step that it is for would not happen; why.
    Futile(Outcome),
}

/// What the indexes say of one more entry.
enum Count {
    /// It is added, and fits.
    Fits(PendingEntry),
    /// It does not fit, or is not added: how many other sessions there are, and entries.
    Others(usize, Vec<Entry>),
}

/// An entry of an index.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The key of the index.
    pub(super) index: Bytes,
    pub(super) entry: Bytes,
    pub(super) score: Bytes,
    /// Its session may be about to be stored.
    pub(super) is_pending: bool,
}

impl Entry {
    /// Out of the index, if nobody has added it again.
    pub(super) fn removal(self) -> Removal {
        Removal {
            index: self.index,
            entry: self.entry,
            score: Some(self.score),
        }
    }

    /// Out of the index, since its session was ended.
    pub(super) fn removal_of_ended(self) -> Removal {
        Removal {
            score: None,
            ..self.removal()
        }
    }
}

/// The entries of an index in the rest of a reply.
pub(super) fn entries(index: &[u8], mut parts: impl Iterator<Item = Reply>) -> Result<Vec<Entry>> {
    let index = Bytes::copy_from_slice(index);
    let mut entries = Vec::new();
    while let Some(entry) = parts.next() {
        entries.push(Entry {
            index: index.clone(),
            entry: reply::bytes(Some(entry))?,
            score: reply::bytes(parts.next())?,
            is_pending: reply::integer(parts.next())? == 1,
        });
    }
    Ok(entries)
}

impl<C: Connect> Operation<'_, C> {
    /// Adds an entry. The limit is checked by the indexes; here is found out which of the sessions
    /// in them have ended, and, where the limit evicts, which are to end. Before any is to end,
    /// `trial` (the step that the entry is for, as yet without one) says whether that step would
    /// happen at all. Where the session may be stored in another format it says so first: with two
    /// entries it would count twice.
    pub(super) async fn admit(
        &self,
        principal: &Principal,
        new: &NewEntry,
        mut trial: Option<ScriptCall>,
    ) -> Result<Admission> {
        let may_be_elsewhere = new.suffix.is_some() && self.keys.has_several_formats();
        if may_be_elsewhere && let Some(trial) = trial.take() {
            match self.run(&trial).await.map_err(unchanged)? {
                Outcome::NotIndexed { .. } => {}
                futile => return Ok(Admission::Futile(futile)),
            }
        }
        let mut added = None;
        let admission = self.admit_within(principal, new, trial, &mut added).await;
        self.roll_back_if_any(added).await;
        admission
    }

    /// The same. What is left in `added` is to be rolled back.
    async fn admit_within(
        &self,
        principal: &Principal,
        new: &NewEntry,
        mut trial: Option<ScriptCall>,
        added: &mut Option<PendingEntry>,
    ) -> Result<Admission> {
        let owner = &bytes_of(principal);
        let indexes = self.keys.indexes(principal);
        let has_several = indexes.len() > 1 && new.limit.is_some();
        let max = max_of(new);
        let evicts = new
            .limit
            .is_some_and(|limit| limit.on_excess == OnExcess::EvictOldest);
        let mut removals = Vec::new();
        let mut evicted = HashSet::new();
        let mut retries = RETRIES;
        let mut gives_way = false;
        loop {
            let has_evicted = !evicted.is_empty();
            if has_several && added.is_none() && !gives_way {
                let entry = self.add_first(owner, new).await;
                *added = Some(entry.map_err(|error| after_eviction(has_evicted, error))?);
            }
            let count = match has_several {
                true => self.count_in_all(&indexes, new, &removals, added).await,
                false => self.add_within_limit(owner, new, &removals).await,
            };
            // The index is no session: none was changed, if none was ended.
            let count = count.map_err(|error| after_eviction(has_evicted, error))?;
            let (others, found) = match count {
                Count::Fits(mut entry) => {
                    entry.has_evicted = has_evicted;
                    return Ok(Admission::Added(entry));
                }
                Count::Others(others, found) => (others, found),
            };
            let sorted = self.sort(owner, new, found, &evicted, trial.take()).await;
            let sorted = sorted.map_err(|error| after_eviction(has_evicted, error))?;
            if let Some(futile) = sorted.futile {
                return Ok(Admission::Futile(futile));
            }
            // Log-ins that have added their entries first wait for each other, but not for ever:
            // the least entries are to fit, and the others are removed until then.
            let before = match has_several && retries > RETRIES / 2 {
                true => others.saturating_sub(sorted.pending_behind),
                false => others,
            };
            let surplus = (before + 1).saturating_sub(max + sorted.ended.len());
            removals = sorted.ended;
            if surplus > 0 && evicts {
                let surplus = oldest(sorted.live, surplus);
                let ended = self.evict(owner, surplus).await;
                let ended = ended.map_err(|error| after_eviction(has_evicted, error))?;
                if !ended.1.is_empty() {
                    self.sessions_ended(Some(principal));
                }
                removals.extend(ended.0);
                evicted.extend(ended.1);
            }
            gives_way = has_several && removals.is_empty() && before >= max;
            if removals.is_empty() {
                retries -= 1;
                if !evicts && before >= max || retries == 0 {
                    if !evicted.is_empty() {
                        // Others took the room that was made.
                        let refused = Error::from(Refusal::TooManySessions);
                        return Err(after_eviction(true, refused));
                    }
                    return Ok(Admission::OverQuota);
                }
            }
            if gives_way {
                self.roll_back_if_any(added.take()).await;
            }
        }
    }

    /// Adds an entry where the only index, in the same step, finds that it fits.
    async fn add_within_limit(
        &self,
        owner: &Bytes,
        new: &NewEntry,
        removals: &[Removal],
    ) -> Result<Count> {
        let call = calls::add(self.keys, owner, new, removals);
        match self.run(&call).await.map_err(unchanged)? {
            Outcome::Done(parts) => Ok(Count::Fits(PendingEntry::added(owner, new, parts)?)),
            Outcome::OverQuota(mut parts) => {
                let others = reply::integer(parts.next())?;
                let others = usize::try_from(others).map_err(|_| corrupt())?;
                let index = self.keys.index_of(owner, &new.entry);
                Ok(Count::Others(others, entries(&index, parts)?))
            }
            _ => Err(corrupt()),
        }
    }

    /// Adds an entry that is counted afterwards.
    async fn add_first(&self, owner: &Bytes, new: &NewEntry) -> Result<PendingEntry> {
        let unlimited = NewEntry {
            limit: None,
            ..new.clone()
        };
        match self.add_within_limit(owner, &unlimited, &[]).await? {
            Count::Fits(entry) => Ok(entry),
            Count::Others(..) => Err(corrupt()),
        }
    }

    /// Whether the entry fits that was added to one of these indexes. No step spans them, so it was
    /// added first: of those that are added at the same time the last one sees all others.
    async fn count_in_all(
        &self,
        indexes: &[Vec<u8>],
        new: &NewEntry,
        removals: &[Removal],
        added: &mut Option<PendingEntry>,
    ) -> Result<Count> {
        let max = max_of(new);
        let most = max + MORE_THAN_FIT;
        let page = |index: &Vec<u8>| calls::page(index, ListPosition::BEGINNING, most, removals);
        let calls: Vec<ScriptCall> = indexes.iter().map(page).collect();
        let (mut all, mut has_more) = (Vec::new(), false);
        for (index, outcome) in indexes.iter().zip(self.run_all(&calls).await) {
            let Outcome::Done(mut parts) = outcome.map_err(unchanged)? else {
                return Err(corrupt());
            };
            // The deadline that they have in common.
            parts.next();
            let found = entries(index, parts)?;
            has_more |= found.len() >= most;
            all.extend(found);
        }
        let others = sessions_beside(new, &all);
        if others >= max || has_more {
            return Ok(Count::Others(others.max(max), all));
        }
        let fits = added.take().map(Count::Fits);
        Ok(fits.unwrap_or(Count::Others(others, Vec::new())))
    }

    /// Looks at the sessions of the entries, each in its slot; and, at the same time, runs the
    /// trial.
    async fn sort(
        &self,
        principal: &Bytes,
        new: &NewEntry,
        entries: Vec<Entry>,
        evicted: &HashSet<Bytes>,
        trial: Option<ScriptCall>,
    ) -> Result<Sorted> {
        // The session itself may have an entry already, by an earlier log-in or before it is moved.
        let is_other = |it: &Entry| {
            it.entry != new.entry && Some(suffix_of(&it.entry)) != new.suffix.as_deref()
        };
        let others: Vec<Entry> = entries.into_iter().filter(is_other).collect();
        let session = |it: &Entry| calls::member(self.keys, principal, &it.entry);
        let has_trial = trial.is_some();
        let calls: Vec<ScriptCall> = others.iter().map(session).chain(trial).collect();
        let mut outcomes = self.run_all(&calls).await;
        let mut sorted = Sorted::default();
        if has_trial {
            match outcomes.pop().ok_or_else(corrupt)?.map_err(unchanged)? {
                Outcome::NotIndexed { .. } => {}
                futile => {
                    sorted.futile = Some(futile);
                    return Ok(sorted);
                }
            }
        }
        let is_evicted = |name: Bytes| evicted.contains(&name);
        for (entry, outcome) in others.into_iter().zip(outcomes) {
            match outcome? {
                Outcome::Done(mut parts) => {
                    let login_at = reply::stored_time(parts.nth(2))?;
                    sorted.live.push((login_at, entry));
                }
                // One that was ended here was about to be moved or logged in again: it will not be.
                Outcome::NotFound if !entry.is_pending || names(&entry).any(is_evicted) => {
                    sorted.ended.push(entry.removal());
                }
                Outcome::NotFound => {
                    sorted.pending_behind += usize::from(entry.entry > new.entry);
                }
                _ => return Err(corrupt()),
            }
        }
        Ok(sorted)
    }

    /// Ends these sessions. Their entries are to be removed; and the names of those that had not
    /// ended by themselves.
    async fn evict(
        &self,
        principal: &Bytes,
        surplus: Vec<Entry>,
    ) -> Result<(Vec<Removal>, Vec<Bytes>)> {
        let end = |it: &Entry| self.end_of(principal, &it.entry);
        let calls: Vec<ScriptCall> = surplus.iter().map(end).collect();
        let outcomes = self.run_all(&calls).await;
        let mut removals = Vec::new();
        let (mut failure, mut ended) = (None, Vec::new());
        for (entry, outcome) in surplus.into_iter().zip(outcomes) {
            match outcome {
                Ok(Outcome::Done(_)) => {
                    ended.extend(names(&entry));
                    removals.push(entry.removal_of_ended());
                }
                Ok(Outcome::NotFound) => removals.push(entry.removal()),
                Ok(_) => return Err(corrupt()),
                Err(error) => failure = Some(worse(failure, error)),
            }
        }
        if let Some(error) = failure {
            return Err(after_eviction(!ended.is_empty(), error));
        }
        Ok((removals, ended))
    }
}

/// What tells a session from others while it is moved or logged in again: its public id, and the
/// suffix of its key.
fn names(it: &Entry) -> impl Iterator<Item = Bytes> {
    let parts = [public_id_of(&it.entry), suffix_of(&it.entry)];
    parts.map(|part| it.entry.slice_ref(part)).into_iter()
}

/// How many sessions these are entries of, but for that of the new one. The twin of the count in
/// `index_add.lua`: two entries are of one session if it is being moved or logged in again.
fn sessions_beside(new: &NewEntry, entries: &[Entry]) -> usize {
    let mut seen: HashSet<Bytes> = new.suffix.iter().cloned().collect();
    let is_other = |it: &&Entry| {
        let is_known = names(it).any(|name| seen.contains(&name));
        seen.extend(names(it));
        it.entry != new.entry && !is_known
    };
    entries.iter().filter(is_other).count()
}

fn max_of(new: &NewEntry) -> usize {
    new.limit.map_or(0, |limit| usize::from(limit.max.get()))
}

/// So many with the oldest log-ins. One without sorts before all others, an entry by its public id.
fn oldest(mut live: Vec<(Option<UnixMillis>, Entry)>, count: usize) -> Vec<Entry> {
    live.sort_by(|(at, a), (other_at, b)| (at, &a.entry).cmp(&(other_at, &b.entry)));
    live.truncate(count);
    live.into_iter().map(|(_, entry)| entry).collect()
}

/// The error of a step that was only tried.
fn unchanged(error: Error) -> Error {
    error.with_effect(Effect::NotApplied)
}

/// The entries of a principal who is at the limit.
#[derive(Default)]
struct Sorted {
    /// Why the step would not happen.
    futile: Option<Outcome>,
    /// And when each was logged in.
    live: Vec<(Option<UnixMillis>, Entry)>,
    ended: Vec<Removal>,
    /// How many are about to be stored, and have greater entries than the new one.
    pending_behind: usize,
}
