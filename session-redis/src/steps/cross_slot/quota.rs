//! Whether a principal may have one more session.

use std::collections::HashSet;

use bytes::Bytes;
use session_core::steps::Refusal;
use session_core::{Effect, Error, OnExcess, Principal, Result, UnixMillis};

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

pub(super) enum Admission {
    /// The entry is added.
    Added(PendingEntry),
    /// There is no room.
    OverQuota,
    /// The step that it is for would not happen; why.
    Futile(Outcome),
}

/// An entry of an index.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) entry: Bytes,
    pub(super) score: Bytes,
    /// Its session may be about to be stored.
    pub(super) is_pending: bool,
}

impl Entry {
    /// Out of the index, if nobody has added it again.
    pub(super) fn removal(self) -> Removal {
        Removal {
            entry: self.entry,
            score: Some(self.score),
        }
    }
}

/// The entries in the rest of a reply.
pub(super) fn entries(mut parts: impl Iterator<Item = Reply>) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    while let Some(entry) = parts.next() {
        entries.push(Entry {
            entry: reply::bytes(Some(entry))?,
            score: reply::bytes(parts.next())?,
            is_pending: reply::integer(parts.next())? == 1,
        });
    }
    Ok(entries)
}

impl<C: Connect> Operation<'_, C> {
    /// Adds an entry. The limit is checked by the index, in one step with the adding; here is found
    /// out which of the sessions in it have ended, and, where the limit evicts, which are to end.
    /// Before any is to end, `trial` (the step that the entry is for, as yet without one) says
    /// whether that step would happen at all. Where the session may be stored in another format it
    /// says so first: with two entries it would count twice.
    pub(super) async fn admit(
        &self,
        principal: &Principal,
        new: &NewEntry,
        mut trial: Option<ScriptCall>,
    ) -> Result<Admission> {
        let owner = &bytes_of(principal);
        let may_be_elsewhere = new.suffix.is_some() && self.keys.has_several_formats();
        if may_be_elsewhere && let Some(trial) = trial.take() {
            match self.run(&trial).await.map_err(unchanged)? {
                Outcome::NotIndexed { .. } => {}
                futile => return Ok(Admission::Futile(futile)),
            }
        }
        let mut removals = Vec::new();
        let mut evicted = HashSet::new();
        let mut retries = RETRIES;
        loop {
            let has_evicted = !evicted.is_empty();
            let call = calls::add(self.keys, owner, new, &removals);
            let mut over_quota = match self.run(&call).await {
                Ok(Outcome::Done(parts)) => {
                    let mut entry = PendingEntry::added(owner, new, parts)?;
                    entry.has_evicted = has_evicted;
                    return Ok(Admission::Added(entry));
                }
                Ok(Outcome::OverQuota(parts)) => parts,
                Ok(_) => return Err(corrupt()),
                // The index is no session: none was changed, if none was ended.
                Err(error) => return Err(after_eviction(has_evicted, unchanged(error))),
            };
            let others = reply::integer(over_quota.next())?;
            let max = new.limit.map_or(0, |limit| i64::from(limit.max.get()));
            let surplus = usize::try_from(others.saturating_sub(max).saturating_add(1))
                .map_err(|_| corrupt())?;
            let others = entries(over_quota)?;
            let sorted = self.sort(owner, new, others, &evicted, trial.take()).await;
            let sorted = sorted.map_err(|error| after_eviction(has_evicted, error))?;
            if let Some(futile) = sorted.futile {
                return Ok(Admission::Futile(futile));
            }
            let surplus = surplus.saturating_sub(sorted.ended.len());
            let evicts = new
                .limit
                .is_some_and(|limit| limit.on_excess == OnExcess::EvictOldest);
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
            if removals.is_empty() {
                retries -= 1;
                if !evicts || retries == 0 {
                    if !evicted.is_empty() {
                        // Others took the room that was made.
                        let refused = Error::from(Refusal::TooManySessions);
                        return Err(after_eviction(true, refused));
                    }
                    return Ok(Admission::OverQuota);
                }
            }
        }
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
                Outcome::NotFound => {}
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
                    removals.push(Removal {
                        entry: entry.entry,
                        score: None,
                    });
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
}
