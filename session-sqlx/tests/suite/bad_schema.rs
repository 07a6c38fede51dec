//! Databases that are not as they must be: each is refused by name, and left as it is.

use session_conformance::Runner;
use session_core::{ErrorKind, SessionBackend as _};
use session_sqlx::{Engine, PostgresBackend, SqliteBackend, SqlxBuilder};
use session_sqlx_test::{PostgresServer, shared};
use sqlx::sqlite::SqlitePoolOptions;

use crate::kit::{PATIENT, assert_refused, create};
use crate::raw::Raw;

pub(crate) fn add(runner: Runner) -> Runner {
    runner
        .test("bad_schema::sqlite", sqlite)
        .test("bad_schema::postgres", postgres)
        .test("bad_schema::encodings", encodings)
        .test("bad_schema::rights", rights)
}

struct Row {
    what: &'static str,
    /// Whether the backend has made its table before.
    is_made: bool,
    /// What another does then.
    sql: &'static str,
    /// The backend is refused, with and without leave to make its table.
    says: [&'static str; 2],
    /// What makes it right again.
    undo: &'static str,
}

const FOREIGN: &str = "there is a table or index of this name that is none of the sessions'";
const NO_TABLE: &str = "the sessions' table is not there";
const NEWER: &str = "the sessions' table is of a newer version";

const ROWS: [Row; 6] = [
    Row {
        what: "another application's table",
        is_made: false,
        sql: "CREATE TABLE sessions (id INTEGER, kept INTEGER); INSERT INTO sessions VALUES (1, 2)",
        says: [FOREIGN, NO_TABLE],
        undo: "UPDATE sessions SET kept = kept WHERE id = 1 AND kept = 2; DROP TABLE sessions",
    },
    Row {
        what: "an index of our index's name",
        is_made: false,
        sql: "CREATE TABLE others (a INTEGER); CREATE INDEX sessions_principal ON others (a)",
        says: [FOREIGN, NO_TABLE],
        // Nothing half made is in the way.
        undo: "CREATE TABLE sessions (a INTEGER); DROP TABLE sessions; DROP TABLE others",
    },
    Row {
        what: "a table of migrations of another shape",
        is_made: false,
        sql: "CREATE TABLE sessions_migrations (name TEXT)",
        says: [FOREIGN, NO_TABLE],
        undo: "INSERT INTO sessions_migrations (name) VALUES (''); DROP TABLE sessions_migrations",
    },
    Row {
        what: "a table of migrations of other types",
        is_made: false,
        sql: "CREATE TABLE sessions_migrations (version TEXT, success BOOLEAN); \
              INSERT INTO sessions_migrations VALUES ('first', TRUE)",
        says: [FOREIGN, FOREIGN],
        undo: "DROP TABLE sessions_migrations",
    },
    Row {
        what: "a newer schema",
        is_made: true,
        sql: "INSERT INTO sessions_migrations (version, description, success, checksum, \
              execution_time) SELECT 99, 'x', TRUE, checksum, 0 FROM sessions_migrations",
        says: [NEWER, NEWER],
        undo: "DELETE FROM sessions_migrations WHERE version = 99",
    },
    Row {
        what: "a table that is noted, and not there",
        is_made: true,
        sql: "ALTER TABLE sessions RENAME TO away",
        says: [NO_TABLE, NO_TABLE],
        undo: "ALTER TABLE away RENAME TO sessions",
    },
];

/// Refused, whether or not the backend may make its table; and well, once it is undone.
async fn run<E: Engine>(row: &Row, raw: &Raw, builder: impl Fn() -> SqlxBuilder<E>) {
    let builder = || builder().deadline(PATIENT);
    if row.is_made {
        builder().connect().await.unwrap();
    }
    raw.run_all(row.sql).await;
    for (says, may_migrate) in row.says.into_iter().zip([true, false]) {
        let refused = builder().migrate(may_migrate).connect().await;
        let what = format!("{} on {}, {may_migrate}", row.what, E::DATABASE);
        assert_refused(&what, refused, ErrorKind::Config, says);
    }
    raw.run_all(row.undo).await;
    let backend = builder().connect().await.unwrap();
    create(&backend).await;
}

async fn sqlite() {
    for row in &ROWS {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
        let raw = SqlitePoolOptions::new().connect_lazy(&format!("{url}?mode=rwc"));
        let raw = Raw::Sqlite(raw.unwrap());
        run(row, &raw, || SqliteBackend::builder(&url).unwrap()).await;
    }
}

async fn postgres() {
    for row in &ROWS {
        let schema = shared().await.schema().await;
        let raw = Raw::Postgres(sqlx::PgPool::connect_lazy(&schema.url()).unwrap());
        run(row, &raw, || {
            PostgresBackend::builder(&schema.url()).unwrap()
        })
        .await;
    }
}

/// Only UTF-8 keeps every text.
async fn encodings() {
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let database = shared().await.database_in(encoding).await;
        let builder = PostgresBackend::builder(&database.url()).unwrap();
        let refused = builder.deadline(PATIENT).connect().await;
        let says = "the database's encoding is not UTF8";
        assert_refused(encoding, refused, ErrorKind::Config, says);
    }
}

/// Who lacks a right is told so, by a ping too; and who may not use the database at all.
async fn rights() {
    let server = PostgresServer::start().await;
    let admin = server.admin();
    let builder = |login: &str| {
        let builder = PostgresBackend::builder(&admin.as_user(login).url()).unwrap();
        builder.deadline(PATIENT)
    };
    let all = builder("postgres").connect().await.unwrap();
    admin.execute("CREATE ROLE app LOGIN").await;
    admin
        .execute("GRANT SELECT ON sessions_migrations TO app")
        .await;
    for right in ["SELECT", "INSERT", "UPDATE", "DELETE"] {
        let grant = "REVOKE ALL ON sessions FROM app; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO app";
        admin
            .execute(&format!("{grant}; REVOKE {right} ON sessions FROM app"))
            .await;
        let id = create(&all).await.id;
        let app = builder("app").build();
        let denied = |what, result| {
            let what = format!("{what} without {right}");
            assert_refused(
                &what,
                result,
                ErrorKind::Denied,
                "permission denied for table sessions",
            );
        };
        denied("ping", app.ping().await);
        match right {
            "SELECT" => denied("peek", app.peek_session(&id).await.map(drop)),
            "INSERT" => denied(
                "create",
                app.create_session(crate::kit::new()).await.map(drop),
            ),
            "UPDATE" => denied("count", crate::kit::count(&app, &id).await.map(drop)),
            _ => denied("delete", app.delete_session(&id).await.map(drop)),
        }
        assert!(
            all.peek_session(&id).await.unwrap().is_some(),
            "without {right}"
        );
    }
    admin
        .execute("REVOKE ALL ON sessions_migrations, sessions FROM app")
        .await;
    let table = "other".parse().unwrap();
    let database = format!("{}_missing", admin.url());
    let missing = PostgresBackend::builder(&database)
        .unwrap()
        .deadline(PATIENT);
    for (what, builder, kind, says) in [
        (
            "a table",
            builder("app"),
            ErrorKind::Denied,
            "sessions_migrations",
        ),
        (
            "to create",
            builder("app").table(table),
            ErrorKind::Denied,
            "schema public",
        ),
        (
            "a log-in",
            builder("nobody"),
            ErrorKind::Denied,
            "\"nobody\"",
        ),
        (
            "a database",
            missing,
            ErrorKind::Config,
            "there is no such database",
        ),
    ] {
        assert_refused(what, builder.connect().await, kind, says);
    }
}
