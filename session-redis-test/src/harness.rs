//! The conformance suite's view of a Redis server or a cluster, the same for every client.

mod processes;
mod raw;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use redis::Client;
use redis::aio::MultiplexedConnection;
use session_conformance::{Breakable, Harness, RawHash, RawKey, Switch};
use session_core::{
    ConnectionObserver, Principal, SessionAdmin, SessionBackend, SessionId, SessionPolicy,
    UnixMillis, async_trait,
};
use session_redis::AclFeature::{self, Admin, Cluster, Info, Principals, Sessions};
use session_redis::{
    CredentialsProvider, Eviction, IdStorage, KeyPrefix, KeySpace, NearCache, ScriptSlots,
    Topology, hash_slot,
};

pub(crate) use self::processes::Ids;
use self::processes::Processes;
use crate::accounts::{as_user, set_user};
use crate::cluster::owner;
use crate::{Mode, Proxy, RedisServer, shared, shared_cluster, shared_node, unique_prefix};

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
    /// What follows when the server evicts keys.
    pub eviction: Eviction,
    /// How many hash slots one script may touch.
    pub script_slots: ScriptSlots,
    /// Who provides credentials.
    pub credentials: Option<Arc<dyn CredentialsProvider>>,
    /// Who is told what becomes of the connections.
    pub observer: Option<Arc<dyn ConnectionObserver>>,
    /// What keeps sessions in the process.
    pub near_cache: Option<NearCache>,
}

impl Target {
    /// A target with plain ids, the default policy, and a deadline that no busy machine reaches.
    pub fn patient(url: String, prefix: KeyPrefix) -> Self {
        Self {
            url,
            prefix,
            storage: IdStorage::Plain,
            policy: SessionPolicy::new(),
            deadline: Duration::from_secs(30),
            eviction: Eviction::default(),
            script_slots: ScriptSlots::default(),
            credentials: None,
            observer: None,
            near_cache: None,
        }
    }

    /// The names of the keys.
    pub fn keys(&self) -> KeySpace {
        let keys = KeySpace::new(self.prefix.clone(), self.storage);
        match self.url.contains("-cluster:") {
            true => keys.at(Topology::Cluster),
            false => keys,
        }
    }
}

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

/// Within what time a backend with a near cache sees what others change.
const NEAR_BOUND: Duration = Duration::from_secs(2);

/// A prefix that nobody else has.
pub(crate) fn own_prefix() -> KeyPrefix {
    let prefix = unique_prefix().parse();
    prefix.expect("a unique prefix is a key prefix")
}

/// A part of a server or a cluster: all keys below a prefix of its own. The backends use accounts
/// that have the documented rights to these keys, and no others.
pub(crate) struct RedisHarness {
    /// The processes that share the store: they differ in how ids become keys. Plants are stored as
    /// the first does it, and the last is the operator's.
    processes: Vec<Target>,
    connect: Connect,
    /// A connection to each node, in the order of the slots they hold.
    nodes: Vec<MultiplexedConnection>,
    ids: Arc<Mutex<Ids>>,
    /// Those with a near cache.
    near: Mutex<Vec<Weak<dyn SessionBackend>>>,
    _tidy: Tidy,
}

impl RedisHarness {
    /// On the shared server, used by one process for each of these.
    pub(crate) async fn on_shared(storages: &[IdStorage], connect: Connect) -> Self {
        let server = shared().await;
        let servers = std::slice::from_ref(server);
        Self::on(server.url(), servers, storages, connect).await
    }

    /// The same by scripts of one slot.
    pub(crate) async fn on_shared_by_one_slot(connect: Connect) -> Self {
        let mut harness = Self::on_shared(&[IdStorage::Plain], connect).await;
        for process in &mut harness.processes {
            process.script_slots = ScriptSlots::One;
        }
        harness
    }

    /// On the shared server or cluster, by a process with a near cache.
    pub(crate) async fn on_shared_with_near_cache(is_cluster: bool, connect: Connect) -> Self {
        let plain = &[IdStorage::Plain];
        let mut harness = match is_cluster {
            true => Self::on_shared_cluster(plain, connect).await,
            false => Self::on_shared(plain, connect).await,
        };
        let servers = match is_cluster {
            true => shared_cluster().await.nodes(),
            false => std::slice::from_ref(shared().await),
        };
        let rights = AclFeature::NearCache.rights().join(" ");
        for process in &mut harness.processes {
            process.near_cache = Some(NearCache::within(NEAR_BOUND));
            for user in ["app", "operator"] {
                let user = account(user, &process.prefix);
                for server in servers {
                    server
                        .ask::<()>(&format!("ACL SETUSER {user} {rights}"))
                        .await;
                }
            }
        }
        harness
    }

