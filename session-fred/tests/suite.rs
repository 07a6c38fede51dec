//! The backend through the `fred` crate, tested as every backend on Redis is.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

use session_fred::FredBackend;
use session_redis_test::Target;

/// A backend for this target, which connects when it is first used.
async fn connect(target: Target) -> FredBackend {
    FredBackend::builder(target.url)
        .key_prefix(target.prefix)
        .id_storage(target.storage)
        .policy(target.policy)
        .deadline(target.deadline)
        .build()
        .expect("the target can be used")
}

session_redis_test::backend_tests!(crate::connect, session_fred::FredBackend::admin);
