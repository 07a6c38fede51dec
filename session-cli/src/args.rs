//! The command line.

mod command;
mod public_id;
mod store;
mod words;

use std::ffi::OsString;

use clap::error::ContextKind::{InvalidArg, InvalidSubcommand, InvalidValue, Suggested};
use clap::error::{ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _, Parser};

pub(crate) use self::command::{
    Command, CountArgs, DoctorArgs, ListArgs, RevokeArgs, ShowArgs, WatchArgs,
};
pub(crate) use self::store::StoreArgs;

/// Look at the sessions of a store, end any of them, and see whether its servers are well.
///
/// No session's id is ever shown: sessions are named by their public ids. A public id ends a
/// session and opens none.
#[derive(Parser)]
#[command(name = "sessions", version, after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP)]
pub(crate) struct Args {
    /// Write JSON, for programs: one object, or one a line
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) store: StoreArgs,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done; 1 not found, or `doctor --strict` warns; 2 the command line, the environment or
a file cannot be used, or `doctor` has found problems; 3 the store failed or cannot be reached;
4 not confirmed.";

const AFTER_LONG_HELP: &str = "\
Examples:
  export SESSION_URL=redis://operator@10.0.0.1:6379 SESSION_PASSWORD_FILE=/run/secrets/operator
  sessions doctor                         is all well?
  sessions list --principal ann           where is ann logged in?
  sessions revoke --principal ann         log ann out everywhere
  sessions revoke --all --dry-run         how many would be logged out?
  sessions watch --every 5s               how many are there?

Exit codes:
  0  done
  1  a session that was named was not found; or `doctor --strict` has found something to warn of
  2  the command line, the environment or a file cannot be used; or `doctor` has found problems
  3  the store failed or cannot be reached, or the output cannot be written
  4  not confirmed, so nothing was done

Where the sessions are is said by a flag or by the environment, which the flags name; a password
only by SESSION_PASSWORD, by a file, or in the URL. The environment variable RUST_LOG chooses what is
logged to standard error, such as RUST_LOG=debug; NO_COLOR leaves out colours.";

impl Args {
    /// What the process was started with. Ends it when that is help or a mistake.
    pub(crate) fn of_process() -> Self {
        Self::of(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    pub(crate) fn of(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let words = words::with_public_ids_kept(words);
        let matches = Self::command().try_get_matches_from(words);
        Self::from_arg_matches(&matches.map_err(without_stray_words)?)
    }
}

/// The error without the word that belongs nowhere: it may be a URL with a password, or a cookie.
/// A flag is shown: it says what was mistyped.
fn without_stray_words(mut error: clap::Error) -> clap::Error {
    for kind in [InvalidArg, InvalidSubcommand, InvalidValue] {
        let is_stray = match (kind, error.get(kind)) {
            (InvalidArg, Some(ContextValue::String(word))) => {
                error.kind() == ErrorKind::UnknownArgument && !word.starts_with('-')
            }
            (InvalidValue, Some(_)) => error.kind() == ErrorKind::TooManyValues,
            (_, found) => found.is_some(),
        };
        if is_stray {
            error.insert(kind, ContextValue::String("(not shown)".to_owned()));
            // It names the word, too.
            error.remove(Suggested);
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(words: &str) -> String {
        let words = ["sessions"].into_iter().chain(words.split_whitespace());
        let parsed = Args::of(words.map(OsString::from));
        parsed.map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn bad_values_are_refused_with_what_was_expected() {
        for (words, expected) in [
            ("", "Usage: sessions"),
            ("lst", "'list'"),
            ("list --limit 0", "1.."),
            ("list --from é", "visible ASCII"),
            ("count --deadline 5", "time unit"),
            ("count --id-storage none", "plain, plain-before-hashed"),
            ("count --url a --url-file b", "cannot be used with"),
            ("revoke", "<PUBLIC_ID|--principal"),
            ("revoke --all --principal ann", "cannot be used with"),
            ("revoke --all --older-than 30d", "cannot be used with"),
            ("revoke --older-than soon", "30d"),
            ("revoke AAAAAAAAAAAAAAAA --all", "cannot be used with"),
            ("watch --every 0s", "longer than zero"),
            ("completions tcsh", "bash"),
        ] {
            let text = refusal(words);
            assert!(text.contains(expected), "{words}: {text}");
        }
    }

    #[test]
    fn words_that_belong_nowhere_are_not_shown() {
        for words in [
            "",
            "count",
            "list --limit 1",
            "completions bash",
            "help",
            "count --json",
            "watch --",
        ] {
            let text = refusal(&format!("{words} redis://u:SECRET@h"));
            assert!(
                text.contains("(not shown)") && text.contains("Usage"),
                "{text}"
            );
            assert!(!text.contains("SECRET"), "{text}");
        }
        for words in [
            "count --json=SECRET",
            "SECRET",
            "list -SECRET",
            "list --x=SECRET",
        ] {
            let text = refusal(words);
            assert!(!text.contains("SECRET"), "{text}");
        }
    }

    #[test]
    fn everything_is_explained() {
        Args::command().debug_assert();
        every_argument_is_explained(&Args::command());
    }

    fn every_argument_is_explained(command: &clap::Command) {
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{}", argument.get_id());
        }
        for command in command.get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            every_argument_is_explained(command);
        }
    }
}
