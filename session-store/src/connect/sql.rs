//! Backends on SQLite and PostgreSQL.

use std::sync::Arc;

use session_core::{Result, SessionBackend};
use session_sqlx::{Engine, SqlxBackend, SqlxBuilder};

#[cfg(any(feature = "redis-rs", feature = "fred"))]
use super::ConnectError;
use super::{Connect, Opened};

/// The database that a URL names.
trait Database: Engine {
    /// Host and port of the server, if there is one.
    #[cfg_attr(not(feature = "observe"), allow(dead_code, reason = "for spans"))]
    fn server(url: &str) -> Option<(String, u16)>;
}

#[cfg(feature = "sqlite")]
impl Database for session_sqlx::sqlx::Sqlite {
    fn server(_url: &str) -> Option<(String, u16)> {
        None
    }
}

#[cfg(feature = "postgres")]
impl Database for session_sqlx::sqlx::Postgres {
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
            tokio::spawn(backend.purge_every(interval));
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
