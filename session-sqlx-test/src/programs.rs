//! PostgreSQL's programs, and who runs them.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use session_redis_test::{Owner, ServerFiles, ServerProcess};
use tokio::time::sleep;

/// The environment variable that names the folder of the programs.
const VARIABLE: &str = "SESSION_TEST_POSTGRES";
/// Where Debian installs them, in a folder for each version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// The user that servers run as where the tests run as root.
const USER: &str = "postgres";
/// How long to wait between two looks at a program.
pub(crate) const POLL: Duration = Duration::from_millis(5);

/// What the environment names, or the newest version installed.
pub(crate) fn folder() -> PathBuf {
    if let Some(named) = env::var_os(VARIABLE).filter(|name| !name.is_empty()) {
        return named.into();
    }
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let newest = versions
        .filter(|entry| entry.path().join("bin/postgres").exists())
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .max();
    // Where there is none, this is what the message names.
    let version = newest.map_or_else(|| "*".to_owned(), |it| it.to_string());
    Path::new(VERSIONS).join(version).join("bin")
}

/// Who runs them, if not the user of this process.
pub(crate) fn owner() -> io::Result<Option<Owner>> {
    let is_root = fs::metadata("/proc/self")?.uid() == 0;
    if !is_root {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let found = users.lines().find_map(|line| {
        let mut parts = line
            .strip_prefix(USER)?
            .strip_prefix(':')?
            .split(':')
            .skip(1);
        let mut number = || parts.next()?.parse().ok();
        Some(Owner {
            uid: number()?,
            gid: number()?,
        })
    });
    let none = "no user `postgres`, as which servers run where tests run as root";
    Ok(Some(found.ok_or_else(|| io::Error::other(none))?))
}

/// Runs a program to its end. An error has what it printed.
pub(crate) async fn run(program: &Path, args: &[&str], files: &ServerFiles) -> io::Result<()> {
    let mut process = ServerProcess::spawn(program, args, files)?;
    loop {
        match process.ended()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => {
                let (name, log) = (program.display(), files.log());
                return Err(io::Error::other(format!("{name}: {status}\n{log}")));
            }
            None => sleep(POLL).await,
        }
    }
}
