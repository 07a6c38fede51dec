//! Server-side sessions on Redis through the [`redis`] crate.
//!
//! ```no_run
//! # async fn example() -> session_core::Result<()> {
//! use session_core::{Fields, NewSession, SessionBackend};
//! use session_redis_rs::RedisRsBackend;
//!
//! let backend = RedisRsBackend::builder("redis://127.0.0.1:6379").connect().await?;
//! let created = backend.create_session(NewSession::new(Fields::new())).await?;
//! # let _ = created;
//! # Ok(())
//! # }
//! ```
//!
//! # Connection
//! One multiplexed connection carries all operations; more would not be faster. It is made when it is
//! first needed and made anew when it breaks, so a server that is down when the application starts
//! is no reason not to start. Beside [`RedisRsBackend::builder`], an application can hand in a
//! connection it already has: [`RedisRsBackend::from_connection`].
//!
//! # Timeouts
//! Every operation ends within its deadline: 500 ms unless the builder says otherwise, the making of a
//! connection included. A server that refuses connections is reported at once.
//!
//! # Exactly one attempt
//! A command is sent once. When its answer is lost the error's effect is
//! [`Effect::Unknown`](session_core::Effect::Unknown); nothing is ever sent again on a guess. Only a
//! server that says that it does not know a script is asked a second time, with the script's source.
//!
//! # Servers
//! Redis from 7.0, Valkey from 7.2. The version is asked for on the first use.

mod backend;
mod builder;
mod connection;
mod convert;

pub use redis;
pub use session_redis_wire::{
    IdStorage, InvalidPrefix, KeyPrefix, ServerError, ServerTooOld, TlsNotOffered,
};

pub use self::backend::RedisRsBackend;
pub use self::builder::RedisRsBuilder;
pub use self::connection::SingleServer;
pub use self::convert::ClientError;
