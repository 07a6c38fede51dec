//! Server-side sessions on Redis through the [`fred`] crate.
//!
//! ```no_run
//! # async fn example() -> session_core::Result<()> {
//! use session_core::{Fields, NewSession, SessionBackend};
//! use session_fred::FredBackend;
//!
//! let backend = FredBackend::builder("redis://127.0.0.1:6379").connect().await?;
//! let created = backend.create_session(NewSession::new(Fields::new())).await?;
//! # let _ = created;
//! # Ok(())
//! # }
//! ```
//!
//! # Connection
//! One multiplexed connection carries all operations; more would not be faster. It is made when the
//! backend is built and made anew when it breaks, so a server that is down when the application starts
//! is no reason not to start. Beside [`FredBackend::builder`], an application can hand in a client it
//! already has, if that sends each command once: [`FredBackend::from_client`].
//!
//! # Timeouts
//! Every operation ends within its deadline: 500 ms unless the builder says otherwise, the making of a
//! connection included. The first operation that finds the server away waits for it that long; those
//! after it are told at once, until it is back.
//!
//! # Exactly one attempt
//! A command is sent once. When its answer is lost the error's effect is
//! [`Effect::Unknown`](session_core::Effect::Unknown); nothing is ever sent again on a guess. Only a
//! server that says that it does not know a script is asked a second time, with the script's source.
//! (fred sends a command up to three times unless `max_command_attempts` is 1; its per-command
//! options do not change that.)
//!
//! # Servers
//! Redis from 7.0, Valkey from 7.2. The version is asked for on the first use.

mod backend;
mod builder;
mod connection;
mod convert;

pub use fred;
pub use session_redis_wire::{
    IdStorage, InvalidPrefix, KeyPrefix, ServerError, ServerTooOld, TlsNotOffered,
};

pub use self::backend::FredBackend;
pub use self::builder::FredBuilder;
pub use self::convert::ClientError;
