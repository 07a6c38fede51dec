//! SQLite.

use std::time::Duration;

use sqlx::sqlite::{
    Sqlite, SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode,
    SqliteSynchronous,
};

use super::{Engine, Types, arguments, run_statements, sealed};
use crate::error::{Because, Failure};
use crate::table::TableName;
use crate::url::InvalidUrl;

impl sealed::Sealed for Sqlite {}

/// How long SQLite itself waits for a lock, in which time it looks often. Then the step waits and
/// tries again: SQLite would look every 100 ms, and never come in between two of a busy writer.
const BUSY: Duration = Duration::from_millis(10);

#[allow(private_interfaces, reason = "the trait is sealed")]
impl Engine for Sqlite {
    const DATABASE: &'static str = "sqlite";
    // The same throughout a statement.
    const NOW: &'static str = "CAST(round(unixepoch('now', 'subsec') * 1000) AS INTEGER)";
    const LOCKED: &'static str = "";
    const LOCKED_OR_LEFT_OUT: &'static str = "";
    const FIELD_COUNT: &'static str = "(SELECT count(*) FROM json_each(s.fields))";
    const EXPIRY_HOUR: &'static str = "s.expires_at / 3600000";
    const EXPIRED_LONG_AGO: &'static str = "s.expires_at / 3600000 < \
         CAST(round(unixepoch('now', 'subsec') * 1000) AS INTEGER) / 3600000";
    // Waits for other writers at once: a transaction that has read cannot.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const LOCK_NUMBER: Option<&'static str> = None;
    const ONE_WRITER: bool = true;
    const TYPES: Types = Types {
        bytes: "BLOB",
        time: "TIMESTAMP",
        hex: ("X'", "'"),
    };

    fn least(a: &str, b: &str) -> String {
        format!("min({a}, coalesce({b}, {a}))")
    }

    fn json(parameter: &str) -> String {
        parameter.to_owned()
    }

    fn patched(patch: &str) -> String {
        format!("json_patch(s.fields, {patch})")
    }

    fn with_field(fields: &str, name: &str, value: &str) -> String {
        format!("json_patch({fields}, {})", Self::one_field(name, value))
    }

    fn one_field(name: &str, value: &str) -> String {
        format!("json_object({name}, {value})")
    }

    fn field(name: &str) -> String {
        format!("(SELECT atom FROM json_each(s.fields) WHERE key = {name})")
    }

    fn can_grow(text: &str, by: &str) -> String {
        // A number that is too large becomes the nearest that is not, and a sum becomes a float.
        format!(
            "(CAST(CAST({text} AS INTEGER) AS TEXT) = {text} \
             AND typeof(CAST({text} AS INTEGER) + {by}) = 'integer')"
        )
    }

    fn sum(text: &str, by: &str) -> String {
        format!("CAST(CAST({text} AS INTEGER) + {by} AS TEXT)")
    }

    fn key_in(parameter: &str) -> String {
        format!("s.id IN (SELECT unhex(value) FROM json_each({parameter}))")
    }

    fn listing_in(parameter: &str) -> String {
        format!(
            "(s.principal, s.public_id) IN \
             (SELECT value ->> 0, value ->> 1 FROM json_each({parameter}))"
        )
    }

    fn first_rows(table: &TableName, condition: &str, order: &str, most: &str) -> String {
        format!(
            "s.rowid IN (SELECT s.rowid FROM {table} AS s WHERE {condition} \
             ORDER BY {order} LIMIT {most})"
        )
    }

