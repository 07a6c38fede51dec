//! The conformance suite's view of a Redis server, the same for every client.

pub(crate) mod raw;
pub(crate) mod tidy;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use session_conformance::{Breakable, Harness, RawHash, RawKey, Switch};
use session_core::{
    Principal, SessionAdmin, SessionBackend, SessionId, SessionPolicy, UnixMillis, async_trait,
};
use session_redis::{IdStorage, KeyPrefix, KeySpace};

use self::tidy::Tidy;
use crate::{Mode, Proxy, RedisServer, shared, unique_prefix};

/// What a backend under test is connected to.
#[derive(Debug, Clone)]
pub struct Target {
    /// The server's URL, or that of a proxy before it.
    pub url: String,
    /// The prefix of this harness's keys.
    pub prefix: KeyPrefix,
    /// How ids become key names.
    pub storage: IdStorage,
    /// The policy to build with.
    pub policy: SessionPolicy,
    /// The time within which every operation ends.
    pub deadline: Duration,
}

impl Target {
    /// A target with plain ids, the default policy, and a deadline that no busy machine reaches.
    pub fn patient(url: String, prefix: KeyPrefix) -> Self {
        Self {
            url,
            prefix,
            storage: IdStorage::Plain,
            policy: SessionPolicy::new(),
            deadline: PATIENT,
        }
    }

    /// The names of the keys.
    pub fn keys(&self) -> KeySpace {
        KeySpace::new(self.prefix.clone(), self.storage)
    }
}

/// The deadline where no test is about deadlines: far beyond what a busy machine adds.
pub(crate) const PATIENT: Duration = Duration::from_secs(30);

/// The backend of the client under test, and its admin API.
#[derive(Debug, Clone)]
pub struct Connected {
    /// The backend.
    pub backend: Arc<dyn SessionBackend>,
    /// The admin API, over the same connections.
    pub admin: Arc<dyn SessionAdmin>,
}

/// How the client under test is connected: when it is first used.
pub type Connect = fn(Target) -> Connected;

/// Keys that nobody else has.
pub(crate) fn keys_of_its_own(storage: IdStorage) -> KeySpace {
    let prefix = unique_prefix().parse();
    KeySpace::new(prefix.expect("a unique prefix is a key prefix"), storage)
}

/// A part of the shared server: all keys below a prefix of its own.
pub struct RedisHarness {
    url: String,
    admin: MultiplexedConnection,
    keys: KeySpace,
    connect: Connect,
    _tidy: Tidy,
}

impl RedisHarness {
    /// On the shared server.
    pub async fn on_shared(storage: IdStorage, connect: Connect) -> Self {
        Self::on(shared().await, storage, connect).await
    }

    /// On this server.
    pub async fn on(server: &RedisServer, storage: IdStorage, connect: Connect) -> Self {
        let keys = keys_of_its_own(storage);
        Self {
            url: server.url(),
            admin: server.connection().await,
            _tidy: Tidy {
                urls: vec![server.url()],
                prefix: keys.prefix().clone(),
            },
            keys,
            connect,
        }
    }

    /// The names of the keys.
    pub fn keys(&self) -> &KeySpace {
        &self.keys
    }

    /// A connection for looking behind the backend.
    pub fn admin(&self) -> MultiplexedConnection {
        self.admin.clone()
    }

    /// What a backend under test is connected to.
    pub fn target(&self, policy: SessionPolicy) -> Target {
        Target {
            url: self.url.clone(),
            prefix: self.keys.prefix().clone(),
            storage: self.keys.storage(),
            policy,
            deadline: PATIENT,
        }
    }
}

#[async_trait]
impl Harness for RedisHarness {
    async fn backend_with(&self, policy: SessionPolicy) -> Arc<dyn SessionBackend> {
        (self.connect)(self.target(policy)).backend
    }

    async fn admin(&self) -> Arc<dyn SessionAdmin> {
        (self.connect)(self.target(SessionPolicy::new())).admin
    }

    async fn breakable(&self, policy: SessionPolicy) -> Breakable {
        let server = shared().await;
        let proxy = Proxy::start(server.addr()).await;
        let target = Target {
            url: proxy.url(),
            deadline: Duration::from_millis(500),
            ..self.target(policy)
        };
        let backend = (self.connect)(target).backend;
        let switch = Box::new(proxy);
        Breakable { backend, switch }
    }

    async fn plant(&self, id: &SessionId, hash: RawHash, expires_in: Option<Duration>) {
        raw::plant(&mut self.admin(), &self.keys.session(id), &hash, expires_in).await;
    }

    async fn plant_other_type(&self, id: &SessionId) {
        raw::plant_other_type(&mut self.admin(), &self.keys.session(id)).await;
    }

    async fn dump(&self, id: &SessionId) -> Option<RawKey> {
        raw::dump(&mut self.admin(), &self.keys.session(id)).await
    }

    async fn advance(&self, by: Duration) {
        raw::advance(&mut self.admin(), self.keys.prefix(), by).await;
    }

    async fn now(&self) -> UnixMillis {
        raw::now(&mut self.admin()).await
    }

    async fn index_len(&self, principal: &Principal) -> Option<usize> {
        raw::index_len(&mut self.admin(), &self.keys.index(principal)).await
    }
}

/// Connections are refused, and those that there are reset.
#[async_trait]
impl Switch for Proxy {
    async fn break_store(&self) {
        self.set(Mode::Refuse);
        self.cut_all().await;
    }

    async fn mend_store(&self) {
        self.set(Mode::Pass);
    }
}

impl fmt::Debug for RedisHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisHarness")
            .field("url", &self.url)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
