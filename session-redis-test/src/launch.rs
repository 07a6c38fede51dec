//! From a server's files to a server that answers, or the reason why there is none.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use redis::RedisResult;
use tokio::time::{Instant, sleep};

use crate::connect::{connect, info_field, send};
use crate::files::ServerFiles;
use crate::process::ServerProcess;

/// How long a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long it may take over one question: a port's owner may never answer.
const ASK_LIMIT: Duration = Duration::from_secs(1);
/// How long to wait between two looks at a server that is starting.
const POLL: Duration = Duration::from_millis(5);

/// Starts the server and waits until it answers on its port.
pub(crate) async fn launch(
    binary: &Path,
    files: &ServerFiles,
    port: u16,
) -> Result<ServerProcess, StartError> {
    launch_with(binary, files, port, &[]).await
}

/// Starts a sentinel.
pub(crate) async fn launch_sentinel(
    binary: &Path,
    files: &ServerFiles,
    port: u16,
) -> Result<ServerProcess, StartError> {
    launch_with(binary, files, port, &["--sentinel"]).await
}

async fn launch_with(
    binary: &Path,
    files: &ServerFiles,
    port: u16,
    args: &[&str],
) -> Result<ServerProcess, StartError> {
    let config = files.config();
    let all = [config.as_os_str()]
        .into_iter()
        .chain(args.iter().map(OsStr::new));
    let mut process = ServerProcess::spawn(binary, all, files).map_err(StartError::Io)?;
    let deadline = Instant::now() + START_LIMIT;
    loop {
        if let Some(status) = process.ended().map_err(StartError::Io)? {
            return Err(StartError::ended(binary, status, files));
        }
        // The port's owner may be a stranger, and this server about to find that out.
        if is_at(port, files, args.is_empty())
            .await
            .unwrap_or_default()
        {
            return Ok(process);
        }
        if Instant::now() >= deadline {
            return Err(StartError::Silent(files.log()));
        }
        sleep(POLL).await;
    }
}

/// Whether the server on a port is that of these files, by its directory: a sentinel knows only the
/// path of its configuration. (Not by `INFO` of a server: a test may forbid that.)
async fn is_at(port: u16, files: &ServerFiles, is_server: bool) -> RedisResult<bool> {
    let mut connection = connect(port, ASK_LIMIT).await?;
    // Unlike CONFIG, PING is refused while the server still loads its data.
    send::<()>(&mut connection, "PING").await?;
    if is_server {
        let (_, directory): (String, String) = send(&mut connection, "CONFIG GET dir").await?;
        return Ok(Path::new(&directory) == files.directory());
    }
    let info: String = send(&mut connection, "INFO server").await?;
    Ok(info_field(&info, "config_file").is_some_and(|it| Path::new(it) == files.config()))
}

/// Why a server did not start.
#[derive(Debug)]
pub(crate) enum StartError {
    /// Somebody else has the port.
    AddressInUse,
    /// The binary is not there, or not one.
    NoBinary(PathBuf),
    /// The server ended; with its log.
    Ended(ExitStatus, String),
    /// The server runs but does not answer; with its log.
    Silent(String),
    /// The system refused something before there was a server.
    Io(io::Error),
}

impl StartError {
    fn ended(binary: &Path, status: ExitStatus, files: &ServerFiles) -> Self {
        let log = files.log();
        match status.code() {
            // What a shell ends with when it cannot run a command.
            Some(126 | 127) => Self::NoBinary(binary.to_owned()),
            _ if log.contains("Address already in use") => Self::AddressInUse,
            _ => Self::Ended(status, log),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddressInUse => write!(f, "the server's port is taken"),
            Self::NoBinary(binary) => write!(
                f,
                "there is no server binary {binary:?} that can be run: run `scripts/setup-tests`, \
                 or set SESSION_TEST_SERVER to the path of a redis-server or valkey-server",
            ),
            Self::Ended(status, log) => write!(
                f,
                "the server ended while starting ({status}): if the log below does not tell why, \
                 run `scripts/setup-tests`, which checks the server binaries\n{log}",
            ),
            Self::Silent(log) => write!(
                f,
                "the server did not answer within {START_LIMIT:?}: is the machine overloaded? \
                 Otherwise run `scripts/setup-tests`, which checks the server binaries\n{log}",
            ),
            Self::Io(error) => write!(f, "cannot start a server: {error}"),
        }
    }
}
