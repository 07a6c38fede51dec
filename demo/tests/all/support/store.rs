//! A store on Redis that a server and the command share.

use std::process::Stdio;

use session_redis_test::{RedisServer, shared, shared_cluster, unique_prefix};
use tokio::process::Command;

use super::{Backend, Demo, command, within};

/// The flags that say where the sessions are.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    flags: Vec<String>,
}

/// How the command ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Store {
    /// With keys of its own on the server that all tests share.
    pub(crate) async fn new(backend: Backend) -> Self {
        let prefix = unique_prefix();
        Self::at(backend, shared().await).with(&["--prefix", &prefix])
    }

    /// With keys of its own on the cluster that all tests share.
    pub(crate) async fn on_cluster(backend: Backend) -> Self {
        let (url, prefix) = (shared_cluster().await.url(), unique_prefix());
        Self::at_url(backend, &url).with(&["--prefix", &prefix])
    }

    pub(crate) fn at(backend: Backend, server: &RedisServer) -> Self {
        let port = server.port().to_string();
        Self::of(&["--backend", backend.name(), "--redis-port", &port])
    }

    pub(crate) fn at_url(backend: Backend, url: &str) -> Self {
        Self::of(&["--backend", backend.name(), "--redis-url", url])
    }

    fn of(flags: &[&str]) -> Self {
        Self {
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
        }
    }

    /// The same, with more flags.
    pub(crate) fn with(&self, flags: &[&str]) -> Self {
        Self::of(&[&self.flags(), flags].concat())
    }

    fn flags(&self) -> Vec<&str> {
        self.flags.iter().map(String::as_str).collect()
    }

    /// A server on it that has reached it.
    pub(crate) async fn serve(&self) -> Demo {
        let demo = self.start().await;
        demo.ready().await;
        demo
    }

    /// A server on it, whether it can be reached or not.
    pub(crate) async fn start(&self) -> Demo {
        Demo::start(&self.flags()).await
    }

    /// `demo sessions` with these words.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = command(&[&["sessions"], words, &self.flags()].concat());
        command.stderr(Stdio::piped());
        command
    }

    /// Runs `demo sessions` with these words.
    pub(crate) async fn sessions(&self, words: &[&str]) -> Ended {
        Ended::of(self.command(words)).await
    }

    /// What `demo sessions` writes with these words when all goes well.
    pub(crate) async fn told(&self, words: &[&str]) -> String {
        let ended = self.sessions(words).await;
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{words:?}");
        ended.stdout
    }
}

impl Ended {
    pub(crate) async fn of(mut command: Command) -> Self {
        let output = within("the command to end", command.output()).await;
        let output = output.unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
