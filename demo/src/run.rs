//! From the command line to the end of the process.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::args::Args;
use crate::serve::serve_until_told;

/// The demo, from its command line to its end.
pub async fn run() -> ExitCode {
    let args = Args::of_process();
    start_logging();
    match serve_until_told(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fatal) => {
            eprintln!("demo: {fatal}");
            ExitCode::FAILURE
        }
    }
}

/// To standard error, unless `RUST_LOG` says otherwise what happens and what goes wrong.
fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}
