//! Server-side sessions for Rust web applications.
//!
//! This crate is the front door: it re-exports the vocabulary and the trait of `session-core`, and
//! each backend and the HTTP layer behind a cargo feature.
//!
//! | feature | module | what it brings |
//! |---|---|---|
//! | `memory` (default) | `memory` | sessions in memory: for tests, and for one process |
//! | `redis-rs` | `redis_rs` | sessions on Redis through the `redis` crate |
//! | `fred` | `fred` | sessions on Redis through the `fred` crate |
//! | `tower` | `tower` | the tower layer: cookies, the request's handle |
//! | `axum` | `tower` | the handle as an axum extractor |
//! | `mock` | | `MockSessionBackend`, for expectations in tests |
//!
//! Features only add: none changes what another does. [`connect`] chooses a backend at run time by
//! URL:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> session_store::Result<()> {
//! use session_store::{FieldName, Fields, NewSession};
//!
//! let backend = session_store::connect("memory:").await?;
//! let fields = Fields::new().with(FieldName::new("username")?, "andrew");
//! let created = backend.create_session(NewSession::new(fields)).await?;
//! let session = backend.get_session(&created.id).await?.expect("it was just created");
//! assert_eq!(session.fields().get_str("username"), Some("andrew"));
//! # Ok(())
//! # }
//! ```

mod connect;

pub use session_core::*;

pub use self::connect::{Connect, ConnectError, connect};

// The two crates name one type.
#[cfg(all(feature = "fred", not(feature = "redis-rs")))]
pub use session_fred::IdStorage;
#[cfg(feature = "redis-rs")]
pub use session_redis_rs::IdStorage;

#[cfg(feature = "fred")]
#[doc(inline)]
pub use session_fred as fred;
#[cfg(feature = "memory")]
#[doc(inline)]
pub use session_memory as memory;
#[cfg(feature = "redis-rs")]
#[doc(inline)]
pub use session_redis_rs as redis_rs;
#[cfg(feature = "tower")]
#[doc(inline)]
pub use session_tower as tower;

/// The examples of the README, compiled and run.
#[cfg(all(doctest, feature = "axum", feature = "redis-rs", feature = "fred"))]
#[doc = include_str!("../../README.md")]
struct Readme;
