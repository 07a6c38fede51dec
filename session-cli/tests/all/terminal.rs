//! On a terminal: questions, bars, one line that is updated.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::process::Child;

use crate::support::Store;

/// The command on a terminal of its own.
struct OnTerminal {
    child: Child,
    terminal: File,
    shown: String,
}

impl OnTerminal {
    fn start(store: &Store, words: &[&str], environment: &[(&str, &str)]) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let end = || {
            let path = name.to_str().unwrap();
            let end = OpenOptions::new().read(true).write(true).open(path);
            Stdio::from(end.unwrap())
        };
        let mut command = store.command(words);
        command
            .env("TERM", "xterm")
            .envs(environment.iter().copied());
        command.stdin(end()).stdout(end()).stderr(end());
        Self {
            child: command.spawn().unwrap(),
            terminal: File::from(terminal),
            shown: String::new(),
        }
    }

    /// Reads until this is shown; or to the end, for nothing.
    fn read_until(&mut self, text: Option<&str>) {
        let mut bytes = [0; 1024];
        while text.is_none_or(|text| !self.shown.contains(text)) {
            // The terminal's end is an error.
            match self.terminal.read(&mut bytes) {
                Ok(1..) if text.is_none() => {}
                Ok(0) | Err(_) => {
                    assert_eq!(text, None, "{}", self.shown);
                    return;
                }
                Ok(_) => {}
            }
            let read = String::from_utf8_lossy(&bytes).into_owned();
            self.shown.push_str(read.trim_end_matches('\0'));
            bytes = [0; 1024];
        }
    }

    fn write(&mut self, text: &[u8]) {
        self.terminal.write_all(text).unwrap();
    }

    /// What was shown, and the exit code.
    async fn end(mut self) -> (String, Option<i32>) {
        let reading = tokio::task::spawn_blocking(move || {
            self.read_until(None);
            self
        });
        let mut this = reading.await.unwrap();
        let status = this.child.wait().await.unwrap();
        (this.shown, status.code())
    }
}

#[tokio::test]
async fn many_are_ended_once_that_is_confirmed() {
    let store = Store::new().await;
    for name in ["ann", "bob", "ann"] {
        store.log_in(name).await;
    }
    store.add(None, Duration::from_secs(90_000)).await;
    for (which, answer, question, said, code) in [
        (
            "--all",
            &b"n\n"[..],
            "End 4 sessions (all) on 127.0.0.1:",
            "nothing was done",
            4,
        ),
        ("--all", b"\n", "End 4", "nothing was done", 4),
        ("--all", b"\xff\n", "End 4", "nothing was done", 4),
        (
            "--older-than=1d",
            b"y\n",
            "End 1 session (created over 1day ago)",
            "revoked 1 session",
            0,
        ),
        (
            "--principal=ann",
            b"YES\n",
            "End 2 sessions (all of ann)",
            "revoked 2 sessions",
            0,
        ),
        (
            "--all",
            b"y\n",
            "End 1 session (all)",
            "revoked 1 session",
            0,
        ),
    ] {
        let mut command = OnTerminal::start(&store, &["revoke", which], &[]);
        let mut command = tokio::task::spawn_blocking(move || {
            command.read_until(Some("[y/N] "));
            assert!(command.shown.contains(question), "{}", command.shown);
            command.write(answer);
            command
        })
        .await
        .unwrap();
        command.shown.clear();
        let (shown, ended) = command.end().await;
        assert!(
            shown.contains(said) && ended == Some(code),
            "{ended:?}: {shown}"
        );
        let has_bar = shown.contains(" of 1 sessions ");
        assert_eq!(has_bar, said == "revoked 1 session", "{shown}");
        store.assert_shows_no_secret(&shown);
    }
    assert_eq!(store.run(&["count"]).await.stdout, "0\n");
}

#[tokio::test]
async fn findings_are_coloured_unless_that_is_not_wanted() {
    let store = Store::new().await;
    for (environment, is_coloured) in [(&[][..], true), (&[("NO_COLOR", "1")], false)] {
        let doctor = OnTerminal::start(&store, &["doctor"], environment);
        let (shown, _) = doctor.end().await;
        assert!(shown.contains("contact: "), "{shown}");
        assert_eq!(shown.contains("\u{1b}["), is_coloured, "{shown}");
    }
}

#[tokio::test]
async fn one_line_is_updated_until_ctrl_c() {
    let store = Store::new().await;
    store.log_in("ann").await;
    let mut watch = OnTerminal::start(&store, &["watch", "--every", "1ms"], &[]);
    let watch = tokio::task::spawn_blocking(move || {
        watch.read_until(Some("1 session, 1 bound, +0"));
        watch
    })
    .await
    .unwrap();
    let pid = watch.child.id().unwrap();
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let (shown, code) = watch.end().await;
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.matches("\r\u{1b}[2K").count() >= 1, "{shown}");
}
