//! The program, running.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::{Backend, Server, Store, Visitor, until, within};

/// The program in a process of its own, on a port of its own. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Demo {
    child: Child,
    /// Kept open: the program may write to it.
    _stdout: BufReader<ChildStdout>,
    /// The line by which it says where it listens.
    pub(crate) announcement: String,
    pub(crate) address: SocketAddr,
    pub(crate) server: Server,
    files: TempDir,
}

impl Demo {
    /// On this backend, with keys of its own on the server that all tests share.
    pub(crate) async fn on(backend: Backend) -> Self {
        Store::new(backend).await.serve().await
    }

    /// What this command starts, and `--port 0`; waits until it listens.
    pub(crate) async fn spawn(mut command: Command) -> Self {
        let files = TempDir::new().unwrap();
        let log = File::create(files.path().join("stderr")).unwrap();
        let mut child = command.args(["--port", "0"]).stderr(log).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut announcement = String::new();
        let listening = within("the demo to listen", stdout.read_line(&mut announcement));
        listening.await.unwrap();
        // `Listening on http://127.0.0.1:41234 (…`
        let url = announcement.split(' ').nth(2);
        let address = url.and_then(|url| url.strip_prefix("http://")?.parse().ok());
        let address = address.unwrap_or_else(|| {
            let log = fs::read_to_string(files.path().join("stderr")).unwrap_or_default();
            panic!("the demo did not start: {announcement}{log}")
        });
        Self {
            child,
            _stdout: stdout,
            announcement,
            address,
            server: Server::there(address),
            files,
        }
    }

    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::of(&self.server)
    }

    /// What it wrote to standard error so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.files.path().join("stderr")).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().expect("the demo runs")).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
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
