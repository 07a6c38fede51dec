//! Flaws in what counts as use.

use std::sync::Arc;

use session_core::steps::{ReadRequest, WriteOutcome, WriteRequest};
use session_core::{
    Delta, FieldChange, Result, SessionBackend, SessionId, SessionRecord, Timestamp, Touch,
    UnixMillis,
};

use super::{mutants, same_policy, wrapper};
use crate::reference::{Key, Named, Reference, Store};

/// The same changes with another touch.
pub(super) fn touching(delta: &Delta, touch: Touch) -> Delta {
    delta.clone().touch(touch)
}

mutants! {
    /// The record is read before the touch.
    "TCH-1" ReturnsBeforeTheTouch {
        async fn read(&self, store: &Store, request: ReadRequest) -> Result<Option<SessionRecord>> {
            let mut peek = request.clone();
            peek.touch = Touch::Never;
            let before = store.read(&peek);
            store.read(&request);
            Ok(before)
        }
    }

    /// A read sets the timestamp and leaves the expiry.
    "TCH-1" StampsReadsOnly {
        async fn read(&self, store: &Store, request: ReadRequest) -> Result<Option<SessionRecord>> {
            let before = store.key(request.id());
            let read = store.read(&request);
            if let (Some(before), Some(key)) = (before, store.lock().keys.get_mut(request.id())) {
                key.expires_at = before.expires_at;
            }
            Ok(read)
        }
    }

    /// Reading is use.
    "TCH-2" TouchesOnPeek {
        async fn read(
            &self,
            store: &Store,
            mut request: ReadRequest,
        ) -> Result<Option<SessionRecord>> {
            request.touch = Touch::Always;
            Ok(store.read(&request))
        }
    }

    /// Nothing to write, nothing to do.
    "TCH-3" IgnoresEmptyWrites {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
            if request.write.delta.is_empty() {
                request.write.delta = touching(&request.write.delta, Touch::Never);
            }
            Ok(store.write(&request))
        }
    }

    /// HDEL without EXPIRE.
    "TCH-3" DoesNotTouchOnRemoval {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
            let delta = &request.write.delta;
            let removes = |(_, change): (_, &FieldChange)| *change == FieldChange::Remove;
            if !delta.is_empty() && delta.changes().all(removes) && delta.new_ttl().is_none() {
                request.write.delta = touching(delta, Touch::Never);
            }
            Ok(store.write(&request))
        }
    }

    /// Every write is use.
    "TCH-4" TouchesOnQuietWrites {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
            request.write.delta = touching(&request.write.delta, Touch::Always);
            Ok(store.write(&request))
        }
    }

    /// A quiet write leaves the expiry, and not the timestamp.
    "TCH-4" StampsQuietWrites {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            let stamp = request.write.now.to_string().into_bytes();
            store.edit(request.id(), |fields| {
                fields.insert(b"last_accessed_at".to_vec(), stamp);
            });
            Ok(outcome)
        }
    }

    /// It always touches on get.
    "TCH-9" IgnoresThePolicysTouch {
        fn dress(&self, backend: Reference) -> Arc<dyn SessionBackend> {
            Arc::new(AlwaysTouching(backend))
        }
    }

    /// EXPIRE comes first.
    "TCH-10" TouchesBeforeItRefuses {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            if matches!(outcome, WriteOutcome::Refused(_)) {
                let mut touch = request.clone();
                touch.write.delta = Delta::new();
                store.write(&touch);
            }
            Ok(outcome)
        }
    }

    /// EXPIREAT by the application's clock.
    "TCH-11" ArmsByTheApplicationsClock {
        fn save(&self, before: Option<&Key>, after: &mut Key, now: UnixMillis) {
            let is_slid = before.is_none_or(|before| before.expires_at != after.expires_at);
            let stamp = after.fields.as_ref().and_then(|fields| {
                let text = fields.get(b"last_accessed_at".as_slice())?;
                Timestamp::parse(std::str::from_utf8(text).ok()?)
            });
            if let (true, Some(at), Some(stamp)) = (is_slid, after.expires_at, stamp) {
                let app = u64::try_from(stamp.unix_seconds()).unwrap_or(0) * 1000;
                let left = u64::try_from(at.since(now).as_millis()).unwrap();
                after.expires_at = Some(UnixMillis::new(app).plus_millis(left));
            }
        }
    }
}

wrapper! { AlwaysTouching {
    same_policy!();

    async fn get_session(&self, id: &SessionId) -> Result<Option<SessionRecord>> {
        self.0.get_session_with(id, Touch::Always).await
    }
} }
