//! Flaws in what a write changes.

use std::collections::HashMap;
use std::sync::Mutex;

use session_core::rules;
use session_core::steps::{WriteOutcome, WriteRequest};
use session_core::{Delta, Effect, Error, ErrorKind, FieldChange, Result, SessionId};

use super::mutants;
use crate::reference::{Key, Named, Store};

/// A write that reads the session, lets others run, and then stores what it made of it.
pub(super) async fn read_modify_write(store: &Store, request: &WriteRequest) -> WriteOutcome {
    let Some(before) = store.lock().live(store.flaw(), request.id()) else {
        return WriteOutcome::NotFound;
    };
    tokio::task::yield_now().await;
    let mut data = store.lock();
    match rules::write(&before, &request.write, data.now) {
        Ok((after, written)) => {
            data.put(store.flaw(), request.id(), &after);
            WriteOutcome::Written(written)
        }
        Err(refusal) => WriteOutcome::Refused(refusal),
    }
}

/// The same delta with only the changes that are wanted.
pub(super) fn only(delta: &Delta, is_wanted: impl Fn(usize, &FieldChange) -> bool) -> Delta {
    let mut kept = changes_of(delta, is_wanted);
    if let Some(ttl) = delta.new_ttl() {
        kept = kept.ttl(ttl);
    }
    if let Some(principal) = delta.principal() {
        kept = kept.bind(principal.clone());
    }
    if delta.returns_record() {
        kept = kept.returning_record();
    }
    kept
}

/// The changes of a delta that are wanted, with its touch and nothing else.
fn changes_of(delta: &Delta, is_wanted: impl Fn(usize, &FieldChange) -> bool) -> Delta {
    let mut kept = Delta::new().touch(delta.touch_policy());
    for (n, (name, change)) in delta.changes().enumerate() {
        if is_wanted(n, change) {
            kept = match change {
                FieldChange::Set(value) => kept.set(name.clone(), value.clone()),
                FieldChange::Increment(by) => kept.increment(name.clone(), *by),
                FieldChange::Remove => kept.remove(name.clone()),
            };
        }
    }
    kept
}

mutants! {
    /// The whole session is written, as blob stores do: what is not named is lost.
    "WRT-1" ReplacesAllFields {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let names = request.write.delta.changes().map(|(name, _)| name.as_str());
            let named: Vec<_> = names.map(|name| name.as_bytes().to_vec()).collect();
            if !named.is_empty() && store.lock().live(store.flaw(), request.id()).is_some() {
                store.edit(request.id(), |fields| {
                    let is_reserved =
                        |name: &[u8]| name.ends_with(b"_at") || name.starts_with(b"session_");
                    fields.retain(|name, _| is_reserved(name) || named.contains(name));
                });
            }
            Ok(store.write(&request))
        }
    }

    /// An empty value removes, as in stores that know no empty text.
    "WRT-1" TakesEmptyForRemoval {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            store.edit(request.id(), |fields| {
                fields.retain(|_, value| !value.is_empty());
            });
            Ok(outcome)
        }
    }

    /// HDEL that returns 0 is an error.
    "WRT-1" FailsToRemoveTheAbsent {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let state = store.lock().live(store.flaw(), request.id());
            let is_absent = |name: &str| {
                state
                    .as_ref()
                    .is_some_and(|state| !state.session.fields().contains(name))
            };
            let mut changes = request.write.delta.changes();
            if changes
                .any(|(name, change)| *change == FieldChange::Remove && is_absent(name.as_str()))
            {
                return Err(Error::new(ErrorKind::Rejected, Effect::NotApplied));
            }
            Ok(store.write(&request))
        }
    }

    /// With fields to write, the TTL is forgotten.
    "WRT-2" ForgetsTheTtlBesideFields {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
            let delta = &request.write.delta;
            if delta.changes().len() > 0 {
                let fields = changes_of(delta, |_, _| true);
                request.write.delta = match delta.principal() {
                    Some(principal) => fields.bind(principal.clone()),
                    None => fields,
                };
            }
            Ok(store.write(&request))
        }
    }

    /// One batch of arguments is all.
    "WRT-2" WritesSixtyFourFields {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
            request.write.delta = only(&request.write.delta, |n, _| n < 64);
            Ok(store.write(&request))
        }
    }

    /// The record is read first.
    "WRT-3" ReturnsTheSessionBefore {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let before = store.lock().live(store.flaw(), request.id());
            let now = store.lock().now;
            let mut outcome = store.write(&request);
            if let (WriteOutcome::Written(written), Some(before)) = (&mut outcome, before)
                && written.record.is_some()
            {
                written.record = Some(before.record(now));
            }
            Ok(outcome)
        }
    }

    /// It returns the record to everybody.
    "WRT-3" AlwaysReturnsTheRecord {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
            request.write.delta = request.write.delta.returning_record();
            Ok(store.write(&request))
        }
    }

    /// It keeps what it saw, and writes it back.
    "WRT-4" RevivesTheEnded(Mutex<HashMap<SessionId, Key>>) {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let mut outcome = store.write(&request);
            if outcome == WriteOutcome::NotFound
                && let Some(key) = self.0.lock().unwrap().remove(request.id())
            {
                store.set_key(request.id(), key);
                outcome = store.write(&request);
            }
            Ok(outcome)
        }

        async fn remove(&self, store: &Store, id: SessionId) -> Result<bool> {
            if let Some(key) = store.key(&id) {
                self.0.lock().unwrap().insert(id.clone(), key);
            }
            Ok(store.remove(&id))
        }
    }

    /// HSET creates what is not there.
    "WRT-4" LeavesAGhost {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            if outcome == WriteOutcome::NotFound && store.key(request.id()).is_none() {
                let stamp = request.write.now.to_string().into_bytes();
                let fields = Some([(b"last_accessed_at".to_vec(), stamp)].into());
                store.set_key(
                    request.id(),
                    Key {
                        fields,
                        expires_at: None,
                    },
                );
            }
            Ok(outcome)
        }
    }

    /// Read, change, write back.
    "WRT-5" ReadsAndWritesBack {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(read_modify_write(store, &request).await)
        }
    }

    /// The fields are written one after the other.
    "WRT-2" ShowsHalfADelta {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let sets = only(&request.write.delta, |n, _| n == 0);
            let mut first = request.clone();
            first.write.delta = sets.touch(session_core::Touch::Never);
            if let refused @ WriteOutcome::Refused(_) = store.write(&first) {
                return Ok(refused);
            }
            tokio::task::yield_now().await;
            let mut rest = request.clone();
            rest.write.delta = only(&request.write.delta, |n, _| n > 0);
            Ok(store.write(&rest))
        }
    }
}
