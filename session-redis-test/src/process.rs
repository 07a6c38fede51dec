//! One server process: starting, signalling, ending.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::files::ServerFiles;
use crate::watchdog::Watchdog;

/// Becomes the server once the watchdog knows of it. Were the starting process to end before
/// that, `read` would find the end of the input, and there would never be a server.
const LAUNCH: &str = r#"read -r go && exec "$0" "$@" </dev/null"#;

/// A server process, killed when dropped.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    /// Whether the process id is still the server's: from its end on it may be a stranger's.
    alive: bool,
}

impl ServerProcess {
    /// Starts `binary` with these files.
    pub(crate) fn spawn(binary: &Path, files: &ServerFiles, args: &[&str]) -> io::Result<Self> {
        let log = files.new_log()?;
        let child = Command::new("sh")
            .args(["-c", LAUNCH])
            .args([binary, &files.config()])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        let mut server = Self { child, alive: true };
        Watchdog::get().watch(server.pid())?;
        let go = server.child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        { go }.write_all(b"go\n")?;
        Ok(server)
    }

    /// The server's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How the server ended, if it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let ended = self.child.try_wait()?;
        if ended.is_some() && self.alive {
            self.alive = false;
            Watchdog::get().forget(self.pid())?;
        }
        Ok(ended)
    }

    /// Kills the server (`SIGKILL`) and waits until it is gone.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        self.child.kill()?;
        self.alive = false;
        let forgotten = Watchdog::get().forget(self.pid());
        self.child.wait()?;
        forgotten
    }

    /// Stops the server (`SIGSTOP`) and waits until it stands still.
    pub(crate) fn pause(&mut self) -> io::Result<()> {
        let pid = self.signal(Signal::STOP)?;
        // Not reaping: how the server ended remains for `ended` to find.
        let until = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), until)?;
        Ok(())
    }

    /// Lets a stopped server continue (`SIGCONT`).
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        self.signal(Signal::CONT)?;
        Ok(())
    }

    fn signal(&mut self, signal: Signal) -> io::Result<Pid> {
        if let Some(status) = self.ended()? {
            return Err(io::Error::other(format!("it ended with {status}")));
        }
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal)?;
        Ok(pid)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // An error here leaves the server to the watchdog.
        let _ = self.kill();
    }
}
