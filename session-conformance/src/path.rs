//! The ways by which an application may reach a backend, or an admin API.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Principal, SessionAdmin, SessionBackend, SessionId, SessionPolicy, UnixMillis, async_trait,
};

use crate::harness::{Breakable, Harness, RawHash, RawKey};
use crate::required_only::{AdminRequiredOnly, RequiredOnly};

/// The way by which the cases reach a backend. Every way must give the same outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallPath {
    /// The backend itself, the admin API itself.
    Direct,
    /// Through the `Arc` and `Box` that applications hold it in.
    Dynamic,
    /// Through [`RequiredOnly`] and [`AdminRequiredOnly`].
    RequiredOnly,
}

impl CallPath {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Direct, Self::Dynamic, Self::RequiredOnly];

    /// The backend, reached this way.
    fn to(self, backend: Arc<dyn SessionBackend>) -> Arc<dyn SessionBackend> {
        match self {
            Self::Direct => backend,
            Self::Dynamic => Arc::new(Box::new(backend)),
            Self::RequiredOnly => Arc::new(RequiredOnly(backend)),
        }
    }
}

impl fmt::Display for CallPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Dynamic => "dynamic",
            Self::RequiredOnly => "required_only",
        })
    }
}

/// A harness whose backends and admin API are reached by a certain way.
#[derive(Debug)]
pub struct Via<H> {
    path: CallPath,
    harness: H,
}

impl<H: Harness> Via<H> {
    /// This harness, its backends reached by this way.
    pub const fn new(path: CallPath, harness: H) -> Self {
        Self { path, harness }
    }
}

#[async_trait]
impl<H: Harness> Harness for Via<H> {
    async fn backend_with(&self, policy: SessionPolicy) -> Arc<dyn SessionBackend> {
        self.path.to(self.harness.backend_with(policy).await)
    }

    async fn breakable(&self, policy: SessionPolicy) -> Breakable {
        let Breakable { backend, switch } = self.harness.breakable(policy).await;
        let backend = self.path.to(backend);
        Breakable { backend, switch }
    }

    async fn admin(&self) -> Arc<dyn SessionAdmin> {
        let admin = self.harness.admin().await;
        match self.path {
            CallPath::Direct => admin,
            CallPath::Dynamic => Arc::new(Box::new(admin)),
            CallPath::RequiredOnly => Arc::new(AdminRequiredOnly(admin)),
        }
    }

    async fn plant(&self, id: &SessionId, hash: RawHash, expires_in: Option<Duration>) {
        self.harness.plant(id, hash, expires_in).await;
    }

    async fn plant_other_type(&self, id: &SessionId) {
        self.harness.plant_other_type(id).await;
    }

    async fn dump(&self, id: &SessionId) -> Option<RawKey> {
        self.harness.dump(id).await
    }

    async fn advance(&self, by: Duration) {
        self.harness.advance(by).await;
    }

    async fn now(&self) -> UnixMillis {
        self.harness.now().await
    }

    async fn index_len(&self, principal: &Principal) -> Option<usize> {
        self.harness.index_len(principal).await
    }

    fn staleness_bound(&self) -> Duration {
        self.harness.staleness_bound()
    }

    async fn catch_up(&self) {
        self.harness.catch_up().await;
    }

    fn clock_stands_still(&self) -> bool {
        self.harness.clock_stands_still()
    }
}
