//! Random operations in lockstep with the backend in memory.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

mod common;

use session_conformance::differential::{Config, run};
use session_memory::MemoryHarness;
use session_redis_rs::{IdStorage, RedisRsAdmin};
use session_redis_test::{RedisHarness, Target};

async fn admin(target: Target) -> RedisRsAdmin {
    common::connect(target).await.admin()
}

async fn no_divergence(storage: IdStorage, part: usize) {
    let redis = RedisHarness::on_shared(storage, common::connect).await;
    let redis = redis.administered(admin);
    let config = Config::from_env();
    let config = Config {
        steps: config.steps / part,
        has_administration: true,
        ..config
    };
    match run(&redis, &MemoryHarness::new(), &config).await {
        Ok(summary) => println!("{summary}"),
        Err(divergence) => panic!("{divergence}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_plain_ids() {
    no_divergence(IdStorage::Plain, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_hashed_ids() {
    no_divergence(IdStorage::Hashed, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_the_two() {
    no_divergence(IdStorage::HashedAfterPlain, 4).await;
}
