//! The backend through the `redis` crate, tested as every backend on Redis is.

#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::process::ExitCode;
use std::sync::Arc;

use session_redis_rs::RedisRsBackend;
use session_redis_test::{Connected, Target, backend_tests};

/// The backend for this target, and its admin API.
fn connect(target: Target) -> Connected {
    let builder = RedisRsBackend::builder(target.url)
        .key_prefix(target.prefix)
        .id_storage(target.storage)
        .policy(target.policy)
        .deadline(target.deadline);
    let builder = match target.observer {
        Some(observer) => builder.observer(observer),
        None => builder,
    };
    let backend = builder.build().expect("the target can be used");
    let admin = Arc::new(backend.admin());
    let backend = Arc::new(backend);
    Connected { backend, admin }
}

fn main() -> ExitCode {
    backend_tests(connect).run()
}
