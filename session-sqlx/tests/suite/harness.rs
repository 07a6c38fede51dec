//! What the conformance suite needs of the two databases.

use std::sync::Arc;
use std::time::Duration;

use session_conformance::{Breakable, Harness, RawHash, RawKey, Switch};
use session_core::{
    Principal, SessionAdmin, SessionBackend, SessionId, SessionPolicy, UnixMillis, async_trait,
};
use session_sqlx::{PostgresBackend, SqliteBackend};
use session_sqlx_test::{Database, Mode, Proxy, shared};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::raw::{Raw, Value, text};

/// A URL by which a schema's functions are found before the server's.
fn of_time(url: &str, time: Time) -> String {
    match time {
        Time::Real => url.to_owned(),
        Time::Still => format!("{url}%2Cpg_catalog"),
    }
}

/// How SQLite keeps a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Journal {
    Wal,
    Rollback,
}

/// A file of SQLite's, in a folder of its own.
pub(crate) struct SqliteHarness {
    folder: tempfile::TempDir,
    journal: Journal,
    /// How many connections an application's pool has, if the backends are over one.
    pool: Option<u32>,
    raw: Raw,
}

impl SqliteHarness {
    pub(crate) async fn new(journal: Journal) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let raw = SqlitePoolOptions::new().max_connections(1);
        let raw = raw.connect_lazy_with(options(&folder, journal).busy_timeout(PATIENT));
        let harness = Self {
            folder,
            journal,
            pool: None,
            raw: Raw::Sqlite(raw),
        };
        harness.sqlite(SessionPolicy::new()).ping().await.unwrap();
        harness
    }

    pub(crate) fn options(&self) -> SqliteConnectOptions {
        options(&self.folder, self.journal)
    }

    /// The same, for backends over a pool of the application's.
    pub(crate) fn over_pool(mut self, connections: u32) -> Self {
        self.pool = Some(connections);
        self
    }

    pub(crate) fn sqlite(&self, policy: SessionPolicy) -> SqliteBackend {
        let builder = match self.pool {
            Some(max) => {
                let pool = SqlitePoolOptions::new().max_connections(max);
                SqliteBackend::with_pool(pool.connect_lazy_with(self.options()))
            }
            None => SqliteBackend::with_options(self.options()),
        };
        builder.policy(policy).deadline(PATIENT).build()
    }
}

fn options(folder: &tempfile::TempDir, journal: Journal) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(folder.path().join("sessions.db"))
        .create_if_missing(true)
        .busy_timeout(Duration::from_millis(10))
        .synchronous(SqliteSynchronous::Off)
        .journal_mode(match journal {
            Journal::Wal => SqliteJournalMode::Wal,
            Journal::Rollback => SqliteJournalMode::Delete,
        })
}

/// No machine is so busy that it takes longer.
const PATIENT: Duration = Duration::from_secs(30);
/// The deadline of a backend whose store is broken.
const BRIEF: Duration = Duration::from_millis(500);

/// Which time it is in a schema of PostgreSQL's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Time {
    /// The server's.
    Real,
    /// That of a table, by a function that is found before the server's of the same name.
    Still,
}

/// A schema of PostgreSQL's.
pub(crate) struct PostgresHarness {
    database: Database,
    time: Time,
    /// As [`SqliteHarness`] has it.
    pool: Option<u32>,
    raw: Raw,
}

impl PostgresHarness {
    pub(crate) async fn new(time: Time) -> Self {
        let database = shared().await.schema().await;
        if time == Time::Still {
            let schema = database.schema().unwrap();
            let clock = format!("{schema}.clock");
            let now = "CAST(extract(epoch FROM now()) * 1000 AS BIGINT)";
            database
                .execute(&format!(
                    "CREATE TABLE {clock} AS SELECT {now} AS now;
                     CREATE FUNCTION {schema}.statement_timestamp() RETURNS timestamptz
                     LANGUAGE sql STABLE
                     AS 'SELECT to_timestamp(now / 1000.0) FROM {clock}'"
                ))
                .await;
        }
        let raw = PgPoolOptions::new().max_connections(2);
        let raw = raw.connect_lazy(&of_time(&database.url(), time)).unwrap();
        let harness = Self {
            database,
            time,
            pool: None,
            raw: Raw::Postgres(raw),
        };
        harness.postgres(SessionPolicy::new()).ping().await.unwrap();
        harness
    }

    /// The same, for backends over a pool of the application's.
    pub(crate) fn over_pool(mut self, connections: u32) -> Self {
        self.pool = Some(connections);
        self
    }

