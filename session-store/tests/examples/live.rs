//! Connections that end with the session.

#[path = "../../examples/live.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod example;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use session_store::backends::memory::{ManualClock, MemoryBackend};
use session_store::{Principal, SessionBackend, SessionLayer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::advance;

use crate::{Browser, MINUTE, backend, form, page, serve, text};

struct House {
    backend: MemoryBackend,
    clock: Arc<ManualClock>,
    /// Logged in.
    browser: Browser,
    server: SocketAddr,
}

async fn house() -> House {
    let (backend, clock) = backend();
    let sessions = SessionLayer::new(Arc::new(backend.clone()));
    let app = example::app(sessions.with_watch_interval(Duration::from_millis(100)));
    let mut browser = Browser::new(app.clone().into());
    browser.send(form("/login", "ann")).await.unwrap();
    let server = serve(app).await;
    House {
        backend,
        clock,
        browser,
        server,
    }
}

/// A connection on which this path was asked for, and the response headers.
async fn connect(house: &House, path: &str, headers: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(house.server).await.unwrap();
    let cookie = house.browser.cookie("__Host-id").unwrap_or_default();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: shop.example\r\ncookie: __Host-id={cookie}\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = read_to(&mut stream, "\r\n\r\n").await;
    (stream, head)
}

/// What arrives up to and with this text.
async fn read_to(stream: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        read.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(read).unwrap()
}

const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// The next frame of a WebSocket: its kind and what it holds. Servers mask none.
async fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let kind = stream.read_u8().await.unwrap() & 0x0f;
    let mut payload = vec![0; stream.read_u8().await.unwrap().into()];
    stream.read_exact(&mut payload).await.unwrap();
    (kind, payload)
}

/// Says something, under a mask of zeros.
async fn say(stream: &mut TcpStream, text: &str) {
    let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    stream.write_all(&frame).await.unwrap();
}

#[tokio::test]
async fn both_hear_what_is_said_and_end_with_the_session() {
    // How the session ends, and what both are told.
    for (how, reason) in [(0, "logged-out"), (1, "logged-out"), (2, "rotated")] {
        let mut house = house().await;
        let (mut events, head) = connect(&house, "/events", "").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let (mut socket, head) = connect(&house, "/socket", UPGRADE).await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        house.clock.advance(20 * MINUTE);
        say(&mut socket, "Hello.").await;
        assert_eq!(frame(&mut socket).await, (1, b"ann: Hello.".to_vec()));
        read_to(&mut events, "data: ann: Hello.\n\n").await;
        // That was use of the session.
        house.clock.advance(20 * MINUTE);
        say(&mut socket, "Still here.").await;
        assert_eq!(frame(&mut socket).await, (1, b"ann: Still here.".to_vec()));

        match how {
            0 => drop(house.browser.send(form("/logout", "")).await.unwrap()),
            1 => {
                let ann = Principal::new("ann").unwrap();
                house.backend.revoke_sessions(&ann, None).await.unwrap();
            }
            _ => drop(house.browser.send(form("/login", "bob")).await.unwrap()),
        }
        let (kind, payload) = frame(&mut socket).await;
        assert_eq!((kind, &payload[2..]), (8, reason.as_bytes()), "{how}");
        let last = read_to(&mut events, "\r\n0\r\n\r\n").await;
        assert!(
            last.contains(&format!("event: {reason}\n")),
            "{how}: {last}"
        );
    }
}

#[tokio::test]
async fn neither_opens_without_a_session_nor_to_another_site() {
    let mut house = house().await;
    for (origin, status) in [
        ("https://shop.example", 101),
        ("https://evil.example", 403),
        ("https://shop.example.evil.example", 403),
        ("null", 403),
    ] {
        let headers = format!("{UPGRADE}origin: {origin}\r\n");
        let (_, head) = connect(&house, "/socket", &headers).await;
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status}")),
            "{origin}: {head}"
        );
    }
    house.browser.send(form("/logout", "")).await.unwrap();
    for (path, headers) in [("/events", ""), ("/socket", UPGRADE)] {
        let (_, head) = connect(&house, path, headers).await;
        assert!(head.starts_with("HTTP/1.1 401"), "{path}: {head}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_expiry_is_told_as_one() {
    let House {
        clock, mut browser, ..
    } = house().await;
    let events = browser.send(page("/events")).await.unwrap();
    // Both clocks: that of the store, and that of whoever waits.
    clock.advance(31 * MINUTE);
    advance(31 * MINUTE).await;
    assert_eq!(text(events).await, "event: expired\ndata: expired\n\n");
}
