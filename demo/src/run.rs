//! From the command line to the end of the process.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::admin;
use crate::args::{Args, Command};
use crate::serve::serve_until_told;

/// The demo, from its command line to its end.
pub async fn run() -> ExitCode {
    let args = Args::of_process();
    if let Some(Command::Sessions { command }) = &args.command {
        // A command says what it has to say by itself.
        start_logging("off");
        return admin::run(&args.store, command).await;
    }
    start_logging("info");
    match serve_until_told(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fatal) => {
            eprintln!("demo: {fatal}");
            ExitCode::FAILURE
        }
    }
}

/// To standard error, at this level unless `RUST_LOG` says otherwise.
fn start_logging(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}
