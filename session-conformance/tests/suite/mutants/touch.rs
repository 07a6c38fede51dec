//! Flaws in what counts as use.

use std::sync::Arc;
use std::time::Duration;

use session_core::steps::{ReadRequest, WriteAnswer, WriteRequest};
use session_core::{
    Delta, FieldChange, Result, SessionBackend, SessionId, SessionRecord, Timestamp, Touch,
    UnixMillis,
};

use super::{mutants, same_policy, wrapper};
use crate::reference::{Key, Reference, Store};

/// The same changes with another touch.
fn touching(delta: &Delta, touch: Touch) -> Delta {
    delta.clone().touch(touch)
}

fn is_throttled(touch: Touch) -> bool {
    matches!(touch, Touch::IfOlderThan(_))
}

/// The seconds since the last access, by the stored text and the application's clock.
fn age_by_text(store: &Store, id: &SessionId, now: Timestamp) -> Option<Duration> {
    let session = store.key(id)?.session()?.session;
    let last = Timestamp::parse(session.last_accessed_at().as_str().ok()?)?;
    let seconds = now.unix_seconds() - last.unix_seconds();
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

mutants! {
    /// The record is read before the touch.
    "TCH-1" AnswersBeforeTheTouch {
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
            let before = store.key(&request.id);
            let read = store.read(&request);
            if let (Some(before), Some(key)) = (before, store.lock().keys.get_mut(&request.id)) {
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
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteAnswer> {
            if request.write.delta.is_empty() {
                request.write.delta = touching(&request.write.delta, Touch::Never);
            }
            Ok(store.write(&request))
        }
    }

    /// HDEL without EXPIRE.
    "TCH-3" DoesNotTouchOnRemoval {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteAnswer> {
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
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteAnswer> {
            request.write.delta = touching(&request.write.delta, Touch::Always);
            Ok(store.write(&request))
        }
    }

    /// A quiet write leaves the expiry, and not the timestamp.
    "TCH-4" StampsQuietWrites {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteAnswer> {
            let answer = store.write(&request);
            let stamp = request.write.now.to_string().into_bytes();
            store.edit(&request.id, |fields| {
                fields.insert(b"last_accessed_at".to_vec(), stamp);
            });
            Ok(answer)
        }
    }

    /// An age beyond the TTL is never reached.
    "TCH-5" DoesNotClampTheAge {
        async fn read(
            &self,
            store: &Store,
            mut request: ReadRequest,
        ) -> Result<Option<SessionRecord>> {
            let key = store.key(&request.id).and_then(|key| key.session());
            if let (Touch::IfOlderThan(age), Some(state)) = (request.touch, key)
                && age > state.session.ttl().as_duration() / 2
            {
                request.touch = Touch::Never;
            }
            Ok(store.read(&request))
        }
    }

    /// `>` for `>=`.
    "TCH-5" TouchesAMillisecondLate {
        async fn read(
            &self,
            store: &Store,
            mut request: ReadRequest,
        ) -> Result<Option<SessionRecord>> {
            if let Touch::IfOlderThan(age) = request.touch {
                request.touch = Touch::IfOlderThan(age.saturating_add(Duration::from_millis(1)));
            }
            Ok(store.read(&request))
        }
    }

    /// Writes take no notice of the throttle.
    "TCH-5" DoesNotThrottleWrites {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteAnswer> {
            if is_throttled(request.write.delta.touch_policy()) {
                request.write.delta = touching(&request.write.delta, Touch::Always);
            }
            Ok(store.write(&request))
        }
    }

    /// A touch that can move nothing is not spared.
    "TCH-6" TouchesCappedSessions {
        async fn read(
            &self,
            store: &Store,
            mut request: ReadRequest,
        ) -> Result<Option<SessionRecord>> {
            let state = store.key(&request.id).and_then(|key| key.session());
            let is_capped = state.is_some_and(|state| {
                state.expires_at.is_some() && state.expires_at == state.session.deadline()
            });
            if is_capped && is_throttled(request.touch) {
                request.touch = Touch::Always;
            }
            Ok(store.read(&request))
        }
    }

    /// A session with a deadline is taken for a capped one.
    "TCH-6" TakesEveryDeadlineForACap {
        async fn read(
            &self,
            store: &Store,
            mut request: ReadRequest,
        ) -> Result<Option<SessionRecord>> {
            let state = store.key(&request.id).and_then(|key| key.session());
            let has_deadline = state.is_some_and(|state| state.session.deadline().is_some());
            if has_deadline && is_throttled(request.touch) {
                request.touch = Touch::Never;
            }
            Ok(store.read(&request))
        }
    }

    /// -1 milliseconds are left: that is no age.
    "TCH-7" LeavesKeysWithoutExpiry {
        async fn read(
            &self,
            store: &Store,
            mut request: ReadRequest,
        ) -> Result<Option<SessionRecord>> {
            let key = store.key(&request.id);
            if is_throttled(request.touch) && key.is_some_and(|key| key.expires_at.is_none()) {
                request.touch = Touch::Never;
            }
            Ok(store.read(&request))
        }
    }

    /// A new TTL is armed, whatever was asked.
    "TCH-8" ArmsQuietTtls {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteAnswer> {
            if request.write.delta.new_ttl().is_some() {
                request.write.delta = touching(&request.write.delta, Touch::Always);
            }
            Ok(store.write(&request))
        }
    }

    /// A new TTL waits until a touch is due.
    "TCH-8" ThrottlesNewTtls {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteAnswer> {
            if is_throttled(request.write.delta.touch_policy()) {
                request.write.delta = touching(&request.write.delta, Touch::Never);
            }
            Ok(store.write(&request))
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
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteAnswer> {
            let answer = store.write(&request);
            if matches!(answer, WriteAnswer::Refused(_)) {
                let mut touch = request.clone();
                touch.write.delta = Delta::new();
                store.write(&touch);
            }
            Ok(answer)
        }
    }

    /// EXPIREAT by the application's clock.
    "TCH-11" ArmsByTheApplicationsClock {
        fn save(&self, before: Option<&Key>, after: &mut Key, now: UnixMillis) {
            let is_armed = before.is_none_or(|before| before.expires_at != after.expires_at);
            let stamp = after.fields.as_ref().and_then(|fields| {
                let text = fields.get(b"last_accessed_at".as_slice())?;
                Timestamp::parse(std::str::from_utf8(text).ok()?)
            });
            if let (true, Some(at), Some(stamp)) = (is_armed, after.expires_at, stamp) {
                let app = u64::try_from(stamp.unix_seconds()).unwrap_or(0) * 1000;
                let left = u64::try_from(at.since(now).as_millis()).unwrap();
                after.expires_at = Some(UnixMillis::new(app).plus_millis(left));
            }
        }
    }

    /// The throttle compares timestamps.
    "TCH-11" ThrottlesByTimestamps {
        async fn read(
            &self,
            store: &Store,
            mut request: ReadRequest,
        ) -> Result<Option<SessionRecord>> {
            if let Touch::IfOlderThan(age) = request.touch {
                let by_text = age_by_text(store, &request.id, request.now);
                let is_old = by_text.is_some_and(|by_text| by_text >= age);
                request.touch = if is_old { Touch::Always } else { Touch::Never };
            }
            Ok(store.read(&request))
        }
    }
}

wrapper! { AlwaysTouching {
    same_policy!();

    async fn get_session(&self, id: &SessionId) -> Result<Option<SessionRecord>> {
        self.0.get_session_with(id, Touch::Always).await
    }
} }
