//! What every backend must do on a Redis Cluster beyond the contract.

pub mod faults;
pub mod moves;

use std::collections::BTreeMap;

use session_core::SessionId;
use session_redis::{ALL_SCRIPTS, hash_slot};

pub(crate) use super::Subject;
use super::{DEADLINE, create};
use crate::harness::{Connect, own_prefix};
use crate::{Cluster, Target};

impl Subject {
    /// With the deadline of a backend that was not told another.
    pub(crate) async fn new(connect: Connect, cluster: &Cluster) -> Self {
        let deadline = DEADLINE;
        Self::with(connect, cluster, |target| Target { deadline, ..target }).await
    }

    /// With this target, which is patient.
    pub(crate) async fn with(
        connect: Connect,
        cluster: &Cluster,
        change: impl FnOnce(Target) -> Target,
    ) -> Self {
        let target = Target::patient(cluster.url(), own_prefix());
        Self::of(connect, change(target))
    }

    pub(crate) fn slot(&self, id: &SessionId) -> u16 {
        hash_slot(&self.keys.session(id))
    }

    /// A session on each node, by the node's number.
    pub(crate) async fn session_per_node(&self, cluster: &Cluster) -> BTreeMap<usize, SessionId> {
        let mut sessions = BTreeMap::new();
        for node in 0..cluster.nodes().len() {
            sessions.insert(node, self.session_on(cluster, node).await);
        }
        sessions
    }

    /// A session on this node.
    pub(crate) async fn session_on(&self, cluster: &Cluster, node: usize) -> SessionId {
        for _ in 0..1000 {
            let id = create(&*self.backend).await.id;
            if cluster.owner(self.slot(&id)) == node {
                return id;
            }
        }
        panic!("a thousand sessions are not on node {node}");
    }
}

/// Tells every node every script, so that no operation meets one for the first time.
pub(crate) async fn teach_scripts(cluster: &Cluster) {
    for node in cluster.nodes() {
        let mut admin = node.connection().await;
        for script in ALL_SCRIPTS {
            let mut load = redis::cmd("SCRIPT");
            load.arg("LOAD").arg(script.source());
            load.exec_async(&mut admin).await.expect("SCRIPT LOAD");
        }
    }
}
