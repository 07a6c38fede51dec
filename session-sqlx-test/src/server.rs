//! One PostgreSQL server of a test's own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use session_redis_test::{Port, ServerFiles, ServerProcess};
use tokio::time::sleep;

use crate::builder::PostgresServerBuilder;
use crate::data;
use crate::database::{Database, unique_name};
use crate::launch::{StartError, launch};
use crate::programs::POLL;

/// The password of the user `postgres`, where one is needed. A URL has to quote it.
pub const PASSWORD: &str = "se:cr@t/%";
/// The same as a URL has it.
const QUOTED_PASSWORD: &str = "se%3Acr%40t%2F%25";
/// How often a restart tries to get its port back, and how long it waits in between.
const RESTART_TRIES: u32 = 20;
const RESTART_PAUSE: Duration = Duration::from_millis(100);
/// How long a replica may take to catch up with its primary.
const REPLICA_LIMIT: Duration = Duration::from_secs(30);

/// A running PostgreSQL server on a port of the loopback interface, with data of its own.
///
/// Dropping it kills it and removes its files. So does the end of the process, of whatever kind.
#[derive(Debug)]
pub struct PostgresServer {
    // Dropped in this order: the process first, then its files and its port.
    process: ServerProcess,
    files: ServerFiles,
    programs: PathBuf,
    admin: Database,
    port: Port,
}

impl PostgresServer {
    /// Starts a server with default settings and waits until it lets clients in.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Settings for a server to start.
    pub fn builder() -> PostgresServerBuilder {
        PostgresServerBuilder::new()
    }

    pub(crate) async fn start_on(
        port: Port,
        with: &PostgresServerBuilder,
    ) -> Result<Self, StartError> {
        if !with.programs.join("postgres").exists() {
            return Err(StartError::NoPrograms(with.programs.clone()));
        }
        let files = data::make(with).await?;
        data::configure(&files, port.number(), with)?;
        let process = launch(&with.programs, &files).await?;
        let login = match with.needs_password {
            true => format!("postgres:{QUOTED_PASSWORD}"),
            false => "postgres".to_owned(),
        };
        let addr = (Ipv4Addr::LOCALHOST, port.number()).into();
        Ok(Self {
            process,
            files,
            programs: with.programs.clone(),
            admin: Database::new(addr, login),
            port,
        })
    }

    /// The database `postgres`, which every server has, for its superuser of the same name.
    pub fn admin(&self) -> &Database {
        &self.admin
    }

    /// A new schema in the database `postgres`, which its URL makes the search path: what a test
    /// creates there, no other sees. Takes some milliseconds.
    pub async fn schema(&self) -> Database {
        let name = unique_name();
        self.admin.execute(&format!("CREATE SCHEMA {name}")).await;
        self.admin.with_schema(name)
    }

    /// A new database, for tests of what a schema shares with others. Takes some ten milliseconds.
    pub async fn database(&self) -> Database {
        self.database_in("UTF8").await
    }

    /// A new database of this encoding, such as `LATIN1` or `SQL_ASCII`.
    pub async fn database_in(&self, encoding: &str) -> Database {
        let name = unique_name();
        let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}'");
        self.admin.execute(&create).await;
        self.admin.with_name(name)
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The server's address.
    pub fn addr(&self) -> SocketAddr {
        self.admin.addr()
    }

    /// The process id of the server's first process, the postmaster.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The server's directory: its data are in `data`, its log since its start is `server.log`, and
    /// its unix socket is here.
    pub fn directory(&self) -> &Path {
        self.files.directory()
    }

    /// Kills all processes of the server (`SIGKILL`) and waits until they have ended, as with the
    /// machine. Killing a dead server is nothing.
    pub fn kill(&mut self) {
        self.process.kill().expect("cannot kill the server");
    }

    /// Ends the server without a checkpoint (PostgreSQL's immediate shutdown, `SIGQUIT`) and waits
    /// until it has: unlike one that is killed, it tells its clients.
    pub fn shut_down_immediately(&mut self) {
        self.process.quit().expect("cannot end the server");
    }

    /// Starts the server again on the same port, with the same settings and data, and waits until
    /// it lets clients in; kills it first if it still runs.
    pub async fn restart(&mut self) {
        self.kill();
        for _ in 0..RESTART_TRIES {
            match launch(&self.programs, &self.files).await {
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

    /// Stops all processes of the server (`SIGSTOP`): the kernel still accepts connections and
    /// requests for it, but it replies to none. Returns when all stand still.
    pub fn pause(&mut self) {
        self.process.pause().expect("cannot stop the server");
    }

    /// Lets a stopped server continue (`SIGCONT`).
    pub fn resume(&mut self) {
        self.process.resume().expect("cannot continue the server");
    }

    /// Makes a replica a primary, and waits until it is one. The former primary is left alone.
    pub async fn promote(&self) {
        let is_promoted: bool = self.admin.ask("SELECT pg_promote()").await;
        assert!(is_promoted, "the replica does not become a primary");
    }

    /// Waits until this replica shows all that the primary has acknowledged by now.
    pub async fn catch_up_with(&self, primary: &Self) {
        let position: String = primary.admin.ask("SELECT pg_current_wal_lsn()::text").await;
        let is_there = format!("SELECT pg_last_wal_replay_lsn() >= '{position}'::pg_lsn");
        let catching_up = async {
            while !self.admin.ask::<bool>(&is_there).await {
                sleep(POLL).await;
            }
        };
        let caught_up = tokio::time::timeout(REPLICA_LIMIT, catching_up).await;
        caught_up.expect("the replica does not catch up with its primary");
    }
}
