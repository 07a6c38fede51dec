//! Server-side sessions on SQLite and PostgreSQL, through sqlx.
//!
//! A file of SQLite is the store of an application that runs as one process, or a few on one
//! machine, and wants its sessions to survive a restart with nothing else installed. PostgreSQL is
//! the store of an application that has one already, and no Redis. Both keep the whole contract of
//! [`SessionBackend`](session_core::SessionBackend): the same suite proves them that proves the
//! backends on Redis.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> session_core::Result<()> {
//! use session_core::{FieldName, NewSession, SessionBackend};
//! use session_sqlx::SqliteBackend;
//!
//! // "sqlite:sessions.db" is a file, which is made where it is not there.
//! let sessions = SqliteBackend::builder("sqlite::memory:")?.connect().await?;
//! let id = sessions.create_session(NewSession::default()).await?.id;
//! let views = sessions.increment_field(&id, FieldName::new("views")?, 1).await?;
//! assert_eq!(views, Some(1));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```
//!
//! Applications take it from the facade `session-store` (features `sqlite`, `postgres`), whose
//! `connect` takes these URLs, and whose page on SQL says how to run it: the table, its indexes,
//! what is purged, rights, backups.
//!
//! | URL | sessions are in |
//! |---|---|
//! | `sqlite:path` | a file; kept with a log (WAL), and synced at each commit |
//! | `sqlite::memory:` | memory, over one connection: for tests |
//! | `postgres://user:password@host/database` | PostgreSQL 12 or newer; what else sqlx takes, in its form |
//!
//! # The table
//! One row per session: its key is the SHA-256 of the id, so that who reads the table, or a backup
//! of it, holds nobody's session. What the rules need is in columns of its own; the application's
//! fields are one JSON object of texts, which other programs can query. A value that is no UTF-8,
//! or has a NUL in it, is base64url behind `base64:`, and comes back as it was.
//!
//! The index of a principal is an index of the table: it cannot be lost, nor be out of step. What a
//! rotation leaves under the old id is a row, too.
//!
//! # Isolation and locks
//! Transactions are READ COMMITTED on PostgreSQL, whatever the database's default is, and IMMEDIATE
//! on SQLite, where one writes at a time and nobody waits to read.
//!
//! | step | is | locks |
//! |---|---|---|
//! | `read` | one statement, which writes if the expiry must be slid; where that depends on the age a look first | that row, if it slides |
//! | `write` of values, removals, one counter, a TTL | one statement; where it changes nothing, a look why | that row |
//! | any other `write`, `rename` | a transaction: the row is locked, the rules decide, it is stored | that row; where it binds to a principal with a limit, first a number that stands for the principal |
//! | `insert` | one statement; with such a limit a transaction | none but its own; that number |
//! | `remove` | one statement, and a look where it deletes nothing; under an id that was rotated one that follows | that row |
//! | `list`, pages of the admin API | one statement | none |
//! | `revoke` | a statement until it finds nobody or the page is full, and a look whether somebody is left | the page's rows, in order of their keys |
//! | a purge | one statement per batch | rows that have expired and nobody has locked |
//!
//! Who holds a row's lock waits for no other but in the order of the keys, so there are no
//! deadlocks. Where the database says that it has undone a transaction for another's sake (a
//! serialization failure, a locked file), the step is done again, within its deadline. A step on
//! PostgreSQL that waits for a lock is ended by the server before its deadline, and is known to
//! have changed nothing; if it first waited long for a connection, the deadline may come before
//! that, and its effect is unknown.
//!
//! The database's clock decides expiry, read once for a statement. Who finds a row that has expired
//! deletes it before saying so: so no use that began in time can bring back a session that another
//! was told has ended.
//!
//! # Rust
//! Needs Rust 1.94, as sqlx 0.9 does; the other crates need less.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(any(feature = "sqlite", feature = "postgres"))]

mod backend;
mod builder;
mod engine;
mod error;
mod pool;
mod purge;
mod row;
mod schema;
mod sql;
mod store;
mod table;
mod text;
mod url;

pub use sqlx;

pub use self::backend::{SqlxAdmin, SqlxBackend};
pub use self::builder::SqlxBuilder;
pub use self::engine::Engine;
pub use self::purge::Purged;
pub use self::table::{InvalidTableName, TableName};
pub use self::url::InvalidUrl;

/// Sessions in a file of SQLite, or in a SQLite database in memory.
#[cfg(feature = "sqlite")]
pub type SqliteBackend = SqlxBackend<sqlx::Sqlite>;

/// Sessions on PostgreSQL.
#[cfg(feature = "postgres")]
pub type PostgresBackend = SqlxBackend<sqlx::Postgres>;
