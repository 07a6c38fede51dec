//! The conformance suite on SQLite and PostgreSQL.

mod harness;
mod raw;

use std::process::ExitCode;

use session_conformance::{CallPath, Runner, Suite};

use crate::harness::{Journal, SqliteHarness};

fn main() -> ExitCode {
    let wal = Suite::new("sqlite", || SqliteHarness::new(Journal::Wal));
    let wal = wal.by(&[CallPath::Direct]).without_faults();
    Runner::new().suite(wal).run()
}
