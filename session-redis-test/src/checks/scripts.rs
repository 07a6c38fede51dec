//! Scripts that a server does not know.

use std::time::Duration;

use session_core::{SessionBackend, SessionId};
use tokio::task::JoinSet;

use super::{Subject, backend, count, create};
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
    count_while_scripts_are_forgotten(&subject, std::slice::from_ref(&server), vec![id]).await;
}

/// The same on the nodes of a cluster, under load.
pub async fn an_unknown_script_is_run_exactly_once_on_a_cluster(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let subject = Subject::with(connect, &cluster, |target| target).await;
    let ids = subject.session_per_node(&cluster).await.into_values();
    count_while_scripts_are_forgotten(&subject, cluster.nodes(), ids.collect()).await;
}

async fn count_while_scripts_are_forgotten(
    subject: &Subject,
    servers: &[RedisServer],
    ids: Vec<SessionId>,
) {
    const WRITERS: usize = 16;
    const EACH: i64 = 125;
    let mut writers = JoinSet::new();
    for (writer, id) in (0..WRITERS).zip(ids.iter().cycle()) {
        let (backend, id) = (subject.backend.clone(), id.clone());
        writers.spawn(async move {
            let mut values = Vec::new();
            for _ in 0..EACH {
                let value = count(&*backend, &id).await.expect("it counts");
                values.push((id.clone(), value.expect("the session lives")));
            }
            (writer, values)
        });
    }
    let mut values = Vec::new();
    let pause = Duration::from_millis(2);
    loop {
        match tokio::time::timeout(pause, writers.join_next()).await {
            Ok(Some(ended)) => values.extend(ended.expect("a writer").1),
            Ok(None) => break,
            Err(_) => {
                for server in servers {
                    server.ask::<()>("SCRIPT FLUSH").await;
                }
            }
        }
    }
    for id in ids {
        let of_id = values.iter().filter(|(of, _)| *of == id);
        let mut of_id: Vec<i64> = of_id.map(|(_, value)| *value).collect();
        of_id.sort_unstable();
        let expected = (2..).take(of_id.len());
        assert!(expected.eq(of_id), "distinct and gapless");
    }
}
