//! What every backend must do on a Redis Cluster beyond the contract.

#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

mod common;

session_redis_test::cluster_checks!(common::connect);
