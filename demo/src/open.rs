//! From the command line to a backend.

use std::error::Error as StdError;
use std::path::Path;
use std::sync::Arc;

use session_store::observe::Observe;
use session_store::{Connect, ConnectError, Error, SessionBackend};

use crate::args::{BackendName, IdStorageName, StoreArgs};
use crate::shared::About;

/// Why there is no backend.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// A backend that this binary was built without.
    #[error("the backend {0} is not compiled in: build the demo with the cargo feature `{0}`")]
    FeatureOff(&'static str),
    /// A URL that is none of Redis's.
    #[error(
        "--redis-url: expected a URL that begins with redis://, redis-cluster://, redis-sentinel:// or redis+unix:// (rediss for TLS)"
    )]
    NotRedis,
    /// A URL that asks for fred, with another backend.
    #[error(
        "--redis-url asks for fred, but the backend is {0}: leave +fred out of the URL, or say --backend fred"
    )]
    OtherClient(BackendName),
    /// A URL of Redis, with a backend that is elsewhere.
    #[error(
        "--redis-url names Redis, but the backend is {0}: say --backend redis-rs or --backend fred"
    )]
    UrlElsewhere(BackendName),
    /// A file or a URL of a database, with another backend.
    #[error("{0} names a database, but the backend is {1}: say --backend {2}")]
    OtherDatabase(&'static str, BackendName, BackendName),
    /// A URL that is none of PostgreSQL's.
    #[error("--postgres-url: expected a URL that begins with postgres:// or postgresql://")]
    NotPostgres,
    /// A file whose name a URL cannot say.
    #[error("--sqlite-file: expected a path of UTF-8")]
    NotUtf8,
    /// Any other setting that the backend refuses.
    #[error("the backend {0} cannot be used: {reason}", reason = chain(.1))]
    Unusable(BackendName, #[source] Error),
}

/// The backend that the command line names, and what the page says of it.
///
/// Does not connect: the demo starts without a server.
pub(crate) fn open(args: &StoreArgs) -> Result<(Arc<dyn SessionBackend>, About), OpenError> {
    let url = url(args)?;
    let about = about(args, &url);
    let backend = connect(args, url).observed(Observe::new()).build();
    let backend = backend.map_err(|error| unusable(args, error))?;
    Ok((backend, about))
}

fn connect(args: &StoreArgs, url: String) -> Connect {
    let connect = Connect::to(url);
    #[cfg(any(feature = "redis-rs", feature = "fred"))]
    let connect = connect.id_storage(args.id_storage().into());
    match &args.prefix {
        Some(prefix) => connect.key_prefix(prefix.as_str()),
        None => connect,
    }
}

fn unusable(args: &StoreArgs, error: Error) -> OpenError {
    match connect_error(&error) {
        Some(ConnectError::FeatureOff(feature)) => OpenError::FeatureOff(feature),
        _ => OpenError::Unusable(args.backend, error),
    }
}

/// The flags that were given and have no effect on this backend.
pub(crate) fn unused(args: &StoreArgs) -> Option<&'static str> {
    use BackendName::{Fred, RedisRs};
    (!matches!(args.backend, RedisRs | Fred) && args.concerns_redis()).then_some(
        "--prefix, --id-storage and --hash-ids concern Redis; they have no effect on this backend",
    )
}

/// The schemes of Redis's URLs.
const SCHEMES: [&str; 7] = [
    "redis",
    "rediss",
    "redis-cluster",
    "rediss-cluster",
    "redis-sentinel",
    "rediss-sentinel",
    "redis+unix",
];

