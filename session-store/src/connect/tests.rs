//! Which backend a URL names, and which is refused.

use super::*;
use std::error::Error as _;

fn refusal(url: &str) -> ConnectError {
    let error = Connect::to(url).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error
        .source()
        .unwrap()
        .downcast_ref::<ConnectError>()
        .unwrap()
        .clone()
}

#[tokio::test]
async fn other_schemes_are_refused_and_no_text_shows_the_url() {
    for url in [
        "",
        "http://host",
        "fred://host",
        "memory-x:",
        "memory+fred:",
        "redis-clusters://host",
        "redis+fred-cluster://host",
        "redis-sentinels://host",
        "redis+fred+unix:///socket",
        "://",
        "redis+other://user:SECRET@host",
        "sqlite3:file",
        "postgres+other://user:SECRET@host",
    ] {
        assert_eq!(refusal(url), ConnectError::UnknownScheme, "{url}");
    }
    let connect = Connect::to("redis+other://user:SECRET@host");
    let error = connect.clone().build().unwrap_err();
    assert!(!format!("{connect:?} {error} {error:?}").contains("SECRET"));
}

#[cfg(feature = "memory")]
#[tokio::test]
async fn memory_is_chosen_by_its_scheme() {
    for url in ["memory:", "memory://"] {
        let backend = connect(url).await.unwrap();
        assert!(format!("{backend:?}").contains("MemoryBackend"));
    }
    for url in ["memory:?max_sessions=5", "memory://host", "memory:x"] {
        assert_eq!(refusal(url), ConnectError::AfterMemory, "{url}");
    }
}

#[cfg(feature = "redis-rs")]
#[tokio::test]
async fn plain_redis_schemes_mean_redis_rs() {
    let backend = Connect::to("redis://127.0.0.1:1").build().unwrap();
    assert!(format!("{backend:?}").contains("RedisRsBackend"));
    let error = Connect::to("redis://127.0.0.1:1")
        .connect()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.effect(), Effect::NotApplied);
}

