//! Replies that do not come.

use session_core::{Effect, SessionBackend, SessionId};

use super::{Subject, backend, count, create, until_well, views};
use crate::harness::Connect;
use crate::{Cluster, Mode, Proxy, RedisServer};

/// The connection breaks after the server got the command and before its reply came: the error says
/// that the effect is unknown, the command was carried out at most once, and the backend goes on.
pub async fn a_lost_reply_is_unknown_and_nothing_is_sent_twice(connect: Connect) {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let backend = backend(connect, proxy.url());
    let id = create(&*backend).await.id;
    lose_replies(&*backend, &proxy, &id).await;
    proxy.set(Mode::CutBeforeReply);
    let error = backend.peek_session(&id).await.expect_err("no reply came");
    assert_eq!(error.effect(), Effect::NotApplied, "a peek changes nothing");
}

/// The same on a cluster: it is one node's connection that breaks.
pub async fn a_lost_reply_of_a_node_is_unknown_and_nothing_is_sent_twice(connect: Connect) {
    let (cluster, proxies) = Cluster::start_behind_proxies(3).await;
    let subject = Subject::new(connect, &cluster).await;
    let sessions = subject.session_per_node(&cluster).await;
    for (proxy, id) in proxies.iter().zip(sessions.values()) {
        lose_replies(&*subject.backend, proxy, id).await;
    }
}

async fn lose_replies(backend: &dyn SessionBackend, proxy: &Proxy, id: &SessionId) {
    const ROUNDS: i64 = 20;
    let mut carried_out = 0;
    for round in 0..ROUNDS {
        let before = until_well("count", || count(backend, id)).await;
        proxy.set(Mode::CutBeforeReply);
        let result = count(backend, id).await;
        proxy.set(Mode::Pass);
        let after = until_well("read", || views(backend, id)).await;
        let counted = after.zip(before).map(|(after, before)| after - before);
        let counted = counted.expect("the session lives");
        let expected = match result.map_err(|error| error.effect()) {
            Ok(_) => 1..=1,
            Err(Effect::NotApplied) => 0..=0,
            Err(Effect::Unknown) => {
                carried_out += counted;
                0..=1
            }
        };
        assert!(expected.contains(&counted), "round {round}: {counted}");
    }
    // The cut can strike the making of a connection instead; mostly it strikes the reply.
    assert!(carried_out > ROUNDS / 2, "{carried_out} of {ROUNDS}");
}
