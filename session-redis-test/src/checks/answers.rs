//! Answers that do not come, and scripts that the server does not know.

use std::time::Duration;

use session_core::{Delta, Effect, SessionBackend};

use super::{backend, create, name, until_well};
use crate::harness::Connect;
use crate::{Mode, Proxy, RedisServer};

/// The server forgets its scripts (restart, failover, `SCRIPT FLUSH`): the next call of each costs one
/// round trip more, and happens exactly once; also when they are forgotten again and again under load.
///
/// # Panics
/// When it does not.
pub async fn an_unknown_script_is_run_exactly_once(connect: Connect) {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let backend = backend(connect, proxy.url());
    let id = create(&*backend).await.id;
    let mut admin = server.connection().await;
    let flush = || redis::cmd("SCRIPT").arg("FLUSH").to_owned();
    for (views, loaded) in [(2, false), (3, true), (4, false)] {
        if !loaded {
            let () = flush().query_async(&mut admin).await.expect("SCRIPT FLUSH");
        }
        proxy.reset();
        let counted = backend
            .increment_field(&id, name("page_views"), 1)
            .await
            .expect("it counts");
        assert_eq!(counted, Some(views));
        assert_eq!(proxy.bursts(), if loaded { 1 } else { 2 });
    }
    let () = flush().query_async(&mut admin).await.expect("SCRIPT FLUSH");
    proxy.reset();
    assert!(backend.get_session(&id).await.expect("it reads").is_some());
    assert_eq!(proxy.bursts(), 2);

    const WRITERS: i64 = 16;
    const EACH: i64 = 125;
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        let (backend, id) = (backend.clone(), id.clone());
        writers.spawn(async move {
            let mut values = Vec::new();
            for _ in 0..EACH {
                values.push(
                    backend
                        .increment_field(&id, name("page_views"), 1)
                        .await
                        .expect("it counts"),
                );
            }
            values
        });
    }
    let mut values = Vec::new();
    loop {
        tokio::select! {
            finished = writers.join_next() => match finished {
                Some(of_writer) => values.extend(of_writer.expect("a writer")),
                None => break,
            },
            () = tokio::time::sleep(Duration::from_millis(2)) => {
                let () = flush().query_async(&mut admin).await.expect("SCRIPT FLUSH");
            }
        }
    }
    values.sort_unstable();
    assert!(
        values.into_iter().eq((5..5 + WRITERS * EACH).map(Some)),
        "distinct and gapless"
    );
}

/// The connection breaks after the server got the command and before its answer came: the error says
/// that the effect is unknown, the command was carried out once, and the backend goes on.
///
/// # Panics
/// When it does not.
pub async fn a_lost_answer_is_unknown_and_nothing_is_sent_twice(connect: Connect) {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let backend = backend(connect, proxy.url());
    let id = create(&*backend).await.id;
    const ROUNDS: usize = 20;
    let mut carried_out = 0;
    for round in 0..ROUNDS {
        let before = until_well("count", || {
            backend.increment_field(&id, name("page_views"), 1)
        })
        .await;
        let before = before.expect("the session lives");
        proxy.set(Mode::CutBeforeReply);
        let error = backend
            .increment_field(&id, name("page_views"), 1)
            .await
            .expect_err("no answer came");
        proxy.set(Mode::Pass);
        let after = until_well("read", || {
            backend.update_session(&id, Delta::new().returning_record())
        })
        .await;
        let record = after
            .and_then(|written| written.record)
            .expect("the session lives");
        let text = record.fields().get_str("page_views").expect("a counter");
        let counted = text.parse::<i64>().expect("a number") - before;
        match error.effect() {
            Effect::NotApplied => assert_eq!(counted, 0, "round {round}: {error:?}"),
            Effect::Unknown => assert!((0..=1).contains(&counted), "round {round}: {counted}"),
        }
        carried_out += usize::try_from(counted).expect("0 or 1");
    }
    proxy.set(Mode::CutBeforeReply);
    let error = backend.peek_session(&id).await.expect_err("no answer came");
    assert_eq!(error.effect(), Effect::NotApplied, "a peek changes nothing");
    // The cut can strike the making of a connection instead; mostly it strikes the answer.
    assert!(carried_out > ROUNDS / 2, "{carried_out} of {ROUNDS}");
}
