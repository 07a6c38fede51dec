//! The program, running.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use session_redis_test::{shared, unique_prefix};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::{Server, Visitor, until, within};

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

/// The program in a process of its own, on a port of its own. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Demo {
    child: Child,
    /// Kept open: the program may write to it.
    _stdout: BufReader<ChildStdout>,
    announcement: String,
    server: Server,
    files: TempDir,
}

impl Demo {
    /// On this backend, with keys of its own on the server that all tests share.
    pub(crate) async fn on(backend: Backend) -> Self {
        if backend == Backend::Memory {
            return Self::start(&["--backend", "memory"]).await;
        }
        let (port, prefix) = (shared().await.port().to_string(), unique_prefix());
        let name = backend.name();
        Self::start(&[
            "--backend",
            name,
            "--redis-port",
            &port,
            "--prefix",
            &prefix,
        ])
        .await
    }

    /// On this backend and the Redis server at this address.
    pub(crate) async fn at(backend: Backend, address: SocketAddr) -> Self {
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let name = backend.name();
        Self::start(&[
            "--backend",
            name,
            "--redis-host",
            &host,
            "--redis-port",
            &port,
        ])
        .await
    }

    /// On this backend, logging at this level.
    pub(crate) async fn logging(backend: Backend, level: &str) -> Self {
        let port = shared().await.port().to_string();
        let mut command = command(&["--backend", backend.name(), "--redis-port", &port]);
        command.env("RUST_LOG", level);
        Self::spawn(command).await
    }

    /// With these flags, and `--port 0`; waits until it listens.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        Self::spawn(command(flags)).await
    }

    async fn spawn(mut command: Command) -> Self {
        let files = TempDir::new().unwrap();
        let log = File::create(log_in(&files)).unwrap();
        let mut child = command.args(["--port", "0"]).stderr(log).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut announcement = String::new();
        within("the demo to listen", stdout.read_line(&mut announcement))
            .await
            .unwrap();
        let address = address_in(&announcement).unwrap_or_else(|| {
            let log = std::fs::read_to_string(log_in(&files)).unwrap_or_default();
            panic!("the demo did not start: {announcement}{log}")
        });
        Self {
            child,
            _stdout: stdout,
            announcement,
            server: Server::there(address),
            files,
        }
    }

    /// The line by which it says where it listens.
    pub(crate) fn announcement(&self) -> &str {
        &self.announcement
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::of(&self.server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        address_in(&self.announcement).unwrap()
    }

    /// What it wrote to standard error so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(log_in(&self.files)).unwrap()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id().expect("the demo runs")).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        within("the demo to end", self.child.wait()).await.unwrap()
    }

    /// Waits until the store answers.
    pub(crate) async fn ready(&self) {
        let visitor = self.visitor();
        let ask = async || visitor.get("/readyz").await.status;
        until("the demo is ready", ask, |status| *status == 200).await;
    }
}

/// The program with these flags, killed when it is dropped.
pub(crate) fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command
        .args(flags)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn log_in(files: &TempDir) -> PathBuf {
    files.path().join("stderr")
}

/// `Listening on http://127.0.0.1:41234 (…`
fn address_in(announcement: &str) -> Option<SocketAddr> {
    let (_, rest) = announcement.split_once("http://")?;
    rest.split(' ').next()?.parse().ok()
}
