//! The conformance suite, with ids stored plainly.

#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

mod common;

use session_fred::IdStorage;
use session_redis_test::RedisHarness;

session_conformance::conformance_tests!(
    RedisHarness::on_shared(IdStorage::Plain, common::connect).await
);
