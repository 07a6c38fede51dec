//! The choice of a backend at run time.

#[cfg(any(feature = "redis-rs", feature = "fred"))]
mod redis;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    ConnectionObserver, Effect, Error, ErrorKind, Operation, Result, SessionAdmin, SessionBackend,
    SessionPolicy,
};

#[cfg(any(feature = "redis-rs", feature = "fred"))]
use self::redis::RedisSettings;
#[cfg(any(feature = "redis-rs", feature = "fred"))]
use crate::admin::ServerInspector;
#[cfg(feature = "observe")]
use crate::observe::Observe;

/// A backend for this URL, connected.
///
/// | URL | backend |
/// |---|---|
/// | `memory:` | memory |
/// | `redis://[user:password@]host[:port][/db]` | redis-rs |
/// | `redis-cluster://[user:password@]host[:port][?node=host:port&node=…]` | redis-rs, Cluster |
/// | `redis-sentinel://host[:port][/db]?service=name[&node=host:port&node=…]` | redis-rs, the primary that these sentinels name |
/// | `redis+unix:///path[?db=n]` | redis-rs, over a socket of this machine |
/// | `redis+fred://…`, `redis-cluster+fred://…` and so on | fred |
/// | `sqlite:path` | a file of SQLite, made where it is not there |
/// | `sqlite::memory:` | SQLite in the memory of the process |
/// | `postgres://[user[:password]@]host[:port]/database` (or `postgresql://`) | PostgreSQL |
///
/// A Redis Cluster's URL names some of its nodes; one that responds is enough to find the others.
///
/// `rediss` in the place of `redis` means the same over TLS (and `valkey`, `valkeys` the same as
/// these): `Tls` says how. For redis-rs some crypto provider has to be chosen,
/// by the feature `tls-ring` or `tls-aws-lc-rs` or by the application; for fred, by a feature.
/// What else a URL can say of a Redis server is said by the backends' `ServerUrl`.
///
/// Behind a `?`, the URL of SQLite takes `mode` (`rw`: the file must be there), `cache`,
/// `immutable` and `vfs`, that of PostgreSQL what libpq has of it: `sslmode` (`verify-full`, say),
/// `sslrootcert`, `sslcert`, `sslkey`, `host` (a folder with a socket, too), `hostaddr`, `port`,
/// `dbname`, `user`, `password`, `application_name`, `options`, and `statement-cache-capacity`.
/// Where `sslmode` is not said, TLS is used if it is compiled in and the server has it.
///
/// # Errors
/// [`ErrorKind::Config`] for another scheme, and for one whose feature is off; the source, a
/// [`ConnectError`], says which. Those of the first `ping` when the server cannot be reached; use
/// [`Connect::build`] to start without it.
pub async fn connect(url: &str) -> Result<Arc<dyn SessionBackend>> {
    Connect::to(url).connect().await
}

/// How to connect, where [`connect`]'s defaults are not enough.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> session_store::Result<()> {
/// use session_store::{Connect, SessionPolicy, SessionTtl};
///
/// let policy = SessionPolicy::new().with_default_ttl(SessionTtl::from_secs(900)?);
/// let backend = Connect::to("memory:").policy(policy).connect().await?;
/// assert_eq!(backend.policy().default_ttl().as_secs(), 900);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Connect {
    url: String,
    policy: SessionPolicy,
    key_prefix: Option<String>,
    table: Option<String>,
    may_migrate: bool,
    purge_every: Option<Duration>,
    #[cfg(any(feature = "redis-rs", feature = "fred"))]
    redis: RedisSettings,
    observer: Option<Arc<dyn ConnectionObserver>>,
    #[cfg(feature = "observe")]
    observe: Option<Observe>,
    deadline: Option<Duration>,
}

/// Why a URL names no backend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// [`connect`] does not know the scheme.
    #[error(
        "the URL's scheme names no backend: expected memory:, redis://, rediss://, redis-cluster://, rediss-cluster://, \
         redis-sentinel://, rediss-sentinel:// or redis+unix://, or one of Redis's with +fred before the colon; valkey may be in the place of redis; \
         sqlite:, postgres:// or postgresql://"
    )]
    UnknownScheme,
    /// The backend was not compiled in.
    #[error("the URL's backend is not compiled in: enable the cargo feature `{0}`")]
    FeatureOff(&'static str),
    /// Something follows `memory:`, which takes nothing.
    #[error(
        "something follows `memory:` in the URL, which takes nothing: for limits, build a memory backend and use it as it is"
    )]
    AfterMemory,
    /// The sessions of `memory:` are behind no server.
    #[error("`memory:` keeps its sessions in the process, behind no server")]
    NoServer,
    /// The sessions are in a database, and what was asked for is Redis's.
    #[error("the URL names SQLite or PostgreSQL, and only servers of Redis are inspected")]
    NotRedis,
}

