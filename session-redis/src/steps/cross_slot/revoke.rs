//! The end of a principal's sessions, each in its own slot.

use std::collections::HashSet;

use bytes::Bytes;
use session_core::steps::{RevokeRequest, RevokeTarget};
use session_core::{Effect, Error, ErrorKind, Result, SessionId};

use super::bytes_of;
use super::list::PAGE;
use super::quota::Entry;
use crate::connection::Connect;
use crate::keys::suffix_of;
use crate::operation::Operation;
use crate::reply::{Outcome, corrupt};
use crate::script_call::index::Removal;
use crate::script_call::{self, Owner, ScriptCall};
use crate::server_error::worse;
use crate::steps::index::IndexPages;

/// What a round of a revocation does.
struct Round<'r> {
    ended: &'r mut u64,
    removals: &'r mut Vec<Removal>,
    /// Entries whose sessions may be about to be stored.
    pending: Vec<Bytes>,
}

impl<C: Connect> Operation<'_, C> {
    pub(in crate::steps) async fn revoke_across_slots(
        &self,
        request: &RevokeRequest,
    ) -> Result<u64> {
        let principal = bytes_of(&request.principal);
        match &request.target {
            RevokeTarget::All => self.end_all(&principal, None).await,
            RevokeTarget::AllExcept(keep) => self.end_all(&principal, Some(keep)).await,
            _ => Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
        }
    }

    /// Index, sessions, index. A session escapes the first round only if it is moved between the
    /// two: to a key of which the index had an entry already, and that is looked at a second time
    /// at the end of the round; or to one whose entry was added later. So rounds follow until the
    /// index has no new entry.
    async fn end_all(&self, principal: &Bytes, keep: Option<&SessionId>) -> Result<u64> {
        let keep = keep.map_or_else(Vec::new, |id| self.keys.suffixes(id));
        let mut looked_at: HashSet<Bytes> = HashSet::new();
        let mut ended = 0;
        let mut removals = Vec::new();
        loop {
            let round = self
                .round(principal, &keep, &mut looked_at, &mut ended, &mut removals)
                .await;
            match round {
                Ok(true) => {}
                Ok(false) => return Ok(ended),
                Err(error) if ended > 0 => return Err(error.with_effect(Effect::Unknown)),
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends the sessions of the entries that were not looked at yet; whether there were any.
    async fn round(
        &self,
        principal: &Bytes,
        keep: &[Vec<u8>],
        looked_at: &mut HashSet<Bytes>,
        ended: &mut u64,
        removals: &mut Vec<Removal>,
    ) -> Result<bool> {
        let mut pages = IndexPages::of(PAGE);
        let mut has_new = false;
        let mut pending = Vec::new();
        while !pages.is_over {
            let page = self.entries(principal, &mut pages, removals).await?;
            let is_kept = |it: &Entry| keep.iter().any(|suffix| suffix == suffix_of(&it.entry));
            let mut is_new = |it: &Entry| !is_kept(it) && looked_at.insert(it.entry.clone());
            let new: Vec<Entry> = page.into_iter().filter(|it| is_new(it)).collect();
            has_new |= !new.is_empty();
            let mut round = Round {
                ended: &mut *ended,
                removals: &mut *removals,
                pending: Vec::new(),
            };
            self.end_each(principal, new, &mut round).await?;
            pending.append(&mut round.pending);
        }
        let again = pending.into_iter().map(|entry| Entry {
            entry,
            score: Bytes::new(),
            is_pending: true,
        });
        let mut round = Round {
            ended,
            removals,
            pending: Vec::new(),
        };
        self.end_each(principal, again.collect(), &mut round)
            .await?;
        Ok(has_new)
    }

    /// Ends the sessions of these entries, each in its slot.
    async fn end_each(
        &self,
        principal: &Bytes,
        entries: Vec<Entry>,
        round: &mut Round<'_>,
    ) -> Result<()> {
        let end = |it: &Entry| self.end_of(principal, &it.entry);
        let calls: Vec<ScriptCall> = entries.iter().map(end).collect();
        let outcomes = self.run_all(&calls).await;
        let mut failure = None;
        for (entry, outcome) in entries.into_iter().zip(outcomes) {
            match outcome {
                Ok(Outcome::Done(_)) => {
                    *round.ended += 1;
                    round.removals.push(Removal {
                        entry: entry.entry,
                        score: None,
                    });
                }
                Ok(Outcome::NotFound) if entry.is_pending => round.pending.push(entry.entry),
                Ok(Outcome::NotFound) => round.removals.push(entry.removal()),
                Ok(_) => return Err(corrupt()),
                Err(error) => failure = Some(worse(failure, error)),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Ends the session of this entry, if it is this principal's.
    pub(super) fn end_of(&self, principal: &[u8], entry: &[u8]) -> ScriptCall {
        let key = self.keys.with_suffix(suffix_of(entry));
        script_call::remove(self.keys, &key, Some(Owner::of_entry(principal, entry)))
    }
}
