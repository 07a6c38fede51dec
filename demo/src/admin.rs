//! The command that looks at all sessions and ends any of them.
//!
//! It is a program of an operator's, beside the servers that use the sessions: with a connection of
//! its own, which may do what theirs need not be able to.

mod failure;
mod list;
mod output;
mod revoke;
mod row;
mod seen;
mod text;

use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;

use self::failure::Failure;
use self::list::list;
use self::output::Output;
use self::revoke::revoke;
use crate::args::{BackendName, SessionsCommand, StoreArgs};
use crate::open::open_admin;

/// When a session to revoke was not there.
const NOT_THERE: u8 = 1;

/// Whether all that was named was there.
type IsComplete = bool;

/// Does as told, and says what came of it.
pub(crate) async fn run(store: &StoreArgs, command: &SessionsCommand) -> ExitCode {
    let mut out = Output::to(BufWriter::new(io::stdout()));
    match ended(store, command, &mut out).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_THERE),
        Err(failure) => {
            say(&failure.to_string());
            failure.code().into()
        }
    }
}

async fn ended<W: io::Write>(
    store: &StoreArgs,
    command: &SessionsCommand,
    out: &mut Output<W>,
) -> Result<IsComplete, Failure> {
    if store.backend == BackendName::Memory {
        return Err(Failure::InAnotherProcess);
    }
    let admin = open_admin(store)?;
    match command {
        SessionsCommand::List(args) => {
            if list(&*admin, args, out).await? == 0 {
                say("no sessions");
            }
        }
        SessionsCommand::Count => out.line(&admin.count_sessions().await?.to_string())?,
        SessionsCommand::Revoke { public_ids } => return revoke(&*admin, public_ids, out).await,
    }
    out.flush()?;
    Ok(true)
}

/// A line on standard error. Who reads it may be gone, which is no reason to panic.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "demo: {text}");
}
