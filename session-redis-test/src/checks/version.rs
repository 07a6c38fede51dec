//! Servers that are too old.

use session_core::{ErrorKind, SessionBackend};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::backend;
use crate::harness::Connect;

/// A server before Redis 7.0 is refused, by name and version, whatever the operation.
///
/// # Panics
/// When it is not.
pub async fn a_server_that_is_too_old_is_named(connect: Connect) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let server = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            tokio::spawn(old_server(stream));
        }
    });
    let backend = backend(connect, format!("redis://127.0.0.1:{port}"));
    for _ in 0..2 {
        let error = backend.ping().await.expect_err("the server is too old");
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        let source = std::error::Error::source(&error)
            .expect("a source")
            .to_string();
        assert_eq!(
            source,
            "Redis 6.2.14 is too old: Redis 7.0 or newer is needed"
        );
    }
    server.abort();
}

/// Says what a Redis 6.2 says when a client connects and asks who it is.
async fn old_server(mut stream: TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    let mut received = Vec::new();
    while let Ok(1..) = read(&mut stream, &mut buffer, &mut received).await {
        while let Some((command, used)) = parse(&received) {
            received.drain(..used);
            let info = "# Server\r\nredis_version:6.2.14\r\n";
            let answer = match command.as_str() {
                "HELLO" => "%2\r\n+server\r\n+redis\r\n+version\r\n+6.2.14\r\n".to_owned(),
                "INFO" => format!("${}\r\n{info}\r\n", info.len()),
                "PING" => "+PONG\r\n".to_owned(),
                _ => "+OK\r\n".to_owned(),
            };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

async fn read(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    received: &mut Vec<u8>,
) -> std::io::Result<usize> {
    let count = stream.read(buffer).await?;
    received.extend(buffer.iter().take(count));
    Ok(count)
}

/// The first word of the first whole command, and the bytes of that command.
fn parse(bytes: &[u8]) -> Option<(String, usize)> {
    let line = |from: usize| {
        let rest = bytes.get(from..)?;
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let text = std::str::from_utf8(rest.get(1..end)?).ok()?;
        Some((text.parse::<usize>().ok()?, from + end + 2))
    };
    let (words, mut at) = line(0)?;
    let mut first = None;
    for _ in 0..words {
        let (length, start) = line(at)?;
        let word = bytes.get(start..start + length)?;
        first.get_or_insert_with(|| String::from_utf8_lossy(word).to_uppercase());
        at = start + length + 2;
        bytes.get(..at)?;
    }
    Some((first?, at))
}
