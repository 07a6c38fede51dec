//! A server of one's own: started, killed, restarted, stopped, continued.

mod support;

use std::net::TcpStream;

use session_redis_test::{RedisServer, shared};
use support::Talk;

#[tokio::test]
async fn settings_outlast_a_restart_and_data_does_not() {
    let password = r#"with_"quotes",_\_and_more"#;
    let settings = RedisServer::builder().arg("masterauth", password);
    let mut server = settings.start().await;
    let (port, pid) = (server.port(), server.pid());
    let mut talk = Talk::to(server.addr()).await;
    talk.ask("SET key value", "+OK\r\n").await;
    // The first restart is of a server that still runs.
    server.restart().await;
    talk.expect_end().await;
    server.kill();
    server.kill();
    assert!(TcpStream::connect(server.addr()).is_err());
    server.restart().await;
    assert!(server.port() == port && server.pid() != pid);
    let kept: Vec<String> = server.ask("CONFIG GET masterauth").await;
    assert_eq!(kept, ["masterauth", password]);
    assert_eq!(server.ask::<Option<String>>("GET key").await, None);
}

/// Not only soon afterwards: what is sent after `pause` is never replied to before `resume`.
#[tokio::test]
async fn a_stopped_server_is_silent_at_once_until_it_continues() {
    let mut server = RedisServer::start().await;
    let mut talk = Talk::to(server.addr()).await;
    for _ in 0..10 {
        server.pause();
        server.pause();
        talk.send("PING").await;
        // The kernel still accepts for it.
        let mut late = Talk::to(server.addr()).await;
        late.send("PING").await;
        talk.expect_silence().await;
        server.resume();
        talk.expect("+PONG\r\n").await;
        late.expect("+PONG\r\n").await;
    }
    server.pause();
    server.kill();
    assert!(TcpStream::connect(server.addr()).is_err());
}

#[tokio::test]
async fn a_dropped_server_ends_and_its_files_are_removed() {
    let server = RedisServer::start().await;
    let (addr, directory) = (server.addr(), server.directory().to_owned());
    assert!(directory.exists());
    drop(server);
    assert!(TcpStream::connect(addr).is_err());
    assert!(!directory.exists());
}

#[test]
fn the_shared_server_is_one_and_outlives_the_runtime_that_started_it() {
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
    let settings = RedisServer::builder().binary("no-such-redis-server");
    settings.start().await;
}

#[tokio::test]
#[should_panic(expected = "no-such-directive")]
async fn a_server_that_ends_shows_its_log() {
    let settings = RedisServer::builder().config_line("no-such-directive yes");
    settings.start().await;
}
