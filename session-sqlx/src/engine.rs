//! What a database is told in its own dialect, and how it is talked to.

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use sqlx::migrate::Migrate;
use sqlx::{Connection, Database, SqlStr};

use crate::error::Failure;
use crate::row::{Columns, Row};
use crate::table::TableName;
use crate::url::InvalidUrl;

pub(crate) type Options<E> = <<E as Database>::Connection as Connection>::Options;

/// A value that a statement is given.
#[derive(Clone)]
pub enum Value {
    /// A number.
    Int(Option<i64>),
    /// A text.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
}

/// Shows no value.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Int(_) => "Int",
            Self::Text(_) => "Text",
            Self::Bytes(_) => "Bytes",
        })
    }
}

/// The names of types, and how bytes are written.
#[derive(Debug)]
pub struct Types {
    pub(crate) bytes: &'static str,
    pub(crate) time: &'static str,
    pub(crate) hex: (&'static str, &'static str),
}

/// A database that sessions can be kept in: [`sqlx::Sqlite`] with the feature `sqlite`,
/// [`sqlx::Postgres`] with the feature `postgres`.
///
/// Sealed: the SQL of these two is the crate's own.
#[allow(
    private_interfaces,
    private_bounds,
    reason = "sealed: nobody else implements or calls it"
)]
pub trait Engine:
    Database<Connection: Connection<Options: Clone + Sync> + Migrate> + sealed::Sealed
{
    /// The database's name, as OpenTelemetry has it.
    const DATABASE: &'static str;

    /// The database's clock in whole milliseconds, read once for a statement.
    #[doc(hidden)]
    const NOW: &'static str;
    /// Behind a query: its rows are locked until the transaction ends.
    #[doc(hidden)]
    const LOCKED: &'static str;
    /// The same, and rows that others have locked are left out.
    #[doc(hidden)]
    const LOCKED_OR_LEFT_OUT: &'static str;
    /// How many fields the session has.
    #[doc(hidden)]
    const FIELD_COUNT: &'static str;
    /// What is true of a row that expired in an hour that is over: its expiry to the hour is in an
    /// index, which few uses change.
    #[doc(hidden)]
    const EXPIRED_LONG_AGO: &'static str;
    /// What an index of the expiry holds.
    #[doc(hidden)]
    const EXPIRY_HOUR: &'static str;
    /// Begins a transaction.
    #[doc(hidden)]
    const BEGIN: &'static str;
    /// Waits until no other transaction holds this number, where transactions overlap at all.
    #[doc(hidden)]
    const LOCK_NUMBER: Option<&'static str>;
    /// Whether only one connection can write at a time. Then one is kept for that.
    #[doc(hidden)]
    const ONE_WRITER: bool;

    /// The types of bytes and of a time, and what surrounds the hexadecimal digits of bytes.
    #[doc(hidden)]
    const TYPES: Types;

    /// The lesser of two numbers, the second of which may be NULL.
    #[doc(hidden)]
    fn least(a: &str, b: &str) -> String;
    /// A parameter that is JSON.
    #[doc(hidden)]
    fn json(parameter: &str) -> String;
    /// The fields with these set, and those of them removed that are null.
    #[doc(hidden)]
    fn patched(patch: &str) -> String;
    /// Fields with one more.
    #[doc(hidden)]
    fn with_field(fields: &str, name: &str, value: &str) -> String;
    /// An object of one field.
    #[doc(hidden)]
    fn one_field(name: &str, value: &str) -> String;
    /// The text in a field; NULL where there is none.
    #[doc(hidden)]
    fn field(name: &str) -> String;
    /// Whether a text is an integer, by Redis's grammar, to which so much can be added.
    #[doc(hidden)]
    fn can_grow(text: &str, by: &str) -> String;
    /// The sum of such an integer and so much, as text.
    #[doc(hidden)]
    fn sum(text: &str, by: &str) -> String;
    /// Whether the row's key is in a JSON array of hexadecimal texts.
    #[doc(hidden)]
    fn key_in(parameter: &str) -> String;
    /// Whether the row's principal and public id are in a JSON array of such pairs.
    #[doc(hidden)]
    fn listing_in(parameter: &str) -> String;
    /// The first so many rows of which this is true, for a statement that deletes them; rows that
    /// others have locked are left out.
    #[doc(hidden)]
    fn first_rows(table: &TableName, condition: &str, order: &str, most: &str) -> String;
    /// What a URL can say behind its question mark.
    #[doc(hidden)]
    const PARTS: &'static [&'static str];
    /// A URL as sqlx takes it.
    #[doc(hidden)]
    fn url(url: &str) -> Result<String, InvalidUrl> {
        Ok(url.to_owned())
    }
    /// Options as the steps need them.
    #[doc(hidden)]
    fn configured(options: Options<Self>) -> Options<Self>;
    /// Whether there can be one connection only.
    #[doc(hidden)]
    fn is_one_connection(options: &Options<Self>) -> bool;

    /// What makes the table, version after version.
    #[doc(hidden)]
    fn migrations(table: &TableName) -> Vec<(&'static str, String)>;

    /// Whether there is a schema of this name, as a query of numbers.
    #[doc(hidden)]
    fn schemas(name: &str) -> Option<String>;
    /// Whether sessions can be kept on a fresh connection, or why not.
    #[doc(hidden)]
    fn meet(connection: &mut Self::Connection) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Limits what a connection can do, once the table is as it must be.
    #[doc(hidden)]
    fn limit(
        connection: &mut Self::Connection,
        deadline: Duration,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Runs a statement that returns rows of the table.
    #[doc(hidden)]
    fn rows(
        connection: &mut Self::Connection,
        sql: SqlStr,
        values: Vec<Value>,
    ) -> impl Future<Output = sqlx::Result<Vec<Row>>> + Send;
    /// Runs a statement that returns numbers.
    #[doc(hidden)]
    fn numbers(
        connection: &mut Self::Connection,
        sql: SqlStr,
        values: Vec<Value>,
    ) -> impl Future<Output = sqlx::Result<Vec<i64>>> + Send;
    /// Runs a statement; how many rows it changed.
    #[doc(hidden)]
    fn run(
        connection: &mut Self::Connection,
        sql: SqlStr,
        values: Vec<Value>,
    ) -> impl Future<Output = sqlx::Result<u64>> + Send;

    /// What an error of the database means.
    #[doc(hidden)]
    fn failure(error: &dyn sqlx::error::DatabaseError) -> Failure;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// Implements the three ways to run a statement: the types of sqlx differ, what is done with them
/// does not.
macro_rules! run_statements {
    ($Arguments:ty) => {
        async fn rows(
            connection: &mut Self::Connection,
            sql: sqlx::SqlStr,
            values: Vec<crate::engine::Value>,
        ) -> sqlx::Result<Vec<crate::row::Row>> {
            let query = sqlx::query_with(sql, arguments(values)?);
            let rows = query.fetch_all(connection).await?;
            rows.iter().map(|row| crate::engine::decode!(row)).collect()
        }

        async fn numbers(
            connection: &mut Self::Connection,
            sql: sqlx::SqlStr,
            values: Vec<crate::engine::Value>,
        ) -> sqlx::Result<Vec<i64>> {
            let query = sqlx::query_with(sql, arguments(values)?);
            let rows = query.fetch_all(connection).await?;
            rows.iter().map(|row| sqlx::Row::try_get(row, 0)).collect()
        }

        async fn run(
            connection: &mut Self::Connection,
            sql: sqlx::SqlStr,
            values: Vec<crate::engine::Value>,
        ) -> sqlx::Result<u64> {
            let query = sqlx::query_with(sql, arguments(values)?);
            Ok(query.execute(connection).await?.rows_affected())
        }
    };
}

macro_rules! arguments {
    ($Arguments:ty) => {
        fn arguments(values: Vec<crate::engine::Value>) -> sqlx::Result<$Arguments> {
            use sqlx::Arguments as _;
            let mut arguments = <$Arguments>::default();
            for value in values {
                match value {
                    crate::engine::Value::Int(number) => arguments.add(number),
                    crate::engine::Value::Text(text) => arguments.add(text),
                    crate::engine::Value::Bytes(bytes) => arguments.add(bytes),
                }
                .map_err(sqlx::Error::Encode)?;
            }
            Ok(arguments)
        }
    };
}

/// A row, whose columns are in the order of [`COLUMNS`].
macro_rules! decode {
    ($row:expr) => {{
        use sqlx::Row as _;
        let row = $row;
        let is_changed: i64 = row.try_get(0)?;
        Ok(crate::row::Row::new(
            is_changed != 0,
            row.try_get(1)?,
            row.try_get(2)?,
            crate::row::Columns {
                expires_at: row.try_get(3)?,
                deadline: row.try_get(4)?,
                ttl: row.try_get(5)?,
                created_at: row.try_get(6)?,
                last_accessed_at: row.try_get(7)?,
                principal: row.try_get(8)?,
                public_id: row.try_get(9)?,
                login_at: row.try_get(10)?,
                persistent: row.try_get(11)?,
                rotated_until: row.try_get(12)?,
                successor: row.try_get(13)?,
                fields: row.try_get(14)?,
            },
        ))
    }};
}

pub(crate) use {arguments, decode, run_statements};

/// The columns, in the order of their values and of what a query returns, but for the fields.
pub(crate) const COLUMNS: &str = "id, expires_at, deadline, ttl, created_at, last_accessed_at, \
     principal, public_id, login_at, persistent, rotated_until, successor";

/// The values of a whole row, in that order.
pub(crate) fn values(id: &[u8], columns: Columns) -> Vec<Value> {
    vec![
        Value::Bytes(Some(id.to_vec())),
        Value::Int(columns.expires_at),
        Value::Int(columns.deadline),
        Value::Int(columns.ttl),
        Value::Text(columns.created_at),
        Value::Text(columns.last_accessed_at),
        Value::Text(columns.principal),
        Value::Text(columns.public_id),
        Value::Int(columns.login_at),
        Value::Int(columns.persistent),
        Value::Int(columns.rotated_until),
        Value::Bytes(columns.successor),
        Value::Text(Some(columns.fields)),
    ]
}
