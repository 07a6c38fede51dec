//! A server of one's own, and the one that all share.

use std::net::TcpStream;
use std::time::Duration;

use session_sqlx_test::{Mode, PASSWORD, PostgresServer, Proxy, shared};
use sqlx::{Connection as _, PgConnection};
use tokio::time::timeout;

/// How long to wait for what must come.
const SOON: Duration = Duration::from_secs(10);
/// How long to wait to see that nothing comes.
const A_WHILE: Duration = Duration::from_millis(150);
const COUNT: &str = "SELECT count(*) FROM numbers";
const CREATE: &str = "CREATE TABLE numbers AS SELECT generate_series(1, 10)";

#[tokio::test]
async fn what_was_acknowledged_outlasts_kills_and_shutdowns() {
    let starting = || PostgresServer::builder().setting("application_name", "it's one");
    let (mut one, other) = tokio::join!(starting().durable().start(), starting().start());
    assert_ne!(one.port(), other.port());
    assert_ne!(one.admin().url(), other.admin().url());
    for (server, fsync) in [(&one, "on"), (&other, "off")] {
        assert_eq!(server.admin().ask::<String>("SHOW fsync").await, fsync);
        assert_eq!(
            server.admin().ask::<String>("SHOW application_name").await,
            "it's one"
        );
    }
    one.admin().execute(CREATE).await;
    let pid = one.pid();
    one.shut_down_immediately();
    one.kill();
    assert!(TcpStream::connect(one.addr()).is_err());
    one.restart().await;
    // This restart is of a server that runs.
    let mut held = one.admin().connect().await;
    one.restart().await;
    assert!(held.ping().await.is_err());
    assert_ne!(one.pid(), pid);
    assert_eq!(one.admin().ask::<i64>(COUNT).await, 10);
    let table = "SELECT count(*) FROM pg_class WHERE relname = 'numbers'";
    assert_eq!(other.admin().ask::<i64>(table).await, 0);
}

#[tokio::test]
async fn a_dropped_server_ends_and_its_files_are_removed() {
    let mut dropped = PostgresServer::start().await;
    let killed = PostgresServer::start().await;
    dropped.pause();
    for server in [dropped, killed] {
        let (addr, directory) = (server.addr(), server.directory().to_owned());
        assert!(directory.join("data").exists());
        drop(server);
        assert!(TcpStream::connect(addr).is_err());
        assert!(!directory.exists());
    }
}

/// Backends are in process groups of their own: stopping the postmaster alone stops none.
#[tokio::test]
async fn a_stopped_server_is_silent_at_once_until_it_continues() {
    let mut server = PostgresServer::start().await;
    let mut held = server.admin().connect().await;
    for _ in 0..5 {
        server.pause();
        server.pause();
        let url = server.admin().url();
        let query = sqlx::query_scalar::<_, i32>("SELECT 1").fetch_one(&mut held);
        let fresh = PgConnection::connect(&url);
        let (mut query, mut fresh) = (Box::pin(query), Box::pin(fresh));
        assert!(timeout(A_WHILE, &mut query).await.is_err());
        assert!(timeout(A_WHILE, &mut fresh).await.is_err());
        server.resume();
        assert_eq!(timeout(SOON, query).await.unwrap().unwrap(), 1);
        timeout(SOON, fresh).await.unwrap().unwrap();
    }
    server.pause();
    server.kill();
    assert!(TcpStream::connect(server.addr()).is_err());
}

#[tokio::test]
async fn a_replica_follows_reads_only_and_is_promoted() {
    let mut primary = PostgresServer::builder().password_required().start().await;
    primary.admin().execute(CREATE).await;
    let replica = PostgresServer::builder().replica_of(&primary).start().await;
    primary
        .admin()
        .execute("INSERT INTO numbers VALUES (11)")
        .await;
    replica.catch_up_with(&primary).await;
    assert_eq!(replica.admin().ask::<i64>(COUNT).await, 11);
    let insert = "INSERT INTO numbers VALUES (12)";
    let mut connection = replica.admin().connect().await;
    let refused = sqlx::query(insert)
        .execute(&mut connection)
        .await
        .unwrap_err();
    assert_eq!(
        refused.as_database_error().unwrap().code().unwrap(),
        "25006"
    );
    primary.kill();
    replica.promote().await;
    sqlx::query(insert).execute(&mut connection).await.unwrap();
    assert_eq!(replica.admin().ask::<i64>(COUNT).await, 12);
}

#[tokio::test]
async fn a_password_is_needed_where_it_is_required() {
    let server = PostgresServer::builder().password_required().start().await;
    assert_eq!(server.admin().ask::<i32>("SELECT 1").await, 1);
    assert!(!server.admin().url().contains(PASSWORD), "quoted");
    for login in ["postgres", "postgres:wrong"] {
        let url = server.admin().as_user(login).url();
        assert!(PgConnection::connect(&url).await.is_err(), "{login}");
    }
}

#[test]
fn schemas_and_databases_of_the_shared_server_know_nothing_of_each_other() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let pid = runtime().block_on(async { shared().await.pid() });
    runtime().block_on(async {
        let server = shared().await;
        assert_eq!(server.pid(), pid);
        let encoding = "SHOW server_encoding";
        for (place, expected) in [
            (server.schema().await, "UTF8"),
            (server.schema().await, "UTF8"),
            (server.database().await, "UTF8"),
            (server.database_in("SQL_ASCII").await, "SQL_ASCII"),
            (server.database_in("LATIN1").await, "LATIN1"),
        ] {
            assert_eq!(place.ask::<String>(encoding).await, expected);
            place.execute(CREATE).await;
            assert_eq!(place.ask::<i64>(COUNT).await, 10);
            let schema: String = place.ask("SELECT current_schema()::text").await;
            assert_eq!(place.schema().unwrap_or("public"), schema);
        }
    });
}

#[tokio::test]
async fn the_proxy_counts_round_trips_and_swallows_replies() {
    let schema = shared().await.schema().await;
    schema.execute(CREATE).await;
    let proxy = Proxy::start(schema.addr()).await;
    let mut connection = PgConnection::connect(&schema.url_at(proxy.addr()))
        .await
        .unwrap();
    let insert = "INSERT INTO numbers VALUES (11)";
    // It is prepared first, in a round trip of its own.
    sqlx::query(insert).execute(&mut connection).await.unwrap();
    proxy.reset();
    sqlx::query(insert).execute(&mut connection).await.unwrap();
    assert_eq!(proxy.bursts(), 1);
    proxy.set(Mode::SwallowReplies);
    let done = sqlx::query(insert).execute(&mut connection);
    assert!(timeout(A_WHILE, done).await.is_err());
    assert_eq!(schema.ask::<i64>(COUNT).await, 13);
}

#[tokio::test]
#[should_panic(expected = "run `scripts/setup-tests`, or set SESSION_TEST_POSTGRES")]
async fn missing_programs_say_what_to_do() {
    PostgresServer::builder().programs("/nowhere").start().await;
}

#[tokio::test]
#[should_panic(expected = "no_such_parameter")]
async fn a_server_that_ends_shows_its_log() {
    PostgresServer::builder()
        .setting("no_such_parameter", "1")
        .start()
        .await;
}
