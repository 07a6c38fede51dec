//! From the command line to the end of the process.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::args::{Args, Command};
use crate::commands::{self, Job};
use crate::failure::Failure;
use crate::output::Output;
use crate::place::Place;

/// How a command that could do its work has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All is done.
    Done,
    /// What was named is not there; or the doctor warns and is strict.
    NotFound,
    /// The doctor has found problems.
    Problems,
}

/// The command, from its command line to its end.
pub async fn run() -> ExitCode {
    let args = Args::of_process();
    start_logging();
    let mut out = Output::to(BufWriter::new(io::stdout()));
    let ended = ended(args, &mut out).await;
    // What was written before a failure is shown before it.
    let ended = match (ended, out.flush()) {
        (Ok(_), Err(error)) => Err(error.into()),
        (ended, _) => ended,
    };
    match ended {
        Ok(Ended::Done) => ExitCode::SUCCESS,
        Ok(Ended::NotFound) => ExitCode::from(1),
        Ok(Ended::Problems) => ExitCode::from(2),
        Err(failure) => {
            say(&failure.to_string());
            failure.code().into()
        }
    }
}

async fn ended<W: io::Write>(args: Args, out: &mut Output<W>) -> Result<Ended, Failure> {
    match &args.command {
        Command::Completions { shell } => return commands::completions(*shell, out),
        Command::Man { command } => return commands::man(command.as_deref(), out),
        _ => {}
    }
    let place = Place::of(&args.store, |name| std::env::var_os(name))?;
    for warning in &place.warnings {
        say(&format!("warning: {warning}"));
    }
    let mut job = Job {
        place: &place,
        is_json: args.json,
        out,
    };
    match &args.command {
        Command::List(args) => job.list(args).await,
        Command::Count(args) => job.count(args).await,
        Command::Show(args) => job.show(args).await,
        Command::Revoke(args) => job.revoke(args).await,
        Command::Watch(args) => job.watch(args).await,
        Command::Doctor(args) => job.doctor(args).await,
        Command::Purge => job.purge().await,
        Command::Schema => job.schema(),
        Command::Completions { .. } | Command::Man { .. } => Ok(Ended::Done),
    }
}

/// A line on standard error, which nobody may read.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "sessions: {text}");
}

/// To standard error, and nothing unless `RUST_LOG` says so: a command says what it has to say by
/// itself.
fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && console::colors_enabled_stderr())
        .init();
}
