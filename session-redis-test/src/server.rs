//! One Redis server of a test's own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redis::FromRedisValue;
use redis::aio::MultiplexedConnection;
use tokio::time::sleep;

use crate::builder::RedisServerBuilder;
use crate::connect::{address, connect, send};
use crate::files::ServerFiles;
use crate::launch::{StartError, launch, launch_sentinel};
use crate::ports::Port;
use crate::process::ServerProcess;

/// How long an administrator's command may take: failing slowly beats failing by chance.
const ADMIN_LIMIT: Duration = Duration::from_secs(10);
/// How often a restart tries to get its port back, and how long it waits in between.
const RESTART_TRIES: u32 = 20;
const RESTART_PAUSE: Duration = Duration::from_millis(100);

/// A running Redis server on a port of the loopback interface, with nothing persisted.
///
/// Dropping it kills it and removes its files. So does the end of the process, of whatever kind.
#[derive(Debug)]
pub struct RedisServer {
    // Dropped in this order: the process first, then its files and its port.
    process: ServerProcess,
    files: ServerFiles,
    binary: PathBuf,
    is_sentinel: bool,
    port: Port,
}

impl RedisServer {
    /// Starts a server with default settings and waits until it replies.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Settings for a server to start.
    pub fn builder() -> RedisServerBuilder {
        RedisServerBuilder::new()
    }

    pub(crate) async fn start_on(
        port: Port,
        with: &RedisServerBuilder,
    ) -> Result<Self, StartError> {
        let files =
            ServerFiles::write(port.number(), &with.configuration).map_err(StartError::Io)?;
        let process = match with.is_sentinel {
            true => launch_sentinel(&with.binary, &files, port.number()).await?,
            false => launch(&with.binary, &files, port.number()).await?,
        };
        Ok(Self {
            process,
            files,
            binary: with.binary.clone(),
            is_sentinel: with.is_sentinel,
            port,
        })
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The server's address.
    pub fn addr(&self) -> SocketAddr {
        address(self.port())
    }

    /// The server's URL, such as `redis://127.0.0.1:21234`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.addr())
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The server's directory, which holds its configuration, its log, and what it persists.
    pub fn directory(&self) -> &Path {
        self.files.directory()
    }

    /// Opens a connection for what a test does behind its subject's back: planting, looking,
    /// configuring. Its commands may take ten seconds.
    pub async fn connection(&self) -> MultiplexedConnection {
        connect(self.port(), ADMIN_LIMIT)
            .await
            .unwrap_or_else(|error| panic!("cannot connect to {}: {error}", self.url()))
    }

    /// Sends a command, its words separated by spaces; the reply.
    pub async fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        let reply = send(&mut self.connection().await, command).await;
        reply.unwrap_or_else(|error| panic!("{} refuses {command}: {error}", self.url()))
    }

    /// Kills the server (`SIGKILL`) and waits until it is gone. Killing a dead server is nothing.
    pub fn kill(&mut self) {
        self.process.kill().expect("cannot kill the server");
    }

    /// Starts the server again on the same port, with the same settings and files, and waits
    /// until it replies; kills it first if it still runs.
    pub async fn restart(&mut self) {
        self.kill();
        for _ in 0..RESTART_TRIES {
            let launched = match self.is_sentinel {
                true => launch_sentinel(&self.binary, &self.files, self.port()).await,
                false => launch(&self.binary, &self.files, self.port()).await,
            };
            match launched {
                Ok(process) => {
                    self.process = process;
                    return;
                }
                Err(StartError::AddressInUse) => sleep(RESTART_PAUSE).await,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("somebody else took port {} and keeps it", self.port());
    }

    /// Stops the server (`SIGSTOP`): the kernel still accepts connections and requests for it,
    /// but it replies to none. Returns when it stands still.
    pub fn pause(&mut self) {
        self.process.pause().expect("cannot stop the server");
    }

    /// Lets a stopped server continue (`SIGCONT`).
    pub fn resume(&mut self) {
        self.process.resume().expect("cannot continue the server");
    }
}
