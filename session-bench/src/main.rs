//! Measures the product beside its peers: throughput, latency, and what an operation costs the
//! client and the server. One command starts its own servers, interleaves all cases,
//! prints tables, and writes the charts and tables of the documentation.
//!
//! | file | what it does |
//! |---|---|
//! | `drive`, `histogram`, `process` | drives cases interleaved, and reads clocks and costs |
//! | `ours` | the product's operations |
//! | `redis`, `near`, `http`, `sql`, `memory`, `growth`, `counts` | a group of cases each |
//! | `results` | what is found; medians and ratios |
//! | `report` | tables, charts and documents made of it |

mod args;
mod counts;
mod drive;
mod growth;
mod histogram;
mod http;
mod memory;
mod near;
mod ours;
mod process;
mod redis;
mod report;
mod results;
mod sql;

use std::fs;
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Child, Group, Options};
use crate::drive::Outcome;
use crate::results::Results;

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match args.child {
        Some(child) => run_child(child),
        None => run(&args.options.complete()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("session-bench: {error}");
            let mut source = error.source();
            while let Some(error) = source {
                eprintln!("  because: {error}");
                source = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run_child(child: Child) -> Outcome {
    match child {
        Child::App { app, redis } => http::serve(app, &redis),
        Child::SqlApp { app, url } => http::serve_sql(app, &url),
        Child::Footprint { store, sessions } => memory::footprint(store, sessions),
        Child::Count { case, ops, redis } => counts::count(&case, ops, &redis),
    }
}

fn run(options: &Options) -> Outcome {
    let results = match &options.from {
        Some(file) => serde_json::from_slice(&fs::read(file)?)?,
        None => measure(options)?,
    };
    report::print(&results);
    if let Some(file) = &options.json {
        fs::write(file, report::json(&results)?)?;
    }
    if options.docs {
        report::write_documents(&results)?;
    }
    Ok(())
}

fn measure(options: &Options) -> Outcome<Results> {
    let mut results = Results {
        machine: report::machine(),
        ..Results::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if options.includes(Group::Redis) {
        runtime.block_on(redis::run(options, &mut results))?;
    }
    if options.includes(Group::Near) {
        runtime.block_on(near::run(options, &mut results))?;
    }
    if options.includes(Group::Http) {
        runtime.block_on(http::run(options, &mut results))?;
    }
    if options.includes(Group::Sql) {
        runtime.block_on(sql::run(options, &mut results))?;
    }
    if options.includes(Group::SqlPages) {
        runtime.block_on(sql::pages::run(options, &mut results))?;
    }
    if options.includes(Group::Memory) {
        runtime.block_on(memory::run(options, &mut results))?;
    }
    if options.includes(Group::Growth) {
        runtime.block_on(growth::run(options, &mut results))?;
    }
    if options.includes(Group::Counts) {
        runtime.block_on(counts::run(options, &mut results))?;
    }
    Ok(results)
}
