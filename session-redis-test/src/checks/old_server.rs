//! Servers that are too old.

use std::error::Error as _;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::thread;

use redis::{FromRedisValue as _, Parser};
use session_core::{ErrorKind, SessionBackend};

use super::backend;
use crate::harness::Connect;

/// A server before Redis 7.0 is refused, by name and version, whatever the operation.
pub async fn a_server_that_is_too_old_is_named(connect: Connect) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(|| old_server(stream));
        }
    });
    let backend = backend(connect, format!("redis://{address}"));
    for _ in 0..2 {
        let error = backend.ping().await.expect_err("the server is too old");
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        let source = error.source().map(ToString::to_string);
        let expected = "Redis 6.2.14 is too old: Redis 7.0 or newer is needed";
        assert_eq!(source.as_deref(), Some(expected));
    }
}

/// Says what a Redis 6.2 says when a client connects and asks who it is.
fn old_server(mut stream: TcpStream) {
    let mut parser = Parser::new();
    while let Ok(command) = parser.parse_value(&mut stream) {
        let words = Vec::<String>::from_redis_value(command).unwrap_or_default();
        let info = "# Server\r\nredis_version:6.2.14\r\n";
        let reply = match &*words
            .first()
            .map(|word| word.to_uppercase())
            .unwrap_or_default()
        {
            "HELLO" => "%2\r\n+server\r\n+redis\r\n+version\r\n+6.2.14\r\n".to_owned(),
            "INFO" => format!("${}\r\n{info}\r\n", info.len()),
            "PING" => "+PONG\r\n".to_owned(),
            _ => "+OK\r\n".to_owned(),
        };
        if stream.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}
