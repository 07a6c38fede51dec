//! The memory backend: what is its own, beside what the conformance suite asks of every backend.
#![cfg(test)]

mod expiry;
mod faults;
mod limit;
mod log;
mod onto;
mod principals;
mod room;
mod validity;

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Delta, FieldName, Fields, Lifetime, NewSession, Principal, SessionBackend, SessionId,
    SessionTtl,
};
use session_memory::testing::RawKeys;
use session_memory::{ManualClock, MemoryBackend};

/// A backend, its clock, and its keys.
struct Setup {
    backend: MemoryBackend,
    clock: Arc<ManualClock>,
    raw: RawKeys,
}

impl Setup {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let backend = MemoryBackend::with_clock(clock.clone());
        Self::of(backend, clock)
    }

    fn of(backend: MemoryBackend, clock: Arc<ManualClock>) -> Self {
        let raw = RawKeys::of(&backend);
        Self {
            backend,
            clock,
            raw,
        }
    }

    /// A session of one field that lives this many seconds.
    async fn session(&self, ttl: u64) -> SessionId {
        let new = NewSession::new(Fields::new().with(name("n"), 1)).ttl(secs(ttl));
        self.backend.create_session(new).await.unwrap().id
    }

    /// A session of this principal that lives at most this many seconds.
    async fn login(&self, principal: &Principal, lifetime: u64) -> SessionId {
        let new = NewSession::default().bind(principal.clone());
        let new = new.max_lifetime(Lifetime::from_secs(lifetime).unwrap());
        self.backend.create_session(new).await.unwrap().id
    }

    async fn is_live(&self, id: &SessionId) -> bool {
        self.backend.peek_session(id).await.unwrap().is_some()
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

fn count_one() -> Delta {
    Delta::new().increment(name("n"), 1)
}

#[tokio::test]
async fn clones_share_their_sessions_and_debug_shows_none_of_them() {
    let setup = Setup::new();
    let id = setup.session(60).await;
    let clone = setup.backend.clone();
    assert!(clone.delete_session(&id).await.unwrap());
    assert!(!setup.is_live(&id).await);

    let id = setup.session(60).await;
    let debug = format!(
        "{:?} {:?} {:?}",
        setup.backend,
        setup.raw,
        setup.raw.dump(&id)
    );
    assert!(
        !debug.contains(id.expose()) && !debug.contains("2026"),
        "{debug}"
    );
    assert!(debug.contains("len: 1"), "{debug}");
}

#[tokio::test]
async fn a_read_shares_the_stored_fields() {
    let setup = Setup::new();
    let id = setup.session(60).await;
    let one = setup.backend.get_session(&id).await.unwrap().unwrap();
    let two = setup.backend.get_session(&id).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&one.shared_fields(), &two.shared_fields()));
    // What was read stays as it was.
    setup
        .backend
        .update_session(&id, count_one())
        .await
        .unwrap();
    assert_eq!(one.fields().get_str("n"), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_increments_are_distinct_and_gapless() {
    let setup = Setup::new();
    let id = setup.session(60).await;
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let (backend, id) = (setup.backend.clone(), id.clone());
            tokio::spawn(async move {
                let mut seen = Vec::new();
                for _ in 0..200 {
                    let value = backend.increment_field(&id, name("n"), 1).await;
                    seen.push(value.unwrap().unwrap());
                }
                seen
            })
        })
        .collect();
    let mut seen = Vec::new();
    for writer in writers {
        seen.extend(writer.await.unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (2..=1601).collect::<Vec<i64>>());
}

#[test]
fn the_deadline_is_what_the_builder_says() {
    assert_eq!(MemoryBackend::new().deadline(), Duration::from_millis(500));
    let deadline = Duration::from_secs(2);
    let backend = MemoryBackend::builder().deadline(deadline).build();
    assert_eq!(backend.deadline(), deadline);
}
