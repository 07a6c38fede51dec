//! Transactions in each other's way, and a table that is made again.

use std::time::{Duration, Instant};

use session_conformance::Runner;
use session_core::{ErrorKind, SessionBackend as _};
use session_sqlx::PostgresBackend;
use session_sqlx_test::{Mode, PostgresServer, Proxy, shared};
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::kit::{PATIENT, assert_refused, count, create};

pub(crate) fn add(runner: Runner) -> Runner {
    runner
        .test("contention::increments_under_serializable", storm)
        .test("contention::who_waits_takes_what_comes_first", hand_over)
        .test("contention::a_table_is_dropped_and_made_again", dropped)
}

/// Whatever isolation the database has as its default, increments of one counter are distinct and
/// none is missing; also over an application's pool, which keeps that default.
async fn storm() {
    const WORKERS: i64 = 8;
    const ROUNDS: i64 = 40;
    for isolation in ["repeatable read", "serializable"] {
        let database = shared().await.database().await;
        let alter = format!(
            "ALTER DATABASE {} SET default_transaction_isolation = '{isolation}'",
            database.name()
        );
        database.execute(&alter).await;
        let pool = PgPoolOptions::new().connect_lazy(&database.url()).unwrap();
        for builder in [
            PostgresBackend::builder(&database.url()).unwrap(),
            PostgresBackend::with_pool(pool),
        ] {
            let backend = builder.deadline(PATIENT).connect().await.unwrap();
            let id = create(&backend).await.id;
            let mut workers = JoinSet::new();
            for _ in 0..WORKERS {
                let (backend, id) = (backend.clone(), id.clone());
                workers.spawn(async move {
                    let mut counts = Vec::new();
                    for _ in 0..ROUNDS {
                        counts.extend(count(&backend, &id).await.unwrap());
                    }
                    counts
                });
            }
            let mut counts = workers.join_all().await.concat();
            counts.sort_unstable();
            let all: Vec<_> = (1..=WORKERS * ROUNDS).collect();
            assert_eq!(counts, all, "{isolation}");
        }
    }
}

/// An operation that waits for a connection of its own, which never comes, goes on with one that
/// another has given back.
async fn hand_over() {
    let server = PostgresServer::start().await;
    let way = Proxy::start(server.addr()).await;
    let builder = PostgresBackend::builder(&server.admin().url_at(way.addr())).unwrap();
    let builder = builder.max_connections(2).deadline(PATIENT);
    let backend = builder.connect().await.unwrap();
    let ids = [create(&backend).await.id, create(&backend).await.id];
    way.set_new(Mode::Swallow);
    way.reset();

    let mut other = server.admin().connect().await;
    let lock = "BEGIN; SELECT id FROM sessions FOR UPDATE";
    sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
    let mut counts = JoinSet::new();
    for id in ids {
        let backend = backend.clone();
        counts.spawn(async move { count(&backend, &id).await.unwrap() });
    }
    let began = Instant::now();
    while way.connections() == 0 {
        assert!(began.elapsed() < PATIENT, "neither of them connects");
        sleep(Duration::from_millis(2)).await;
    }
    let over = sqlx::raw_sql("ROLLBACK").execute(&mut other).await;
    over.unwrap();
    assert_eq!(counts.join_all().await, [Some(1), Some(1)]);
    assert_eq!(way.connections(), 1);
}

/// A backend that has seen its table does not make it again: it says that it is not there. Once
/// another process has made it, the backend goes on.
async fn dropped() {
    let server = PostgresServer::start().await;
    let make = async || {
        let builder = PostgresBackend::builder(&server.admin().url()).unwrap();
        builder.deadline(PATIENT).connect().await.unwrap()
    };
    let backend = make().await;
    let id = create(&backend).await.id;
    let drop = "DROP TABLE sessions, sessions_migrations";
    server.admin().execute(drop).await;
    let says = "the sessions' table is not there";
    assert_refused(
        "a read",
        backend.get_session(&id).await,
        ErrorKind::Config,
        says,
    );
    assert_refused(
        "a count",
        count(&backend, &id).await,
        ErrorKind::Config,
        says,
    );
    assert_refused("a ping", backend.ping().await, ErrorKind::Config, says);
    make().await;
    backend.ping().await.unwrap();
    assert_eq!(backend.get_session(&id).await.unwrap(), None);
    let id = create(&backend).await.id;
    assert_eq!(count(&backend, &id).await.unwrap(), Some(1));
}
