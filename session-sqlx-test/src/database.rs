//! Where one test has its tables.

use std::net::SocketAddr;

use session_redis_test::unique_prefix;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection as _, FromRow, PgConnection};

/// A database of a server, or a schema in one, as a user sees it.
#[derive(Clone, Debug)]
pub struct Database {
    addr: SocketAddr,
    /// As a URL has it, with the password if one is needed.
    login: String,
    name: String,
    schema: Option<String>,
}

impl Database {
    pub(crate) fn new(addr: SocketAddr, login: String) -> Self {
        Self {
            addr,
            login,
            name: "postgres".to_owned(),
            schema: None,
        }
    }

    pub(crate) fn with_name(&self, name: String) -> Self {
        Self {
            name,
            ..self.clone()
        }
    }

    pub(crate) fn with_schema(&self, schema: String) -> Self {
        Self {
            schema: Some(schema),
            ..self.clone()
        }
    }

    /// The same for another user: a name, or `name:password`, as URLs quote them.
    #[must_use]
    pub fn as_user(&self, login: &str) -> Self {
        Self {
            login: login.to_owned(),
            ..self.clone()
        }
    }

    /// The server's address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The schema's name, if it is not the whole database.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The URL, such as `postgres://postgres@127.0.0.1:21234/postgres`. A schema is in the
    /// parameter `options`, by which libpq, too, sets the search path.
    pub fn url(&self) -> String {
        self.url_at(self.addr)
    }

    /// The URL of the same at another address: a proxy's.
    pub fn url_at(&self, addr: SocketAddr) -> String {
        let url = format!("postgres://{}@{addr}/{}", self.login, self.name);
        match &self.schema {
            Some(schema) => format!("{url}?options=-csearch_path%3D{schema}"),
            None => url,
        }
    }

    /// Opens a connection for what a test does behind its subject's back.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url())
            .await
            .unwrap_or_else(|error| panic!("cannot connect to {}: {error}", self.addr))
    }

    /// Runs statements, on a connection of their own.
    pub async fn execute(&self, sql: &str) {
        let mut connection = self.connect().await;
        let done = sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await;
        done.unwrap_or_else(|error| panic!("{} refuses {sql}: {error}", self.addr));
        let _ = connection.close().await;
    }

    /// Runs a query, on a connection of its own; the value that it returns.
    pub async fn ask<T>(&self, sql: &str) -> T
    where
        T: Send + Unpin,
        (T,): for<'r> FromRow<'r, PgRow>,
    {
        let mut connection = self.connect().await;
        let query = sqlx::query_scalar(AssertSqlSafe(sql));
        let value = query.fetch_one(&mut connection).await;
        let _ = connection.close().await;
        value.unwrap_or_else(|error| panic!("{} refuses {sql}: {error}", self.addr))
    }
}

/// A name that no other test has and SQL takes without quotes, such as `t_4k0zq81vw6yx`.
pub(crate) fn unique_name() -> String {
    let prefix = unique_prefix().to_lowercase();
    prefix.trim_end_matches(':').replace('-', "_")
}
