//! Time to live, touches, and absolute lifetimes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, WriteOutcome, WriteRequest,
};
use session_core::{
    ListedPage, Principal, PublicId, Remaining, Result, RevokedPage, SessionBackend, SessionId,
    SessionPolicy, SessionRecord, SessionTtl, Timestamp, Touch, async_trait,
};

use super::mutants;
use crate::flawed::{Flawed, Memory};

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What was read last.
type Cache = Mutex<HashMap<SessionId, ReadOutcome>>;

/// The same request for a write that touches otherwise.
fn touching(mut request: WriteRequest, touch: Touch) -> WriteRequest {
    request.write.delta = request.write.delta.touch(touch);
    request
}

mutants! {
    /// HSET without EXPIRE.
    ["TTL-1" "TTL-2"] SetsNoExpiry {
        async fn insert(&self, m: &Memory, request: InsertRequest) -> Result<InsertOutcome> {
            let outcome = m.insert(&request).await?;
            if outcome != InsertOutcome::IdTaken {
                m.expire(&request.id, None).await;
            }
            Ok(outcome)
        }
    }

    /// It returns from a cache.
    ["TTL-2" "LIF-4" "DEL-1" "ROT-2" "PRN-7" "PRN-8" "ADM-5"] ReturnsFromACache(Cache) {
        async fn read(&self, m: &Memory, request: ReadRequest) -> Result<ReadOutcome> {
            let id = m.id(&request.target).await;
            let outcome = m.read(&request).await?;
            let mut cache = self.0.lock().unwrap();
            if let ReadOutcome::Found(_) = outcome {
                cache.insert(id.clone(), outcome);
            }
            Ok(cache.get(&id).cloned().unwrap_or(ReadOutcome::NotFound))
        }
    }

    /// Four provided methods are its own, and wrong.
    ["TTL-3" "TTL-4" "TCH-9" "PRN-7"] OverridesProvidedMethods {
        fn dress(&self, backend: Flawed) -> Arc<dyn SessionBackend> {
            Arc::new(Overriding(backend))
        }
    }

    /// A new TTL waits for the next touch.
    ["TTL-5" "TCH-8"] StoresNewTtlsOnly {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let id = m.id(&request.target).await;
            let before = m.key(&id).await;
            let outcome = m.write(&request).await;
            if let (Some(before), Some(_)) = (before, request.write.delta.new_ttl()) {
                m.expire(&id, before.expires_in).await;
            }
            outcome
        }
    }

    /// No session lives for longer than a year, whatever its TTL.
    ["TTL-6"] CapsAtAYear {
        async fn insert(&self, m: &Memory, request: InsertRequest) -> Result<InsertOutcome> {
            let outcome = m.insert(&request).await;
            let left = m.key(&request.id).await.and_then(|key| key.expires_in);
            m.expire(&request.id, left.map(|left| left.min(YEAR))).await;
            outcome
        }
    }

    /// Nothing to write, nothing to do.
    ["TCH-3"] IgnoresEmptyWrites {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let touch = match request.write.delta.is_empty() {
                true => Touch::Never,
                false => request.write.delta.touch_policy(),
            };
            m.write(&touching(request, touch)).await
        }
    }

    /// Whatever is done is use, however short ago the last one was.
    ["TCH-2" "TCH-4" "TCH-5" "TCH-6"] AlwaysTouches {
        async fn read(&self, m: &Memory, mut request: ReadRequest) -> Result<ReadOutcome> {
            request.touch = Touch::Always;
            m.read(&request).await
        }

        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            m.write(&touching(request, Touch::Always)).await
        }
    }

    /// The last use is when the stored text says, by the application's clock.
    ["TCH-5" "TCH-11"] ThrottlesByTimestamps {
        async fn read(&self, m: &Memory, mut request: ReadRequest) -> Result<ReadOutcome> {
            let session = m.session(&m.id(&request.target).await).await;
            if let (Touch::IfOlderThan(age), Some(session)) = (request.touch, session) {
                let last = session.last_accessed_at();
                let last = last.map_or(0, Timestamp::unix_seconds);
                let passed = request.now.unix_seconds().saturating_sub(last);
                let is_due = passed >= i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
                request.touch = if is_due { Touch::Always } else { Touch::Never };
            }
            m.read(&request).await
        }
    }

    /// A key without expiry is not expired by a read.
    ["TCH-7" "VAL-6"] LeavesKeysImmortal {
        async fn read(&self, m: &Memory, mut request: ReadRequest) -> Result<ReadOutcome> {
            let key = m.key(&m.id(&request.target).await).await;
            if key.is_some_and(|key| key.expires_in.is_none()) {
                request.touch = Touch::Never;
            }
            m.read(&request).await
        }
    }

    /// EXPIRE does not look at the deadline.
    ["LIF-2"] SlidesBeyondTheDeadline {
        async fn read(&self, m: &Memory, request: ReadRequest) -> Result<ReadOutcome> {
            let outcome = m.read(&request).await;
            if let (Touch::Always, Ok(ReadOutcome::Found(record))) = (request.touch, &outcome) {
                let left = record.configured_ttl().as_duration();
                m.expire(&m.id(&request.target).await, Some(left)).await;
            }
            outcome
        }
    }

    /// The deadline slides.
    ["LIF-3" "LIF-5" "PRN-4"] RenewsTheDeadline {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = m.write(&request).await;
            m.edit(&m.id(&request.target).await, |fields| {
                let deadline = fields.get_mut(&b"session_deadline"[..]);
                if let Some(text) = deadline
                    && let Some(at) = session_core::UnixMillis::parse(text)
                {
                    *text = at.plus_millis(10_000).get().to_string().into_bytes();
                }
            }).await;
            outcome
        }
    }

}

/// A backend whose `get_session` always touches, whose `ttl` is the configured one and the other
/// way round, and that ends all sessions of a principal for one.
#[derive(Debug)]
struct Overriding(Flawed);

#[async_trait]
impl SessionBackend for Overriding {
    async fn get_session(&self, id: &SessionId) -> Result<Option<SessionRecord>> {
        self.0.get_session_with(id, Touch::Always).await
    }

    async fn ttl(&self, id: &SessionId) -> Result<Option<Remaining>> {
        let ttl = self.0.configured_ttl(id).await?;
        Ok(ttl.map(|ttl| Remaining::In(ttl.as_duration())))
    }

    async fn configured_ttl(&self, id: &SessionId) -> Result<Option<SessionTtl>> {
        let ttl = self.0.ttl(id).await?;
        let seconds = ttl.and_then(Remaining::whole_seconds);
        Ok(seconds.and_then(|seconds| SessionTtl::from_secs(seconds).ok()))
    }

    async fn revoke_session(&self, principal: &Principal, _: &PublicId) -> Result<bool> {
        Ok(self.0.revoke_sessions(principal, None).await? > 0)
    }

    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        self.0.insert(request).await
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        self.0.read(request).await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        self.0.write(request).await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        self.0.rename(request).await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        self.0.remove(request).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
        self.0.list(request).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        self.0.revoke(request).await
    }

    async fn ping(&self) -> Result<()> {
        self.0.ping().await
    }

    fn policy(&self) -> &SessionPolicy {
        self.0.policy()
    }
}
