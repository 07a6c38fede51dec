//! The commands on SQLite and PostgreSQL.

use session_sqlx_test::{Database, PASSWORD, PostgresServer, shared};
use session_store::IdStorage;
use session_store::backends::sqlx::sqlx::{self, Connection as _};
use tempfile::TempDir;

use crate::doctor::{findings, of};
use crate::support::{Store, command};

/// Where the rows are.
enum Rows {
    Sqlite(String, TempDir),
    Postgres(Database),
}

impl Rows {
    async fn both() -> [Self; 2] {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/sessions.db", folder.path().display());
        [
            Self::Sqlite(url, folder),
            Self::Postgres(shared().await.schema().await),
        ]
    }

    fn store(&self) -> Store {
        let url = match self {
            Self::Sqlite(url, _) => url.clone(),
            Self::Postgres(database) => database.url(),
        };
        Store::at(url, IdStorage::Plain)
    }

    /// All at once, behind the back of the store.
    async fn execute(&self, sql: &str) {
        match self {
            Self::Postgres(database) => database.execute(sql).await,
            Self::Sqlite(url, _) => {
                let url = format!("{url}?mode=rwc");
                let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
                let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
                sql.execute(&mut connection).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn every_command_works_on_a_database() {
    for rows in Rows::both().await {
        let store = rows.store();
        // Nothing is made where nothing is.
        for words in [&["count"][..], &["purge"], &["revoke", "--all", "--yes"]] {
            let ended = store.run(words).await;
            assert_eq!((ended.code, &*ended.stdout), (Some(3), ""), "{ended:?}");
        }
        let (code, found) = findings(&store, &[]).await;
        assert_eq!((code, of(&found, "table").0), (Some(2), "problem"));
        if let Rows::Sqlite(_, folder) = &rows {
            assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        }

        // The SQL that is printed is that of the library.
        rows.execute(&store.told(&["schema"]).await).await;
        assert_eq!(store.run(&["count"]).await.stdout, "0\n");
        let (ann, other) = (store.log_in("ann").await, store.log_in("bob").await);
        let (_, nobody) = (
            store.log_in("ann").await,
            store.add(None, std::time::Duration::ZERO).await,
        );
        for (words, said) in [
            (&["list"][..], &*nobody),
            (&["list", "--principal", "ann"], &ann),
            (&["count"], "4\n"),
            (&["count", "--principal", "ann"], "2\n"),
            (&["show", &ann, "--values"], "apples"),
            (&["show", &nobody], "cart"),
            (&["watch", "--times", "1"], "4 sessions, 3 bound"),
            (&["revoke", &ann, &nobody], "revoked"),
            (
                &["revoke", "--principal", "ann", "--yes"],
                "revoked 1 session",
            ),
            (&["revoke", "--all", "--dry-run"], "would revoke 1 session"),
            (&["list", "--json"], &other),
        ] {
            let told = store.told(words).await;
            assert!(told.contains(said), "{words:?}: {told}");
        }
        let lost = rows.store().with("SESSION_TABLE", "lost");
        let ended = lost.run(&["count"]).await;
        assert!(ended.stderr.contains("table is not there"), "{ended:?}");
        let schema = lost.told(&["schema", "--table", "web"]).await;
        assert!(schema.contains("CREATE TABLE \"web\" ("), "{schema}");
    }
}

#[tokio::test]
async fn what_has_expired_is_seen_and_purged() {
    for rows in Rows::both().await {
        let store = rows.store();
        for name in ["ann", "bob", "eve"] {
            store.log_in(name).await;
        }
        let (code, found) = findings(&store, &[]).await;
        assert_eq!(code, Some(0), "{found:?}");
        for (check, said) in [
            ("contact", "reached"),
            ("server", "SQL"),
            ("table", "sessions, version 1"),
            ("rows", "3 rows, none of which has expired"),
            ("read", "p50 "),
        ] {
            let (_, text, _) = of(&found, check);
            assert!(text.contains(said), "{check}: {text}");
        }
        let sql = "UPDATE sessions SET expires_at = expires_at - 9000000 WHERE principal <> 'eve'";
        rows.execute(sql).await;
        let (code, found) = findings(&store, &["--strict"]).await;
        let (level, text, advice) = of(&found, "rows");
        assert_eq!((code, level), (Some(1), "warning"), "{found:?}");
        let is_said = text.contains("2 of which have expired, the first 2h");
        assert!(is_said && advice.contains("sessions purge"), "{text}");
        let told = store.told(&["purge"]).await;
        let is_said = told.starts_with("deleted 2 expired rows in 1 batch; the longest took ");
        assert!(is_said, "{told}");
        assert_eq!(store.json(&["purge"]).await[0]["rows"], 0);
        assert_eq!(store.told(&["count"]).await, "1\n");
        assert_eq!(of(&findings(&store, &[]).await.1, "rows").0, "ok");
    }
}

#[tokio::test]
async fn passwords_and_rights_of_postgresql_are_looked_at_and_not_shown() {
    let server = PostgresServer::builder().password_required().start().await;
    let whole = server.admin().url();
    let (_, host) = whole.split_once('@').unwrap();
    let bare = format!("postgresql://postgres@{host}");
    let store = || {
        Store::at(whole.as_str(), IdStorage::Plain)
            .with_secret("cr@t")
            .with_secret("cr%40t")
    };
    let public_id = store().log_in("ann").await;
    for store in [
        store(),
        store()
            .with("SESSION_URL", &bare)
            .with("SESSION_PASSWORD", PASSWORD),
    ] {
        assert!(store.told(&["list"]).await.contains(&public_id));
        assert!(
            store
                .told(&["purge"])
                .await
                .contains("deleted 0 expired rows")
        );
        let (code, found) = findings(&store, &[]).await;
        assert_eq!(code, Some(0), "{found:?}");
    }
    let ended = store().run(&["count", "--url", &whole]).await;
    assert!(ended.stderr.contains("the password in --url"), "{ended:?}");
    let create = "CREATE ROLE reader LOGIN PASSWORD 'x'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader";
    server.admin().execute(create).await;
    let reader = bare.replacen("postgres@", "reader@", 1);
    for (url, password, code) in [(&bare, "wrong", 3), (&reader, "x", 0)] {
        let store = store()
            .with("SESSION_URL", url)
            .with("SESSION_PASSWORD", password);
        assert_eq!(store.run(&["count"]).await.code, Some(code));
        let (code, found) = findings(&store, &[]).await;
        let (level, _, advice) = of(&found, "rights");
        assert_eq!((code, level), (Some(2), "problem"), "{found:?}");
        assert!(advice.contains("SELECT, INSERT, UPDATE and DELETE"));
    }
}

#[tokio::test]
async fn what_is_not_for_a_store_is_said() {
    for (words, url, said) in [
        (&["purge"][..], "redis://h", "by itself"),
        (&["schema"], "redis://h", "SQLite and PostgreSQL"),
        (&["purge"], "memory:", "end with that process"),
        (
            &["schema", "--table", "a;b"],
            "sqlite:x",
            "not a table's name",
        ),
        (
            &["count", "--server-name", "n"],
            "postgres://h/d",
            "sslmode=verify-full",
        ),
        (&["count"], "sqlite:", "names no file"),
    ] {
        let mut command = command(words);
        command.env("SESSION_URL", url);
        let ended = crate::support::Ended::of(command).await;
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(said), "{ended:?}");
    }
}
