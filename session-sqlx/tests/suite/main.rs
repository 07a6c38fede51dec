//! The conformance suite on SQLite and PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests: a panic is how one fails"
)]

mod bad_file;
mod bad_schema;
mod cancellation;
mod contention;
mod crash;
mod faults;
mod harness;
mod kit;
mod ledger;
mod lost_replies;
mod odd_texts;
mod raw;
mod round_trips;
mod tables;

use std::process::ExitCode;

use session_conformance::differential::{Config, run};
use session_conformance::{CallPath, Harness, MemoryHarness, Runner, Suite, races};

use crate::harness::{Journal, PostgresHarness, SqliteHarness, Time};

fn main() -> ExitCode {
    if crash::write_until_killed() {
        return ExitCode::SUCCESS;
    }
    let once = &[CallPath::Direct];
    // Where a file is kept with a log, a writer keeps nobody from reading it.
    let log = Suite::new("sqlite", || SqliteHarness::new(Journal::Wal));
    let rollback = Suite::new("sqlite_rollback", || SqliteHarness::new(Journal::Rollback));
    let postgres = Suite::new("postgres", || PostgresHarness::new(Time::Real));
    // To the millisecond.
    let still = Suite::new("postgres_still", || PostgresHarness::new(Time::Still));
    let mut runner = Runner::new()
        .suite(log.by(&CallPath::ALL).without_faults())
        .suite(rollback.by(once))
        .suite(postgres.by(once))
        .suite(still.by(once));
    for (name, race) in races::ALL {
        runner = runner
            .test(&format!("races_sqlite::{name}"), move || async move {
                let harness = SqliteHarness::new(Journal::Wal).await;
                println!("{}", race(&harness, races::rounds().div_ceil(40)).await);
            })
            .test(&format!("races_postgres::{name}"), move || async move {
                let harness = PostgresHarness::new(Time::Real).await;
                println!("{}", race(&harness, races::rounds().div_ceil(20)).await);
            });
    }
    for add in [
        bad_file::add,
        bad_schema::add,
        cancellation::add,
        contention::add,
        crash::add,
        faults::add,
        lost_replies::add,
        odd_texts::add,
        tables::add,
    ] {
        runner = add(runner);
    }
    runner
        .test("round_trips::are_few", round_trips::are_few)
        .test("differential::sqlite", || async {
            differential(&SqliteHarness::new(Journal::Wal).await).await;
        })
        .test("differential::postgres", || async {
            differential(&PostgresHarness::new(Time::Real).await).await;
        })
        .test("differential::postgres_still", || async {
            differential(&PostgresHarness::new(Time::Still).await).await;
        })
        .run()
}

async fn differential(database: &dyn Harness) {
    let config = Config {
        has_admin: true,
        ..Config::from_env()
    };
    match run(database, &MemoryHarness::new(), &config).await {
        Ok(summary) => println!("{summary}"),
        Err(divergence) => panic!("{divergence}"),
    }
}
