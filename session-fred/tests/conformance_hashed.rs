//! The conformance suite, with ids hashed at rest.

#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

mod common;

use session_fred::IdStorage;
use session_redis_test::RedisHarness;

session_conformance::conformance_tests!(
    RedisHarness::on_shared(IdStorage::Hashed, common::connect).await
);
