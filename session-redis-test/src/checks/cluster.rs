//! What every backend must do on a Redis Cluster beyond the contract.

mod answers;
mod faults;
mod full;
mod leaks;
mod moves;
mod rights;
mod rotation;
mod trips;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use session_core::{SessionBackend, SessionId};
use session_redis::{ALL_SCRIPTS, KeySpace, hash_slot};

pub use self::answers::{
    a_lost_answer_of_a_node_is_unknown_and_nothing_is_sent_twice,
    scripts_that_a_node_does_not_know_are_run_exactly_once,
};
pub use self::faults::{
    a_cluster_that_comes_up_is_used, a_failover_is_followed, a_hanging_node_stops_its_slots_only,
    a_killed_master_stops_its_slots_only, a_single_server_is_no_cluster,
    dropped_backends_leave_no_connections,
};
pub use self::full::a_full_node_refuses_growth_only;
pub use self::leaks::ids_hashed_at_rest_leave_nothing_usable_on_any_node;
pub use self::moves::{a_rotation_waits_for_its_slot, a_slot_is_followed_while_it_moves};
pub use self::rights::the_documented_rights_suffice_on_a_cluster;
pub use self::rotation::rotations_stay_in_their_slot_and_take_one_call;
pub use self::trips::operations_on_a_cluster_take_few_round_trips;
pub use self::walk::a_cluster_is_looked_through_while_a_slot_moves;
pub use super::formats::a_cluster_in_use_changes_its_key_format;

use super::{DEADLINE, create};
use crate::harness::Connect;
use crate::{Cluster, Target, unique_prefix};

/// A backend on a cluster and what its keys are called.
struct Subject {
    backend: Arc<dyn SessionBackend>,
    keys: KeySpace,
}

impl Subject {
    /// With the deadline of a backend that was not told another.
    async fn new(connect: Connect, cluster: &Cluster) -> Self {
        Self::with(connect, cluster, |target| Target {
            deadline: DEADLINE,
            ..target
        })
        .await
    }

    /// With this target, which is patient.
    async fn with(
        connect: Connect,
        cluster: &Cluster,
        change: impl FnOnce(Target) -> Target,
    ) -> Self {
        let prefix = unique_prefix()
            .parse()
            .expect("a unique prefix is a key prefix");
        let target = change(Target::patient(cluster.url(), prefix));
        let keys = target.keys();
        let backend = connect(target).backend;
        Self { backend, keys }
    }

    fn slot(&self, id: &SessionId) -> u16 {
        hash_slot(&self.keys.session(id))
    }

    /// A session on each node, by the node's number.
    async fn session_per_node(&self, cluster: &Cluster) -> BTreeMap<usize, SessionId> {
        let mut sessions = BTreeMap::new();
        for _ in 0..1000 {
            let id = create(&*self.backend).await.id;
            sessions.insert(cluster.owner(self.slot(&id)), id);
            if sessions.len() == cluster.nodes().len() {
                return sessions;
            }
        }
        panic!(
            "a thousand sessions are not on all nodes: {:?}",
            sessions.keys()
        );
    }

    /// A session on this node.
    async fn session_on(&self, cluster: &Cluster, node: usize) -> SessionId {
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
async fn teach_scripts(cluster: &Cluster) {
    for node in cluster.nodes() {
        let mut admin = node.connection().await;
        for script in ALL_SCRIPTS {
            let mut load = redis::cmd("SCRIPT");
            load.arg("LOAD").arg(script.source());
            load.exec_async(&mut admin).await.expect("SCRIPT LOAD");
        }
    }
}
