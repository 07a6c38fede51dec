//! The conformance suite's view of a Redis Cluster, the same for every client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use session_conformance::{Harness, RawHash, RawKey};
use session_core::{
    Principal, SessionAdmin, SessionBackend, SessionId, SessionPolicy, UnixMillis, async_trait,
};
use session_redis::{IdStorage, KeySpace, hash_slot};

use crate::harness::tidy::Tidy;
use crate::harness::{Connect, PATIENT, Target, keys_of_its_own, raw};
use crate::{Cluster, RedisServer, shared_cluster};

/// A part of a cluster: all keys below a prefix of its own.
pub struct ClusterHarness {
    cluster: &'static Cluster,
    /// A connection to each node, in the order of the slots they hold.
    admins: Vec<MultiplexedConnection>,
    keys: KeySpace,
    connect: Connect,
    _tidy: Tidy,
}

impl ClusterHarness {
    /// On the shared cluster.
    pub async fn on_shared(storage: IdStorage, connect: Connect) -> Self {
        let cluster = shared_cluster().await;
        let mut admins = Vec::new();
        for node in cluster.nodes() {
            admins.push(node.connection().await);
        }
        let keys = keys_of_its_own(storage);
        Self {
            cluster,
            admins,
            _tidy: Tidy {
                urls: cluster.nodes().iter().map(RedisServer::url).collect(),
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

    /// What a backend under test is connected to.
    pub fn target(&self, policy: SessionPolicy) -> Target {
        Target {
            url: self.cluster.url(),
            prefix: self.keys.prefix().clone(),
            storage: self.keys.storage(),
            policy,
            deadline: PATIENT,
        }
    }

    /// A connection to the node that holds a key.
    pub fn admin_of(&self, key: &[u8]) -> MultiplexedConnection {
        let node = self.cluster.owner(hash_slot(key));
        self.admins
            .get(node)
            .expect("a connection per node")
            .clone()
    }
}

#[async_trait]
impl Harness for ClusterHarness {
    async fn backend_with(&self, policy: SessionPolicy) -> Arc<dyn SessionBackend> {
        (self.connect)(self.target(policy)).backend
    }

    async fn admin(&self) -> Arc<dyn SessionAdmin> {
        (self.connect)(self.target(SessionPolicy::new())).admin
    }

    async fn plant(&self, id: &SessionId, hash: RawHash, expires_in: Option<Duration>) {
        let key = self.keys.session(id);
        raw::plant(&mut self.admin_of(&key), &key, &hash, expires_in).await;
    }

    async fn plant_other_type(&self, id: &SessionId) {
        let key = self.keys.session(id);
        raw::plant_other_type(&mut self.admin_of(&key), &key).await;
    }

    async fn dump(&self, id: &SessionId) -> Option<RawKey> {
        let key = self.keys.session(id);
        raw::dump(&mut self.admin_of(&key), &key).await
    }

    async fn advance(&self, by: Duration) {
        for admin in &self.admins {
            raw::advance(&mut admin.clone(), self.keys.prefix(), by).await;
        }
    }

    async fn now(&self) -> UnixMillis {
        // The nodes run on one machine.
        let admin = self.admins.first().expect("a node");
        raw::now(&mut admin.clone()).await
    }

    async fn index_len(&self, principal: &Principal) -> Option<usize> {
        let key = self.keys.index(principal);
        raw::index_len(&mut self.admin_of(&key), &key).await
    }
}

impl fmt::Debug for ClusterHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterHarness")
            .field("cluster", &self.cluster.urls())
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
