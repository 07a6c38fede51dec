//! The conformance suite on a Redis Cluster.

#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

mod common;

mod plain {
    use session_redis_rs::IdStorage;
    use session_redis_test::ClusterHarness;

    session_conformance::conformance_tests!(
        ClusterHarness::on_shared(IdStorage::Plain, crate::common::connect).await
    );
}

mod hashed {
    use session_redis_rs::IdStorage;
    use session_redis_test::ClusterHarness;

    session_conformance::conformance_tests!(
        ClusterHarness::on_shared(IdStorage::Hashed, crate::common::connect).await
    );
}
