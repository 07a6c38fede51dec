//! The command line.

mod store;

use std::net::IpAddr;

use clap::Parser;

pub(crate) use self::store::{BackendName, IdStorageName, StoreArgs};

/// A web application that shows server-side sessions as they run: start one, watch it expire, see
/// what the server keeps, rotate its id, revoke it from another browser.
#[derive(Parser)]
#[command(name = "demo", version, after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) store: StoreArgs,

    #[command(flatten)]
    pub(crate) listen: ListenArgs,
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
  demo --backend sqlite                     in the file sessions.db: they survive a restart
  demo --backend redis-rs                   on the Redis server of this machine
  demo --backend fred --redis-port 7000     through the other client, on another port
  demo --backend fred --redis-url 'redis-cluster://10.0.0.1:6379?node=10.0.0.2:6379'
                                            on the Redis Cluster to which these nodes belong

The command `sessions` (crate session-cli) lists the sessions there, and ends any of them. The
environment variable RUST_LOG chooses what is logged, such as RUST_LOG=debug.";

impl Args {
    /// What the process was started with. Ends it when that is help or a mistake.
    pub(crate) fn of_process() -> Self {
        Self::parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::error::ErrorKind;
    use clap::{CommandFactory as _, ValueEnum as _};

    fn parse(words: &str) -> Result<Args, clap::Error> {
        let words = words.split_whitespace().map(|word| match word {
            "''" => "",
            word => word,
        });
        Args::try_parse_from(["demo"].into_iter().chain(words))
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
        assert!(store.prefix.is_none() && store.redis_url.is_none());
    }

    #[test]
    fn bad_values_are_refused_with_what_was_expected() {
        for (words, expected) in [
            (
                "--backend mongo",
                "memory, sqlite, postgres, redis-rs, fred",
            ),
            ("--port 65536", "0..=65535"),
            ("--port http", "invalid digit"),
            ("--redis-port 0", "1..=65535"),
            ("--redis-host redis://localhost", "--redis-url"),
            ("--redis-host a/b", "--redis-url"),
            ("--redis-host ''", "--redis-url"),
            ("--host localhost:80", "invalid IP address"),
            ("--bakend memory", "--backend"),
            ("extra", "unexpected argument"),
        ] {
            let text = refusal(words).to_string();
            assert!(text.contains(expected), "{words}: {text}");
        }
    }

    #[test]
    fn what_excludes_each_other_does_so() {
        for words in [
            "--redis-url redis://a --redis-host 127.0.0.1",
            "--redis-port 6379 --redis-url redis://a",
            "--hash-ids --id-storage plain",
        ] {
            let error = refusal(words);
            assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{words}");
        }
    }

    #[test]
    fn everything_is_explained() {
        Args::command().debug_assert();
        for argument in Args::command().get_arguments() {
            assert!(argument.get_help().is_some(), "{}", argument.get_id());
        }
        for backend in BackendName::value_variants() {
            let value = backend.to_possible_value().unwrap();
            assert_eq!(value.get_name(), backend.as_str());
            assert!(value.get_help().is_some());
        }
    }
}
