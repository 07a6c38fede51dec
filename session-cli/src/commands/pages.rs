//! What is generated from the command line itself: completions and manual pages.

use std::io::Write;

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Args;
use crate::failure::Failure;
use crate::output::Output;
use crate::run::Ended;

const NAME: &str = "sessions";

/// Writes the completions for a shell.
pub(crate) fn completions(shell: Shell, out: &mut Output<impl Write>) -> Result<Ended, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), NAME, &mut text);
    out.part(&String::from_utf8_lossy(&text))?;
    Ok(Ended::Done)
}

/// Writes the manual page of the command, or of one of its commands.
pub(crate) fn man(command: Option<&str>, out: &mut Output<impl Write>) -> Result<Ended, Failure> {
    let mut all = Args::command();
    all.build();
    let page = match command {
        None => all,
        Some(name) => {
            let found = all.get_subcommands().find(|it| it.get_name() == name);
            let unknown = || Failure::usage("there is no such command: `sessions help` names them");
            found.ok_or_else(unknown)?.clone()
        }
    };
    let mut text = Vec::new();
    Man::new(page).render(&mut text)?;
    out.part(&String::from_utf8_lossy(&text))?;
    Ok(Ended::Done)
}
