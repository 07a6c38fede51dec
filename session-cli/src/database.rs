//! A database with sessions: what only SQL has, and the facade's backend does not say.

use std::fmt;
use std::time::Duration;

use crate::failure::Failure;

/// Which database it is, compiled in or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// The one that the URL names, if it names one.
    pub(crate) fn of(url: &str) -> Option<Self> {
        let (scheme, _) = url.split_once(':')?;
        match &*scheme.to_ascii_lowercase() {
            "sqlite" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            _ => None,
        }
    }
}

/// A database with sessions.
pub(crate) struct Database {
    engine: Engine,
    /// With its password.
    #[cfg_attr(
        not(any(feature = "sqlite", feature = "postgres")),
        expect(dead_code, reason = "no database is compiled in")
    )]
    url: String,
    pub(crate) table: String,
    deadline: Duration,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Database");
        shown
            .field("engine", &self.engine)
            .field("table", &self.table);
        shown.finish_non_exhaustive()
    }
}

/// What a purge has done.
pub(crate) struct Purged {
    pub(crate) rows: u64,
    pub(crate) batches: u64,
    pub(crate) longest: Duration,
}

/// What the database says of itself and of the table.
pub(crate) struct Facts {
    pub(crate) product: &'static str,
    pub(crate) version: String,
    /// The database's clock in milliseconds since 1970, where it may not be this machine's.
    pub(crate) now: Option<i64>,
    pub(crate) rows: i64,
    pub(crate) expired: i64,
    /// For how many milliseconds the row that expired first has been waiting; not positive where
    /// none has expired.
    pub(crate) longest_wait: Option<i64>,
    /// The version of the table's schema.
    pub(crate) schema: Option<i64>,
}

impl Database {
    pub(crate) fn new(engine: Engine, url: String, table: String, deadline: Duration) -> Self {
        Self {
            engine,
            url,
            table,
            deadline,
        }
    }

    /// Deletes the rows that have expired.
    pub(crate) async fn purge(&self) -> Result<Purged, Failure> {
        match self.engine {
            #[cfg(feature = "sqlite")]
            Engine::Sqlite => sql::purge::<sql::Sqlite>(self).await,
            #[cfg(feature = "postgres")]
            Engine::Postgres => sql::purge::<sql::Postgres>(self).await,
            #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
            _ => Err(self.feature_off()),
        }
    }

    /// The SQL that makes the table.
    pub(crate) fn schema(&self) -> Result<String, Failure> {
        match self.engine {
            #[cfg(feature = "sqlite")]
            Engine::Sqlite => sql::schema::<sql::Sqlite>(self),
            #[cfg(feature = "postgres")]
            Engine::Postgres => sql::schema::<sql::Postgres>(self),
            #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
            _ => Err(self.feature_off()),
        }
    }

    /// What the database says, if it says it in time.
    pub(crate) async fn facts(&self) -> Option<Facts> {
        let facts = async {
            match self.engine {
                #[cfg(feature = "sqlite")]
                Engine::Sqlite => sql::of_sqlite(self).await,
                #[cfg(feature = "postgres")]
                Engine::Postgres => sql::of_postgres(self).await,
                #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
                _ => None,
            }
        };
        tokio::time::timeout(self.deadline, facts).await.ok()?
    }

    #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
    fn feature_off(&self) -> Failure {
        let feature = match self.engine {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgres",
        };
        Failure::usage(format!(
            "the URL's backend is not compiled in: enable the cargo feature `{feature}`"
        ))
    }
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql {
    use session_store::backends::sqlx::{Engine, SqlxBackend, TableName, sqlx};
    use sqlx::{AssertSqlSafe, Connection as _};

    use super::{Database, Facts, Failure, Purged};

    #[cfg(feature = "postgres")]
    pub(super) use sqlx::Postgres;
    #[cfg(feature = "sqlite")]
    pub(super) use sqlx::Sqlite;

    fn backend<E: Engine>(database: &Database) -> Result<SqlxBackend<E>, Failure> {
        let table: TableName = database.table.parse().map_err(
            |invalid: session_store::backends::sqlx::InvalidTableName| {
                Failure::usage(invalid.to_string())
            },
        )?;
        let builder = SqlxBackend::<E>::builder(&database.url).map_err(Failure::Open)?;
        let builder = builder.table(table).deadline(database.deadline);
        Ok(builder.migrate(false).build())
    }

    pub(super) async fn purge<E: Engine>(database: &Database) -> Result<Purged, Failure> {
        let purged = backend::<E>(database)?.purge().await?;
        Ok(Purged {
            rows: purged.rows,
            batches: purged.batches,
            longest: purged.longest,
        })
    }

    pub(super) fn schema<E: Engine>(database: &Database) -> Result<String, Failure> {
        Ok(backend::<E>(database)?.schema_sql())
    }

    /// Where the table's name is sound: a backend has been made of it.
    fn query(table: &str, version: &str, now: &str) -> AssertSqlSafe<String> {
        AssertSqlSafe(format!(
            "SELECT {version}, {now}, count(*), count(*) FILTER (WHERE expires_at < {now}), \
             {now} - min(expires_at), (SELECT max(version) FROM {table}_migrations WHERE success) \
             FROM {table}"
        ))
    }

    type Row = (String, i64, i64, i64, Option<i64>, Option<i64>);

    fn facts(product: &'static str, is_here: bool, row: Row) -> Facts {
        let (version, now, rows, expired, longest_wait, schema) = row;
        Facts {
            product,
            version,
            now: (!is_here).then_some(now),
            rows,
            expired,
            longest_wait,
            schema,
        }
    }

    #[cfg(feature = "sqlite")]
    pub(super) async fn of_sqlite(database: &Database) -> Option<Facts> {
        let now = "CAST(round(unixepoch('now', 'subsec') * 1000) AS INTEGER)";
        let query = query(&database.table, "sqlite_version()", now);
        let connection = sqlx::SqliteConnection::connect(&database.url).await;
        let row = sqlx::query_as(query).fetch_one(&mut connection.ok()?).await;
        Some(facts("SQLite", true, row.ok()?))
    }

    #[cfg(feature = "postgres")]
    pub(super) async fn of_postgres(database: &Database) -> Option<Facts> {
        let now = "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)";
        let query = query(&database.table, "current_setting('server_version')", now);
        let connection = sqlx::PgConnection::connect(&database.url).await;
        let row = sqlx::query_as(query).fetch_one(&mut connection.ok()?).await;
        Some(facts("PostgreSQL", false, row.ok()?))
    }
}
