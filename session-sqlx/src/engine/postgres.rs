//! PostgreSQL.

use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, Postgres};
use sqlx::{AssertSqlSafe, Row as _};

use super::{Engine, Types, arguments, run_statements, sealed};
use crate::error::{Because, Failure};
use crate::table::TableName;

impl sealed::Sealed for Postgres {}

/// The clock when the statement came, also for a row that it has to wait for.
macro_rules! now {
    () => {
        "CAST(floor(extract(epoch FROM statement_timestamp()) * 1000) AS BIGINT)"
    };
}

#[allow(private_interfaces, reason = "the trait is sealed")]
impl Engine for Postgres {
    const DATABASE: &'static str = "postgresql";
    const NOW: &'static str = now!();
    const LOCKED: &'static str = " FOR UPDATE OF s";
    const LOCKED_OR_LEFT_OUT: &'static str = " FOR UPDATE OF s SKIP LOCKED";
    const FIELD_COUNT: &'static str = "(SELECT count(*) FROM jsonb_object_keys(s.fields))";
    const EXPIRY_HOUR: &'static str = "s.expiry_hour";
    const EXPIRED_LONG_AGO: &'static str = concat!("s.expiry_hour < ", now!(), " / 3600000");
    // What the database or the role has as its default does not matter.
    const BEGIN: &'static str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
    const LOCK_NUMBER: Option<&'static str> = Some("SELECT pg_advisory_xact_lock($1)");
    const ONE_WRITER: bool = false;
    const TYPES: Types = Types {
        bytes: "BYTEA",
        time: "TIMESTAMPTZ",
        hex: ("'\\x", "'"),
    };

    fn least(a: &str, b: &str) -> String {
        format!("LEAST({a}, {b})")
    }

    fn json(parameter: &str) -> String {
        format!("CAST({parameter} AS JSONB)")
    }

    fn patched(patch: &str) -> String {
        format!("jsonb_strip_nulls(s.fields || CAST({patch} AS JSONB))")
    }

    fn with_field(fields: &str, name: &str, value: &str) -> String {
        format!("{fields} || {}", Self::one_field(name, value))
    }

    fn one_field(name: &str, value: &str) -> String {
        format!("jsonb_build_object(CAST({name} AS TEXT), {value})")
    }

    fn field(name: &str) -> String {
        format!("(s.fields ->> CAST({name} AS TEXT))")
    }

    fn can_grow(text: &str, by: &str) -> String {
        const RANGE: &str = "BETWEEN -9223372036854775808 AND 9223372036854775807";
        format!(
            "CASE WHEN {text} ~ '^(0|-?[1-9][0-9]{{0,18}})$' \
             THEN CAST({text} AS NUMERIC) {RANGE} AND CAST({text} AS NUMERIC) + {by} {RANGE} \
             ELSE FALSE END"
        )
    }

    fn sum(text: &str, by: &str) -> String {
        format!("CAST(CAST({text} AS NUMERIC) + {by} AS TEXT)")
    }

    fn key_in(parameter: &str) -> String {
        format!(
            "s.id IN (SELECT decode(key, 'hex') \
             FROM jsonb_array_elements_text(CAST({parameter} AS JSONB)) AS key)"
        )
    }

    fn listing_in(parameter: &str) -> String {
        format!(
            "(s.principal, s.public_id) IN (SELECT listing ->> 0, listing ->> 1 \
             FROM jsonb_array_elements(CAST({parameter} AS JSONB)) AS listing)"
        )
    }

    fn first_rows(table: &TableName, condition: &str, order: &str, most: &str) -> String {
        let left_out = Self::LOCKED_OR_LEFT_OUT;
        // Half as long as by the key.
        format!(
            "s.ctid = ANY (ARRAY(SELECT s.ctid FROM {table} AS s WHERE {condition} \
             ORDER BY {order} LIMIT {most}{left_out}))"
        )
    }

