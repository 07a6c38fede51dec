//! What a server executed, as its `MONITOR` tells it.

mod line;

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{RedisServer, unique_prefix};

/// How long the server may take over anything asked of it here.
const LIMIT: Duration = Duration::from_secs(10);

/// A command that a server executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonitoredCommand {
    /// Who sent it: a client's address, or `lua` for a command of a script.
    pub source: String,
    /// The command's name and its arguments, byte for byte.
    pub args: Vec<Vec<u8>>,
}

impl MonitoredCommand {
    /// The command's name, in capitals.
    pub fn name(&self) -> String {
        let name = self.args.first().map_or(&[][..], Vec::as_slice);
        String::from_utf8_lossy(name).to_uppercase()
    }

    /// Whether a script issued the command.
    pub fn is_from_script(&self) -> bool {
        self.source == "lua"
    }
}

/// Collects the commands that a server executes, of all its clients.
///
/// A few commands are never shown: the server hides `AUTH` and administrative commands
/// such as `CONFIG` and `MONITOR` itself.
#[derive(Debug)]
pub struct Monitor {
    feed: BufReader<TcpStream>,
    marker: BufReader<TcpStream>,
}

impl Monitor {
    /// Begins to collect.
    pub async fn start(server: &RedisServer) -> Self {
        let mut feed = connect(server).await;
        send(&mut feed, "MONITOR").await;
        assert_eq!(receive(&mut feed).await, "+OK", "the reply to MONITOR");
        let marker = connect(server).await;
        Self { feed, marker }
    }

    /// The commands since the start or the last call, in the order of their execution.
    ///
    /// A command whose reply has reached its client before the call is among them.
    pub async fn take(&mut self) -> Vec<MonitoredCommand> {
        // What the server executes from here on comes after the marker.
        let marker = unique_prefix();
        send(&mut self.marker, &format!("PING {marker}")).await;
        let mut commands = Vec::new();
        loop {
            let text = receive(&mut self.feed).await;
            let command = line::parse(&text)
                .unwrap_or_else(|| panic!("not a line of MONITOR's output: {text}"));
            if command
                .args
                .last()
                .is_some_and(|it| *it == marker.as_bytes())
            {
                break;
            }
            commands.push(command);
        }
        // The reply: a length, then the marker.
        receive(&mut self.marker).await;
        assert_eq!(receive(&mut self.marker).await, marker);
        commands
    }
}

async fn in_time<T>(step: impl Future<Output = std::io::Result<T>>) -> T {
    let done = timeout(LIMIT, step).await;
    done.expect("the server replies in time")
        .expect("the server replies")
}

async fn connect(server: &RedisServer) -> BufReader<TcpStream> {
    BufReader::new(in_time(TcpStream::connect(server.addr())).await)
}

async fn send(connection: &mut BufReader<TcpStream>, command: &str) {
    let line = format!("{command}\r\n");
    in_time(connection.write_all(line.as_bytes())).await;
}

async fn receive(connection: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    in_time(connection.read_line(&mut line)).await;
    assert!(line.ends_with("\r\n"), "the server closed the connection");
    line.truncate(line.len() - 2);
    line
}