/// A cluster's URL is one to the backend as well: it looks for the nodes.
#[cfg(feature = "redis-rs")]
#[tokio::test]
async fn cluster_schemes_mean_redis_rs_on_a_cluster() {
    let backend = Connect::to("redis-cluster://127.0.0.1:1?node=127.0.0.1:2")
        .build()
        .unwrap();
    let shown = format!("{backend:?}");
    assert!(
        shown.contains("RedisRsBackend") && shown.contains("Cluster"),
        "{shown}"
    );
    let error = Connect::to("redis-cluster://127.0.0.1:1?node=")
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[cfg(feature = "fred")]
#[tokio::test]
async fn fred_is_chosen_for_a_cluster_by_its_schemes() {
    let url = "redis-cluster+fred://127.0.0.1:1?node=127.0.0.1:2";
    let shown = format!("{:?}", Connect::to(url).build().unwrap());
    assert!(
        shown.contains("FredBackend") && shown.contains("Cluster"),
        "{shown}"
    );
}

#[cfg(feature = "fred")]
#[tokio::test]
async fn fred_is_chosen_by_its_schemes() {
    let backend = Connect::to("redis+fred://127.0.0.1:1").build().unwrap();
    assert!(format!("{backend:?}").contains("FredBackend"));
}

/// What follows a scheme, of each client that is compiled in.
#[cfg(any(feature = "redis-rs", feature = "fred"))]
const CLIENTS: &[&str] = &[
    #[cfg(feature = "redis-rs")]
    "",
    #[cfg(feature = "fred")]
    "+fred",
];

#[cfg(all(feature = "observe", any(feature = "redis-rs", feature = "fred")))]
#[tokio::test]
async fn an_observed_backend_shows_its_name_and_no_password() {
    for client in CLIENTS {
        let url = format!("redis{client}://:SECRET@127.0.0.1:1");
        let connect = Connect::to(url).observed(Observe::new());
        let backend = connect.clone().build().unwrap();
        let shown = format!("{connect:?} {backend:?}");
        assert!(
            shown.contains("Observed") && !shown.contains("SECRET"),
            "{shown}"
        );
        let error = backend.ping().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}

#[cfg(any(feature = "redis-rs", feature = "fred"))]
#[tokio::test]
async fn settings_reach_the_backend_and_are_checked() {
    for client in CLIENTS {
        for (url, prefix, reason) in [
            ("redis", "a*", "not a key prefix"),
            ("redis", "a:", "its scheme must be rediss"),
        ] {
            let connect =
                Connect::to(format!("{url}{client}://127.0.0.1:1")).tls(crate::Tls::new());
            let error = connect.key_prefix(prefix).build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let source = error.source().unwrap().to_string();
            assert!(source.contains(reason), "{source}");
        }
    }
}

#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
#[tokio::test]
async fn without_their_features_databases_are_named() {
    for (url, feature, is_on) in [
        ("sqlite:x", "sqlite", cfg!(feature = "sqlite")),
        ("postgres://h/d", "postgres", cfg!(feature = "postgres")),
        ("postgresql://h/d", "postgres", cfg!(feature = "postgres")),
    ] {
        if !is_on {
            assert_eq!(refusal(url), ConnectError::FeatureOff(feature), "{url}");
        }
    }
}

#[cfg(all(feature = "sqlite", feature = "postgres"))]
mod databases {
    use super::*;
    use session_core::NewSession;
    use session_sqlx::{InvalidUrl, sqlx};

    #[tokio::test]
    async fn what_a_url_cannot_say_is_named_and_no_text_shows_it() {
        let part = |name: &'static str| InvalidUrl::UnknownPart(name.into());
        for (url, reason) in [
            ("sqlite:", InvalidUrl::NoFile),
            ("SQLITE://", InvalidUrl::NoFile),
            ("sqlite:x?mode=memory", InvalidUrl::NoFile),
            ("sqlite:x?mod=ro", part("mod")),
            ("sqlite:x?SECRET=1", part("…")),
            ("postgres://u:SECRET@h/d?sslmod=SECRET", part("sslmod")),
            ("postgresql://h/d?SECRET", part("…")),
            ("postgres://h/d?options[a]=b&option[a]=SECRET", part("…")),
        ] {
            let error = Connect::to(url).build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let source = error.source().unwrap().downcast_ref();
            assert_eq!(source, Some(&reason), "{url}");
            assert!(!reason.to_string().contains("SECRET"), "{reason}");
        }
        let connect = Connect::to("postgres://u:SECRET@h/d?sslmode=SECRET");
        let error = connect.clone().table("x").build().unwrap_err();
        let cause = error.source().unwrap().to_string();
        assert!(!format!("{connect:?} {error:?} {cause}").contains("SECRET"));
        let error = Connect::to("sqlite:x").table("X;").build().unwrap_err();
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains("not a table's name"), "{cause}");
        assert!(!std::path::Path::new("x").exists());
    }

    #[cfg(any(feature = "redis-rs", feature = "fred"))]
    #[tokio::test]
    async fn they_have_no_inspector() {
        let error = Connect::to("sqlite::memory:").build_inspector().err();
        let error = error.unwrap();
        let reason = error.source().unwrap().downcast_ref();
        assert_eq!(reason, Some(&ConnectError::NotRedis));
    }

    /// Two views of one store; what the second makes is there for the first. Expired rows go by
    /// themselves, or stay.
    async fn is_served<C: sqlx::Connection>(url: &str, name: &str)
    where
        for<'c> &'c mut C: sqlx::Executor<'c, Database = C::Database>,
        (i64,): for<'r> sqlx::FromRow<'r, <C::Database as sqlx::Database>::Row>,
        i64: sqlx::Type<C::Database> + for<'r> sqlx::Decode<'r, C::Database>,
        usize: sqlx::ColumnIndex<<C::Database as sqlx::Database>::Row>,
        for<'q> <C::Database as sqlx::Database>::Arguments: sqlx::IntoArguments<C::Database>,
    {
        let connect = Connect::to(url)
            .table("web")
            .deadline(Duration::from_secs(9));
        #[cfg(feature = "observe")]
        let connect = connect.observed(Observe::new());
        let error = connect.clone().migrate(false).connect().await.err();
        assert_eq!(error.unwrap().kind(), ErrorKind::Config);
        let keeping = connect.clone().purge_every(None);
        let (kept, admin) = keeping.connect_with_admin().await.unwrap();
        assert!(format!("{kept:?}").contains(name), "{kept:?}");
        assert_eq!(kept.deadline(), Duration::from_secs(9));
        kept.create_session(NewSession::default()).await.unwrap();
        let mut raw = C::connect(url).await.unwrap();
        // The purge may leave a row alone for as long as the hour lasts.
        let end = sqlx::query("UPDATE web SET expires_at = expires_at - 9000000");
        end.execute(&mut raw).await.unwrap();
        let long = kept.create_session(NewSession::default()).await.unwrap();
        let mut rows = async || -> i64 {
            let count = sqlx::query_scalar("SELECT count(*) FROM web");
            count.fetch_one(&mut raw).await.unwrap()
        };
        assert_eq!(rows().await, 2);
        let purging = connect.purge_every(Some(Duration::from_millis(5)));
        let purging = purging.connect().await.unwrap();
        let purged = async {
            while rows().await > 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let purged = tokio::time::timeout(Duration::from_secs(30), purged).await;
        purged.expect("expired rows are deleted");
        assert!(purging.get_session(&long.id).await.unwrap().is_some());
        assert_eq!(admin.count_sessions().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_file_of_sqlite_is_served_and_purged() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/sessions.db", folder.path().display());
        is_served::<sqlx::SqliteConnection>(&url, "sqlite").await;
        // It survives its process.
        let sessions = Connect::to(url.replace("sqlite", "SQLite")).table("web");
        let (_, admin) = sessions.connect_with_admin().await.unwrap();
        assert_eq!(admin.count_sessions().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn sqlite_in_memory_is_one_store_for_each_backend() {
        let connect = Connect::to("sqlite::memory:");
        let backend = connect.clone().connect().await.unwrap();
        let created = backend.create_session(NewSession::default()).await.unwrap();
        assert!(backend.get_session(&created.id).await.unwrap().is_some());
        let (_, admin) = connect.connect_with_admin().await.unwrap();
        assert_eq!(admin.count_sessions().await.unwrap(), 0);
    }

    #[tokio::test]
    async fn postgresql_is_served_and_purged() {
        let schema = session_sqlx_test::shared().await.schema().await;
        let url = schema.url().replacen("postgres:", "postgresql:", 1);
        is_served::<sqlx::PgConnection>(&url, "postgresql").await;
        let error = connect("postgres://u@127.0.0.1:1/d").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.effect(), Effect::NotApplied);
    }
}
