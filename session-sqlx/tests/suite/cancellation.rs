//! Futures that are dropped before they are ready: their connections come back.

use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use session_conformance::Runner;
use session_core::{Delta, PageSize, SessionAdmin as _, SessionBackend as _, SessionTtl};
use session_sqlx::{Engine, PostgresBackend, SqliteBackend, SqlxBackend};
use session_sqlx_test::{Proxy, shared};
use sqlx::{Connection as _, SqliteConnection};
use tokio::time::timeout;

use crate::kit::{DEADLINE, PATIENT, count, create, name, new, principal, set, until_well};

const ROUNDS: usize = 40;
const CONNECTIONS: u32 = 3;

pub(crate) fn add(runner: Runner) -> Runner {
    runner
        .test("cancellation::sqlite", sqlite)
        .test("cancellation::postgres", postgres)
        .test("cancellation::a_wait_for_a_lock", waiting)
}

/// Polls a future so many times, and drops it if it is not ready by then.
async fn poll_and_drop<F: Future>(future: F, mut left: usize) {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Pending if left > 0 => Poll::Pending,
            _ => Poll::Ready(()),
        }
    })
    .await;
}

/// Drops each operation after each number of polls, many at a time.
async fn drop_all<E: Engine>(backend: &SqlxBackend<E>) {
    for round in 0..ROUNDS {
        let polls = || rand::random_range(1..=12);
        let id = &create(backend).await.id;
        let admin = &backend.admin();
        let ann = &principal("ann");
        let bind = || Delta::new().bind(ann.clone());
        let expecting = set("a", "b").expect_value(name("views"), "0");
        tokio::join!(
            poll_and_drop(backend.get_session(id), polls()),
            poll_and_drop(backend.peek_session(id), polls()),
            poll_and_drop(backend.create_session(new().bind(ann.clone())), polls()),
            poll_and_drop(backend.update_session(id, set("a", "b")), polls()),
            poll_and_drop(backend.update_session(id, expecting), polls()),
            poll_and_drop(backend.update_session(id, bind()), polls()),
            poll_and_drop(count(backend, id), polls()),
            poll_and_drop(backend.set_session_ttl(id, SessionTtl::MAX), polls()),
            poll_and_drop(backend.rotate_session(id, bind()), polls()),
            poll_and_drop(backend.list_sessions(ann), polls()),
            poll_and_drop(backend.delete_session(id), polls()),
            poll_and_drop(backend.revoke_sessions(ann, None), polls()),
            poll_and_drop(admin.list_page(None, PageSize::MAX), polls()),
            poll_and_drop(backend.purge(), polls()),
            poll_and_drop(backend.ping(), polls()),
        );
        if round % 10 == 9 {
            until_unused(backend).await;
        }
    }
    backend.ping().await.unwrap();
}

/// Waits until all connections are back.
async fn until_unused<E: Engine>(backend: &SqlxBackend<E>) {
    let began = Instant::now();
    while !format!("{backend:?}").contains("in_use: 0") {
        assert!(began.elapsed() < PATIENT, "{backend:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let builder = SqliteBackend::builder(&url).unwrap().deadline(PATIENT);
    let backend = builder.max_connections(CONNECTIONS).build();
    drop_all(&backend).await;
    until_unused(&backend).await;
    // No transaction is left open.
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    let begin = sqlx::raw_sql("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE; ROLLBACK");
    begin.execute(&mut other).await.unwrap();
}

async fn postgres() {
    let schema = shared().await.schema().await;
    let proxy = Proxy::start(schema.addr()).await;
    let url = format!("{}&application_name=dropping", schema.url_at(proxy.addr()));
    let builder = PostgresBackend::builder(&url).unwrap().deadline(PATIENT);
    let backend = builder.max_connections(CONNECTIONS).build();
    drop_all(&backend).await;
    until_unused(&backend).await;
    let busy = "SELECT count(*) FROM pg_stat_activity \
         WHERE application_name = 'dropping' AND state <> 'idle'";
    assert_eq!(schema.ask::<i64>(busy).await, 0, "transactions left open");
    assert!(
        proxy.connections() <= CONNECTIONS.into(),
        "none was given up"
    );
}

/// Operations that wait for a row that another has locked are dropped. The server ends their
/// statements, and their connections are used again.
async fn waiting() {
    let schema = shared().await.schema().await;
    let proxy = Proxy::start(schema.addr()).await;
    let url = schema.url_at(proxy.addr());
    let builder = PostgresBackend::builder(&url).unwrap().deadline(DEADLINE);
    let backend = builder.max_connections(CONNECTIONS).build();
    until_well("the backend connects", || backend.ping()).await;
    let id = create(&backend).await.id;
    let mut other = schema.connect().await;
    let lock = sqlx::raw_sql("BEGIN; SELECT id FROM sessions FOR UPDATE");
    lock.execute(&mut other).await.unwrap();
    let rotate = || backend.rotate_session(&id, Delta::new());
    let dropped = timeout(DEADLINE / 2, async {
        tokio::join!(count(&backend, &id), rotate())
    });
    assert!(dropped.await.is_err(), "they wait");
    let connections = proxy.connections();
    until_unused(&backend).await;
    drop(other);
    assert_eq!(count(&backend, &id).await.unwrap(), Some(1));
    assert!(rotate().await.unwrap().is_some());
    assert_eq!(proxy.connections(), connections, "none was given up");
}