    const PARTS: &'static [&'static str] = &[
        "application_name",
        "dbname",
        "host",
        "hostaddr",
        "options",
        "password",
        "port",
        "sslcert",
        "sslkey",
        "ssl-ca",
        "ssl-cert",
        "ssl-key",
        "ssl-mode",
        "ssl-root-cert",
        "sslmode",
        "sslrootcert",
        "statement-cache-capacity",
        "user",
    ];

    fn configured(options: PgConnectOptions) -> PgConnectOptions {
        options
    }

    fn is_one_connection(_options: &PgConnectOptions) -> bool {
        false
    }

    fn migrations(table: &TableName) -> Vec<(&'static str, String)> {
        let index = table.index("principal");
        let expiry = table.index("expiry");
        vec![(
            "sessions",
            format!(
                "CREATE TABLE {table} (
    id BYTEA PRIMARY KEY CHECK (length(id) = 32),
    expires_at BIGINT,
    expiry_hour BIGINT GENERATED ALWAYS AS (expires_at / 3600000) STORED,
    deadline BIGINT CHECK (deadline BETWEEN 1 AND 999999999999999),
    ttl BIGINT CHECK (ttl BETWEEN 1 AND 4294967295),
    created_at TEXT,
    last_accessed_at TEXT,
    principal TEXT COLLATE \"C\",
    public_id TEXT COLLATE \"C\",
    login_at BIGINT,
    persistent BIGINT CHECK (persistent IN (0, 1)),
    rotated_until BIGINT,
    successor BYTEA,
    fields JSONB NOT NULL,
    CHECK ((ttl IS NULL) = (created_at IS NULL) AND (ttl IS NULL) = (last_accessed_at IS NULL)),
    CHECK (ttl IS NULL OR principal IS NULL OR deadline IS NOT NULL),
    CHECK (ttl IS NULL OR rotated_until IS NULL)
) WITH (fillfactor = 90);
CREATE INDEX {index} ON {table} (principal, deadline, public_id) WHERE principal IS NOT NULL;
CREATE INDEX {expiry} ON {table} (expiry_hour);"
            ),
        )]
    }

    fn schemas(name: &str) -> Option<String> {
        Some(format!(
            "SELECT CAST(count(*) AS BIGINT) FROM pg_namespace WHERE nspname = '{name}'"
        ))
    }

    async fn meet(connection: &mut PgConnection) -> Result<(), Failure> {
        let facts = "SELECT CAST(pg_encoding_to_char(encoding) = 'UTF8' AS INT) \
             + 2 * CAST(current_setting('transaction_read_only') = 'off' AS INT) \
             + 4 * CAST(CAST(current_setting('server_version_num') AS INT) >= 120000 AS INT) \
             FROM pg_database WHERE datname = current_database()";
        // Not prepared, as it is asked once: a round trip less.
        let facts = sqlx::raw_sql(facts).fetch_optional(connection).await?;
        let facts: Option<i32> = facts.map(|row| row.try_get(0)).transpose()?;
        match facts {
            Some(7) => Ok(()),
            Some(6) => Err(Failure::config(Because::NotUtf8)),
            Some(0..4) => Err(Failure::config(Because::OldServer)),
            _ => Err(Failure::unavailable(Because::ReadOnly)),
        }
    }

    async fn limit(connection: &mut PgConnection, deadline: Duration) -> Result<(), Failure> {
        // A statement that its caller has given up ends on the server too. One that waits for a
        // lock ends before that: then the caller knows that nothing was applied. A transaction
        // whose client has vanished ends as well. All that is asked is in an index; a plan that was
        // made while the table was small would not use it. No statement is worth compiling.
        let limit = deadline.as_millis().max(1);
        let lock_limit = (limit * 3 / 4).max(1);
        let idle_limit = (limit * 4).max(1_000);
        let settings = format!(
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED; \
             SET statement_timeout = {limit}; SET lock_timeout = {lock_limit}; \
             SET idle_in_transaction_session_timeout = {idle_limit}; SET enable_seqscan = off; \
             SET jit = off"
        );
        let set = sqlx::raw_sql(AssertSqlSafe(settings)).execute(connection);
        set.await?;
        Ok(())
    }

    run_statements!(PgArguments);

    fn failure(error: &dyn sqlx::error::DatabaseError) -> Failure {
        let code = error.code();
        let code = code.as_deref().unwrap_or_default();
        match code {
            "53100" => Failure::full(),
            "40001" | "40P01" => Failure::again(Because::InTheWay),
            "57014" | "55P03" => Failure::timeout(),
            "25006" => Failure::unavailable(Because::ReadOnly),
            "42P01" | "42703" | "3F000" => Failure::config(Because::NoTable),
            "42P07" | "42710" => Failure::config(Because::ForeignTable),
            "3D000" => Failure::config(Because::NoDatabase),
            "42501" => Failure::denied(),
            _ if code.starts_with("28") => Failure::denied(),
            _ if ["53", "57", "08"]
                .iter()
                .any(|class| code.starts_with(class)) =>
            {
                Failure::unavailable(Because::Server)
            }
            _ => Failure::rejected(),
        }
    }
}

arguments!(PgArguments);
