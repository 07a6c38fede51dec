//! What the conformance suite needs of the two databases.

use std::sync::Arc;
use std::time::Duration;

use session_conformance::{Breakable, Harness, RawHash, RawKey, Switch};
use session_core::{
    Principal, SessionAdmin, SessionBackend, SessionId, SessionPolicy, UnixMillis, async_trait,
};
use session_sqlx::SqliteBackend;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::raw::{Raw, Value, text};

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
    raw: Raw,
}

impl SqliteHarness {
    pub(crate) async fn new(journal: Journal) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let raw = SqlitePoolOptions::new().max_connections(4);
        let raw = raw.connect_lazy_with(options(&folder, journal));
        let harness = Self {
            folder,
            journal,
            raw: Raw::Sqlite(raw),
        };
        harness.sqlite(SessionPolicy::new()).ping().await.unwrap();
        harness
    }

    pub(crate) fn options(&self) -> SqliteConnectOptions {
        options(&self.folder, self.journal)
    }

    pub(crate) fn sqlite(&self, policy: SessionPolicy) -> SqliteBackend {
        let builder = session_sqlx::SqlxBuilder::from_options(self.options());
        builder
            .policy(policy)
            .deadline(Duration::from_secs(5))
            .build()
    }
}

fn options(folder: &tempfile::TempDir, journal: Journal) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(folder.path().join("sessions.db"))
        .create_if_missing(true)
        .busy_timeout(Duration::from_secs(5))
        .synchronous(SqliteSynchronous::Off)
        .journal_mode(match journal {
            Journal::Wal => SqliteJournalMode::Wal,
            Journal::Rollback => SqliteJournalMode::Delete,
        })
}

#[async_trait]
impl Harness for SqliteHarness {
    async fn backend_with(&self, policy: SessionPolicy) -> Arc<dyn SessionBackend> {
        Arc::new(self.sqlite(policy))
    }

    async fn admin(&self) -> Arc<dyn SessionAdmin> {
        Arc::new(self.sqlite(SessionPolicy::new()).admin())
    }

    async fn plant(&self, id: &SessionId, hash: RawHash, expires_in: Option<Duration>) {
        self.raw.plant(id, hash, expires_in).await;
    }

    async fn plant_other_type(&self, id: &SessionId) {
        self.raw.plant_other_type(id).await;
    }

    async fn dump(&self, id: &SessionId) -> Option<RawKey> {
        self.raw.dump(id).await
    }

    async fn advance(&self, by: Duration) {
        self.raw.advance(by).await;
    }

    async fn now(&self) -> UnixMillis {
        UnixMillis::new(self.raw.now().await)
    }

    async fn index_len(&self, principal: &Principal) -> Option<usize> {
        index_len(&self.raw, principal).await
    }
}

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
