//! Tables, charts and documents, made of what a run has found.

mod capacity;
mod chart;
mod documents;
mod tables;

use std::path::Path;
use std::process::Command;

pub(crate) use self::tables::thousands;
use crate::drive::Outcome;
use crate::results::{Machine, Results};

/// Prints all tables.
pub(crate) fn print(results: &Results) {
    let machine = &results.machine;
    println!("{}, commit {}", machine.date, machine.commit);
    println!(
        "{} × {}, {}, {}\n",
        machine.cpus, machine.processor, machine.server, machine.compiler
    );
    print!("{}", tables::all(results));
}

pub(crate) fn json(results: &Results) -> Outcome<String> {
    // A line for each measurement is enough for a person to read.
    Ok(serde_json::to_string(results)?.replace("},{\"group\"", "},\n{\"group\"") + "\n")
}

/// Writes the tables and charts into the documentation of this repository.
pub(crate) fn write_documents(results: &Results) -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (file, text) in documents::files(results, &root)? {
        std::fs::write(file, text)?;
    }
    Ok(())
}

/// What this machine is.
pub(crate) fn machine() -> Machine {
    let said_by = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output();
        let output = output.map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned());
        output.unwrap_or_default()
    };
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor
        .lines()
        .find_map(|it| it.strip_prefix("model name"));
    let server = said_by("redis-server", &["--version"]);
    let server = server
        .split_whitespace()
        .find_map(|it| it.strip_prefix("v="));
    Machine {
        date: said_by("date", &["-u", "+%Y-%m-%d"]),
        commit: said_by("git", &["rev-parse", "--short=10", "HEAD"]),
        processor: processor
            .unwrap_or("unknown")
            .trim_start_matches([':', ' ', '\t'])
            .into(),
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        databases: String::new(),
        server: format!("Redis {}", server.unwrap_or("unknown")),
        compiler: said_by("rustc", &["--version"]),
        command: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
    }
}
