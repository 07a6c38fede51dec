//! From a server's files to a server that lets clients in, or the reason why there is none.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use session_redis_test::{ServerFiles, ServerProcess};
use tokio::time::{Instant, sleep};

use crate::data;
use crate::programs::POLL;

/// How long a server may take until it lets clients in: after a kill it recovers first.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Starts the server and waits until it lets clients in.
pub(crate) async fn launch(
    programs: &Path,
    files: &ServerFiles,
) -> Result<ServerProcess, StartError> {
    let (data, program) = (data::of(files), programs.join("postgres"));
    let args = [Path::new("-D"), &data];
    let mut process = ServerProcess::spawn(&program, args, files)?;
    let deadline = Instant::now() + START_LIMIT;
    loop {
        if let Some(status) = process.ended()? {
            let log = files.log();
            return Err(match log.contains("Address already in use") {
                true => StartError::AddressInUse,
                false => StartError::Ended(status, log),
            });
        }
        if is_ready(&data, process.pid()) {
            return Ok(process);
        }
        if Instant::now() >= deadline {
            return Err(StartError::Silent(files.log()));
        }
        sleep(POLL).await;
    }
}

/// Whether this server lets clients in, by the file in which it tells `pg_ctl` so. (A stranger may
/// be on its port; a server that was killed has left its file.)
fn is_ready(data: &Path, pid: u32) -> bool {
    let file = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let mut lines = file.lines().map(str::trim);
    lines.next() == Some(&*pid.to_string()) && lines.nth(6) == Some("ready")
}

/// Why a server did not start.
#[derive(Debug)]
pub(crate) enum StartError {
    /// Somebody else has the port.
    AddressInUse,
    /// There are no programs in this folder.
    NoPrograms(PathBuf),
    /// The server ended; with its log.
    Ended(ExitStatus, String),
    /// The server runs but lets nobody in; with its log.
    Silent(String),
    /// Something failed before there was a server.
    Io(io::Error),
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddressInUse => write!(f, "the server's port is taken"),
            Self::NoPrograms(folder) => write!(
                f,
                "there is no PostgreSQL in {folder:?}: run `scripts/setup-tests`, or set \
                 SESSION_TEST_POSTGRES to a folder that has `postgres` and `initdb`",
            ),
            Self::Ended(status, log) => {
                write!(f, "the server ended while starting ({status})\n{log}")
            }
            Self::Silent(log) => write!(
                f,
                "the server lets nobody in within {START_LIMIT:?}: is the machine overloaded?\n{log}",
            ),
            Self::Io(error) => write!(f, "cannot start a server: {error}"),
        }
    }
}
