//! One server process and those that it starts: starting, signalling, ending.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::files::ServerFiles;
use crate::watchdog::Watchdog;

/// How long a process may take to stop or to end: one that writes to a disk does that first.
const SIGNAL_LIMIT: Duration = Duration::from_secs(10);
/// How long to wait between two looks at it.
const POLL: Duration = Duration::from_millis(1);

/// Becomes the server once the watchdog knows of it. Were the starting process to end before
/// that, `read` would find the end of the input, and there would never be a server.
const LAUNCH: &str = r#"read -r go && exec "$0" "$@" </dev/null"#;

/// A server process, killed when dropped, or at the end of this process, of whatever kind.
///
/// What it has started is stopped, continued and killed with it, in whatever process group it is.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    /// Whether the process id is still the server's: from its end on it may be a stranger's.
    alive: bool,
}

impl ServerProcess {
    /// Starts `binary` with these arguments, as the owner of these files. What it prints begins
    /// their log.
    pub fn spawn(
        binary: &Path,
        args: impl IntoIterator<Item: AsRef<OsStr>>,
        files: &ServerFiles,
    ) -> io::Result<Self> {
        let log = files.new_log()?;
        let mut command = Command::new("sh");
        command.args(["-c", LAUNCH]).arg(binary).args(args);
        if let Some(owner) = files.owner() {
            command.uid(owner.uid).gid(owner.gid);
        }
        let child = command
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
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How the server ended, if it has.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let ended = self.child.try_wait()?;
        if ended.is_some() && self.alive {
            self.alive = false;
            Watchdog::get().forget(self.pid())?;
        }
        Ok(ended)
    }

    /// Kills the server (`SIGKILL`) and waits until it has ended. Killing a dead server is nothing.
    pub fn kill(&mut self) -> io::Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        // A server that stands still neither notices that its processes end, nor starts others.
        self.stop_alone()?;
        self.signal_children(Signal::KILL, "Z")?;
        self.child.kill()?;
        self.alive = false;
        let forgotten = Watchdog::get().forget(self.pid());
        self.child.wait()?;
        forgotten
    }

    /// Stops the server (`SIGSTOP`) and waits until it stands still.
    pub fn pause(&mut self) -> io::Result<()> {
        self.stop_alone()?;
        self.signal_children(Signal::STOP, "TZ")
    }

    /// Lets a stopped server continue (`SIGCONT`).
    pub fn resume(&mut self) -> io::Result<()> {
        self.signal_children(Signal::CONT, "")?;
        self.signal(Signal::CONT)
    }

    /// Tells the server to end at once (`SIGQUIT`), and waits until it has.
    pub fn quit(&mut self) -> io::Result<()> {
        // In this order: it may end with the signal.
        self.resume()?;
        self.signal(Signal::QUIT)?;
        let deadline = Instant::now() + SIGNAL_LIMIT;
        while self.ended()?.is_none() {
            if Instant::now() > deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Sends the server alone a signal.
    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if let Some(status) = self.ended()? {
            return Err(io::Error::other(format!("it ended with {status}")));
        }
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    fn stop_alone(&mut self) -> io::Result<()> {
        self.signal(Signal::STOP)?;
        // Not reaping: how the server ended remains for `ended` to find.
        let until = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&self.child)), until)?;
        Ok(())
    }

    /// Sends a signal to what a server that stands still has started, and waits until each of them
    /// is in one of these states, if any are named. Their ids are no stranger's before the server
    /// continues, which has to be told of their ends.
    fn signal_children(&self, signal: Signal, states: &str) -> io::Result<()> {
        let children = || {
            let all = fs::read_dir("/proc")?.filter_map(|entry| Stat::read(&entry.ok()?.path()));
            io::Result::Ok(all.filter(|stat| stat.parent == self.pid()))
        };
        for child in children()? {
            // One that has ended by now needs none.
            let _ = kill_process(child.pid, signal);
        }
        let deadline = Instant::now() + SIGNAL_LIMIT;
        while !states.is_empty() && children()?.any(|child| !states.contains(child.state)) {
            if Instant::now() > deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(POLL);
        }
        Ok(())
    }
}

/// What the system says of a process.
struct Stat {
    pid: Pid,
    state: char,
    parent: u32,
}

impl Stat {
    /// `PID (NAME) STATE PARENT …`, where a name may have spaces and brackets.
    fn read(directory: &Path) -> Option<Self> {
        let text = fs::read_to_string(directory.join("stat")).ok()?;
        let (before, behind) = text.rsplit_once(')')?;
        let mut words = behind.split_whitespace();
        Some(Self {
            pid: Pid::from_raw(before.split_once(' ')?.0.parse().ok()?)?,
            state: words.next()?.parse().ok()?,
            parent: words.next()?.parse().ok()?,
        })
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // An error here leaves the server to the watchdog.
        let _ = self.kill();
    }
}
