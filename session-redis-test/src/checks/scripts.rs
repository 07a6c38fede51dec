//! Scripts that a server does not know.

use std::time::Duration;

use session_core::{SessionBackend, SessionId};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Subject, backend, count, create, views};
use crate::harness::Connect;
use crate::{Cluster, Proxy, RedisServer};

/// The server forgets its scripts (restart, failover, `SCRIPT FLUSH`): the next call of each costs
/// one round trip more, and happens exactly once; also when they are forgotten again and again
/// under load.
pub async fn an_unknown_script_is_run_exactly_once(connect: Connect) {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let backend = backend(connect, proxy.url());
    let id = create(&*backend).await.id;
    for (is_known, views) in [(false, 2), (true, 3), (false, 4)] {
        if !is_known {
            server.ask::<()>("SCRIPT FLUSH").await;
        }
        proxy.reset();
        assert_eq!(count(&*backend, &id).await.expect("a count"), Some(views));
        assert_eq!(proxy.bursts(), if is_known { 1 } else { 2 });
    }
    server.ask::<()>("SCRIPT FLUSH").await;
    proxy.reset();
    assert!(backend.get_session(&id).await.expect("it reads").is_some());
    assert_eq!(proxy.bursts(), 2);

    let subject = Subject::at(connect, server.url());
    let id = create(&*subject.backend).await.id;
    count_while_scripts_are_forgotten(&subject, &[server], [id].into_iter()).await;
}

/// The same on the nodes of a cluster, under load.
pub async fn an_unknown_script_is_run_exactly_once_on_a_cluster(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let subject = Subject::with(connect, &cluster, |target| target).await;
    let ids = subject.session_per_node(&cluster).await.into_values();
    count_while_scripts_are_forgotten(&subject, cluster.nodes(), ids).await;
}

async fn count_while_scripts_are_forgotten(
    subject: &Subject,
    servers: &[RedisServer],
    ids: impl Iterator<Item = SessionId>,
) {
    const WRITERS: i64 = 8;
    const EACH: i64 = 125;
    let ids: Vec<SessionId> = ids.collect();
    let mut writers = JoinSet::new();
    for id in &ids {
        for _ in 0..WRITERS {
            let (backend, id) = (subject.backend.clone(), id.clone());
            writers.spawn(async move {
                for _ in 0..EACH {
                    let counted = count(&*backend, &id).await.expect("it counts");
                    assert!(counted.is_some(), "the session lives");
                }
            });
        }
    }
    let pause = Duration::from_millis(2);
    loop {
        match timeout(pause, writers.join_next()).await {
            Ok(Some(ended)) => ended.expect("a writer"),
            Ok(None) => break,
            Err(_) => {
                for server in servers {
                    server.ask::<()>("SCRIPT FLUSH").await;
                }
            }
        }
    }
    for id in &ids {
        let views = views(&*subject.backend, id).await.expect("it reads");
        assert_eq!(views, Some(WRITERS * EACH + 1));
    }
}
