//! A server's directory: its configuration, its log, and what it persists.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::watchdog::Watchdog;

/// The files of one server, removed when dropped.
#[derive(Debug)]
pub(crate) struct ServerFiles {
    directory: TempDir,
}

impl ServerFiles {
    /// Makes the directory and writes the configuration: ours, then the test's lines, so that
    /// these win.
    pub(crate) fn write(port: u16, configuration: &[String]) -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("server-")
            .tempdir_in(Watchdog::get().directory())?;
        let files = Self { directory };
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

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
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
    pub(crate) fn log(&self) -> String {
        match fs::read_to_string(self.log_path()) {
            Ok(log) => format!("--- the server's log ---\n{log}--- end of the server's log ---"),
            Err(error) => format!("(the server's log cannot be read: {error})"),
        }
    }

    fn log_path(&self) -> PathBuf {
        self.directory().join("server.log")
    }
}

/// `value` as one word of a server's configuration file.
pub(crate) fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', r"\\").replace('"', "\\\""))
}
