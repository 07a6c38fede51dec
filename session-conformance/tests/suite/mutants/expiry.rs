//! Flaws in how the expiry is armed and told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_core::rules::State;
use session_core::steps::{InsertOutcome, InsertRequest, ReadRequest, WriteOutcome, WriteRequest};
use session_core::{
    Remaining, Result, SessionBackend, SessionId, SessionRecord, SessionTtl, UnixMillis,
};

use super::{mutants, same_policy, wrapper};
use crate::reference::{Key, Named, Reference, Store};

/// Whether a step has armed the key's expiry.
fn is_slid(before: Option<&Key>, after: &Key) -> bool {
    before.is_none_or(|before| before.expires_at != after.expires_at)
}

mutants! {
    /// EXPIREAT in whole seconds.
    "TTL-1" CountsInSeconds {
        fn save(&self, before: Option<&Key>, after: &mut Key, _: UnixMillis) {
            if let Some(at) = after.expires_at
                && is_slid(before, after)
            {
                after.expires_at = Some(UnixMillis::new(at.get() / 1000 * 1000));
            }
        }
    }

    /// The store's TTL for all.
    "TTL-1" ArmsHalfAnHour {
        fn save(&self, before: Option<&Key>, after: &mut Key, now: UnixMillis) {
            if before.is_none() {
                after.expires_at = Some(now.plus_millis(1_800_000));
            }
        }
    }

    /// HSET without EXPIRE.
    "TTL-1" ForgetsToArmNewKeys {
        async fn insert(&self, store: &Store, request: InsertRequest) -> Result<InsertOutcome> {
            let outcome = store.insert(&request);
            if let Some(key) = store.lock().keys.get_mut(&request.id) {
                key.expires_at = None;
            }
            Ok(outcome)
        }
    }

    /// `<` for `<=`.
    "TTL-2" EndsAMillisecondEarly {
        fn load(&self, key: &Key, now: UnixMillis) -> Option<State> {
            let state = key.session().filter(|state| state.is_live(now))?;
            (state.expires_at != Some(now)).then_some(state)
        }
    }

    /// It returns from a cache.
    "TTL-2" ReturnsFromACache(Mutex<HashMap<SessionId, SessionRecord>>) {
        async fn read(&self, store: &Store, request: ReadRequest) -> Result<Option<SessionRecord>> {
            let read = store.read(&request);
            let mut cache = self.0.lock().unwrap();
            if let Some(record) = &read {
                cache.insert(request.id().clone(), record.clone());
            }
            Ok(read.or_else(|| cache.get(request.id()).cloned()))
        }
    }

    /// Whole seconds, rounded up.
    "TTL-3" TellsSeconds {
        fn dress(&self, backend: Reference) -> Arc<dyn SessionBackend> {
            Arc::new(TellingSeconds(backend))
        }
    }

    /// The stored TTL for the remaining one.
    "TTL-3" TellsTheStoredTtl {
        fn dress(&self, backend: Reference) -> Arc<dyn SessionBackend> {
            Arc::new(TellingTheStoredTtl(backend))
        }
    }

    /// -1 is a number.
    "TTL-3" TellsNothingLeftForNoExpiry {
        fn dress(&self, backend: Reference) -> Arc<dyn SessionBackend> {
            Arc::new(TellingNothingLeft(backend))
        }
    }

    /// The remaining TTL for the stored one.
    "TTL-4" TellsTheRest {
        fn dress(&self, backend: Reference) -> Arc<dyn SessionBackend> {
            Arc::new(TellingTheRest(backend))
        }
    }

    /// A new TTL waits for the next touch.
    "TTL-5" StoresNewTtlsOnly {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let before = store.key(request.id());
            let outcome = store.write(&request);
            let has_ttl = request.write.delta.new_ttl().is_some();
            if let (true, Some(before)) = (has_ttl, before)
                && let Some(key) = store.lock().keys.get_mut(request.id())
            {
                key.expires_at = before.expires_at;
            }
            Ok(outcome)
        }
    }

    /// A new TTL is good for one turn.
    "TTL-5" SlidesForNewTtlsOnly {
        fn save(&self, before: Option<&Key>, after: &mut Key, _: UnixMillis) {
            let name = b"session_ttl".as_slice();
            let old = before.and_then(|before| before.fields.as_ref()?.get(name).cloned());
            if let Some(old) = old {
                after.fields.as_mut().unwrap().insert(name.to_vec(), old);
            }
        }
    }

    /// Seconds in an `i32`.
    "TTL-6" CountsIn31Bits {
        fn save(&self, _: Option<&Key>, after: &mut Key, now: UnixMillis) {
            let most = now.plus_millis(i32::MAX as u64 * 1000);
            after.expires_at = after.expires_at.map(|at| at.min(most));
        }
    }

    /// Seconds in an `f32`.
    "TTL-6" CountsInFloats {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the flaw"
        )]
        fn save(&self, before: Option<&Key>, after: &mut Key, now: UnixMillis) {
            if let Some(at) = after.expires_at
                && is_slid(before, after)
            {
                let seconds = at.since(now).as_secs_f32();
                after.expires_at = Some(now.plus_millis(seconds as u64 * 1000));
            }
        }
    }
}

wrapper! { TellingSeconds {
    same_policy!();

    async fn ttl(&self, id: &SessionId) -> Result<Option<Remaining>> {
        let ttl = self.0.ttl(id).await?;
        Ok(ttl.map(|remaining| match remaining.whole_seconds() {
            Some(seconds) => Remaining::In(Duration::from_secs(seconds)),
            None => remaining,
        }))
    }
} }

wrapper! { TellingTheStoredTtl {
    same_policy!();

    async fn ttl(&self, id: &SessionId) -> Result<Option<Remaining>> {
        let ttl = self.0.configured_ttl(id).await?;
        Ok(ttl.map(|ttl| Remaining::In(ttl.as_duration())))
    }
} }

wrapper! { TellingNothingLeft {
    same_policy!();

    async fn ttl(&self, id: &SessionId) -> Result<Option<Remaining>> {
        let ttl = self.0.ttl(id).await?;
        Ok(ttl.map(|remaining| Remaining::In(remaining.as_duration().unwrap_or_default())))
    }
} }

wrapper! { TellingTheRest {
    same_policy!();

    async fn configured_ttl(&self, id: &SessionId) -> Result<Option<SessionTtl>> {
        let ttl = self.0.ttl(id).await?;
        let seconds = ttl.and_then(Remaining::whole_seconds);
        Ok(seconds.and_then(|seconds| SessionTtl::from_secs(seconds).ok()))
    }
} }