/// How often expired rows are deleted, unless it is said.
const PURGE_INTERVAL: Duration = Duration::from_secs(60);

/// A backend, the admin API of the same sessions, and who asks their servers.
struct Opened {
    backend: Arc<dyn SessionBackend>,
    admin: Arc<dyn SessionAdmin>,
    #[cfg(any(feature = "redis-rs", feature = "fred"))]
    inspector: Result<Arc<dyn ServerInspector>, ConnectError>,
}

impl Connect {
    /// To the server at this URL; see [`connect`].
    pub fn to(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            policy: SessionPolicy::new(),
            key_prefix: None,
            table: None,
            may_migrate: true,
            purge_every: Some(PURGE_INTERVAL),
            #[cfg(any(feature = "redis-rs", feature = "fred"))]
            redis: RedisSettings::default(),
            observer: None,
            #[cfg(feature = "observe")]
            observe: None,
            deadline: None,
        }
    }

    /// Lifetimes, limits, touch policy, the application's clock.
    pub fn policy(mut self, policy: SessionPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// What all keys on Redis begin with; `session:` by default. No effect elsewhere.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key_prefix = Some(prefix.into());
        self
    }

    /// The table that the sessions are in on SQLite and PostgreSQL, as its `TableName` has it:
    /// `sessions` by default, on PostgreSQL perhaps with its schema, such as `web.sessions`. No
    /// effect elsewhere.
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = Some(name.into());
        self
    }

    /// Whether that table is made where it is not there, and renewed where it is older; it is, by
    /// default. Without, a missing or older table is [`ErrorKind::Config`], and `sessions schema`
    /// prints the SQL for the operator. No effect elsewhere.
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.may_migrate = migrate;
        self
    }

    /// How often expired rows are deleted on SQLite and PostgreSQL: once a minute by default, not
    /// at all with `None`. Redis and memory do it by themselves: no effect there.
    ///
    /// A task deletes them in small batches, first when the time has passed once, and ends after
    /// the last use of the backend; its failures are logged, and no operation waits for it. A row
    /// may stay until the hour is over in which it expired; it is no session in the meantime. Of
    /// several processes on one database each may do it: none does twice what another has done.
    /// Who says `None` calls `purge` of the backend in `backends::sqlx`, or `sessions purge` from a
    /// shell: else the table grows. Times from a second to a day are taken; others as the nearest.
    pub fn purge_every(mut self, interval: Option<Duration>) -> Self {
        self.purge_every = interval;
        self
    }

    /// Who is told what becomes of the connections to Redis. No effect elsewhere.
    pub fn observer(mut self, observer: Arc<dyn ConnectionObserver>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The backend is seen from outside: a span and metrics for each of its steps, metrics and log
    /// events for its connections, and whom else `observe` says. What it does not say of the store
    /// is taken from the URL. The admin API is not observed.
    ///
    /// Metrics call the backend `memory`, `redis-rs`, `fred`, `sqlite`, `postgresql`. The recorder
    /// of the metrics is installed before. Connections to SQLite and PostgreSQL have no metrics.
    ///
    /// Needs the feature `observe`.
    ///
    /// ```
    /// # #[cfg(feature = "memory")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> session_store::Result<()> {
    /// use session_store::{Connect, observe::Observe};
    ///
    /// let sessions = Connect::to("memory:").observed(Observe::new()).connect().await?;
    /// # sessions.ping().await
    /// # }
    /// # #[cfg(not(feature = "memory"))]
    /// # fn main() {}
    /// ```
    #[cfg(feature = "observe")]
    pub fn observed(mut self, observe: Observe) -> Self {
        self.observe = Some(observe);
        self
    }

    /// The time within which every operation ends; 500 ms by default. No effect on memory.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// A backend that connects when it is needed. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], as [`connect`].
    pub fn build(self) -> Result<Arc<dyn SessionBackend>> {
        self.open().map(|opened| opened.backend)
    }

    /// As [`build`](Self::build), with the admin API of the same sessions. On Redis the admin API
    /// needs an account with the right to `SCAN`: give the application one without it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], as [`connect`].
    ///
    /// ```
    /// # #[cfg(feature = "memory")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> session_store::Result<()> {
    /// use session_store::{Connect, NewSession, admin::PageSize};
    ///
    /// let (sessions, admin) = Connect::to("memory:").build_with_admin()?;
    /// sessions.create_session(NewSession::default()).await?;
    /// assert_eq!(admin.count_sessions().await?, 1);
    /// let page = admin.list_page(None, PageSize::DEFAULT).await?;
    /// for shown in &page.sessions {
    ///     assert!(admin.revoke_session(&shown.session.public_id).await?);
    /// }
    /// assert_eq!(admin.count_sessions().await?, 0);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "memory"))]
    /// # fn main() {}
    /// ```
    pub fn build_with_admin(self) -> Result<(Arc<dyn SessionBackend>, Arc<dyn SessionAdmin>)> {
        let opened = self.open()?;
        Ok((opened.backend, opened.admin))
    }

    fn open(self) -> Result<Opened> {
        let (scheme, rest) = self.url.split_once(':').unwrap_or((self.url.as_str(), ""));
        let scheme = scheme.to_ascii_lowercase();
        let backend = match scheme.strip_suffix("+fred") {
            Some(plain) if is_redis(plain) => self.fred(format!("{plain}:{rest}")),
            None if is_redis(&scheme) => self.redis_rs(),
            None if scheme == "memory" && !matches!(rest, "" | "//") => {
                Err(refused(ConnectError::AfterMemory))
            }
            None if scheme == "memory" => self.memory(),
            None if scheme == "sqlite" => self.sqlite(),
            None if matches!(&*scheme, "postgres" | "postgresql") => self.postgres(),
            _ => Err(refused(ConnectError::UnknownScheme)),
        };
        backend.map_err(|error| error.during(Operation::Connect))
    }

    /// A backend that is connected, with a server on which sessions can be stored.
    ///
    /// # Errors
    /// As [`connect`].
    pub async fn connect(self) -> Result<Arc<dyn SessionBackend>> {
        let (backend, _) = self.connect_with_admin().await?;
        Ok(backend)
    }

    /// As [`connect`](Self::connect), with the admin API of the same sessions, as
    /// [`build_with_admin`](Self::build_with_admin) makes it.
    ///
    /// # Errors
    /// As [`connect`]. Whether the account may use the admin API is found by its use.
    pub async fn connect_with_admin(
        self,
    ) -> Result<(Arc<dyn SessionBackend>, Arc<dyn SessionAdmin>)> {
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        if let Some(connected) = self.connect_database().await {
            let opened = connected.map_err(|error| error.during(Operation::Connect))?;
            return Ok((opened.backend, opened.admin));
        }
        let (backend, admin) = self.build_with_admin()?;
        let reached = backend.ping().await;
        reached.map_err(|error| error.during(Operation::Connect))?;
        Ok((backend, admin))
    }

    #[cfg(feature = "memory")]
    fn memory(&self) -> Result<Opened> {
        use session_memory::MemoryBackend;
        let backend = MemoryBackend::builder().policy(self.policy.clone());
        let backend = backend.build();
        let admin = Arc::new(backend.admin());
        #[cfg(feature = "observe")]
        let backend: Arc<dyn SessionBackend> = match self.observe.clone() {
            Some(observe) => Arc::new(observe.wrap("memory", backend)),
            None => Arc::new(backend),
        };
        #[cfg(not(feature = "observe"))]
        let backend = Arc::new(backend);
        Ok(Opened {
            backend,
            admin,
            #[cfg(any(feature = "redis-rs", feature = "fred"))]
            inspector: Err(ConnectError::NoServer),
        })
    }

    #[cfg(not(feature = "memory"))]
    fn memory(&self) -> Result<Opened> {
        Err(refused(ConnectError::FeatureOff("memory")))
    }

    #[cfg(not(feature = "sqlite"))]
    fn sqlite(&self) -> Result<Opened> {
        Err(refused(ConnectError::FeatureOff("sqlite")))
    }

    #[cfg(not(feature = "postgres"))]
    fn postgres(&self) -> Result<Opened> {
        Err(refused(ConnectError::FeatureOff("postgres")))
    }

    #[cfg(not(feature = "redis-rs"))]
    fn redis_rs(&self) -> Result<Opened> {
        Err(refused(ConnectError::FeatureOff("redis-rs")))
    }

    #[cfg(not(feature = "fred"))]
    fn fred(&self, _url: String) -> Result<Opened> {
        Err(refused(ConnectError::FeatureOff("fred")))
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        let mut shown = f.debug_struct("Connect");
        shown
            .field("policy", &self.policy)
            .field("key_prefix", &self.key_prefix)
            .field("table", &self.table)
            .field("purge_every", &self.purge_every)
            .field("deadline", &self.deadline);
        #[cfg(any(feature = "redis-rs", feature = "fred"))]
        shown.field("id_storage", &self.redis.id_storage);
        shown.finish_non_exhaustive()
    }
}

/// Whether a scheme is one of Redis's, without the client.
fn is_redis(scheme: &str) -> bool {
    let server = ["redis", "valkey"]
        .iter()
        .find_map(|name| scheme.strip_prefix(name));
    matches!(
        server,
        Some("" | "s" | "-cluster" | "s-cluster" | "-sentinel" | "s-sentinel" | "+unix")
    )
}

fn refused(reason: ConnectError) -> Error {
    Error::new(ErrorKind::Config, Effect::NotApplied).with_source(reason)
}

#[cfg(test)]
mod tests;
