//! Test support for everything in this workspace that talks to a database.
//!
//! Tests run against real servers, never against imitations of one:
//!
//! * [`PostgresServer`] starts a server of the test's own, and kills, restarts, stops, continues
//!   and promotes it;
//! * [`shared`] is one server for a whole test binary, for tests that keep to a schema or a
//!   database of their own ([`PostgresServer::schema`], [`PostgresServer::database`]);
//! * [`Proxy`] stands between a client and a server, counts round trips, and makes the network fail
//!   in the ways its [`Mode`]s name. [`Database::url_at`] leads there. It knows no protocol but
//!   for [`Mode::Error`], which is Redis's.
//!
//! The servers are of the newest version below `/usr/lib/postgresql`, where Debian installs them,
//! or what is in the folder that the environment variable `SESSION_TEST_POSTGRES` names.
//! `scripts/setup-tests` installs them. PostgreSQL does not run as root: where tests do, their
//! servers run as the user `postgres`.
//!
//! What goes wrong here is a panic that says what to do, with the server's log: a test that cannot
//! run has failed.
//!
//! No server outlives the process that started it, however that process ends.
//!
//! ```no_run
//! # async fn example() {
//! use session_sqlx_test::{Mode, PostgresServer, Proxy, shared};
//!
//! let schema = shared().await.schema().await; // of the test's own, on the shared server
//! schema.execute("CREATE TABLE numbers (number int8)").await; // by an administrator
//! let proxy = Proxy::start(schema.addr()).await;
//! let url = schema.url_at(proxy.addr()); // for the test's subject
//! proxy.set(Mode::SwallowReplies);
//!
//! let mut server = PostgresServer::builder().durable().start().await; // of the test's own
//! server.kill();
//! server.restart().await; // on the same port, with the same data
//! assert_eq!(server.admin().ask::<i32>("SELECT 1").await, 1);
//! # }
//! ```

#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "test support: what goes wrong here is a failed test"
)]

mod builder;
mod data;
mod database;
mod launch;
mod programs;
mod server;
mod shared;

pub use builder::PostgresServerBuilder;
pub use database::Database;
pub use server::{PASSWORD, PostgresServer};
pub use session_redis_test::{Mode, Proxy};
pub use shared::shared;
