//! Slots that move to another node while they are used.

use std::time::Duration;

use session_core::{Delta, ErrorKind, SessionBackend};
use session_redis::IdStorage;

use super::{Subject, teach_scripts};
use crate::checks::{ann, assert_refused, count, create, log_in, name, until_well};
use crate::harness::Connect;
use crate::{Cluster, Monitor, Target};

/// A session is counted by several tasks while its slot moves from node to node: no operation
/// fails, and the counts are distinct and gapless. Sessions of other slots are where they were.
pub async fn a_slot_is_followed_while_it_moves(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let subject = Subject::with(connect, &cluster, |target| target).await;
    let sessions = subject.session_per_node(&cluster).await;
    let id = sessions.get(&0).expect("a session per node").clone();
    let slot = subject.slot(&id);
    let (tell, is_over) = tokio::sync::watch::channel(false);
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (backend, id, is_over) = (subject.backend.clone(), id.clone(), is_over.clone());
        writers.spawn(async move {
            let mut values = Vec::new();
            while !*is_over.borrow() {
                let value = count(&*backend, &id).await.expect("it is followed");
                values.push(value.expect("the session lives"));
            }
            values
        });
    }
    for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        let a_while = || tokio::time::sleep(Duration::from_millis(50));
        a_while().await;
        cluster.begin_move(slot, from, to).await;
        a_while().await;
        // From here on the old owner says where the session is.
        cluster.move_keys(slot, from, to).await;
        a_while().await;
        cluster.end_move(slot, to).await;
    }
    tell.send(true).expect("the writers listen");
    let mut values: Vec<i64> = writers.join_all().await.into_iter().flatten().collect();
    values.sort_unstable();
    println!("{} counts while the slot moved three times", values.len());
    let expected = (2..).take(values.len());
    assert!(expected.eq(values), "distinct and gapless");
    for id in sessions.values() {
        let found = subject.backend.get_session(id).await;
        assert!(found.expect("it reads").is_some());
    }
}

/// A session whose slot is migrating cannot be renamed by any script: its rotation fails, nothing
/// is changed, and it works when the slot has arrived.
pub async fn a_rotation_waits_for_its_slot(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let subject = Subject::new(connect, &cluster).await;
    let backend = &*subject.backend;
    let id = subject.session_on(&cluster, 2).await;
    let slot = subject.slot(&id);
    let rotate = || backend.rotate_session(&id, Delta::new());
    cluster.begin_move(slot, 2, 0).await;
    for has_moved in [false, true] {
        if has_moved {
            cluster.move_keys(slot, 2, 0).await;
        }
        assert_refused(rotate().await, ErrorKind::Unavailable);
        assert!(backend.get_session(&id).await.expect("it reads").is_some());
    }
    cluster.end_move(slot, 0).await;
    let rotated = until_well("the slot has arrived", rotate).await;
    assert_eq!(subject.slot(&rotated.expect("it lives").id), slot);
}

/// A deletion by an old id ends the session while their slot moves, whichever of the two keys has
/// arrived; of a session that has ended it comes back.
pub async fn a_deletion_follows_into_a_slot_that_moves(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let subject = Subject::with(connect, &cluster, |target| target).await;
    let backend = &*subject.backend;
    for moves_old in [true, false] {
        for is_bound in [true, false] {
            let old = subject.session_on(&cluster, 2).await;
            if is_bound {
                let bound = backend.update_session(&old, Delta::new().bind(ann())).await;
                assert!(bound.expect("a reply").is_some());
            }
            let rotated = backend.rotate_session(&old, Delta::new()).await;
            let new = rotated.expect("a reply").expect("it lives").id;
            let slot = subject.slot(&old);
            cluster.begin_move(slot, 2, 0).await;
            let moved = if moves_old { &old } else { &new };
            let key = subject.keys.session(moved);
            cluster.move_key(&key, 2, 0).await;
            for is_there in [true, false] {
                let deleted = backend.delete_session(&old).await.expect("a reply");
                assert_eq!(deleted, is_there, "{moves_old} {is_bound}");
                assert_eq!(backend.peek_session(&new).await.expect("a reply"), None);
            }
            let listed = backend.list_sessions(&ann()).await.expect("a list");
            assert_eq!(listed.len(), 0);
            cluster.move_keys(slot, 2, 0).await;
            cluster.end_move(slot, 0).await;
        }
    }
}

/// An unbound session, its id stored plainly or hashed, is rotated again and again by one call
/// each: all nodes are watched, and none sees anything else. It stays in its slot. A bound one
/// needs three calls more.
pub async fn rotations_stay_in_their_slot_and_take_one_call(connect: Connect) {
    const ROTATIONS: usize = 100;
    let cluster = Cluster::start(3).await;
    teach_scripts(&cluster).await;
    for storage in [IdStorage::Plain, IdStorage::Hashed] {
        let subject = Subject::with(connect, &cluster, |target| Target { storage, ..target }).await;
        // The backend gets to know the nodes.
        subject.session_per_node(&cluster).await;
        let backend = &*subject.backend;
        for (created, calls) in [(create(backend).await, 1), (log_in(backend).await, 4)] {
            let mut id = created.id;
            let slot = subject.slot(&id);
            let mut monitors = Vec::new();
            for node in cluster.nodes() {
                monitors.push(Monitor::start(node).await);
            }
            for _ in 0..ROTATIONS {
                let delta = Delta::new().increment(name("turns"), 1);
                let rotated = backend.rotate_session(&id, delta).await.expect("a reply");
                id = rotated.expect("the session lives").id;
                assert_eq!(subject.slot(&id), slot, "{storage:?}");
            }
            let mut seen = 0;
            for monitor in &mut monitors {
                // The calls of scripts: not what they call, nor what a fresh connection asks first.
                let commands = monitor.take().await.into_iter();
                seen += commands.filter(|it| it.name() == "EVALSHA").count();
            }
            assert_eq!(seen, calls * ROTATIONS, "{storage:?}");
        }
    }
}
