//! No server outlives the process that started it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A process that started a server.
struct Holder {
    process: Child,
    server: SocketAddr,
    directory: PathBuf,
}

impl Holder {
    fn start(what: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_hold_server"))
            .arg(what)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut line = || lines.next().unwrap().unwrap();
        Self {
            server: line().parse().unwrap(),
            directory: line().into(),
            process,
        }
    }

    fn expect_all_removed(mut self) {
        self.process.wait().unwrap();
        // The server's directory lies in the directory of its owner.
        let files = self.directory.parent().unwrap();
        let began = Instant::now();
        while TcpStream::connect(self.server).is_ok() || files.exists() {
            assert!(
                began.elapsed() < Duration::from_secs(5),
                "the server or its files are still there",
            );
            sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn a_server_ends_with_its_killed_owner_even_if_stopped() {
    for what in ["hold", "pause"] {
        let mut holder = Holder::start(what);
        assert!(TcpStream::connect(holder.server).is_ok());
        holder.process.kill().unwrap();
        holder.expect_all_removed();
    }
}

#[test]
fn the_shared_server_ends_with_the_process() {
    Holder::start("leave").expect_all_removed();
}
