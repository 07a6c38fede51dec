//! A server's directory: its configuration, its log, and what it persists.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::watchdog::Watchdog;

/// Removes what a killed PostgreSQL leaves of the system's shared memory, of which there are no
/// more than some thousand pieces: in the seventh line of its `postmaster.pid`, the last word names
/// it.
pub(crate) const FREE_MEMORY: &str = r#"sed -sn '7s/.* //p' "$@" | xargs -rn1 ipcrm -m"#;

/// Whom files belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The user's group.
    pub gid: u32,
}

/// The files of one server, removed when dropped.
#[derive(Debug)]
pub struct ServerFiles {
    directory: TempDir,
    owner: Option<Owner>,
}

impl ServerFiles {
    /// An empty directory, of another owner than this process if one is named.
    pub fn new(owner: Option<Owner>) -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("server-")
            .tempdir_in(Watchdog::get().directory())?;
        if let Some(Owner { uid, gid }) = owner {
            chown(directory.path(), Some(uid), Some(gid))?;
        }
        Ok(Self { directory, owner })
    }

    /// Makes the directory and writes the configuration: ours, then the test's lines, so that
    /// these win.
    pub(crate) fn write(port: u16, configuration: &[String]) -> io::Result<Self> {
        let files = Self::new(None)?;
        let own = [
            format!("port {port}"),
            "bind 127.0.0.1".to_owned(),
            format!("dir {}", quoted(&files.directory().to_string_lossy())),
            r#"save """#.to_owned(),
            "appendonly no".to_owned(),
        ];
        let lines = [&own, configuration].concat();
        fs::write(files.config(), lines.join("\n") + "\n")?;
        Ok(files)
    }

    /// Where they are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Whom they belong to, if not to this process.
    pub fn owner(&self) -> Option<Owner> {
        self.owner
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.directory().join("server.conf")
    }

    /// Begins a new log for a new start, so that no message of an older one is taken for its.
    pub(crate) fn new_log(&self) -> io::Result<File> {
        let path = self.log_path();
        if path.exists() {
            fs::remove_file(&path)?;
        }
        File::options().create_new(true).append(true).open(path)
    }

    /// The log since the last start, framed for a message.
    pub fn log(&self) -> String {
        match fs::read_to_string(self.log_path()) {
            Ok(log) => format!("--- the server's log ---\n{log}--- end of the server's log ---"),
            Err(error) => format!("(the server's log cannot be read: {error})"),
        }
    }

    fn log_path(&self) -> PathBuf {
        self.directory().join("server.log")
    }
}

impl Drop for ServerFiles {
    fn drop(&mut self) {
        let of_postgres = self.directory().join("data/postmaster.pid");
        if of_postgres.exists() {
            let mut shell = Command::new("sh");
            let shell = shell.args(["-c", FREE_MEMORY, "sh"]).arg(of_postgres);
            // An error here costs some bytes of memory.
            let _ = shell.stderr(Stdio::null()).status();
        }
    }
}

/// `value` as one word of a server's configuration file.
pub(crate) fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', r"\\").replace('"', "\\\""))
}
