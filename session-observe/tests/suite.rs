//! The conformance suite: an observed backend is the backend.

#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use session_conformance::{
    Breakable, Harness, MemoryHarness, RawHash, RawKey, Runner, Suite, races,
};
use session_core::{
    Principal, SessionAdmin, SessionBackend, SessionId, SessionPolicy, UnixMillis, async_trait,
};
use session_observe::{ConnectionMetrics, Observe, Observed, SessionEvent, SessionObserver};
use session_redis_rs::RedisRsBackend;
use session_redis_test::{Connected, Target, conformance};

#[derive(Debug)]
struct Nobody;

impl SessionObserver for Nobody {
    fn session_event(&self, event: &SessionEvent<'_>) {
        let _ = event;
    }
}

fn observed<B: SessionBackend>(name: &'static str, backend: B) -> Observed<B> {
    Observe::new()
        .observer(Arc::new(Nobody))
        .wrap(name, backend)
}

/// The backend in memory, observed.
struct ObservedMemory(MemoryHarness);

#[async_trait]
impl Harness for ObservedMemory {
    async fn backend_with(&self, policy: SessionPolicy) -> Arc<dyn SessionBackend> {
        Arc::new(observed("memory", self.0.backend_with(policy).await))
    }

    async fn breakable(&self, policy: SessionPolicy) -> Breakable {
        let Breakable { backend, switch } = self.0.breakable(policy).await;
        let backend = Arc::new(observed("memory", backend));
        Breakable { backend, switch }
    }

    async fn admin(&self) -> Arc<dyn SessionAdmin> {
        self.0.admin().await
    }

    async fn plant(&self, id: &SessionId, hash: RawHash, expires_in: Option<Duration>) {
        self.0.plant(id, hash, expires_in).await;
    }

    async fn plant_other_type(&self, id: &SessionId) {
        self.0.plant_other_type(id).await;
    }

    async fn dump(&self, id: &SessionId) -> Option<RawKey> {
        self.0.dump(id).await
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by).await;
    }

    async fn now(&self) -> UnixMillis {
        self.0.now().await
    }

    async fn index_len(&self, principal: &Principal) -> Option<usize> {
        self.0.index_len(principal).await
    }

    fn staleness_bound(&self) -> Duration {
        self.0.staleness_bound()
    }

    async fn catch_up(&self) {
        self.0.catch_up().await;
    }

    fn clock_stands_still(&self) -> bool {
        self.0.clock_stands_still()
    }
}

fn on_redis(target: Target) -> Connected {
    let mut builder = RedisRsBackend::builder(target.url)
        .key_prefix(target.prefix)
        .policy(target.policy)
        .deadline(target.deadline)
        .observer(Arc::new(ConnectionMetrics::new("redis-rs")));
    if let Some(provider) = target.credentials {
        builder = builder.credentials(provider);
    }
    let backend = builder.build().expect("the target can be used");
    let admin = Arc::new(backend.admin());
    let backend = Arc::new(observed("redis-rs", backend));
    Connected { backend, admin }
}

fn main() -> ExitCode {
    let memory = || async { ObservedMemory(MemoryHarness::new()) };
    let mut runner = Runner::new()
        .suite(Suite::new("memory", memory))
        .suite(conformance(on_redis));
    for (name, race) in races::ALL {
        runner = runner.test(&format!("races::{name}"), move || async move {
            let rounds = races::rounds().div_ceil(4);
            println!("{}", race(&memory().await, rounds).await);
        });
    }
    runner.run()
}
