//! Tables of other names, side by side, made by hand; and the pools of applications.

use session_conformance::{Runner, cases};
use session_core::{SessionBackend as _, SessionPolicy};
use session_sqlx::{Engine, PostgresBackend, SqliteBackend, SqlxBackend, SqlxBuilder};
use session_sqlx_test::shared;
use sqlx::sqlite::SqlitePoolOptions;

use crate::harness::{Journal, PostgresHarness, SqliteHarness};
use crate::kit::{PATIENT, count, create, new, principal};
use crate::raw::Raw;

pub(crate) fn add(runner: Runner) -> Runner {
    runner
        .test("tables::sqlite", sqlite)
        .test("tables::postgres", postgres)
        .test("tables::pools", pools)
}

async fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let raw = SqlitePoolOptions::new().connect_lazy(&format!("{url}?mode=rwc"));
    let raw = Raw::Sqlite(raw.unwrap());
    let builder = || SqliteBackend::builder(&url).unwrap();
    let schema = "SELECT type, name, sql FROM sqlite_schema \
         UNION ALL SELECT 'version', version || installed_on, hex(checksum) FROM";
    side_by_side(builder, ["sessions", "main.others"]).await;
    by_hand(&raw, builder, &["by_hand"], schema).await;
}

async fn postgres() {
    let database = shared().await.database().await;
    let raw = Raw::Postgres(sqlx::PgPool::connect_lazy(&database.url()).unwrap());
    let builder = || PostgresBackend::builder(&database.url()).unwrap();
    let schema = "SELECT CAST(oid AS TEXT), CAST(relname AS TEXT), CAST(relfilenode AS TEXT) \
         FROM pg_class WHERE relnamespace NOT IN (11, 99) \
         UNION ALL SELECT 'version', CAST(version AS TEXT) || installed_on, \
         encode(checksum, 'hex') FROM";
    side_by_side(builder, ["sessions", "app.sessions"]).await;
    by_hand(&raw, builder, &["by_hand", "web.sessions"], schema).await;
}

async fn at<E: Engine>(builder: SqlxBuilder<E>, table: &str, may_migrate: bool) -> SqlxBackend<E> {
    let builder = builder.table(table.parse().unwrap()).migrate(may_migrate);
    builder.deadline(PATIENT).connect().await.unwrap()
}

/// Neither shows, changes or ends what is in the other.
async fn side_by_side<E: Engine>(builder: impl Fn() -> SqlxBuilder<E>, tables: [&str; 2]) {
    let one = at(builder(), tables[0], true).await;
    let other = at(builder(), tables[1], true).await;
    let ann = principal("ann");
    let mut ids = Vec::new();
    for backend in [&one, &other] {
        let new = new().bind(ann.clone());
        ids.push(backend.create_session(new).await.unwrap().id);
    }
    assert_eq!(count(&one, &ids[0]).await.unwrap(), Some(1));
    assert_eq!(count(&one, &ids[1]).await.unwrap(), None);
    assert_eq!(one.list_sessions(&ann).await.unwrap().len(), 1);
    assert_eq!(one.revoke_sessions(&ann, None).await.unwrap(), 1);
    assert_eq!(count(&other, &ids[1]).await.unwrap(), Some(1));
    assert_eq!(other.list_sessions(&ann).await.unwrap().len(), 1);
}

/// What the printed SQL makes is what the backend would have made, which then changes nothing.
async fn by_hand<E: Engine>(
    raw: &Raw,
    builder: impl Fn() -> SqlxBuilder<E>,
    tables: &[&str],
    schema: &str,
) {
    for table in tables {
        let printed = builder().table(table.parse().unwrap()).build().schema_sql();
        raw.run_all(&printed).await;
        let look = format!("{schema} {table}_migrations ORDER BY 1, 2");
        let before = raw.texts(&look).await;
        for may_migrate in [false, true] {
            let backend = at(builder(), table, may_migrate).await;
            create(&backend).await;
            assert_eq!(raw.texts(&look).await, before, "{table}, {may_migrate}");
        }
    }
}

/// Over a pool of the application's, of several connections or of one.
async fn pools() {
    const MODULES: [&str; 6] = ["login", "operation", "paging", "quota", "rotation", "write"];
    for connections in [1, 4] {
        for case in cases().filter(|it| MODULES.contains(&it.module)) {
            let sqlite = SqliteHarness::new(Journal::Wal)
                .await
                .over_pool(connections);
            let postgres = PostgresHarness::new(crate::harness::Time::Real)
                .await
                .over_pool(connections);
            tokio::join!((case.run)(&sqlite), (case.run)(&postgres));
        }
        let postgres = PostgresHarness::new(crate::harness::Time::Real)
            .await
            .over_pool(connections);
        let shown = format!("{:?}", postgres.postgres(SessionPolicy::new()));
        assert!(
            shown.contains(&format!("max_connections: {connections}")),
            "{shown}"
        );
    }
}
