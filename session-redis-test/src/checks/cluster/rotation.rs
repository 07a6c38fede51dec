//! Rotation is one call on a cluster as well, for its session stays in its slot.

use std::collections::BTreeSet;

use session_core::{Delta, NewSession, SessionBackend};
use session_redis::{IdStorage, hash_slot};

use super::{Subject, teach_scripts};
use crate::checks::{fields, name};
use crate::harness::Connect;
use crate::{Cluster, Monitor, MonitoredCommand, Target};

/// How often a session is rotated.
const ROTATIONS: usize = 100;

/// An unbound session, its id stored plainly or hashed, is rotated again and again by one call each: all
/// nodes are watched, and none sees anything else. It stays in its slot. A bound one needs three calls more.
///
/// # Panics
/// When it does not, or takes more.
pub async fn rotations_stay_in_their_slot_and_take_one_call(connect: Connect) {
    let cluster = Cluster::start(3).await;
    teach_scripts(&cluster).await;
    for storage in [IdStorage::Plain, IdStorage::Hashed] {
        let subject = Subject::with(connect, &cluster, |target| Target { storage, ..target }).await;
        // The backend gets to know the nodes.
        subject.session_per_node(&cluster).await;
        let backend = &subject.backend;
        let ann = super::super::ann();
        let mut nodes = BTreeSet::new();
        for (new, calls) in [
            (NewSession::new(fields()), 1),
            (NewSession::new(fields()), 1),
            (NewSession::new(fields()).bind(ann), 4),
        ] {
            let mut id = backend.create_session(new).await.expect("a session").id;
            let slot = subject.slot(&id);
            nodes.insert(cluster.owner(slot));
            let mut monitors = Vec::new();
            for node in cluster.nodes() {
                monitors.push(Monitor::start(node).await);
            }
            for turn in 1..=ROTATIONS {
                let delta = Delta::new().increment(name("turns"), 1);
                let rotated = backend.rotate_session(&id, delta).await.expect("an answer");
                let rotated = rotated.expect("the session lives");
                let turns = i64::try_from(turn).expect("a small number");
                assert_eq!(rotated.written.counter("turns"), Some(turns));
                assert_eq!(subject.slot(&rotated.id), slot, "{storage:?}");
                id = rotated.id;
            }
            let mut seen = 0;
            for monitor in &mut monitors {
                let commands = monitor.take().await;
                let of_clients = commands.iter().filter(|command| is_calls(command));
                seen += of_clients.count();
            }
            assert_eq!(seen, calls * ROTATIONS, "{storage:?}");
            println!("{storage:?}: {ROTATIONS} rotations in slot {slot}, {seen} calls");
        }
        println!("{storage:?}: on nodes {nodes:?}");
    }
    assert_ne!(hash_slot(b"a"), hash_slot(b"b"));
}

/// Whether a client of ours sent it: not a script, nor a node to another.
fn is_calls(command: &MonitoredCommand) -> bool {
    let name = command.args.first().map(|name| name.to_uppercase());
    !command.is_from_script() && name.is_some_and(|name| !matches!(&*name, "PING" | "CLUSTER"))
}
