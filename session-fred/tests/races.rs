//! Concurrency, judged by what the operations answered.

#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

mod common;

session_redis_test::redis_races!(common::connect);
