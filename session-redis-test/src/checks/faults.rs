//! Servers that are away, and ways that swallow everything.

use std::future::Future;
use std::time::{Duration, Instant};

use session_core::{Effect, ErrorKind, SessionBackend, SessionId};

use super::{DEADLINE, backend, create, name, until_well};
use crate::harness::Connect;
use crate::{Mode, Proxy, RedisServer};

/// What a busy machine may add to it. Far less than a client's own idea of waiting: nine seconds, or for ever.
const SLACK: Duration = Duration::from_secs(4);

/// Whatever the server or the way to it does, every operation ends: within the deadline.
///
/// # Panics
/// When one does not.
pub async fn every_operation_ends_within_its_deadline(connect: Connect) {
    let mut server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let backend = backend(connect, proxy.url());
    let id = create(&*backend).await.id;

    server.pause();
    ends_in_time("a stopped server", || backend.get_session(&id)).await;
    server.resume();
    until_well("after the stop", || backend.get_session(&id)).await;

    for mode in [
        Mode::Blackhole,
        Mode::DropReplies,
        Mode::DelayReplies(Duration::from_secs(5)),
        Mode::Refuse,
    ] {
        let what = format!("{mode:?}");
        proxy.set(mode);
        if what == "Refuse" {
            proxy.cut_all().await;
        }
        ends_in_time(&what, || {
            backend.increment_field(&id, name("page_views"), 1)
        })
        .await;
        proxy.set(Mode::Pass);
        // The lost part of a connection stays lost: a way that works again is a new one.
        proxy.cut_all().await;
        until_well(&what, || backend.get_session(&id)).await;
    }
}

async fn ends_in_time<T, F>(what: &str, operation: impl Fn() -> F)
where
    F: Future<Output = session_core::Result<T>>,
{
    for _ in 0..3 {
        let began = Instant::now();
        let ended = operation().await;
        let took = began.elapsed();
        assert!(took <= DEADLINE + SLACK, "{what}: took {took:?}");
        let error = ended
            .err()
            .unwrap_or_else(|| panic!("{what}: it cannot have succeeded"));
        let kinds = [ErrorKind::Timeout, ErrorKind::Unavailable];
        assert!(kinds.contains(&error.kind()), "{what}: {error:?}");
    }
}

/// A backend can be built while the server is away; it says so, changes nothing, and works once the
/// server is there.
///
/// # Panics
/// When it does not.
pub async fn starts_without_a_server(connect: Connect) {
    let mut server = RedisServer::start().await;
    server.kill();
    let backend = backend(connect, server.url());
    for _ in 0..3 {
        let error = backend.ping().await.expect_err("there is no server");
        assert!(
            [ErrorKind::Unavailable, ErrorKind::Timeout].contains(&error.kind()),
            "{error:?}"
        );
    }
    let id = SessionId::random().expect("an id");
    let error = backend
        .increment_field(&id, name("page_views"), 1)
        .await
        .expect_err("there is no server");
    assert_eq!(
        (error.kind(), error.effect()),
        (ErrorKind::Unavailable, Effect::NotApplied),
        "{error:?}"
    );
    server.restart().await;
    until_well("the server is there", || backend.ping()).await;
    create(&*backend).await;
}

/// A server that was killed and comes back empty: operations fail quickly meanwhile, then go on, and
/// the sessions are gone without an error.
///
/// # Panics
/// When it does not.
pub async fn a_server_that_comes_back_is_used_again(connect: Connect) {
    let mut server = RedisServer::start().await;
    let backend = backend(connect, server.url());
    let id = create(&*backend).await.id;
    for _ in 0..3 {
        server.kill();
        let error = backend
            .get_session(&id)
            .await
            .expect_err("the server is away");
        assert!(
            [ErrorKind::Unavailable, ErrorKind::Timeout].contains(&error.kind()),
            "{error:?}"
        );
        let began = Instant::now();
        for _ in 0..5 {
            backend
                .get_session(&id)
                .await
                .expect_err("the server is away");
        }
        assert!(
            began.elapsed() < DEADLINE + SLACK,
            "a server known to be away is not waited for"
        );
        server.restart().await;
        let found = until_well("the server is back", || backend.get_session(&id)).await;
        assert_eq!(found, None);
    }
}