    const PARTS: &'static [&'static str] = &["cache", "immutable", "mode", "vfs"];

    fn url(url: &str) -> Result<String, InvalidUrl> {
        let (_, rest) = url.split_once(':').unwrap_or_default();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mode = query.split('&').find_map(|part| part.strip_prefix("mode="));
        // In memory each connection would have a database of its own.
        if matches!(path, "" | "//") || mode == Some("memory") {
            return Err(InvalidUrl::NoFile);
        }
        // A file that is not there is made, unless the URL says otherwise.
        Ok(match (mode, query) {
            (Some(_), _) => url.to_owned(),
            (None, _) if path.contains(":memory:") => url.to_owned(),
            (None, "") => format!("sqlite:{path}?mode=rwc"),
            (None, query) => format!("sqlite:{path}?{query}&mode=rwc"),
        })
    }

    fn configured(options: SqliteConnectOptions) -> SqliteConnectOptions {
        let options = options.busy_timeout(BUSY);
        match Self::is_one_connection(&options) {
            true => options,
            // Readers and the writer do not wait for each other, and what was acknowledged
            // survives the loss of power.
            false => options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full),
        }
    }

    fn is_one_connection(options: &SqliteConnectOptions) -> bool {
        let name = options.get_filename().to_string_lossy();
        name.contains(":memory:") || name.starts_with("file:sqlx-in-memory-")
    }

    fn migrations(table: &TableName) -> Vec<(&'static str, String)> {
        let index = table.index("principal");
        let expiry = table.index("expiry");
        let bare = table.bare();
        vec![(
            "sessions",
            format!(
                "CREATE TABLE {table} (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 32),
    expires_at INTEGER,
    deadline INTEGER CHECK (deadline BETWEEN 1 AND 999999999999999),
    ttl INTEGER CHECK (ttl BETWEEN 1 AND 4294967295),
    created_at TEXT,
    last_accessed_at TEXT,
    principal TEXT,
    public_id TEXT,
    login_at INTEGER,
    persistent INTEGER CHECK (persistent IN (0, 1)),
    rotated_until INTEGER,
    successor BLOB,
    fields TEXT NOT NULL,
    CHECK ((ttl IS NULL) = (created_at IS NULL) AND (ttl IS NULL) = (last_accessed_at IS NULL)),
    CHECK (ttl IS NULL OR principal IS NULL OR deadline IS NOT NULL),
    CHECK (ttl IS NULL OR rotated_until IS NULL)
) STRICT;
CREATE INDEX {index} ON {bare} (principal, deadline, public_id) WHERE principal IS NOT NULL;
CREATE INDEX {expiry} ON {bare} (expires_at / 3600000);"
            ),
        )]
    }

    fn schemas(_name: &str) -> Option<String> {
        None
    }

    async fn meet(connection: &mut SqliteConnection) -> Result<(), Failure> {
        // `jsonb`, `subsec` and `unhex`, and sound comparisons of escaped names.
        let version = "SELECT sqlite_version()";
        let version: String = sqlx::query_scalar(version).fetch_one(connection).await?;
        let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
        let version: (u32, u32) = (
            numbers.next().unwrap_or_default(),
            numbers.next().unwrap_or_default(),
        );
        match version >= (3, 45) {
            true => Ok(()),
            false => Err(Failure::config(Because::OldServer)),
        }
    }

    async fn limit(_connection: &mut SqliteConnection, _deadline: Duration) -> Result<(), Failure> {
        Ok(())
    }

    run_statements!(SqliteArguments);

    fn failure(error: &dyn sqlx::error::DatabaseError) -> Failure {
        let code = error.code().and_then(|code| code.parse::<u32>().ok());
        // The primary code of the extended one.
        match code.unwrap_or_default() & 0xff {
            5 | 6 => Failure::again(Because::Locked),
            8 => Failure::unavailable(Because::ReadOnly),
            13 => Failure::full(),
            3 | 23 => Failure::denied(),
            10 | 7 => Failure::unavailable(Because::Server),
            14 => Failure::config(Because::CannotOpen),
            11 | 26 => Failure::config(Because::NoDatabase),
            // SQLite has one code for a table that is not there and for most else.
            1 if error.message().starts_with("no such table")
                || error.message().starts_with("no such column") =>
            {
                Failure::config(Because::NoTable)
            }
            1 if error.message().contains("already exists") => {
                Failure::config(Because::ForeignTable)
            }
            _ => Failure::rejected(),
        }
    }
}

arguments!(SqliteArguments);
