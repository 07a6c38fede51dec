//! The backend through the `redis` crate, tested as every backend on Redis is.

#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::SessionBackend as _;
use session_redis_rs::RedisRsBackend;
use session_redis_rs::redis::Client;
use session_redis_test::{
    Connected, RedisServer, Target, backend_tests, key_format_tests, near_cache_tests,
};

/// The backend for this target, and its admin API.
fn connect(target: Target) -> Connected {
    let builder = RedisRsBackend::builder(target.url)
        .key_prefix(target.prefix)
        .id_storage(target.storage)
        .policy(target.policy)
        .deadline(target.deadline)
        .eviction(target.eviction)
        .script_slots(target.script_slots);
    let builder = match target.observer {
        Some(observer) => builder.observer(observer),
        None => builder,
    };
    let builder = match target.credentials {
        Some(provider) => builder.credentials(provider),
        None => builder,
    };
    let builder = match target.near_cache {
        Some(near_cache) => builder.near_cache(near_cache),
        None => builder,
    };
    let backend = builder.build().expect("the target can be used");
    let admin = Arc::new(backend.admin());
    let backend = Arc::new(backend);
    Connected { backend, admin }
}

/// Connections of the application's heal by their own rules: a manager does, a multiplexed one does
/// not.
async fn given_connections_heal_by_their_own_rules() {
    let mut server = RedisServer::start().await;
    let client = Client::open(server.url()).expect("a URL");
    let manager = client.get_connection_manager().await;
    let multiplexed = client.get_multiplexed_async_connection().await;
    let manager = RedisRsBackend::from_connection(manager.expect("a connection"));
    let multiplexed = RedisRsBackend::from_connection(multiplexed.expect("a connection"));
    for backend in [&manager, &multiplexed] {
        backend.ping().await.expect("it is connected");
    }
    server.restart().await;
    let began = Instant::now();
    while let Err(error) = manager.ping().await {
        assert!(began.elapsed() < Duration::from_secs(10), "{error:?}");
    }
    multiplexed.ping().await.expect_err("nobody connects it");
}

fn main() -> ExitCode {
    let runner = key_format_tests(backend_tests(connect), connect);
    near_cache_tests(runner, connect)
        .test(
            "given::connections_heal_by_their_own_rules",
            given_connections_heal_by_their_own_rules,
        )
        .run()
}
