//! Flaws in limits of size.

use std::sync::Arc;

use session_core::steps::{InsertOutcome, InsertRequest, Refusal, WriteOutcome, WriteRequest};
use session_core::{FieldChange, Limit, Limits, Result, SessionBackend, SessionPolicy};

use super::{forward, mutants};
use crate::reference::{Named, Reference, Store};

/// The limits without that of bytes.
fn without_bytes(limits: Limits) -> Limits {
    Limits::default().with_fields(limits.fields())
}

mutants! {
    /// It leaves the check of names and values to the server.
    "LIM-1" ChecksNoNames {
        fn dress(&self, backend: Reference) -> Arc<dyn SessionBackend> {
            let limits = Limits::default()
                .with_name_bytes(1 << 20)
                .with_value_bytes(1 << 24);
            let policy = backend.policy().clone().with_limits(limits);
            Arc::new(Lax(backend, policy))
        }
    }

    /// Writes are not limited.
    "LIM-2" LimitsCreationsOnly {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
            request.write.limits = request.write.limits.with_fields(u32::MAX);
            Ok(store.write(&request))
        }
    }

    /// Every write to a large session is refused.
    "LIM-2" RefusesLargeSessions {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            let count = store
                .key(request.id())
                .and_then(|key| key.fields)
                .map_or(0, |f| f.len());
            let max = request.write.limits.fields() as usize + 3;
            if matches!(outcome, WriteOutcome::Written(_)) && count > max {
                return Ok(WriteOutcome::Refused(Refusal::Limit(Limit::Fields)));
            }
            Ok(outcome)
        }
    }

    /// HLEN: the reserved fields count.
    "LIM-2" CountsReservedFields {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
            let fields = request.write.limits.fields().saturating_sub(3);
            request.write.limits = request.write.limits.with_fields(fields);
            Ok(store.write(&request))
        }
    }

    /// Each change counts as a new field.
    "LIM-2" CountsReplacedFields {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let state = store.lock().live(store.flaw(), request.id());
            let before = state.map_or(0, |state| state.session.fields().len());
            let changes = request.write.delta.changes();
            let sets = changes.filter(|(_, change)| **change != FieldChange::Remove);
            if before + sets.count() > request.write.limits.fields() as usize {
                return Ok(WriteOutcome::Refused(Refusal::Limit(Limit::Fields)));
            }
            Ok(store.write(&request))
        }
    }

    /// Hidden fields do not count.
    "LIM-2" OverlooksHiddenFields {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
            let state = store.lock().live(store.flaw(), request.id());
            let hidden = state.map_or(0, |state| {
                let hash = state.session.to_hash();
                hash.iter()
                    .filter(|(name, _)| std::str::from_utf8(name).is_err())
                    .count()
            });
            let fields = request.write.limits.fields() + u32::try_from(hidden).unwrap();
            request.write.limits = request.write.limits.with_fields(fields);
            Ok(store.write(&request))
        }
    }

    /// Counters are small.
    "LIM-3" LetsCountersGrow {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
            let is_counter = |change: &FieldChange| matches!(change, FieldChange::Increment(_));
            if request
                .write
                .delta
                .changes()
                .all(|(_, change)| is_counter(change))
            {
                request.write.limits = without_bytes(request.write.limits);
            }
            Ok(store.write(&request))
        }
    }

    /// The counter stays counted when the size refuses.
    "LIM-3" CountsBeforeItRefuses {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            if outcome == WriteOutcome::Refused(Refusal::Limit(Limit::SessionBytes)) {
                let mut counters = request.clone();
                counters.write.limits = without_bytes(request.write.limits);
                counters.write.delta = super::write::only(&request.write.delta, |_, change| {
                    matches!(change, FieldChange::Increment(_))
                });
                store.write(&counters);
            }
            Ok(outcome)
        }
    }

    /// Creations are not limited.
    "LIM-3" LimitsWritesOnly {
        fn dress(&self, backend: Reference) -> Arc<dyn SessionBackend> {
            let policy = backend.policy().clone();
            let limits = without_bytes(*policy.limits());
            Arc::new(Lax(backend, policy.with_limits(limits)))
        }

        async fn insert(&self, store: &Store, request: InsertRequest) -> Result<InsertOutcome> {
            Ok(store.insert(&request))
        }
    }

    /// Names do not count.
    "LIM-3" CountsValuesOnly {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
            if let Some(bytes) = request.write.limits.session_bytes() {
                request.write.limits = request.write.limits.with_session_bytes(bytes + 2);
            }
            Ok(store.write(&request))
        }
    }
}

/// A backend with a policy of its own.
struct Lax(Reference, SessionPolicy);

impl std::fmt::Debug for Lax {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lax")
    }
}

forward! { Lax {
    fn policy(&self) -> &SessionPolicy {
        &self.1
    }
} }
