//! No process of a server outlives the process that started it, nor does its memory.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

#[test]
fn a_server_ends_with_its_killed_owner_even_if_stopped() {
    for what in ["hold", "pause"] {
        let mut holder = Command::new(env!("CARGO_BIN_EXE_hold_postgres"))
            .arg(what)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
        let directory = PathBuf::from(lines.next().unwrap().unwrap());
        let file = fs::read_to_string(directory.join("data/postmaster.pid")).unwrap();
        let lines: Vec<_> = file.lines().collect();
        let (postmaster, memory) = (lines[0], lines[6].split_whitespace().last().unwrap());
        let processes = processes_of(postmaster);
        assert!(processes.len() > 3, "{processes:?}");
        assert!(memory_is_there(memory));
        holder.kill().unwrap();
        holder.wait().unwrap();
        let began = Instant::now();
        // The server's directory lies in the directory of its owner.
        let files = directory.parent().unwrap();
        // Of a process that has ended nothing is left but its entry, until somebody asks for it.
        let runs =
            |pid: &String| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|it| !it.is_empty());
        while files.exists() || processes.iter().any(runs) || memory_is_there(memory) {
            assert!(
                began.elapsed() < Duration::from_secs(5),
                "{what}: something is left"
            );
            sleep(Duration::from_millis(5));
        }
    }
}

/// The postmaster and what it has started.
fn processes_of(postmaster: &str) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let parent = format!("PPid:\t{postmaster}\n");
    let children = all.filter(|entry| {
        let status = fs::read_to_string(entry.path().join("status"));
        status.is_ok_and(|it| it.contains(&parent))
    });
    let names = children.map(|entry| entry.file_name().into_string().unwrap());
    names.chain([postmaster.to_owned()]).collect()
}

/// Whether the system has this piece of shared memory.
fn memory_is_there(id: &str) -> bool {
    let all = fs::read_to_string("/proc/sysvipc/shm").unwrap();
    all.lines()
        .any(|line| line.split_whitespace().nth(1) == Some(id))
}