    pub(crate) fn postgres(&self, policy: SessionPolicy) -> PostgresBackend {
        let url = of_time(&self.database.url(), self.time);
        let builder = match self.pool {
            Some(max) => {
                let pool = PgPoolOptions::new().max_connections(max);
                PostgresBackend::with_pool(pool.connect_lazy(&url).unwrap())
            }
            None => PostgresBackend::builder(&url).unwrap(),
        };
        builder.policy(policy).deadline(PATIENT).build()
    }
}

/// A lock of the connection that looks behind the backend, which keeps all others out of the file.
struct Exclusive(Raw);

#[async_trait]
impl Switch for Exclusive {
    async fn break_store(&self) {
        self.0.run("BEGIN EXCLUSIVE", Vec::new()).await;
    }

    async fn mend_store(&self) {
        self.0.run("COMMIT", Vec::new()).await;
    }
}

/// A way to a server that is cut, and refuses.
struct Way(Proxy);

#[async_trait]
impl Switch for Way {
    async fn break_store(&self) {
        self.0.set(Mode::Refuse);
        self.0.cut_all().await;
    }

    async fn mend_store(&self) {
        self.0.set(Mode::Pass);
    }
}

/// A harness whose database is looked at by its table; what else it does is its own.
macro_rules! harness {
    ($Harness:ty { $($own:item)* }) => {
        #[async_trait]
        impl Harness for $Harness {
            $($own)*

            async fn plant(&self, id: &SessionId, hash: RawHash, expires_in: Option<Duration>) {
                self.raw.plant(id, hash, expires_in).await;
            }

            async fn plant_other_type(&self, id: &SessionId) {
                self.raw.plant_other_type(id).await;
            }

            async fn dump(&self, id: &SessionId) -> Option<RawKey> {
                self.raw.dump(id).await
            }

            async fn now(&self) -> UnixMillis {
                UnixMillis::new(self.raw.now().await)
            }

            async fn index_len(&self, principal: &Principal) -> Option<usize> {
                index_len(&self.raw, principal).await
            }
        }
    };
}

harness!(SqliteHarness {
    async fn backend_with(&self, policy: SessionPolicy) -> Arc<dyn SessionBackend> {
        Arc::new(self.sqlite(policy))
    }

    async fn admin(&self) -> Arc<dyn SessionAdmin> {
        Arc::new(self.sqlite(SessionPolicy::new()).admin())
    }

    async fn advance(&self, by: Duration) {
        self.raw.advance(by).await;
    }

    async fn breakable(&self, policy: SessionPolicy) -> Breakable {
        let options = self.options();
        let builder = SqliteBackend::with_options(options).policy(policy);
        Breakable {
            backend: Arc::new(builder.deadline(BRIEF).build()),
            switch: Box::new(Exclusive(self.raw.clone())),
        }
    }
});

harness!(PostgresHarness {
    async fn backend_with(&self, policy: SessionPolicy) -> Arc<dyn SessionBackend> {
        Arc::new(self.postgres(policy))
    }

    async fn admin(&self) -> Arc<dyn SessionAdmin> {
        Arc::new(self.postgres(SessionPolicy::new()).admin())
    }

    async fn advance(&self, by: Duration) {
        match self.time {
            Time::Real => self.raw.advance(by).await,
            Time::Still => {
                let by = Value::Int(Some(i64::try_from(by.as_millis()).unwrap()));
                let sql = "UPDATE clock SET now = now + $1";
                self.raw.run(sql, vec![by]).await;
            }
        }
    }

    fn clock_stands_still(&self) -> bool {
        self.time == Time::Still
    }

    async fn breakable(&self, policy: SessionPolicy) -> Breakable {
        let proxy = Proxy::start(self.database.addr()).await;
        let url = self.database.url_at(proxy.addr());
        let url = of_time(&url, self.time);
        let builder = PostgresBackend::builder(&url).unwrap().policy(policy);
        Breakable {
            backend: Arc::new(builder.deadline(BRIEF).build()),
            switch: Box::new(Way(proxy)),
        }
    }
});

pub(crate) async fn index_len(raw: &Raw, principal: &Principal) -> Option<usize> {
    // A row that has expired is as good as deleted.
    let sql = format!(
        "SELECT count(*) FROM sessions WHERE principal = $1 AND expires_at >= {}",
        raw.now_sql()
    );
    let principal = Value::Text(Some(text(principal.as_str().as_bytes())));
    let entries = raw.number(&sql, vec![principal]).await;
    usize::try_from(entries).ok().filter(|entries| *entries > 0)
}
