//! Nodes that are away.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use session_core::{Effect, Error, ErrorKind, NewSession, SessionId};

use super::Subject;
use crate::Cluster;
use crate::checks::{DEADLINE, count, fields, until_well};
use crate::harness::Connect;

/// What a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(2);

fn assert_away(error: &Error) {
    let kinds = [ErrorKind::Unavailable, ErrorKind::Timeout];
    assert!(kinds.contains(&error.kind()), "{error:?}");
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
    // Each node by itself.
    let new = || backend.create_session(NewSession::new(fields()));
    until_well("all nodes serve", || async {
        try_join_all((0..8).map(|_| new())).await
    })
    .await;
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
