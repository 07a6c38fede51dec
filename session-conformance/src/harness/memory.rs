//! The harness of the backend in memory.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use session_core::{
    Clock as _, Principal, SessionAdmin, SessionBackend, SessionId, SessionPolicy, UnixMillis,
    async_trait,
};
use session_memory::testing::RawKeys;
use session_memory::{ManualClock, MemoryBackend};

use super::{Breakable, Harness, RawHash, RawKey, Switch};

/// An empty store in memory whose clock stands still: the model that the differential test compares
/// a backend with, and an example of a harness.
///
/// ```
/// use session_conformance::{Harness as _, MemoryHarness};
/// use session_core::{NewSession, SessionBackend as _};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> session_core::Result<()> {
/// let harness = MemoryHarness::new();
/// let backend = harness.backend().await;
/// let id = backend.create_session(NewSession::default()).await?.id;
/// assert_eq!(harness.dump(&id).await.map(|key| key.fields().len()), Some(3));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct MemoryHarness {
    clock: Arc<ManualClock>,
    backend: MemoryBackend,
}

impl MemoryHarness {
    /// An empty store. Its clock stands at the present time.
    pub fn new() -> Self {
        let clock = Arc::new(ManualClock::starting_at(SystemTime::now()));
        let backend = MemoryBackend::builder().clock(clock.clone()).build();
        Self { clock, backend }
    }

    fn keys(&self) -> RawKeys {
        RawKeys::of(&self.backend)
    }
}

impl Default for MemoryHarness {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Harness for MemoryHarness {
    async fn backend_with(&self, policy: SessionPolicy) -> Arc<dyn SessionBackend> {
        Arc::new(self.backend.with_policy(policy))
    }

    async fn admin(&self) -> Arc<dyn SessionAdmin> {
        Arc::new(self.backend.admin())
    }

    async fn breakable(&self, policy: SessionPolicy) -> Breakable {
        let backend = self.backend.with_policy(policy);
        Breakable {
            backend: Arc::new(backend.clone()),
            switch: Box::new(FaultSwitch(backend)),
        }
    }

    async fn plant(&self, id: &SessionId, hash: RawHash, expires_in: Option<Duration>) {
        self.keys().plant_hash(id, hash, expires_in);
    }

    async fn plant_other_type(&self, id: &SessionId) {
        self.keys().plant_other_type(id, None);
    }

    async fn dump(&self, id: &SessionId) -> Option<RawKey> {
        let key = self.keys().dump(id)?;
        Some(match key.hash {
            Some(hash) => RawKey::hash(hash, key.expires_in),
            None => RawKey::other_type(key.expires_in),
        })
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn now(&self) -> UnixMillis {
        UnixMillis::from_system_time(self.clock.now())
    }

    async fn index_len(&self, principal: &Principal) -> Option<usize> {
        Some(self.keys().index_len(principal)).filter(|len| *len > 0)
    }

    fn clock_stands_still(&self) -> bool {
        true
    }
}

/// Breaks the store for every backend over it.
struct FaultSwitch(MemoryBackend);

#[async_trait]
impl Switch for FaultSwitch {
    async fn break_store(&self) {
        self.0.faults().store_down();
    }

    async fn mend_store(&self) {
        self.0.faults().clear();
    }
}
