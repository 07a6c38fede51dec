//! Sessions on SQLite and PostgreSQL, through sqlx.

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

pub use sqlx;

pub use self::backend::{SqlxAdmin, SqlxBackend};
pub use self::builder::SqlxBuilder;
pub use self::engine::Engine;
pub use self::purge::Purged;
pub use self::table::{InvalidTableName, TableName};

/// Sessions in a file of SQLite, or in a SQLite database in memory.
#[cfg(feature = "sqlite")]
pub type SqliteBackend = SqlxBackend<sqlx::Sqlite>;

/// Sessions on PostgreSQL.
#[cfg(feature = "postgres")]
pub type PostgresBackend = SqlxBackend<sqlx::Postgres>;
