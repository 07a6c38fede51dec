//! The proxy as an honest proxy: it passes everything, and counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::time::Duration;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use session_redis_test::{Mode, Proxy, RedisServer};
use support::{Talk, request_arrives};

async fn client_of(proxy: &Proxy) -> MultiplexedConnection {
    let client = redis::Client::open(proxy.url()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    proxy.reset();
    connection
}

#[tokio::test]
async fn sequential_commands_are_a_burst_each() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let mut client = client_of(&proxy).await;
    for _ in 0..25 {
        client.get::<_, Option<String>>("key").await.unwrap();
    }
    assert_eq!(proxy.bursts(), 25);
    assert_eq!(
        proxy.request_bytes(),
        25 * "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n".len() as u64
    );
    assert_eq!(proxy.reply_bytes(), 25 * "$-1\r\n".len() as u64);
}

#[tokio::test]
async fn a_pipeline_is_one_burst() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let mut client = client_of(&proxy).await;
    let mut pipeline = redis::pipe();
    for _ in 0..10 {
        pipeline.incr("counter", 1);
    }
    let values: Vec<u64> = pipeline.query_async(&mut client).await.unwrap();
    assert_eq!(values, (1..=10).collect::<Vec<_>>());
    assert_eq!(proxy.bursts(), 1);
}

#[tokio::test]
async fn a_command_in_two_writes_is_one_burst() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let mut talk = Talk::to(proxy.addr()).await;
    talk.send_raw("PI").await;
    request_arrives(&proxy).await;
    talk.send_raw("NG\r\n").await;
    talk.expect("+PONG\r\n").await;
    assert_eq!(proxy.bursts(), 1);
}

#[tokio::test]
async fn every_connection_has_its_bursts() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let mut one = Talk::to(proxy.addr()).await;
    let mut two = Talk::to(proxy.addr()).await;
    for talk in [&mut one, &mut two] {
        talk.ask("PING", "+PONG\r\n").await;
        talk.ask("PING", "+PONG\r\n").await;
    }
    assert_eq!((proxy.connections(), proxy.bursts()), (2, 4));
    proxy.reset();
    assert_eq!((proxy.connections(), proxy.bursts()), (0, 0));
    assert_eq!((proxy.request_bytes(), proxy.reply_bytes()), (0, 0));
}

#[tokio::test]
async fn much_passes_whole() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let mut client = client_of(&proxy).await;
    let value: String = ('a'..='z').cycle().take(5_000_000).collect();
    client.set::<_, _, ()>("key", &value).await.unwrap();
    let read: String = client.get("key").await.unwrap();
    assert!(read == value);
}

#[tokio::test]
async fn a_client_that_has_said_all_still_gets_its_replies() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let mut talk = Talk::to(proxy.addr()).await;
    proxy.set(Mode::DelayReplies(Duration::from_millis(100)));
    talk.send("PING").await;
    talk.close_sending().await;
    talk.expect("+PONG\r\n").await;
    talk.expect_end().await;
}

#[tokio::test]
async fn a_dead_server_ends_connections() {
    let mut server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let mut talk = Talk::to(proxy.addr()).await;
    talk.ask("PING", "+PONG\r\n").await;
    server.kill();
    talk.expect_end().await;
    // New ones are let in by the proxy, but lead nowhere.
    Talk::to(proxy.addr()).await.expect_reset().await;

    server.restart().await;
    Talk::to(proxy.addr()).await.ask("PING", "+PONG\r\n").await;
}

#[tokio::test]
async fn a_dropped_proxy_ends_connections() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let addr = proxy.addr();
    let mut talk = Talk::to(addr).await;
    talk.ask("PING", "+PONG\r\n").await;
    drop(proxy);
    talk.expect_reset().await;
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}
