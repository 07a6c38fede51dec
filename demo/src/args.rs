//! The command line.

use std::fmt;
use std::net::IpAddr;

use clap::{Parser, ValueEnum};

/// A web application that shows server-side sessions as they run: start one, watch it expire, see what the
/// server keeps, rotate its id, revoke it from another browser.
#[derive(Parser)]
#[command(name = "demo", version, after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Where the sessions are kept
    #[arg(long, value_enum, default_value_t = BackendName::Memory, value_name = "BACKEND")]
    pub(crate) backend: BackendName,

    /// The Redis server's host
    #[arg(long, default_value = "127.0.0.1", value_name = "HOST", value_parser = redis_host)]
    pub(crate) redis_host: String,

    /// The Redis server's port
    #[arg(
        long,
        default_value_t = 6379,
        value_name = "PORT",
        value_parser = clap::value_parser!(u16).range(1..),
        allow_negative_numbers = true
    )]
    pub(crate) redis_port: u16,

    /// The Redis server's URL, in place of host and port: redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]
    #[arg(long, value_name = "URL", conflicts_with_all = ["redis_host", "redis_port"])]
    pub(crate) redis_url: Option<String>,

    /// What the keys on Redis begin with [default: session:]
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,

    /// Keep hashes of the session ids on Redis in place of the ids: who reads the server's data cannot
    /// use a session
    #[arg(long)]
    pub(crate) hash_ids: bool,

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

The environment variable RUST_LOG chooses what is logged, such as RUST_LOG=debug.";

/// The backends there are, compiled in or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendName {
    /// In this process: nothing to install, and gone when it ends
    Memory,
    /// On Redis, through the crate `redis`
    RedisRs,
    /// On Redis, through the crate `fred`
    Fred,
}

impl BackendName {
    /// Its name on the command line, which is its cargo feature's, too.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::RedisRs => "redis-rs",
            Self::Fred => "fred",
        }
    }
}

impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A host goes into a URL as it is, so it must not be able to say more than a host.
fn redis_host(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    if !text.is_empty() && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(
            "expected a host name or an IP address; for a whole URL there is --redis-url"
                .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use clap::error::ErrorKind;

    fn parse(flags: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from(["demo"].iter().chain(flags))
    }

    fn refusal(flags: &[&str]) -> clap::Error {
        parse(flags).map(|_| ()).unwrap_err()
    }

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn without_flags_it_is_memory_on_port_8080_of_this_machine() {
        let args = parse(&[]).unwrap();
        assert_eq!(args.backend, BackendName::Memory);
        assert_eq!(
            (args.host.to_string().as_str(), args.port),
            ("127.0.0.1", 8080)
        );
        assert_eq!(
            (args.redis_host.as_str(), args.redis_port),
            ("127.0.0.1", 6379)
        );
        assert!(args.prefix.is_none() && args.redis_url.is_none() && !args.hash_ids);
    }

    #[test]
    fn bad_values_are_refused_with_what_was_expected() {
        for (flags, expected) in [
            (&["--backend", "mongo"][..], "memory, redis-rs, fred"),
            (&["--port", "65536"], "0..=65535"),
            (&["--port", "http"], "invalid digit"),
            (&["--redis-port", "0"], "1..=65535"),
            (&["--redis-host", "redis://localhost"], "--redis-url"),
            (&["--redis-host", "a/b"], "--redis-url"),
            (&["--redis-host", ""], "--redis-url"),
            (&["--host", "localhost:80"], "invalid IP address"),
            (&["--bakend", "memory"], "--backend"),
            (&["extra"], "unexpected argument"),
        ] {
            let text = refusal(flags).to_string();
            assert!(text.contains(expected), "{flags:?}: {text}");
        }
    }

    #[test]
    fn a_url_and_a_host_are_one_too_many() {
        let error = refusal(&["--redis-url", "redis://a", "--redis-host", "b"]);
        assert_eq!(error.kind(), ErrorKind::ArgumentConflict);
        assert!(parse(&["--redis-url", "redis://a"]).is_ok());
    }

    #[test]
    fn help_explains_every_flag() {
        let help = Args::command().render_long_help().to_string();
        for flag in [
            "--backend",
            "--redis-host",
            "--redis-port",
            "--redis-url",
            "--prefix",
            "--hash-ids",
            "--host",
            "--port",
        ] {
            assert!(help.contains(flag), "{flag}");
        }
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
