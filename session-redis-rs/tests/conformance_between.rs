//! The conformance suite, while a store moves from plain ids to hashed ones.

#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

mod common;

mod plain_before_hashed {
    use session_redis_rs::IdStorage;
    use session_redis_test::RedisHarness;

    session_conformance::conformance_tests!(
        RedisHarness::on_shared(IdStorage::PlainBeforeHashed, crate::common::connect).await
    );
}

mod hashed_after_plain {
    use session_redis_rs::IdStorage;
    use session_redis_test::RedisHarness;

    session_conformance::conformance_tests!(
        RedisHarness::on_shared(IdStorage::HashedAfterPlain, crate::common::connect).await
    );
}