    /// On the shared cluster.
    pub(crate) async fn on_shared_cluster(storages: &[IdStorage], connect: Connect) -> Self {
        let cluster = shared_cluster().await;
        Self::on(cluster.url(), cluster.nodes(), storages, connect).await
    }

    /// On the shared node that is a cluster, and may not say that it is: a server whose scripts may
    /// touch one slot.
    pub(crate) async fn on_shared_node(connect: Connect) -> Self {
        let cluster = shared_node().await;
        let url = cluster.node(0).url();
        let rights = [Sessions, Principals];
        Self::with(url, cluster.nodes(), &[IdStorage::Plain], connect, &rights).await
    }

    /// On the server or the cluster of these servers.
    pub(crate) async fn on(
        url: String,
        servers: &[RedisServer],
        storages: &[IdStorage],
        connect: Connect,
    ) -> Self {
        let rights: &[_] = match url.contains("-cluster:") {
            true => &[Sessions, Principals, Info, Cluster],
            false => &[Sessions, Principals, Info],
        };
        Self::with(url, servers, storages, connect, rights).await
    }

    async fn with(
        url: String,
        servers: &[RedisServer],
        storages: &[IdStorage],
        connect: Connect,
        rights: &[AclFeature],
    ) -> Self {
        let prefix = own_prefix();
        let (mut nodes, of_operator) = (Vec::new(), [rights, &[Admin]].concat());
        let [app, operator] = ["app", "operator"].map(|it| account(it, &prefix));
        for server in servers {
            nodes.push(server.connection().await);
            set_user(server, &app, prefix.as_str(), rights).await;
            set_user(server, &operator, prefix.as_str(), &of_operator).await;
        }
        let process = |storage: &IdStorage| {
            let target = Target {
                storage: *storage,
                ..Target::patient(url.clone(), prefix.clone())
            };
            as_user(&app, target)
        };
        Self {
            processes: storages.iter().map(process).collect(),
            connect,
            nodes,
            ids: Arc::default(),
            near: Mutex::default(),
            _tidy: Tidy {
                urls: servers.iter().map(RedisServer::url).collect(),
                prefix,
            },
        }
    }

    /// The keys of plants.
    pub(crate) fn keys(&self) -> KeySpace {
        self.processes.first().expect("a process").keys()
    }

    /// The ids that the backends of several processes were called with.
    pub(crate) fn ids(&self) -> Ids {
        self.ids.lock().expect("not poisoned").clone()
    }

    /// A connection to the node that holds a key.
    pub(crate) fn node_of(&self, key: &[u8]) -> MultiplexedConnection {
        let node = self.nodes.get(owner(hash_slot(key), self.nodes.len()));
        node.expect("a connection to each").clone()
    }

    /// The keys under which the processes store a session.
    fn candidates(&self, id: &SessionId) -> BTreeSet<Vec<u8>> {
        let processes = self.processes.iter();
        processes.map(|it| it.keys().session(id)).collect()
    }

    /// The process's backend; of several, each call is another one's, and the ids are recorded.
    fn backend_of(&self, change: impl Fn(Target) -> Target) -> Arc<dyn SessionBackend> {
        let processes = self.processes.iter().cloned();
        let backends = processes.map(|target| {
            let has_near_cache = target.near_cache.is_some();
            let backend = (self.connect)(change(target)).backend;
            if has_near_cache {
                let mut near = self.near.lock().expect("not poisoned");
                near.push(Arc::downgrade(&backend));
            }
            backend
        });
        let backends: Vec<_> = backends.collect();
        match &*backends {
            [only] => Arc::clone(only),
            _ => Arc::new(Processes::new(backends, &self.ids)),
        }
    }
}

#[async_trait]
impl Harness for RedisHarness {
    async fn backend_with(&self, policy: SessionPolicy) -> Arc<dyn SessionBackend> {
        self.backend_of(|target| Target {
            policy: policy.clone(),
            ..target
        })
    }

