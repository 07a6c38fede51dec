//! Nodes that are away.

use std::time::{Duration, Instant};

use session_core::{Effect, Error, ErrorKind, SessionBackend, SessionId};

use super::Subject;
use crate::Cluster;
use crate::checks::{DEADLINE, create, name, until_well};
use crate::harness::Connect;

/// What a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(2);

fn assert_away(error: &Error) {
    let kinds = [ErrorKind::Unavailable, ErrorKind::Timeout];
    assert!(kinds.contains(&error.kind()), "{error:?}");
}

/// A killed master: operations on its slots fail within the deadline, and at once when it is known to be away;
/// those on other slots go on, and so does `ping`. When it is back it is used again.
///
/// # Panics
/// When they do not.
pub async fn a_killed_master_stops_its_slots_only(connect: Connect) {
    let mut cluster = Cluster::start(3).await;
    cluster.serve_in_parts().await;
    let subject = Subject::new(connect, &cluster).await;
    let backend = &*subject.backend;
    let sessions = subject.session_per_node(&cluster).await;
    for victim in 0..3 {
        let lost = sessions.get(&victim).expect("a session per node").clone();
        cluster.node_mut(victim).kill();
        let began = Instant::now();
        let error = count(backend, &lost).await.expect_err("its node is away");
        assert_away(&error);
        assert!(
            began.elapsed() < DEADLINE + SLACK,
            "took {:?}",
            began.elapsed()
        );
        // Some of these are waited for, until it is known that it is in vain.
        for _ in 0..3 {
            assert_away(&count(backend, &lost).await.expect_err("its node is away"));
        }
        let began = Instant::now();
        for _ in 0..20 {
            let error = count(backend, &lost).await.expect_err("its node is away");
            assert_away(&error);
            assert_eq!(error.effect(), Effect::NotApplied, "{error:?}");
        }
        let took = began.elapsed() / 20;
        println!("node {victim} killed: known to be away after {took:?}");
        assert!(
            took < DEADLINE / 5,
            "a node known to be away is waited for: {took:?}"
        );
        for (node, id) in &sessions {
            for _ in 0..30 {
                if *node != victim {
                    let read = until_counted_on(backend, id).await;
                    assert!(read < DEADLINE, "node {node}: {read:?}");
                }
            }
        }
        backend.ping().await.expect("two nodes answer");

        cluster.node_mut(victim).restart().await;
        cluster.wait_until_usable().await;
        cluster.serve_in_parts().await;
        let found = until_well("the node is back", || backend.peek_session(&lost)).await;
        assert_eq!(found, None, "it has lost its data");
        let back = subject.session_on(&cluster, victim).await;
        assert_eq!(count(backend, &back).await.expect("it counts"), Some(2));
        if victim < 2 {
            // The next one to be lost needs none of the lost one's sessions.
            assert!(sessions.contains_key(&(victim + 1)));
        }
    }
}

/// How long it takes to use a session on a node that is well.
async fn until_counted_on(backend: &dyn SessionBackend, id: &SessionId) -> Duration {
    let began = Instant::now();
    backend
        .get_session(id)
        .await
        .expect("the other slots are served");
    began.elapsed()
}

