//! Answers of nodes that do not come, and scripts that nodes do not know.

use session_core::{Delta, Effect, SessionBackend, SessionId};

use super::Subject;
use crate::checks::{name, until_well};
use crate::harness::Connect;
use crate::{Cluster, Mode};

/// The connection to a node breaks after the node got the command and before its answer came: the error says
/// that the effect is unknown, the command was carried out once, and the backend goes on.
///
/// # Panics
/// When it does not.
pub async fn a_lost_answer_of_a_node_is_unknown_and_nothing_is_sent_twice(connect: Connect) {
    let (cluster, proxies) = Cluster::start_behind_proxies(3).await;
    let subject = Subject::new(connect, &cluster).await;
    let backend = &*subject.backend;
    let sessions = subject.session_per_node(&cluster).await;
    const ROUNDS: usize = 10;
    let mut lost = 0;
    for round in 0..ROUNDS {
        for (node, id) in &sessions {
            let proxy = proxies.get(*node).expect("a proxy per node");
            let before = until_well("count", || count(backend, id)).await;
            proxy.set(Mode::CutBeforeReply);
            let answer = count(backend, id).await;
            proxy.set(Mode::Pass);
            let after = until_well("read", || views(backend, id)).await;
            let counted = after.zip(before).map(|(after, before)| after - before);
            let counted = counted.expect("the session lives");
            let expected = match answer.map_err(|error| error.effect()) {
                Ok(_) => 1..=1,
                Err(Effect::NotApplied) => 0..=0,
                Err(Effect::Unknown) => {
                    lost += 1;
                    0..=1
                }
            };
            assert!(
                expected.contains(&counted),
                "round {round}, node {node}: {counted}"
            );
        }
    }
    // The cut can strike the making of a connection instead; mostly it strikes the answer.
    assert!(
        lost > ROUNDS * sessions.len() / 2,
        "{lost} answers were lost"
    );
}

/// Nodes forget their scripts: each call is carried out exactly once.
///
/// # Panics
/// When one is not.
pub async fn scripts_that_a_node_does_not_know_are_run_exactly_once(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let subject = Subject::with(connect, &cluster, |target| target).await;
    let sessions = subject.session_per_node(&cluster).await;
    const WRITERS: usize = 4;
    const EACH: i64 = 50;
    let mut writers = tokio::task::JoinSet::new();
    for id in sessions.values() {
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
    let mut flushes = 0;
    loop {
        tokio::select! {
            ended = writers.join_next() => match ended {
                Some(ended) => ended.expect("a writer"),
                None => break,
            },
            () = tokio::time::sleep(std::time::Duration::from_millis(3)) => {
                for node in cluster.nodes() {
                    let flush = redis::cmd("SCRIPT").arg("FLUSH").to_owned();
                    let () = flush.query_async(&mut node.connection().await).await.expect("SCRIPT FLUSH");
                }
                flushes += 1;
            }
        }
    }
    let total = i64::try_from(WRITERS).expect("a small number") * EACH + 1;
    for id in sessions.values() {
        let views = views(&*subject.backend, id).await.expect("it reads");
        assert_eq!(views, Some(total), "after {flushes} flushes");
    }
}

async fn count(backend: &dyn SessionBackend, id: &SessionId) -> session_core::Result<Option<i64>> {
    backend.increment_field(id, name("page_views"), 1).await
}

async fn views(backend: &dyn SessionBackend, id: &SessionId) -> session_core::Result<Option<i64>> {
    let written = backend
        .update_session(id, Delta::new().returning_record())
        .await?;
    let record = written.and_then(|written| written.record);
    let text = record
        .as_ref()
        .and_then(|record| record.fields().get_str("page_views"));
    Ok(text.and_then(|text| text.parse().ok()))
}
