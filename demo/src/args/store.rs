//! The flags that say where the sessions are.

use std::fmt;
use std::path::PathBuf;

use clap::ValueEnum;
#[cfg(any(feature = "redis-rs", feature = "fred"))]
use session_store::IdStorage;

/// Where the sessions are.
#[derive(clap::Args)]
#[command(next_help_heading = "Where the sessions are")]
pub(crate) struct StoreArgs {
    /// Where the sessions are kept
    #[arg(long, value_enum, default_value_t = BackendName::Memory, value_name = "BACKEND")]
    pub(crate) backend: BackendName,

    /// The file of SQLite; it is made where it is not there [default: sessions.db]
    #[arg(long, value_name = "PATH")]
    pub(crate) sqlite_file: Option<PathBuf>,

    /// The URL of the PostgreSQL database: postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE
    ///
    /// Where the URL is left out, it is the database `postgres` of this machine's server, and what
    /// the environment says by PGUSER, PGPASSWORD and the like.
    #[arg(long, value_name = "URL")]
    pub(crate) postgres_url: Option<String>,

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

    /// The Redis server's URL, in place of host and port:
    /// redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]; or a Redis Cluster's:
    /// redis-cluster://[USER:PASSWORD@]HOST[:PORT][?node=HOST:PORT&node=…]
    ///
    /// A Cluster's URL names some of its nodes; one that responds is enough to find the others.
    /// redis-sentinel://host?service=name names sentinels, redis+unix:///path a socket. rediss in
    /// the place of redis means TLS, which needs the demo's cargo feature tls-ring.
    ///
    /// --backend chooses the client. The URL may name it too (redis+fred://,
    /// redis-cluster+fred://); one that contradicts --backend is refused.
    #[arg(long, value_name = "URL", conflicts_with_all = ["redis_host", "redis_port"])]
    pub(crate) redis_url: Option<String>,

    /// What the keys on Redis begin with [default: session:]
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,

    /// How the keys on Redis name sessions [default: plain]
    #[arg(long, value_enum, value_name = "FORM", conflicts_with = "hash_ids")]
    id_storage: Option<IdStorageName>,

    /// Keep hashes of the session ids on Redis in place of the ids: who reads the server's data
    /// cannot use a session. Short for --id-storage hashed
    #[arg(long)]
    hash_ids: bool,
}

impl StoreArgs {
    pub(crate) fn id_storage(&self) -> IdStorageName {
        match self.id_storage {
            Some(name) => name,
            None if self.hash_ids => IdStorageName::Hashed,
            None => IdStorageName::Plain,
        }
    }

    /// Whether a flag was given that has an effect on Redis only.
    pub(crate) fn concerns_redis(&self) -> bool {
        self.prefix.is_some() || self.id_storage.is_some() || self.hash_ids
    }
}

/// The backends there are, compiled in or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendName {
    /// In this process: nothing to install; they end with it
    Memory,
    /// In a file of SQLite: nothing to install; they survive a restart
    Sqlite,
    /// On PostgreSQL
    Postgres,
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
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
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

/// How keys on Redis name sessions, whether a client for Redis is compiled in or not. A store in
/// use moves down this list, a roll-out of its servers at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IdStorageName {
    /// By their ids
    Plain,
    /// New ones by their ids; those by a hash are found, too
    PlainBeforeHashed,
    /// New ones by a hash; those by their ids are found, too
    HashedAfterPlain,
    /// By hashes of their ids
    Hashed,
}

#[cfg(any(feature = "redis-rs", feature = "fred"))]
impl From<IdStorageName> for IdStorage {
    fn from(name: IdStorageName) -> Self {
        match name {
            IdStorageName::Plain => Self::Plain,
            IdStorageName::PlainBeforeHashed => Self::PlainBeforeHashed,
            IdStorageName::HashedAfterPlain => Self::HashedAfterPlain,
            IdStorageName::Hashed => Self::Hashed,
        }
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
    use crate::args::Args;
    use clap::Parser as _;

    #[test]
    fn every_form_of_ids_has_a_name_and_a_help() {
        use IdStorageName::{Hashed, HashedAfterPlain, Plain, PlainBeforeHashed};
        for (flag, storage) in [
            ("--id-storage=plain", Plain),
            ("--id-storage=plain-before-hashed", PlainBeforeHashed),
            ("--id-storage=hashed-after-plain", HashedAfterPlain),
            ("--id-storage=hashed", Hashed),
            ("--hash-ids", Hashed),
            ("--backend=fred", Plain),
        ] {
            let store = Args::parse_from(["demo", flag]).store;
            assert_eq!(store.id_storage(), storage, "{flag}");
            let value = storage.to_possible_value().unwrap();
            assert!(value.get_help().is_some());
        }
    }
}
