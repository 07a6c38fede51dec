//! Slots that move to another node while they are used.

use std::time::Duration;

use session_core::{Delta, Effect, ErrorKind, SessionBackend};

use super::Subject;
use crate::Cluster;
use crate::checks::{create, name, until_well};
use crate::harness::Connect;

/// A session is counted by several tasks while its slot moves from node to node: no operation fails, and the
/// counts are distinct and gapless. Sessions of other slots are where they were.
///
/// # Panics
/// When one fails, or counts are lost or doubled.
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
                let value = backend.increment_field(&id, name("page_views"), 1).await;
                values.push(value.expect("it is followed").expect("the session lives"));
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
    for (expected, value) in (2..).zip(&values) {
        assert_eq!(*value, expected, "distinct and gapless");
    }
    for id in sessions.values() {
        let found = subject.backend.get_session(id).await.expect("it reads");
        assert!(found.is_some());
    }
}

/// A session whose slot is on its way cannot be renamed by any script: its rotation is told so, unchanged, and
/// works when the slot has arrived.
///
/// # Panics
/// When it does not.
pub async fn a_rotation_waits_for_its_slot(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let subject = Subject::new(connect, &cluster).await;
    let backend = &*subject.backend;
    let id = subject.session_on(&cluster, 2).await;
    let slot = subject.slot(&id);
    cluster.begin_move(slot, 2, 0).await;
    for has_moved in [false, true] {
        if has_moved {
            cluster.move_keys(slot, 2, 0).await;
        }
        let error = backend.rotate_session(&id, Delta::new()).await;
        let error = error.expect_err("the slot is on its way");
        let told = (error.kind(), error.effect());
        assert_eq!(
            told,
            (ErrorKind::Unavailable, Effect::NotApplied),
            "{error:?}"
        );
        assert!(backend.get_session(&id).await.expect("it reads").is_some());
    }
    cluster.end_move(slot, 0).await;
    let rotated = until_well("the slot has arrived", || {
        backend.rotate_session(&id, Delta::new())
    })
    .await;
    let rotated = rotated.expect("the session lives").id;
    assert_eq!(subject.slot(&rotated), slot);
    create(backend).await;
}