    async fn admin(&self) -> Arc<dyn SessionAdmin> {
        let process = self.processes.last().expect("a process");
        let [app, operator] = ["app", "operator"].map(|it| account(it, &process.prefix));
        let url = process.url.replace(&app, &operator);
        let target = process.clone();
        (self.connect)(Target { url, ..target }).admin
    }

    async fn breakable(&self, policy: SessionPolicy) -> Breakable {
        let proxy = Proxy::start(shared().await.addr()).await;
        let backend = self.backend_of(|target| {
            let target = Target {
                url: proxy.url(),
                policy: policy.clone(),
                deadline: Duration::from_millis(500),
                ..target
            };
            as_user(&account("app", self.keys().prefix()), target)
        });
        let switch = Box::new(proxy);
        Breakable { backend, switch }
    }

    async fn plant(&self, id: &SessionId, hash: RawHash, expires_in: Option<Duration>) {
        for key in self.candidates(id) {
            raw::delete(&mut self.node_of(&key), &key).await;
        }
        let key = self.keys().session(id);
        raw::plant(&mut self.node_of(&key), &key, &hash, expires_in).await;
        self.catch_up().await;
    }

    async fn plant_other_type(&self, id: &SessionId) {
        let key = self.keys().session(id);
        raw::plant_other_type(&mut self.node_of(&key), &key).await;
        self.catch_up().await;
    }

    async fn dump(&self, id: &SessionId) -> Option<RawKey> {
        for key in self.candidates(id) {
            if let Some(found) = raw::dump(&mut self.node_of(&key), &key).await {
                return Some(found);
            }
        }
        None
    }

    async fn advance(&self, by: Duration) {
        for node in &self.nodes {
            raw::advance(&mut node.clone(), self.keys().prefix(), by).await;
        }
        self.catch_up().await;
    }

    async fn now(&self) -> UnixMillis {
        // The nodes run on one machine.
        raw::now(&mut self.node_of(b"")).await
    }

    async fn index_len(&self, principal: &Principal) -> Option<usize> {
        let of_process = |process: &Target| process.keys().indexes(principal);
        let indexes: BTreeSet<_> = self.processes.iter().flat_map(of_process).collect();
        let mut sum = 0;
        for key in indexes {
            let len = raw::index_len(&mut self.node_of(&key), &key).await;
            sum += len.unwrap_or(0);
        }
        (sum > 0).then_some(sum)
    }

    fn staleness_bound(&self) -> Duration {
        let is_near = self.processes.iter().any(|it| it.near_cache.is_some());
        if is_near { NEAR_BOUND } else { Duration::ZERO }
    }

    /// Each connection has a reply to what was sent after the change.
    async fn catch_up(&self) {
        let near = self.near.lock().expect("not poisoned").clone();
        for backend in near.iter().filter_map(Weak::upgrade) {
            for node in 0..self.nodes.len() {
                let id = loop {
                    let id = SessionId::random().expect("an id");
                    let slot = hash_slot(&self.keys().session(&id));
                    if owner(slot, self.nodes.len()) == node {
                        break id;
                    }
                };
                // It may be broken by the test.
                drop(backend.get_fresh_session(&id).await);
            }
        }
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

/// An account of the harness with this prefix.
fn account(name: &str, prefix: &KeyPrefix) -> String {
    format!("{name}-{}", prefix.as_str().trim_end_matches(':'))
}

/// Removes all keys below a prefix, and its accounts, when it is dropped: who lists all that is on
/// a server that many tests share meets what they have left.
struct Tidy {
    urls: Vec<String>,
    prefix: KeyPrefix,
}

impl Drop for Tidy {
    fn drop(&mut self) {
        const CLEAR: &str = r"
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do redis.call('UNLINK', key) end
";
        for url in &self.urls {
            // A server that a test has killed has nothing to remove.
            let connection = Client::open(url.as_str()).and_then(|it| it.get_connection());
            if let Ok(mut connection) = connection {
                let mut clear = redis::cmd("EVAL");
                clear.arg(CLEAR).arg(0).arg(self.prefix.as_str());
                let _ = clear.exec(&mut connection);
                let accounts = ["app", "operator"].map(|it| account(it, &self.prefix));
                let mut remove = redis::cmd("ACL");
                let _ = remove.arg("DELUSER").arg(&accounts).exec(&mut connection);
            }
        }
    }
}
