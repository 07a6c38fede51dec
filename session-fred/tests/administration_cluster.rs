//! The conformance suite of the administration of a Redis Cluster.

#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

mod common;

use session_fred::FredAdmin;
use session_redis_test::Target;

/// The administration of this target, which connects when it is first used.
async fn admin(target: Target) -> FredAdmin {
    common::connect(target).await.admin()
}

mod plain {
    use session_fred::IdStorage;
    use session_redis_test::ClusterHarness;

    session_conformance::administration_tests!(
        ClusterHarness::on_shared(IdStorage::Plain, crate::common::connect)
            .await
            .administered(crate::admin)
    );
}

mod hashed {
    use session_fred::IdStorage;
    use session_redis_test::ClusterHarness;

    session_conformance::administration_tests!(
        ClusterHarness::on_shared(IdStorage::Hashed, crate::common::connect)
            .await
            .administered(crate::admin)
    );
}

mod hashed_after_plain {
    use session_fred::IdStorage;
    use session_redis_test::ClusterHarness;

    session_conformance::administration_tests!(
        ClusterHarness::on_shared(IdStorage::HashedAfterPlain, crate::common::connect)
            .await
            .administered(crate::admin)
    );
}