/// The URL for [`Connect`], whose scheme says which client connects.
fn url(args: &StoreArgs) -> Result<String, OpenError> {
    use BackendName::{Fred, Memory, Postgres, RedisRs, Sqlite};
    for (is_given, flag, backend) in [
        (args.sqlite_file.is_some(), "--sqlite-file", Sqlite),
        (args.postgres_url.is_some(), "--postgres-url", Postgres),
    ] {
        if is_given && args.backend != backend {
            return Err(OpenError::OtherDatabase(flag, args.backend, backend));
        }
    }
    let client = match (args.backend, &args.redis_url) {
        (Memory | Sqlite | Postgres, Some(_)) => return Err(OpenError::UrlElsewhere(args.backend)),
        (Memory, None) => return Ok("memory:".to_owned()),
        (Sqlite, None) => return sqlite_url(args.sqlite_file.as_deref()),
        (Postgres, None) => return postgres_url(args.postgres_url.as_deref()),
        (RedisRs, _) => "",
        (Fred, _) => "+fred",
    };
    let (scheme, rest) = match &args.redis_url {
        Some(url) => url.split_once("://").ok_or(OpenError::NotRedis)?,
        None => ("redis", &*host_and_port(args)),
    };
    let server = scheme.strip_suffix("+fred").unwrap_or(scheme);
    if !SCHEMES.contains(&&*server.replacen("valkey", "redis", 1)) {
        return Err(OpenError::NotRedis);
    }
    if scheme != server && args.backend != BackendName::Fred {
        return Err(OpenError::OtherClient(args.backend));
    }
    Ok(format!("{server}{client}://{rest}"))
}

fn sqlite_url(file: Option<&Path>) -> Result<String, OpenError> {
    let path = file.unwrap_or(Path::new("sessions.db"));
    let path = path.to_str().ok_or(OpenError::NotUtf8)?;
    let mut url = "sqlite:".to_owned();
    for character in path.chars() {
        match character {
            '%' => url.push_str("%25"),
            '?' => url.push_str("%3F"),
            '#' => url.push_str("%23"),
            _ => url.push(character),
        }
    }
    Ok(url)
}

fn postgres_url(url: Option<&str>) -> Result<String, OpenError> {
    let url = url.unwrap_or("postgres://localhost/postgres");
    match url.split_once("://") {
        Some(("postgres" | "postgresql", _)) => Ok(url.to_owned()),
        _ => Err(OpenError::NotPostgres),
    }
}

