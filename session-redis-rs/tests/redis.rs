//! What every backend on Redis must do beyond the contract.

#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

mod common;

session_redis_test::redis_checks!(common::connect);
session_redis_test::administration_checks!(
    common::connect,
    session_redis_rs::RedisRsBackend::admin
);
