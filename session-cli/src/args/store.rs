//! The flags that say where the sessions are.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use session_store::IdStorage;
use session_store::admin::KeyPrefix;

/// Where the sessions are.
#[derive(clap::Args, Default)]
#[command(next_help_heading = "Where the sessions are")]
pub(crate) struct StoreArgs {
    /// The store's URL, as the application has it [env: SESSION_URL]
    ///
    /// redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE], redis-cluster://…[?node=HOST:PORT&node=…],
    /// redis-sentinel://…?service=NAME, redis+unix:///PATH. rediss in the place of redis means TLS,
    /// +fred before the colon the client fred, if it is compiled in. sqlite:PATH,
    /// postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE[?sslmode=verify-full&…]. A password in the URL is
    /// better said by SESSION_URL than by this flag, which all users of the machine can read.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,

    /// A file with the URL, where no URL is given [env: SESSION_URL_FILE]
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "url")]
    pub(crate) url_file: Option<PathBuf>,

    /// A file with the account's password [env: SESSION_PASSWORD, or SESSION_PASSWORD_FILE]
    ///
    /// In the place of the URL's. SESSION_PASSWORD is the password itself; there is no such flag.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) password_file: Option<PathBuf>,

    /// The table of the sessions, on SQLite and PostgreSQL [default: sessions]
    ///
    /// On PostgreSQL perhaps with its schema, such as web.sessions.
    #[arg(
        long,
        global = true,
        env = "SESSION_TABLE",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub(crate) table: Option<String>,

    /// What the keys of the store begin with, on Redis [default: session:]
    #[arg(
        long,
        global = true,
        env = "SESSION_PREFIX",
        hide_env_values = true,
        value_name = "PREFIX"
    )]
    pub(crate) prefix: Option<KeyPrefix>,

    /// How the keys name sessions, on Redis [default: plain]
    #[arg(
        long,
        global = true,
        env = "SESSION_ID_STORAGE",
        hide_env_values = true,
        value_enum,
        value_name = "FORM"
    )]
    pub(crate) id_storage: Option<IdStorageName>,

    /// How long each operation may take [default: 5s]
    #[arg(long, global = true, env = "SESSION_DEADLINE", hide_env_values = true, value_name = "DURATION", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,

    /// A file (PEM) with the authorities to trust, in the place of the platform's, on Redis
    ///
    /// The URL of PostgreSQL says it by sslrootcert, and the certificate by sslcert and sslkey.
    #[arg(
        long,
        global = true,
        env = "SESSION_CA_FILE",
        hide_env_values = true,
        value_name = "PATH"
    )]
    pub(crate) ca_file: Option<PathBuf>,

    /// A file (PEM) with the client's certificate
    #[arg(
        long,
        global = true,
        env = "SESSION_CERT_FILE",
        hide_env_values = true,
        value_name = "PATH",
        requires = "key_file"
    )]
    pub(crate) cert_file: Option<PathBuf>,

    /// A file (PEM) with the key of the client's certificate
    #[arg(
        long,
        global = true,
        env = "SESSION_KEY_FILE",
        hide_env_values = true,
        value_name = "PATH",
        requires = "cert_file"
    )]
    pub(crate) key_file: Option<PathBuf>,

    /// The name that the server's certificate must be for, in the place of its host
    #[arg(
        long,
        global = true,
        env = "SESSION_SERVER_NAME",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub(crate) server_name: Option<String>,
}

/// How keys name sessions. A store in use moves down this list, a roll-out of its servers at a
/// time.
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

/// A time with units, longer than zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("expected a time longer than zero".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(format!("{error} (expected such as 500ms, 5s, 12h or 30d)")),
    }
}
