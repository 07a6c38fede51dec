//! The start of the program, its end, and a store that is away in between.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use session_redis_test::RedisServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Backend, Demo, Store, until, within};

#[tokio::test]
async fn it_starts_in_less_than_a_second_and_says_where() {
    let mut fastest = Duration::MAX;
    // Once is enough; a machine that is busy with other tests has a few tries.
    for _ in 0..5 {
        let began = Instant::now();
        let demo = Demo::on(Backend::Memory).await;
        assert_eq!(demo.visitor().get("/").await.status, 200);
        fastest = fastest.min(began.elapsed());
        let address = demo.address;
        assert!(address.ip().is_loopback());
        let announced = format!("Listening on http://{address} (backend memory), Ctrl-C ends it\n");
        assert_eq!(demo.announcement, announced);
        if fastest < Duration::from_secs(1) {
            break;
        }
    }
    assert!(fastest < Duration::from_secs(1), "it took {fastest:?}");
}

/// Everything that is logged at the most talkative level, of the clients' crates, too.
#[tokio::test]
async fn no_id_and_no_value_is_ever_logged() {
    const NAME: &str = "CANARY-NAME";
    let folder = tempfile::tempdir().unwrap();
    let schema = session_sqlx_test::shared().await.schema().await;
    for store in [
        Store::new(Backend::Memory).await,
        Store::new(Backend::RedisRs).await,
        Store::new(Backend::Fred).await,
        Store::in_file(&folder.path().join("sessions.db")),
        Store::in_database(&schema.url()),
    ] {
        let mut command = store.command(&[]);
        command.env("RUST_LOG", "trace");
        let demo = Demo::spawn(command).await;
        let visitor = demo.visitor();
        let mut secrets = vec![NAME.to_owned()];
        for (path, form) in [
            ("/login", &[("username", NAME)][..]),
            ("/increment", &[]),
            ("/ttl", &[("ttl", "40")]),
            ("/rotate", &[]),
            ("/sessions/revoke", &[("handle", "AAAAAAAAAAAAAAAA")]),
            ("/login", &[("username", NAME), ("max_lifetime", "50")]),
            ("/logout-everywhere", &[]),
            ("/increment", &[]),
        ] {
            visitor.post(path, form).await;
            visitor.get("/sessions").await;
            secrets.extend(visitor.cookie());
        }
        let log = demo.log();
        for part in [
            "request{method=POST route=\"/logout-everywhere\"}",
            "finished processing request latency=",
            "status=401",
        ] {
            assert!(log.contains(part), "{part}: {log}");
        }
        for secret in secrets {
            let line = log.lines().find(|line| line.contains(&secret));
            assert_eq!(line, None, "on {store:?}");
        }
    }
}

async fn outlives_its_store(backend: Backend) {
    const AWAY: &str = "The session store cannot be reached.";
    // A server that keeps what it was told.
    let durable = RedisServer::builder()
        .arg("appendonly", "yes")
        .arg("appendfsync", "always");
    let mut redis = durable.start().await;
    redis.kill();
    let demo = Store::at(backend, redis.addr()).start().await;
    let log = demo.log();
    let is_said = log.contains("cannot be reached") && log.contains("503");
    assert!(is_said, "{log}");
    let visitor = demo.visitor();
    // What needs no store is there.
    for path in ["/", "/healthz", "/session"] {
        assert_eq!(visitor.get(path).await.status, 200, "{path}");
    }
    visitor.get("/readyz").await.assert_error(503, AWAY);
    visitor.post("/login", &[]).await.assert_error(503, AWAY);

    redis.restart().await;
    demo.ready().await;
    visitor.log_in("Ann", "600").await;
    let is_said = |log: &String| log.contains("the session store is there");
    until("it says so", async || demo.log(), is_said).await;

    redis.kill();
    visitor
        .post("/increment", &[])
        .await
        .assert_error(503, AWAY);
    redis.restart().await;
    demo.ready().await;
    // The cookie is as good as before.
    let answer = visitor.post("/increment", &[]).await;
    assert_eq!(answer.json()["page_views"], 2);
    assert_eq!(answer.field("username"), "Ann");
}

/// A server under a cluster's URL, as any that first contact refuses.
#[tokio::test]
async fn it_starts_on_a_server_that_does_not_fit_and_says_so() {
    let redis = RedisServer::start().await;
    let url = format!("redis-cluster://{}", redis.addr());
    let demo = Store::at_url(Backend::RedisRs, &url).start().await;
    let visitor = demo.visitor();
    for (path, status) in [("/", 200), ("/healthz", 200), ("/readyz", 503)] {
        assert_eq!(visitor.get(path).await.status, status, "{path}");
    }
    assert_eq!(visitor.post("/login", &[]).await.status, 503);
    let log = demo.log();
    assert!(log.contains("ERROR") && log.contains("redis://"), "{log}");
}

#[tokio::test]
async fn it_outlives_its_store() {
    tokio::join!(
        outlives_its_store(Backend::RedisRs),
        outlives_its_store(Backend::Fred)
    );
}

#[tokio::test]
async fn it_ends_well_when_it_is_told_to() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut demo = Demo::on(Backend::Memory).await;
        // Neither an idle connection that a browser keeps nor an open page holds it up.
        let visitor = demo.visitor();
        visitor.log_in("Ann", "30").await;
        let mut page = TcpStream::connect(demo.address).await.unwrap();
        let id = visitor.cookie().unwrap();
        let head = format!("GET /events HTTP/1.1\r\nHost: x\r\nCookie: sid={id}\r\n\r\n");
        page.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        page.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        demo.signal(signal);
        let code = demo.end().await.code();
        let log = demo.log();
        let is_whole = !log.contains("before all requests had been");
        assert!(code == Some(0) && is_whole, "{signal:?}: {log}");
    }
}

/// A demo that is told to end while it has the first half of a request.
async fn ending(signal: Signal) -> (Demo, TcpStream) {
    let demo = Demo::on(Backend::Memory).await;
    let mut connection = TcpStream::connect(demo.address).await.unwrap();
    let head = "POST /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n\
        Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    // It says so when it begins to read the body.
    let mut asked = [0; 25];
    let reading = within("the wish for a body", connection.read_exact(&mut asked));
    reading.await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.write_all(b"username").await.unwrap();
    demo.signal(signal);
    let ask = async || TcpStream::connect(demo.address).await.is_err();
    until("the demo listens no more", ask, |refused| *refused).await;
    (demo, connection)
}

#[tokio::test]
async fn requests_under_way_are_answered_before_it_ends() {
    let (mut demo, mut connection) = ending(Signal::TERM).await;
    connection.write_all(b"=Ann").await.unwrap();
    let mut answer = String::new();
    let reading = within("the answer", connection.read_to_string(&mut answer));
    reading.await.unwrap();
    let is_whole = answer.starts_with("HTTP/1.1 200 OK") && answer.contains("Ann");
    assert!(is_whole, "{answer}");
    assert_eq!(demo.end().await.code(), Some(0));
}

#[tokio::test]
async fn told_twice_it_does_not_wait() {
    let (mut demo, _connection) = ending(Signal::INT).await;
    demo.signal(Signal::INT);
    assert_eq!(demo.end().await.code(), Some(0));
    let log = demo.log();
    assert!(log.contains("before all requests had been"), "{log}");
}
