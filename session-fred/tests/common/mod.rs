//! How the tests connect.

use session_fred::FredBackend;
use session_redis_test::Target;

/// A backend for this target, which connects when it is first used.
pub(crate) async fn connect(target: Target) -> FredBackend {
    FredBackend::builder(target.url)
        .key_prefix(target.prefix)
        .id_storage(target.storage)
        .policy(target.policy)
        .deadline(target.deadline)
        .build()
        .expect("the target can be used")
}
