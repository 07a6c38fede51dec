//! The memory backend: what is its own, beside what the conformance suite asks of every backend.
#![cfg(test)]

mod expiry;
mod faults;
mod keys;
mod log;
mod room;

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Delta, FieldName, Fields, Lifetime, NewSession, OnExcess, Principal, PrincipalLimit, PublicId,
    SessionBackend, SessionCount, SessionId, SessionPolicy, SessionTtl,
};
use session_memory::testing::RawKeys;
use session_memory::{ManualClock, MemoryBackend, MemoryBackendBuilder};

/// A backend, its clock, and its keys.
struct Setup {
    backend: MemoryBackend,
    clock: Arc<ManualClock>,
    raw: RawKeys,
}

impl Setup {
    fn new() -> Self {
        Self::with(usize::MAX, SessionPolicy::new())
    }

    /// With room for so many sessions, so many of them of each principal.
    fn limited(max_sessions: usize, max: u32, on_excess: OnExcess) -> Self {
        let max = SessionCount::new(max).unwrap();
        let limit = PrincipalLimit { max, on_excess };
        let policy = SessionPolicy::new().with_principal_limit(limit);
        Self::with(max_sessions, policy)
    }

    fn with(max_sessions: usize, policy: SessionPolicy) -> Self {
        Self::built(|builder| builder.policy(policy).max_sessions(max_sessions))
    }

    fn built(build: impl FnOnce(MemoryBackendBuilder) -> MemoryBackendBuilder) -> Self {
        let clock = Arc::new(ManualClock::new());
        let builder = MemoryBackend::builder().clock(clock.clone());
        let backend = build(builder).build();
        let raw = RawKeys::of(&backend);
        Self {
            backend,
            clock,
            raw,
        }
    }

    async fn create(&self, new: NewSession) -> SessionId {
        self.backend.create_session(new).await.unwrap().id
    }

    /// A session of one field that lives this many seconds.
    async fn session(&self, ttl: u64) -> SessionId {
        let fields = Fields::new().with(name("n"), 1);
        self.create(NewSession::new(fields).ttl(secs(ttl))).await
    }

    /// A session of this principal that lives at most this many seconds.
    async fn login(&self, principal: &Principal, lifetime: u64) -> SessionId {
        let new = NewSession::default().bind(principal.clone());
        let lifetime = Lifetime::from_secs(lifetime).unwrap();
        self.create(new.max_lifetime(lifetime)).await
    }

    async fn rotate(&self, id: &SessionId) -> SessionId {
        let rotated = self.backend.rotate_session(id, Delta::new()).await;
        rotated.unwrap().unwrap().id
    }

    /// Adds to the field of a session; what it has then.
    async fn count(&self, id: &SessionId) -> session_core::Result<Option<i64>> {
        self.backend.increment_field(id, name("n"), 1).await
    }

    async fn is_live(&self, id: &SessionId) -> bool {
        self.backend.peek_session(id).await.unwrap().is_some()
    }

    /// The public ids of a principal's sessions, in the list's order.
    async fn listed(&self, principal: &Principal) -> Vec<PublicId> {
        let listed = self.backend.list_sessions(principal).await.unwrap();
        listed.into_iter().map(|listed| listed.public_id).collect()
    }

    async fn public_id(&self, id: &SessionId) -> PublicId {
        let record = self.backend.peek_session(id).await.unwrap().unwrap();
        record.public_id().unwrap()
    }

    fn advance_ms(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }
}

fn name(text: &'static str) -> FieldName {
    FieldName::new(text).unwrap()
}

fn secs(seconds: u64) -> SessionTtl {
    SessionTtl::from_secs(seconds).unwrap()
}

fn principal(text: &'static str) -> Principal {
    Principal::new(text).unwrap()
}

#[tokio::test]
async fn clones_share_their_sessions_and_debug_shows_none_of_them() {
    let setup = Setup::new();
    let id = setup.session(60).await;
    let clone = setup.backend.clone();
    assert!(clone.delete_session(&id).await.unwrap());
    assert!(!setup.is_live(&id).await);

    let id = setup.session(60).await;
    let key = setup.raw.dump(&id);
    let debug = format!("{:?} {:?} {key:?}", setup.backend, setup.raw);
    let is_silent = !debug.contains(id.expose()) && !debug.contains("2026");
    assert!(is_silent && debug.contains("len: 1"), "{debug}");
}

#[tokio::test]
async fn a_read_shares_the_stored_fields() {
    let setup = Setup::new();
    let id = setup.session(60).await;
    let one = setup.backend.get_session(&id).await.unwrap().unwrap();
    let two = setup.backend.get_session(&id).await.unwrap().unwrap();
    let [one_n, two_n] = [&one, &two].map(|record| record.fields().get("n").unwrap());
    assert!(std::ptr::eq(one_n, two_n));
    // What was read stays as it was.
    setup.count(&id).await.unwrap();
    assert_eq!(one.fields().get_str("n"), Some("1"));
}

#[test]
fn the_deadline_is_what_the_builder_says() {
    assert_eq!(MemoryBackend::new().deadline(), Duration::from_millis(500));
    let deadline = Duration::from_secs(2);
    let backend = MemoryBackend::builder().deadline(deadline).build();
    assert_eq!(backend.deadline(), deadline);
}
