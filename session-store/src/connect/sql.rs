//! Backends on SQLite and PostgreSQL.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use session_core::{Result, SessionBackend};
use session_sqlx::{Engine, SqlxBackend, SqlxBuilder};

use super::{Connect, ConnectError, Opened, refused};

/// Between these the time between two purges is.
const INTERVALS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(86_400));

/// What the URL of each database can say behind its `?`, as sqlx takes it. Of PostgreSQL's it would
/// pass over another.
#[cfg(feature = "sqlite")]
const OF_SQLITE: &[&str] = &["mode", "cache", "immutable", "vfs"];
#[cfg(feature = "postgres")]
const OF_POSTGRES: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// The database that a URL names.
trait Database: Engine {
    /// What its URL can say behind its `?`.
    const PARTS: &[&str];

    /// What the URL must not be, though sqlx takes it.
    fn check(url: &str) -> std::result::Result<(), ConnectError>;

    /// Host and port of the server, if there is one.
    #[cfg_attr(not(feature = "observe"), allow(dead_code, reason = "for spans"))]
    fn server(url: &str) -> Option<(String, u16)>;
}

#[cfg(feature = "sqlite")]
impl Database for session_sqlx::sqlx::Sqlite {
    const PARTS: &[&str] = OF_SQLITE;

    fn check(url: &str) -> std::result::Result<(), ConnectError> {
        let (_, rest) = url.split_once(':').unwrap_or_default();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        // Each connection would have a database of its own.
        match matches!(path, "" | "//") || query.split('&').any(|part| part == "mode=memory") {
            true => Err(ConnectError::NoFile),
            false => Ok(()),
        }
    }

    fn server(_url: &str) -> Option<(String, u16)> {
        None
    }
}

#[cfg(feature = "postgres")]
impl Database for session_sqlx::sqlx::Postgres {
    const PARTS: &[&str] = OF_POSTGRES;

    fn check(_url: &str) -> std::result::Result<(), ConnectError> {
        Ok(())
    }

    fn server(url: &str) -> Option<(String, u16)> {
        let options: session_sqlx::sqlx::postgres::PgConnectOptions = url.parse().ok()?;
        match options.get_socket() {
            Some(_) => None,
            None => Some((options.get_host().to_owned(), options.get_port())),
        }
    }
}

impl Connect {
    #[cfg(feature = "sqlite")]
    pub(super) fn sqlite(&self) -> Result<Opened> {
        let builder = self.builder::<session_sqlx::sqlx::Sqlite>()?;
        Ok(self.of_database(builder.build()))
    }

    #[cfg(feature = "postgres")]
    pub(super) fn postgres(&self) -> Result<Opened> {
        let builder = self.builder::<session_sqlx::sqlx::Postgres>()?;
        Ok(self.of_database(builder.build()))
    }

    /// The backend connected, if the URL is a database's. The first contact may take longer than a
    /// step: the table may have to be made.
    pub(super) async fn connect_database(&self) -> Option<Result<Opened>> {
        let (scheme, _) = self.url.split_once(':')?;
        match &*scheme.to_ascii_lowercase() {
            #[cfg(feature = "sqlite")]
            "sqlite" => Some(self.connect_to::<session_sqlx::sqlx::Sqlite>().await),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => {
                Some(self.connect_to::<session_sqlx::sqlx::Postgres>().await)
            }
            _ => None,
        }
    }

    async fn connect_to<E: Database>(&self) -> Result<Opened> {
        let backend = self.builder::<E>()?.connect().await?;
        Ok(self.of_database(backend))
    }

    fn builder<E: Database>(&self) -> Result<SqlxBuilder<E>> {
        E::check(&self.url).map_err(refused)?;
        check_parts(&self.url, E::PARTS).map_err(refused)?;
        let mut builder = SqlxBackend::<E>::builder(&lower_scheme(&self.url))?;
        builder = builder
            .policy(self.policy.clone())
            .migrate(self.may_migrate);
        if let Some(table) = &self.table {
            builder = builder.table(table.parse()?);
        }
        if let Some(deadline) = self.deadline {
            builder = builder.deadline(deadline);
        }
        Ok(builder)
    }

    /// The backend, purged and observed where that is wanted.
    fn of_database<E: Database>(&self, backend: SqlxBackend<E>) -> Opened {
        if let Some(interval) = self.purge_every {
            let interval = interval.clamp(INTERVALS.0, INTERVALS.1);
            let purging = backend.purge_every(interval);
            tokio::spawn(async move {
                // What the application asks first finds its own error, not that of a purge.
                tokio::time::sleep(interval).await;
                purging.await;
            });
        }
        let admin = Arc::new(backend.admin());
        Opened {
            backend: self.observed_database(backend),
            admin,
            #[cfg(any(feature = "redis-rs", feature = "fred"))]
            inspector: Err(ConnectError::NotRedis),
        }
    }

    fn observed_database<E: Database>(&self, backend: SqlxBackend<E>) -> Arc<dyn SessionBackend> {
        #[cfg(feature = "observe")]
        if let Some(observe) = self.observe.clone() {
            let observe = observe.or_store(E::DATABASE, E::server(&self.url));
            return Arc::new(observe.wrap(E::DATABASE, backend));
        }
        Arc::new(backend)
    }
}

/// The URL with a scheme as sqlx takes it.
fn lower_scheme(url: &str) -> String {
    match url.split_once(':') {
        Some((scheme, rest)) => format!("{}:{rest}", scheme.to_ascii_lowercase()),
        None => url.to_owned(),
    }
}

/// Whether the URL says what can be said.
fn check_parts(url: &str, known: &[&str]) -> std::result::Result<(), ConnectError> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let name = part.split('=').next().unwrap_or_default();
        let is_known = known.contains(&name)
            || (known.contains(&"options") && name.starts_with("options[") && name.ends_with(']'));
        if !is_known {
            // What somebody might have mistaken for a value is not shown.
            let is_name = |byte: u8| byte.is_ascii_lowercase() || b"_-".contains(&byte);
            let is_shown = name.len() <= 24 && name.bytes().all(is_name);
            return Err(ConnectError::UnknownPart(match is_shown {
                true => Cow::Owned(name.to_owned()),
                false => Cow::Borrowed("…"),
            }));
        }
    }
    Ok(())
}
