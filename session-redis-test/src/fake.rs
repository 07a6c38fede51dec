//! A server that replies what a test says, where no real one does.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use redis::{FromRedisValue as _, Parser};

/// Starts a server with these replies to commands, in the protocol's form; its address. It lasts as
/// long as the process.
pub(crate) fn fake_server(
    reply: impl Fn(&[String]) -> Vec<u8> + Send + Sync + 'static,
) -> std::net::SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    let reply = Arc::new(reply);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let reply = Arc::clone(&reply);
            thread::spawn(move || serve(stream, &*reply));
        }
    });
    address
}

fn serve(mut stream: TcpStream, reply: impl Fn(&[String]) -> Vec<u8>) {
    let mut parser = Parser::new();
    while let Ok(command) = parser.parse_value(&mut stream) {
        let words = Vec::<String>::from_redis_value(command).unwrap_or_default();
        if stream.write_all(&reply(&words)).is_err() {
            return;
        }
    }
}

/// What a server of this version replies to a command that it knows.
pub(crate) fn plain_reply(version: &str, command: &[String]) -> Vec<u8> {
    let name = command.first().map(|word| word.to_uppercase());
    let reply = match name.as_deref().unwrap_or_default() {
        "HELLO" => {
            let of = version.len();
            format!("%2\r\n+server\r\n+redis\r\n+version\r\n${of}\r\n{version}\r\n")
        }
        "INFO" => {
            let info = format!("# Server\r\nredis_version:{version}\r\nredis_mode:standalone\r\n");
            return bulk(&info);
        }
        "PING" => "+PONG\r\n".to_owned(),
        "EVAL" => ":1\r\n".to_owned(),
        _ => "+OK\r\n".to_owned(),
    };
    reply.into_bytes()
}

/// A text as a reply.
pub(crate) fn bulk(text: &str) -> Vec<u8> {
    format!("${}\r\n{text}\r\n", text.len()).into_bytes()
}
