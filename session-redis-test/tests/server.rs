//! A server of one's own: started, killed, restarted, stopped, continued.

mod support;

use std::collections::HashMap;
use std::net::TcpStream;

use redis::AsyncCommands;
use session_redis_test::{Product, RedisServer, shared};
use support::Talk;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_started_server_answers_where_it_says() {
    let server = RedisServer::start().await;
    assert_eq!(server.addr().port(), server.port());
    assert_eq!(server.url(), format!("redis://127.0.0.1:{}", server.port()));
    Talk::to(server.addr()).await.ask("PING", "+PONG\r\n").await;

    let mut connection = server.connection().await;
    connection.set::<_, _, ()>("key", "value").await.unwrap();
    let value: String = connection.get("key").await.unwrap();
    assert_eq!(value, "value");
}

#[tokio::test]
async fn a_started_server_knows_its_version() {
    let version = RedisServer::start().await.version();
    match version.product {
        Product::Redis => assert!(version.major >= 7, "{version}"),
        Product::Valkey => assert!((version.major, version.minor) >= (7, 2), "{version}"),
    }
}

#[tokio::test]
async fn servers_start_side_by_side() {
    let mut starting = JoinSet::new();
    for _ in 0..8 {
        starting.spawn(RedisServer::start());
    }
    let servers = starting.join_all().await;
    for (index, server) in servers.iter().enumerate() {
        let mut connection = server.connection().await;
        let fresh: bool = connection.set_nx("who", index).await.unwrap();
        assert!(fresh, "two handles of one server");
    }
}

#[tokio::test]
async fn settings_reach_the_server() {
    let password = r#"with "quotes", \ and spaces"#;
    let server = RedisServer::builder()
        .maxmemory("64mb")
        .arg("masterauth", password)
        .config_line("client-output-buffer-limit normal 1000000 0 0")
        .start()
        .await;
    let settings: HashMap<String, String> = redis::cmd("CONFIG")
        .arg("GET")
        .arg(&["maxmemory", "masterauth", "client-output-buffer-limit"])
        .query_async(&mut server.connection().await)
        .await
        .unwrap();
    assert_eq!(settings["maxmemory"], (64 * 1024 * 1024).to_string());
    assert_eq!(settings["masterauth"], password);
    let limits = &settings["client-output-buffer-limit"];
    assert!(limits.contains("normal 1000000 0 0"), "{limits}");
}

#[tokio::test]
async fn a_killed_server_refuses_connections() {
    let mut server = RedisServer::start().await;
    let mut talk = Talk::to(server.addr()).await;
    talk.ask("PING", "+PONG\r\n").await;
    server.kill();
    assert!(TcpStream::connect(server.addr()).is_err());
    talk.expect_end().await;
    server.kill();
}

#[tokio::test]
async fn a_restarted_server_is_empty_and_has_its_old_address() {
    let mut server = RedisServer::start().await;
    let (port, pid) = (server.port(), server.pid());
    let mut talk = Talk::to(server.addr()).await;
    talk.ask("SET key value", "+OK\r\n").await;

    server.kill();
    server.restart().await;
    assert_eq!(server.port(), port);
    assert_ne!(server.pid(), pid);
    let mut talk = Talk::to(server.addr()).await;
    talk.ask("GET key", "$-1\r\n").await;

    // One that still runs is killed first.
    server.restart().await;
    Talk::to(server.addr()).await.ask("PING", "+PONG\r\n").await;
}

#[tokio::test]
async fn a_restarted_server_keeps_its_settings_and_files() {
    let mut server = RedisServer::builder()
        .arg("appendonly", "yes")
        .arg("appendfsync", "always")
        .start()
        .await;
    let mut talk = Talk::to(server.addr()).await;
    talk.ask("SET key value", "+OK\r\n").await;
    server.restart().await;
    let mut talk = Talk::to(server.addr()).await;
    talk.ask("GET key", "$5\r\nvalue\r\n").await;
}

#[tokio::test]
async fn a_stopped_server_is_silent_until_it_continues() {
    let mut server = RedisServer::start().await;
    let mut talk = Talk::to(server.addr()).await;
    server.pause();
    talk.send("PING").await;
    talk.expect_silence().await;
    // The kernel still accepts for it.
    let mut late = Talk::to(server.addr()).await;
    late.send("PING").await;
    late.expect_silence().await;

    server.resume();
    talk.expect("+PONG\r\n").await;
    late.expect("+PONG\r\n").await;
}

#[tokio::test]
async fn a_stopped_server_can_be_stopped_again_and_killed() {
    let mut server = RedisServer::start().await;
    for _ in 0..3 {
        server.pause();
        server.pause();
        server.resume();
    }
    Talk::to(server.addr()).await.ask("PING", "+PONG\r\n").await;
    server.pause();
    server.kill();
    assert!(TcpStream::connect(server.addr()).is_err());
}

/// Not only soon afterwards: what is sent after `pause` is never answered before `resume`.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_stopped_server_stands_still_at_once() {
    let mut server = RedisServer::start().await;
    for _ in 0..100 {
        server.pause();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
        assert!(stat.contains(") T "), "{stat}");
        server.resume();
    }
}

#[tokio::test]
#[should_panic(expected = "cannot stop the server")]
async fn a_dead_server_cannot_be_stopped() {
    let mut server = RedisServer::start().await;
    server.kill();
    server.pause();
}

#[tokio::test]
async fn a_dropped_server_is_gone_with_its_files() {
    let server = RedisServer::start().await;
    let (addr, directory) = (server.addr(), server.directory().to_owned());
    assert!(directory.exists());
    drop(server);
    assert!(TcpStream::connect(addr).is_err());
    assert!(!directory.exists());
}

#[tokio::test]
async fn the_shared_server_is_one_server() {
    let (one, two) = tokio::join!(shared(), shared());
    assert_eq!(one.pid(), two.pid());
    Talk::to(one.addr()).await.ask("PING", "+PONG\r\n").await;
}

#[test]
fn the_shared_server_outlives_the_runtime_that_started_it() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let pid = runtime().block_on(async { shared().await.pid() });
    runtime().block_on(async {
        let server = shared().await;
        assert_eq!(server.pid(), pid);
        Talk::to(server.addr()).await.ask("PING", "+PONG\r\n").await;
    });
}

#[tokio::test]
#[should_panic(expected = "run `scripts/setup-tests`, or set SESSION_TEST_SERVER")]
async fn a_missing_binary_says_what_to_do() {
    RedisServer::builder()
        .binary("no-such-redis-server")
        .start()
        .await;
}

#[tokio::test]
#[should_panic(expected = "no-such-directive")]
async fn a_server_that_ends_shows_its_log() {
    RedisServer::builder()
        .config_line("no-such-directive yes")
        .start()
        .await;
}
