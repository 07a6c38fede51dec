//! Test support for everything in this workspace that talks to Redis.
//!
//! Tests run against real servers, never against imitations of one:
//!
//! * [`RedisServer`] starts a server of the test's own, and kills, restarts, stops and continues
//!   it;
//! * [`shared`] is one server for a whole test binary, for tests that keep to keys below a
//!   [`unique_prefix`];
//! * [`Cluster`] is a Redis Cluster of masters;
//! * [`Monitor`] tells which commands a server executed;
//! * [`Proxy`] stands between a client and a server, counts round trips, and makes the network fail
//!   in the ways its [`Mode`]s name;
//! * [`ServerProcess`], [`ServerFiles`] and [`Port`] are what servers of another kind are made of.
//!
//! The server binary is `redis-server` on `PATH`, or what the environment variable
//! `SESSION_TEST_SERVER` names. `scripts/setup-tests` installs it.
//!
//! What goes wrong here is a panic that says what to do, with the server's log: a test that cannot
//! run has failed.
//!
//! No server outlives the process that started it, however that process ends.

#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "test support: what goes wrong here is a failed test"
)]

mod accounts;
mod builder;
pub mod checks;
mod cluster;
mod connect;
mod fake;
mod files;
mod harness;
mod launch;
mod monitor;
mod ports;
mod prefix;
mod process;
mod proxy;
mod sentinels;
mod server;
mod shared;
mod suite;
mod tls;
mod watchdog;

pub use builder::RedisServerBuilder;
pub use cluster::Cluster;
pub use files::{Owner, ServerFiles};
pub use harness::{Connect, Connected, Target};
pub use monitor::{Monitor, MonitoredCommand};
pub use ports::Port;
pub use prefix::unique_prefix;
pub use process::ServerProcess;
pub use proxy::{Mode, Proxy};
pub use sentinels::{DOWN_AFTER, SERVICE, Sentinels};
pub use server::RedisServer;
pub use shared::{shared, shared_cluster, shared_node};
pub use suite::{backend_tests, conformance, key_format_tests, near_cache_tests};
pub use tls::{Authority, Issued, TlsEnd};