fn host_and_port(args: &StoreArgs) -> String {
    let (host, port) = (&args.redis_host, args.redis_port);
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// What the page says of the backend at this URL for [`Connect`].
fn about(args: &StoreArgs, url: &str) -> About {
    let is_cluster = url
        .split_once("://")
        .is_some_and(|(scheme, _)| scheme.contains("-cluster"));
    let description = match (args.backend, is_cluster) {
        (BackendName::Memory, _) => "Sessions live in the memory of this process and end with it.",
        (BackendName::Sqlite, _) => "Sessions live in a file of SQLite and survive this process.",
        (BackendName::Postgres, _) => "Sessions live on PostgreSQL.",
        (BackendName::RedisRs, false) => "Sessions live on Redis, reached through the crate redis.",
        (BackendName::RedisRs, true) => {
            "Sessions live on a Redis Cluster, reached through the crate redis."
        }
        (BackendName::Fred, false) => "Sessions live on Redis, reached through the crate fred.",
        (BackendName::Fred, true) => {
            "Sessions live on a Redis Cluster, reached through the crate fred."
        }
    };
    About {
        backend: args.backend.as_str(),
        description,
        // On Redis not before all of them are: in between, keys may still show ids.
        ids_hashed: match args.backend {
            BackendName::Memory => false,
            BackendName::Sqlite | BackendName::Postgres => true,
            BackendName::RedisRs | BackendName::Fred => args.id_storage() == IdStorageName::Hashed,
        },
    }
}

fn connect_error(error: &Error) -> Option<ConnectError> {
    error.source()?.downcast_ref().cloned()
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::Parser as _;

    fn args(backend: &str, words: &str) -> StoreArgs {
        let flags = ["demo", "--backend", backend].into_iter();
        Args::parse_from(flags.chain(words.split(' ').filter(|word| !word.is_empty()))).store
    }

    #[test]
    fn flags_become_the_facades_urls() {
        for (backend, words, expected) in [
            ("memory", "", "memory:"),
            ("sqlite", "", "sqlite:sessions.db"),
            ("sqlite", "--sqlite-file /a?b#%", "sqlite:/a%3Fb%23%25"),
            ("postgres", "", "postgres://localhost/postgres"),
            (
                "postgres",
                "--postgres-url postgresql://h/d",
                "postgresql://h/d",
            ),
            ("redis-rs", "", "redis://127.0.0.1:6379"),
            ("redis-rs", "--redis-host ::1", "redis://[::1]:6379"),
            ("fred", "--redis-port 7", "redis+fred://127.0.0.1:7"),
        ] {
            assert_eq!(url(&args(backend, words)).unwrap(), expected);
        }
        // The client is the one that the backend names.
        const NODES: &str = "://u:p@host:1?node=other:2&node=third";
        for scheme in SCHEMES.into_iter().chain(["valkey"]) {
            let of = |client: &str| format!("{scheme}{client}{NODES}");
            let (plain, fred) = (of(""), of("+fred"));
            assert_eq!(url_of("redis-rs", &plain).unwrap(), plain);
            assert_eq!(url_of("fred", &plain).unwrap(), fred);
            assert_eq!(url_of("fred", &fred).unwrap(), fred);
        }
    }

    fn url_of(backend: &str, url: &str) -> Result<String, OpenError> {
        super::url(&args(backend, &format!("--redis-url={url}")))
    }

    #[test]
    fn other_urls_are_refused_without_showing_them() {
        const SCHEME: &str = "begins with redis://";
        for (backend, scheme, said) in [
            ("redis-rs", "http://", SCHEME),
            ("redis-rs", "redis+other://", SCHEME),
            ("redis-rs", "redis+fred+fred://", SCHEME),
            ("redis-rs", "redis-clusters://", SCHEME),
            ("redis-rs", "redis-cluster:", SCHEME),
            ("redis-rs", "", SCHEME),
            ("redis-rs", "redis+fred://", "the backend is redis-rs"),
            ("redis-rs", "rediss-cluster+fred://", "leave +fred out"),
            ("memory", "redis://", "the backend is memory"),
            ("memory", "redis-cluster+fred://", "say --backend"),
        ] {
            let error = url_of(backend, &format!("{scheme}u:SECRET@host"));
            let text = error.unwrap_err().to_string();
            assert!(text.contains(said), "{backend}, {scheme}: {text}");
            assert!(!text.contains("SECRET"), "{text}");
        }
    }

    #[test]
    fn flags_of_other_backends_are_refused_without_showing_them() {
        for (backend, words, said) in [
            (
                "sqlite",
                "--redis-url redis://u:SECRET@h",
                "the backend is sqlite",
            ),
            ("memory", "--sqlite-file SECRET", "say --backend sqlite"),
            (
                "redis-rs",
                "--postgres-url postgres://u:SECRET@h/d",
                "say --backend postgres",
            ),
            (
                "postgres",
                "--postgres-url mysql://u:SECRET@h/d",
                "begins with postgres://",
            ),
        ] {
            let text = url(&args(backend, words)).unwrap_err().to_string();
            assert!(text.contains(said) && !text.contains("SECRET"), "{text}");
        }
    }

    #[test]
    fn the_page_tells_a_cluster_from_a_server_and_hashed_ids_from_plain_ones() {
        for (words, is_cluster, is_hashed) in [
            ("--redis-url redis://redis-cluster", false, false),
            ("--redis-url redis-cluster://redis", true, false),
            ("--id-storage plain-before-hashed", false, false),
            ("--id-storage hashed-after-plain", false, false),
            ("--id-storage hashed", false, true),
        ] {
            for backend in ["redis-rs", "fred"] {
                let args = args(backend, words);
                let about = about(&args, &url(&args).unwrap());
                let said = about.description.contains("a Redis Cluster");
                assert_eq!((said, about.ids_hashed), (is_cluster, is_hashed));
            }
        }
    }

    #[cfg(feature = "memory")]
    #[tokio::test]
    async fn memory_hashes_no_ids_and_says_that_the_flag_is_idle() {
        for (words, is_idle) in [("", false), ("--hash-ids", true), ("--prefix x", true)] {
            let args = args("memory", words);
            assert!(!open(&args).unwrap().1.ids_hashed);
            assert_eq!(unused(&args).is_some(), is_idle);
        }
    }
}
