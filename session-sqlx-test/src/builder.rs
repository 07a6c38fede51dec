//! What a server is started with.

use std::path::PathBuf;

use session_redis_test::Port;

use crate::PostgresServer;
use crate::launch::StartError;
use crate::programs::folder;

/// How many ports are tried. Losing a port to somebody else is rare, twice in a row is odd.
const PORTS_TRIED: usize = 10;

/// Settings of a server to start; see [`PostgresServer::builder`].
#[derive(Clone, Debug)]
pub struct PostgresServerBuilder {
    pub(crate) programs: PathBuf,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) is_durable: bool,
    pub(crate) needs_password: bool,
    /// The URL of the server that this one follows.
    pub(crate) primary: Option<String>,
}

impl PostgresServerBuilder {
    pub(crate) fn new() -> Self {
        Self {
            programs: folder(),
            settings: Vec::new(),
            is_durable: false,
            needs_password: false,
            primary: None,
        }
    }

    /// The folder of PostgreSQL's programs, in place of the environment's choice.
    #[must_use]
    pub fn programs(mut self, folder: impl Into<PathBuf>) -> Self {
        self.programs = folder.into();
        self
    }

    /// Sets a parameter of `postgresql.conf` to a value, whatever characters it has.
    #[must_use]
    pub fn setting(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.push((name.to_owned(), value.into()));
        self
    }

    /// What it has acknowledged is on the disk (`fsync` and `full_page_writes`, which are off
    /// otherwise). A server that is killed keeps it either way, since the system keeps its writes.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.is_durable = true;
        self
    }

    /// Clients need a password, by SCRAM: that of the user `postgres` is
    /// [`PASSWORD`](crate::PASSWORD), and part of the URLs. Otherwise everybody is trusted.
    #[must_use]
    pub fn password_required(mut self) -> Self {
        self.needs_password = true;
        self
    }

    /// A streaming replica of this server, read-only until it is
    /// [promoted](PostgresServer::promote). It begins with all that the primary has now.
    #[must_use]
    pub fn replica_of(mut self, primary: &PostgresServer) -> Self {
        self.primary = Some(primary.admin().url());
        self
    }

    /// Starts the server on a free port and waits until it lets clients in.
    pub async fn start(self) -> PostgresServer {
        for _ in 0..PORTS_TRIED {
            match PostgresServer::start_on(Port::reserve(), &self).await {
                Ok(server) => return server,
                Err(StartError::AddressInUse) => {}
                Err(error) => panic!("{error}"),
            }
        }
        panic!("{PORTS_TRIED} ports in a row were free and then taken by somebody else");
    }
}
