//! The command line.

mod command;
mod public_id;
mod store;
mod words;

use std::ffi::OsString;
use std::net::IpAddr;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser};

pub(crate) use self::command::{Command, ListArgs, SessionsCommand};
pub(crate) use self::store::{BackendName, IdStorageName, StoreArgs};

/// A web application that shows server-side sessions as they run: start one, watch it expire, see
/// what the server keeps, rotate its id, revoke it from another browser. And a command that
/// lists them, and ends any of them.
#[derive(Parser)]
#[command(name = "demo", version, after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) store: StoreArgs,

    #[command(flatten)]
    pub(crate) listen: ListenArgs,

    /// What to do in place of serving
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Where the server listens.
#[derive(clap::Args)]
#[command(next_help_heading = "Where to listen")]
pub(crate) struct ListenArgs {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub(crate) host: IpAddr,

    /// The port to listen on; 0 takes a free one
    #[arg(
        long,
        default_value_t = 8080,
        value_name = "PORT",
        allow_negative_numbers = true
    )]
    pub(crate) port: u16,
}

const AFTER_HELP: &str = "\
Examples:
  demo                                      sessions in memory, on http://localhost:8080
  demo --backend redis-rs                   on the Redis server of this machine
  demo --backend fred --redis-port 7000     through the other client, on another port
  demo --backend fred --redis-url 'redis-cluster://10.0.0.1:6379?node=10.0.0.2:6379'
                                            on the Redis Cluster to which these nodes belong
  demo sessions list --backend redis-rs     who is logged in there

The environment variable RUST_LOG chooses what is logged, such as RUST_LOG=debug.";

/// Flags that exclude each other; clap sees it only when both are before or both after the
/// subcommand.
const CONFLICTS: [(&str, &str); 3] = [
    ("redis_url", "redis_host"),
    ("redis_url", "redis_port"),
    ("id_storage", "hash_ids"),
];

/// Flags that concern the server alone.
const SERVERS_OWN: [&str; 2] = ["host", "port"];

impl Args {
    /// What the process was started with. Ends it when that is help or a mistake.
    pub(crate) fn of_process() -> Self {
        Self::of(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    fn of(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let matches = Self::command().try_get_matches_from(words::with_public_ids_kept(words))?;
        let args = Self::from_arg_matches(&matches)?;
        args.check(&matches)?;
        Ok(args)
    }

    fn check(&self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let given = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
        let refused = |text: String| Self::command().error(ErrorKind::ArgumentConflict, text);
        for (one, other) in CONFLICTS {
            if given(one) && given(other) {
                let (one, other) = (flag(one), flag(other));
                return Err(refused(format!(
                    "the argument '{one}' cannot be used with '{other}'"
                )));
            }
        }
        let own = SERVERS_OWN.into_iter().find(|id| given(id));
        match (own, &self.command) {
            (Some(own), Some(_)) => Err(refused(format!(
                "the argument '{}' says where the server listens and cannot be used with a subcommand",
                flag(own)
            ))),
            _ => Ok(()),
        }
    }
}

fn flag(id: &str) -> String {
    format!("--{}", id.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    fn parse(words: &str) -> Result<Args, clap::Error> {
        let words = words.split_whitespace().map(|word| match word {
            "''" => "",
            word => word,
        });
        Args::of(["demo"].into_iter().chain(words).map(OsString::from))
    }

    fn refusal(words: &str) -> clap::Error {
        parse(words).map(|_| ()).unwrap_err()
    }

    #[test]
    fn without_flags_it_is_memory_on_port_8080_of_this_machine() {
        let args = parse("").unwrap();
        let (store, listen) = (args.store, args.listen);
        assert_eq!(store.backend, BackendName::Memory);
        assert!(listen.host.is_loopback() && listen.port == 8080);
        assert!(store.redis_host == "127.0.0.1" && store.redis_port == 6379);
        assert!(store.prefix.is_none() && store.redis_url.is_none() && args.command.is_none());
    }

    #[test]
    fn bad_values_are_refused_with_what_was_expected() {
        for (words, expected) in [
            ("--backend mongo", "memory, redis-rs, fred"),
            ("--port 65536", "0..=65535"),
            ("--port http", "invalid digit"),
            ("--redis-port 0", "1..=65535"),
            ("--redis-host redis://localhost", "--redis-url"),
            ("--redis-host a/b", "--redis-url"),
            ("--redis-host ''", "--redis-url"),
            ("--host localhost:80", "invalid IP address"),
            ("--bakend memory", "--backend"),
            ("extra", "unrecognized subcommand"),
        ] {
            let text = refusal(words).to_string();
            assert!(text.contains(expected), "{words}: {text}");
        }
    }

    #[test]
    fn what_excludes_each_other_does_so_on_both_sides_of_the_subcommand() {
        for (one, other) in [
            ("--redis-url redis://a", "--redis-host 127.0.0.1"),
            ("--redis-port 6379", "--redis-url redis://a"),
            ("--hash-ids", "--id-storage plain"),
            // The server's own flags are none of the command.
            ("--port 8080", ""),
            ("--host ::1", ""),
        ] {
            for words in [
                format!("{one} {other} sessions count"),
                format!("{one} sessions count {other}"),
            ] {
                let error = refusal(&words);
                assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{words}");
                assert!(error.to_string().contains("cannot be used with"), "{error}");
            }
            refusal(&format!("sessions count {one} {other}"));
        }
    }

    #[test]
    fn everything_is_explained() {
        Args::command().debug_assert();
        every_argument_is_explained(&Args::command());
        for backend in BackendName::value_variants() {
            let value = backend.to_possible_value().unwrap();
            assert_eq!(value.get_name(), backend.as_str());
            assert!(value.get_help().is_some());
        }
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
