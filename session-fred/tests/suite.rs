//! The backend through the `fred` crate, tested as every backend on Redis is.

#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{ErrorKind, SessionBackend as _};
use session_fred::fred::interfaces::ClientLike as _;
use session_fred::fred::types::Builder;
use session_fred::fred::types::config::{Config, ReconnectPolicy};
use session_fred::{FredBackend, NearCache, NearCacheRefused};
use session_redis_test::{Connected, RedisServer, Target, backend_tests};

/// The backend for this target, and its admin API.
fn connect(target: Target) -> Connected {
    let builder = FredBackend::builder(target.url)
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

/// Clients of the application's heal by their own policy, if they have one.
async fn given_clients_heal_by_their_own_policy() {
    let mut server = RedisServer::start().await;
    let config = Config::from_url(&server.url()).expect("a URL");
    let mut backends = Vec::new();
    for policy in [Some(ReconnectPolicy::new_constant(0, 10)), None] {
        let mut builder = Builder::from_config(config.clone());
        builder.with_connection_config(|connection| connection.max_command_attempts = 1);
        if let Some(policy) = policy {
            builder.set_policy(policy);
        }
        let client = builder.build().expect("a client");
        client.init().await.expect("a connection");
        backends.push(FredBackend::from_client(client).expect("it sends commands once"));
    }
    for backend in &backends {
        backend.ping().await.expect("it is connected");
    }
    server.restart().await;
    let [healing, other] = backends.try_into().expect("two");
    let began = Instant::now();
    while let Err(error) = healing.ping().await {
        assert!(began.elapsed() < Duration::from_secs(10), "{error:?}");
    }
    other.ping().await.expect_err("nobody connects it");
}

/// Its channel of pushes may lose some.
async fn a_near_cache_is_refused_by_name() {
    let builder = FredBackend::builder("redis://127.0.0.1:1").near_cache(NearCache::default());
    let error = builder.build().expect_err("it cannot have one");
    assert_eq!(error.kind(), ErrorKind::Config);
    let why = std::error::Error::source(&error)
        .expect("a reason")
        .to_string();
    assert_eq!(why, NearCacheRefused::Client.to_string());
}

fn main() -> ExitCode {
    backend_tests(connect)
        .test(
            "given::clients_heal_by_their_own_policy",
            given_clients_heal_by_their_own_policy,
        )
        .test(
            "near_cache::is_refused_by_name",
            a_near_cache_is_refused_by_name,
        )
        .run()
}