/// A node that hangs: operations on its slots time out within the deadline; those on other slots are not
/// slower for it, though the cluster's map is asked for meanwhile. When it goes on it is used again, and
/// what was counted meanwhile is known or was told to be unknown.
///
/// # Panics
/// When they do not.
pub async fn a_hanging_node_stops_its_slots_only(connect: Connect) {
    let mut cluster = Cluster::start(3).await;
    cluster.serve_in_parts().await;
    let subject = Subject::new(connect, &cluster).await;
    let sessions = subject.session_per_node(&cluster).await;
    let stuck = sessions.get(&1).expect("a session per node").clone();
    cluster.node_mut(1).pause();
    let hanging = tokio::spawn({
        let (backend, stuck) = (subject.backend.clone(), stuck.clone());
        async move {
            for _ in 0..4 {
                let began = Instant::now();
                let error = count(&*backend, &stuck).await.expect_err("its node hangs");
                assert_away(&error);
                assert!(
                    began.elapsed() < DEADLINE + SLACK,
                    "took {:?}",
                    began.elapsed()
                );
            }
        }
    });
    let mut slowest = Duration::ZERO;
    while !hanging.is_finished() {
        for node in [0, 2] {
            let id = sessions.get(&node).expect("a session per node");
            slowest = slowest.max(until_counted_on(&*subject.backend, id).await);
        }
    }
    hanging.await.expect("errors in time");
    println!("the slowest operation on another node took {slowest:?}");
    assert!(
        slowest < DEADLINE / 2,
        "another node's slots waited: {slowest:?}"
    );
    cluster.node_mut(1).resume();
    cluster.wait_until_usable().await;
    let views = until_well("it goes on", || count(&*subject.backend, &stuck)).await;
    // One, what was counted while it hung, and the last one.
    assert!(
        (2..=6).contains(&views.expect("the session lives")),
        "{views:?}"
    );
}

/// A master whose replica takes over: the sessions are there, and used, at the replica.
///
/// # Panics
/// When they are not.
pub async fn a_failover_is_followed(connect: Connect) {
    let mut cluster = Cluster::start(3).await;
    cluster.add_replica(0).await;
    let subject = Subject::new(connect, &cluster).await;
    let backend = &*subject.backend;
    let id = subject.session_on(&cluster, 0).await;
    let mut wait = redis::cmd("WAIT");
    wait.arg(1).arg(5000);
    let mut admin = cluster.node(0).connection().await;
    let replicas: i64 = wait.query_async(&mut admin).await.expect("WAIT");
    assert_eq!(replicas, 1, "the replica has the session");
    cluster.node_mut(0).kill();
    let began = Instant::now();
    assert_away(&count(backend, &id).await.expect_err("the master is away"));
    let views = until_well("the replica serves", || count(backend, &id)).await;
    println!("the failover was followed within {:?}", began.elapsed());
    assert_eq!(views, Some(2));
}

/// A cluster that is away when the backend is built: told so, and used once it is up.
///
/// # Panics
/// When it is not.
pub async fn a_cluster_that_comes_up_is_used(connect: Connect) {
    let mut cluster = Cluster::start(3).await;
    for node in 0..3 {
        cluster.node_mut(node).kill();
    }
    let subject = Subject::new(connect, &cluster).await;
    let backend = &*subject.backend;
    let id = SessionId::random().expect("an id");
    for _ in 0..3 {
        let began = Instant::now();
        assert_away(&backend.ping().await.expect_err("there is no cluster"));
        let error = count(backend, &id).await.expect_err("there is no cluster");
        assert_away(&error);
        assert_eq!(error.effect(), Effect::NotApplied, "{error:?}");
        assert!(began.elapsed() < 2 * DEADLINE + SLACK);
    }
    for node in 0..3 {
        cluster.node_mut(node).restart().await;
    }
    cluster.wait_until_usable().await;
    until_well("the cluster is up", || backend.ping()).await;
    until_well("the cluster serves", || count(backend, &id)).await;
    create(backend).await;
}

/// With the last of a backend go its connections to all nodes.
///
/// # Panics
/// When they do not.
pub async fn dropped_backends_leave_no_connections(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let mut admins = Vec::new();
    for node in cluster.nodes() {
        admins.push(node.connection().await);
    }
    let subject = Subject::new(connect, &cluster).await;
    subject.session_per_node(&cluster).await;
    drop(subject);
    for admin in &mut admins {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let mut list = redis::cmd("CLIENT");
            list.arg("LIST").arg("TYPE").arg("normal");
            let clients: String = list.query_async(admin).await.expect("CLIENT LIST");
            if clients.lines().count() == 1 {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "connections are left:\n{clients}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn count(backend: &dyn SessionBackend, id: &SessionId) -> session_core::Result<Option<i64>> {
    backend.increment_field(id, name("page_views"), 1).await
}
