//! Where the sessions are.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use session_redis_test::{shared, unique_prefix};
use tokio::process::Command;

use super::{Demo, within};

/// The backends, as `--backend` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Memory,
    RedisRs,
    Fred,
}

impl Backend {
    pub(crate) const REDIS: [Self; 2] = [Self::RedisRs, Self::Fred];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::RedisRs => "redis-rs",
            Self::Fred => "fred",
        }
    }
}

/// The flags that say where the sessions are.
#[derive(Debug, Clone)]
pub(crate) struct Store(Vec<String>);

impl Store {
    /// With keys of its own on the server that all tests share.
    pub(crate) async fn new(backend: Backend) -> Self {
        if backend == Backend::Memory {
            return Self::of(&[]);
        }
        Self::at(backend, shared().await.addr()).with(&["--prefix", &unique_prefix()])
    }

    /// In this file of SQLite.
    pub(crate) fn in_file(file: &Path) -> Self {
        let file = file.to_str().unwrap();
        Self::of(&["--backend", "sqlite", "--sqlite-file", file])
    }

    /// In this database of PostgreSQL.
    pub(crate) fn in_database(url: &str) -> Self {
        Self::of(&["--backend", "postgres", "--postgres-url", url])
    }

    /// On the server at this port of this machine.
    pub(crate) fn at(backend: Backend, address: SocketAddr) -> Self {
        let port = address.port().to_string();
        Self::of(&["--backend", backend.name(), "--redis-port", &port])
    }

    pub(crate) fn at_url(backend: Backend, url: &str) -> Self {
        Self::of(&["--backend", backend.name(), "--redis-url", url])
    }

    fn of(flags: &[&str]) -> Self {
        Self(flags.iter().map(|&flag| flag.to_owned()).collect())
    }

    /// The same, with more flags.
    pub(crate) fn with(&self, flags: &[&str]) -> Self {
        Self([&self.0[..], &Self::of(flags).0].concat())
    }

    /// A server on it that has reached it.
    pub(crate) async fn serve(&self) -> Demo {
        let demo = self.start().await;
        demo.ready().await;
        demo
    }

    /// A server on it, whether it can be reached or not.
    pub(crate) async fn start(&self) -> Demo {
        Demo::spawn(self.command(&[])).await
    }

    /// The program with these words, and the flags after them.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = command(words);
        command.args(&self.0);
        command
    }
}

/// How the program ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) async fn of(mut command: Command) -> Self {
        let output = within("the program to end", command.output()).await;
        let output = output.unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs the program with these words to its end.
pub(crate) async fn run(words: &str) -> Ended {
    let words: Vec<_> = words.split(' ').collect();
    Ended::of(command(&words)).await
}

/// The program with these words, killed when it is dropped.
fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command
        .args(words)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}
