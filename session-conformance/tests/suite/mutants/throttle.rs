//! Flaws in `Touch::IfOlderThan`, and in new TTLs.

use std::time::Duration;

use session_core::steps::{ReadRequest, WriteOutcome, WriteRequest};
use session_core::{Result, SessionId, SessionRecord, Timestamp, Touch};

use super::mutants;
use super::touch::touching;
use crate::reference::Named;
use crate::reference::Store;

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
    /// An age beyond the TTL is never reached.
    "TCH-5" DoesNotClampTheAge {
        async fn read(
            &self,
            store: &Store,
            mut request: ReadRequest,
        ) -> Result<Option<SessionRecord>> {
            let key = store.key(request.id()).and_then(|key| key.session());
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
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
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
            let state = store.key(request.id()).and_then(|key| key.session());
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
            let state = store.key(request.id()).and_then(|key| key.session());
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
            let key = store.key(request.id());
            if is_throttled(request.touch) && key.is_some_and(|key| key.expires_at.is_none()) {
                request.touch = Touch::Never;
            }
            Ok(store.read(&request))
        }
    }

    /// A new TTL is armed, whatever was asked.
    "TCH-8" SlidesForQuietTtls {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
            if request.write.delta.new_ttl().is_some() {
                request.write.delta = touching(&request.write.delta, Touch::Always);
            }
            Ok(store.write(&request))
        }
    }

    /// A new TTL waits until a touch is due.
    "TCH-8" ThrottlesNewTtls {
        async fn write(&self, store: &Store, mut request: WriteRequest) -> Result<WriteOutcome> {
            if is_throttled(request.write.delta.touch_policy()) {
                request.write.delta = touching(&request.write.delta, Touch::Never);
            }
            Ok(store.write(&request))
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
                let by_text = age_by_text(store, request.id(), request.now);
                let is_old = by_text.is_some_and(|by_text| by_text >= age);
                request.touch = if is_old { Touch::Always } else { Touch::Never };
            }
            Ok(store.read(&request))
        }
    }
}
