//! The backend.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, WriteOutcome, WriteRequest,
};
use session_core::{
    ListedPage, PageRequest, Result, RevokeInPageRequest, RevokedInPage, RevokedPage, SessionAdmin,
    SessionBackend, SessionPage, SessionPolicy, async_trait,
};

use crate::builder::SqlxBuilder;
use crate::engine::Engine;
use crate::purge::{PurgeEvery, Purged};
use crate::store::Store;

/// Sessions in a database, through sqlx. [`SqliteBackend`](crate::SqliteBackend) and
/// [`PostgresBackend`](crate::PostgresBackend) are the two that there are.
///
/// A clone is another view of the same sessions, over the same connections.
///
/// # Atomicity
/// Each step is one statement or one transaction; which is said in the [crate's
/// documentation](crate#isolation-and-locks).
///
/// # Errors
/// [`ErrorKind::Config`](session_core::ErrorKind::Config) where the table is not as it must be;
/// [`Denied`](session_core::ErrorKind::Denied) where the account may not use it;
/// [`StoreFull`](session_core::ErrorKind::StoreFull) where the disk is full;
/// [`Unavailable`](session_core::ErrorKind::Unavailable) and
/// [`Timeout`](session_core::ErrorKind::Timeout) where the database cannot be reached, takes no
/// writes, or does not reply in time.
pub struct SqlxBackend<E: Engine> {
    policy: Arc<SessionPolicy>,
    store: Arc<Store<E>>,
}

impl<E: Engine> SqlxBackend<E> {
    pub(crate) fn new(policy: SessionPolicy, store: Store<E>) -> Self {
        Self {
            policy: Arc::new(policy),
            store: Arc::new(store),
        }
    }

    /// Settings of a backend for the database at this URL.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](session_core::ErrorKind::Config) when it is no such URL.
    pub fn builder(url: &str) -> Result<SqlxBuilder<E>> {
        SqlxBuilder::from_url(url)
    }

    /// Settings of a backend for the database that these options of sqlx mean, taken as they are:
    /// nothing is added that a URL would get (a log and full durability, on SQLite).
    pub fn with_options(options: <E::Connection as sqlx::Connection>::Options) -> SqlxBuilder<E> {
        SqlxBuilder::from_options(options)
    }

    /// Settings of a backend over a pool that the application has. What then heals, and how fast,
    /// is the pool's matter: what sqlx does with a connection that hangs, say.
    pub fn with_pool(pool: sqlx::Pool<E>) -> SqlxBuilder<E> {
        SqlxBuilder::from_pool(pool)
    }

    /// Another backend over the same sessions and connections, with this policy.
    #[must_use]
    pub fn with_policy(&self, policy: SessionPolicy) -> Self {
        Self {
            policy: Arc::new(policy),
            store: Arc::clone(&self.store),
        }
    }

    pub(crate) async fn reach(&self) -> Result<()> {
        self.store.contact().await?;
        self.store.ping().await
    }

    /// The admin API of these sessions.
    pub fn admin(&self) -> SqlxAdmin<E> {
        SqlxAdmin(Arc::clone(&self.store))
    }

    /// The SQL that makes the table of this version, for those who apply it themselves.
    pub fn schema_sql(&self) -> String {
        self.store.prepared.schema.sql::<E>()
    }

    /// Deletes the rows that have expired, in small batches, until there are none; see
    /// [`purge_every`](Self::purge_every).
    ///
    /// # Errors
    /// Those of the database. What was deleted before stays deleted.
    pub async fn purge(&self) -> Result<Purged> {
        crate::purge::purge(&self.store).await
    }

    /// A future that [purges](Self::purge) again and again, for as long as another clone of the
    /// backend lives, with pauses of about this interval (a second to a day). Failures are logged.
    /// Start it once per application:
    ///
    /// ```no_run
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example() -> session_core::Result<()> {
    /// use session_sqlx::SqliteBackend;
    /// use std::time::Duration;
    ///
    /// let sessions = SqliteBackend::builder("sqlite:sessions.db")?.build();
    /// tokio::spawn(sessions.purge_every(Duration::from_secs(60)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn purge_every(&self, interval: Duration) -> impl Future<Output = ()> + Send + use<E> {
        PurgeEvery::new(&self.store, interval).run()
    }
}

impl<E: Engine> Clone for SqlxBackend<E> {
    fn clone(&self) -> Self {
        Self {
            policy: Arc::clone(&self.policy),
            store: Arc::clone(&self.store),
        }
    }
}

impl<E: Engine> fmt::Debug for SqlxBackend<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlxBackend")
            .field("database", &E::DATABASE)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<E: Engine> SessionBackend for SqlxBackend<E> {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        self.store.insert(request).await
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        self.store.read(request).await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        self.store.write(request).await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        self.store.rename(request).await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        self.store.remove(request).await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
        self.store.list(request).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        self.store.revoke(request).await
    }

    async fn ping(&self) -> Result<()> {
        self.store.ping().await
    }

    fn policy(&self) -> &SessionPolicy {
        &self.policy
    }

    fn deadline(&self) -> Duration {
        self.store.deadline
    }
}

/// Listing all sessions of the table, and ending any of them. Available through
/// [`SqlxBackend::admin`].
///
/// A page is so many rows in order of their keys, those that have expired among them: so it may
/// show fewer sessions, or none, and still not be the last.
pub struct SqlxAdmin<E: Engine>(Arc<Store<E>>);

impl<E: Engine> Clone for SqlxAdmin<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E: Engine> fmt::Debug for SqlxAdmin<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqlxAdmin").field(&self.0).finish()
    }
}

#[async_trait]
impl<E: Engine> SessionAdmin for SqlxAdmin<E> {
    async fn page(&self, request: &PageRequest) -> Result<SessionPage> {
        self.0.page(request).await
    }

    async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage> {
        self.0.revoke_in_page(request).await
    }
}
