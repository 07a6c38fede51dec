//! An entry of the cross-slot index, from before its session's step to after it.

use bytes::Bytes;
use session_core::{Effect, Error, Result, UnixMillis};

use crate::connection::Connect;
use crate::operation::{Operation, after_eviction};
use crate::reply::{self, Outcome, Parts, corrupt};
use crate::script_call::index::{self as calls, NewEntry, Removal};
use crate::script_call::{Indexed, ScriptCall, Time};

/// An entry that was added to an index for a step to come.
#[derive(Debug)]
pub(super) struct PendingEntry {
    pub(super) indexed: Indexed,
    score: Bytes,
    /// It was not in the index before.
    is_new: bool,
    /// Another session was ended to make room.
    pub(super) has_evicted: bool,
}

impl PendingEntry {
    /// The entry that a call of `INDEX_ADD` has added.
    pub(super) fn added(principal: &Bytes, new: &NewEntry, mut parts: Parts) -> Result<Self> {
        let fresh = reply::deadline(parts.next())?.ok_or_else(corrupt)?;
        let until = reply::deadline(parts.next())?.ok_or_else(corrupt)?;
        Ok(Self {
            indexed: Indexed {
                principal: principal.clone(),
                entry: new.entry.clone(),
                until,
                fresh,
            },
            score: reply::bytes(parts.next())?,
            is_new: reply::integer(parts.next())? == 1,
            has_evicted: false,
        })
    }

    /// Whether it is this entry of this principal's index.
    pub(super) fn is(&self, principal: &Bytes, entry: &Bytes) -> bool {
        self.indexed.principal == *principal && self.indexed.entry == *entry
    }
}

impl<C: Connect> Operation<'_, C> {
    /// Adds the entry of a session that counts already. On failure no session has changed.
    pub(super) async fn add_present(
        &self,
        principal: &Bytes,
        entry: &Bytes,
        until: Time,
    ) -> Result<PendingEntry> {
        let new = present(entry, until);
        let call = calls::add(self.keys, principal, &new, &[]);
        match self.run(&call).await {
            Ok(Outcome::Done(parts)) => PendingEntry::added(principal, &new, parts),
            Ok(_) => Err(corrupt()),
            Err(error) => Err(error.with_effect(Effect::NotApplied)),
        }
    }

    /// Keeps the entry until the session's own deadline, or until the one it gets if it has none.
    pub(super) async fn raise_deadline(
        &self,
        entry: &mut PendingEntry,
        deadline: Option<UnixMillis>,
    ) -> Result<()> {
        let until = deadline.unwrap_or(entry.indexed.fresh);
        if until <= entry.indexed.until {
            // It is kept as long as that.
            return Err(corrupt());
        }
        let principal = &entry.indexed.principal;
        let raised = self
            .add_present(principal, &entry.indexed.entry, Time::Exactly(until))
            .await;
        match raised {
            Ok(raised) => {
                entry.indexed.until = raised.indexed.until;
                entry.score = raised.score;
                Ok(())
            }
            Err(error) => Err(self.failed(Some(entry), error).await),
        }
    }

    /// Removes an entry whose step did not happen. Unless it was there before, or somebody else has
    /// added it meanwhile.
    pub(super) async fn roll_back(&self, entry: &PendingEntry) {
        if entry.is_new {
            let Indexed {
                principal,
                entry: it,
                ..
            } = &entry.indexed;
            let removal = self.removal(principal, it, Some(&entry.score));
            // What stays is found by the next use.
            drop(self.run(&calls::remove(&removal)).await);
        }
    }

    pub(super) async fn roll_back_if_any(&self, entry: Option<PendingEntry>) {
        if let Some(entry) = entry {
            self.roll_back(&entry).await;
        }
    }

    /// The error of a step whose entry was added before: what is known of the effect of both.
    pub(super) async fn failed(&self, entry: Option<&PendingEntry>, error: Error) -> Error {
        if error.effect() == Effect::NotApplied
            && let Some(entry) = entry
        {
            self.roll_back(entry).await;
        }
        after_eviction(entry.is_some_and(|entry| entry.has_evicted), error)
    }

    /// After a step: its entry is kept until the session's deadline, and the former entry is
    /// removed. The step is done, so what fails here does not fail it; the next use makes up for
    /// it.
    pub(super) async fn finish(
        &self,
        entry: Option<&PendingEntry>,
        deadline: Option<UnixMillis>,
        former: Option<(Bytes, Bytes)>,
    ) {
        let add = entry.zip(deadline).and_then(|(entry, deadline)| {
            (entry.indexed.until != deadline).then(|| self.add_again(entry, deadline))
        });
        let remove =
            former.map(|(principal, entry)| calls::remove(&self.removal(&principal, &entry, None)));
        let calls: Vec<ScriptCall> = add.into_iter().chain(remove).collect();
        drop(self.run_all(&calls).await);
    }

    /// Of an entry out of the index that it belongs to.
    fn removal(&self, principal: &Bytes, entry: &Bytes, score: Option<&Bytes>) -> Removal {
        Removal {
            index: self.keys.index_of(principal, entry).into(),
            entry: entry.clone(),
            score: score.cloned(),
        }
    }

    fn add_again(&self, entry: &PendingEntry, deadline: UnixMillis) -> ScriptCall {
        let new = present(&entry.indexed.entry, Time::Exactly(deadline));
        calls::add(self.keys, &entry.indexed.principal, &new, &[])
    }
}

/// The entry of a session that counts already.
fn present(entry: &Bytes, until: Time) -> NewEntry {
    NewEntry {
        entry: entry.clone(),
        suffix: None,
        until,
        limit: None,
        may_grow: false,
    }
}
