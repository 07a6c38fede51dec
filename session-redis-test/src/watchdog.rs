//! Ends the servers of a process that has ended, however it ended.
//!
//! One small shell per test process, holding the reading end of a pipe whose writing end only
//! the test process has. The operating system closes that pipe when the process ends, by
//! whatever means, `SIGKILL` included; the shell then kills the servers it was told of and
//! removes the process's directory. It leads its own process group and ignores the polite
//! signals, so a signal meant for the tests does not end it first.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::files::FREE_MEMORY;

/// `$1` is the directory to remove. Standard input brings `watch PID` and `forget PID`.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
pids=
while read -r verb pid; do
    kept=
    for known in $pids; do
        [ "$known" = "$pid" ] || kept="$kept $known"
    done
    pids=$kept
    [ "$verb" = watch ] && pids="$pids $pid"
done
for pid in $pids; do
    # What it has started may stand still, and would then never notice.
    started=$(grep -ls "^PPid:[[:space:]]*$pid\$" /proc/[0-9]*/status | cut -d/ -f3)
    kill -9 "$pid" $started
done
free_memory "$1"/*/data/postmaster.pid
# A dying server may still be writing.
rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }
"#;

/// The watchdog of this process.
pub(crate) struct Watchdog {
    directory: PathBuf,
    orders: Mutex<ChildStdin>,
}

impl Watchdog {
    /// The watchdog of this process, started at the first call.
    pub(crate) fn get() -> &'static Self {
        static WATCHDOG: OnceLock<Watchdog> = OnceLock::new();
        WATCHDOG.get_or_init(|| Self::start().expect("cannot start the watchdog of the servers"))
    }

    fn start() -> io::Result<Self> {
        // What is in it shows itself to its owners only: a server may have another.
        let directory = tempfile::Builder::new()
            .prefix("session-redis-test-")
            .permissions(Permissions::from_mode(0o711))
            .tempdir()?;
        let script = format!("free_memory() {{ {FREE_MEMORY}; }}\n{SCRIPT}");
        // The shell is never waited for: it ends after this process.
        let mut shell = Command::new("sh")
            .args(["-c", &script, "watchdog"])
            .arg(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let orders = shell.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self {
            directory: directory.keep(),
            orders: Mutex::new(orders),
        })
    }

    /// The directory for this process's files; the watchdog removes it.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// From now on, `pid` ends with this process.
    pub(crate) fn watch(&self, pid: u32) -> io::Result<()> {
        self.order("watch", pid)
    }

    /// `pid` has ended, or is about to; the system may give its number to a stranger.
    pub(crate) fn forget(&self, pid: u32) -> io::Result<()> {
        self.order("forget", pid)
    }

    fn order(&self, verb: &str, pid: u32) -> io::Result<()> {
        let order = format!("{verb} {pid}\n");
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.write_all(order.as_bytes())
    }
}
