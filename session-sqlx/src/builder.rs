//! Settings of a backend.

use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use session_core::{Operation, Result, SessionPolicy};
use tokio::sync::OnceCell;

use crate::backend::SqlxBackend;
use crate::engine::{Engine, Options};
use crate::pool::{Pool, Prepared};
use crate::schema::Schema;
use crate::sql::Statements;
use crate::store::{Store, hash};
use crate::table::TableName;
use crate::url::InvalidUrl;

/// Settings of a backend. Made by [`SqlxBackend::builder`],
/// [`SqlxBackend::with_options`] and [`SqlxBackend::with_pool`].
#[must_use]
pub struct SqlxBuilder<E: Engine> {
    connections: Connections<E>,
    policy: SessionPolicy,
    table: TableName,
    deadline: Duration,
    max_connections: u32,
    may_migrate: bool,
}

enum Connections<E: Engine> {
    Own(Options<E>),
    Given(sqlx::Pool<E>),
}

impl<E: Engine> SqlxBuilder<E> {
    const DEADLINE: Duration = Duration::from_millis(500);
    const MAX_CONNECTIONS: u32 = 10;

    pub(crate) fn from_url(url: &str) -> Result<Self> {
        crate::url::check(url, E::PARTS)?;
        let url = E::url(url)?;
        // What sqlx says of it may quote it.
        let options = Options::<E>::from_str(&url);
        let options = options.map_err(|_| InvalidUrl::Malformed(E::DATABASE))?;
        Ok(Self::from_options(E::configured(options)))
    }

    pub(crate) fn from_options(options: Options<E>) -> Self {
        Self::new(Connections::Own(options))
    }

    pub(crate) fn from_pool(pool: sqlx::Pool<E>) -> Self {
        Self::new(Connections::Given(pool))
    }

    fn new(connections: Connections<E>) -> Self {
        Self {
            connections,
            policy: SessionPolicy::new(),
            table: TableName::default(),
            deadline: Self::DEADLINE,
            max_connections: Self::MAX_CONNECTIONS,
            may_migrate: true,
        }
    }

    /// Lifetimes, limits, touch policy, the application's clock.
    pub fn policy(mut self, policy: SessionPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The table that the sessions are in; `sessions` by default.
    pub fn table(mut self, table: TableName) -> Self {
        self.table = table;
        self
    }

    /// The time within which every operation ends; 500 ms by default, a day at most.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline.min(Duration::from_secs(24 * 60 * 60));
        self
    }

    /// How many connections there are at most; 10 by default. A database in memory has one,
    /// whatever is said here; an application's own pool is as large as it is.
    pub fn max_connections(mut self, max: u32) -> Self {
        self.max_connections = max.max(1);
        self
    }

    /// Whether the table is made where it is not there, and renewed where it is older; it is, by
    /// default. Without, a missing or older table is
    /// [`ErrorKind::Config`](session_core::ErrorKind::Config), and
    /// [`SqlxBackend::schema_sql`] is for the operator.
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.may_migrate = migrate;
        self
    }

    /// A backend that connects when it is needed. Used within a Tokio runtime.
    pub fn build(self) -> SqlxBackend<E> {
        let prepared = Arc::new(Prepared {
            schema: Schema::new::<E>(&self.table),
            may_migrate: self.may_migrate,
            done: OnceCell::new(),
        });
        let max = usize::try_from(self.max_connections).unwrap_or(usize::MAX);
        let deadline = self.deadline;
        let (writer, reader) = match self.connections {
            Connections::Given(pool) => {
                let pool = Pool::given(pool, deadline, Arc::clone(&prepared));
                (Arc::clone(&pool), pool)
            }
            Connections::Own(options) => {
                if E::is_one_connection(&options) {
                    let pool = Pool::sole(options, deadline, Arc::clone(&prepared));
                    (Arc::clone(&pool), pool)
                } else if E::ONE_WRITER {
                    let writer = Pool::own(options.clone(), 1, deadline, Arc::clone(&prepared));
                    (
                        writer,
                        Pool::own(options, max, deadline, Arc::clone(&prepared)),
                    )
                } else {
                    let pool = Pool::own(options, max, deadline, Arc::clone(&prepared));
                    (Arc::clone(&pool), pool)
                }
            }
        };
        let store = Store {
            statements: Statements::new::<E>(&self.table),
            writer,
            reader,
            prepared,
            deadline,
            warnings: session_core::QuotaWarnings::default(),
            table_hash: hash(self.table.as_str().as_bytes()),
        };
        SqlxBackend::new(self.policy, store)
    }

    /// A backend that is connected, to a database in which sessions can be stored.
    ///
    /// # Errors
    /// As [`SqlxBackend`]'s steps.
    pub async fn connect(self) -> Result<SqlxBackend<E>> {
        let backend = self.build();
        let reached = backend.reach().await;
        reached.map_err(|error| error.during(Operation::Connect))?;
        Ok(backend)
    }
}

impl<E: Engine> fmt::Debug for SqlxBuilder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options may hold a password.
        f.debug_struct("SqlxBuilder")
            .field("database", &E::DATABASE)
            .field("policy", &self.policy)
            .field("table", &self.table)
            .field("deadline", &self.deadline)
            .field("max_connections", &self.max_connections)
            .field("migrate", &self.may_migrate)
            .finish_non_exhaustive()
    }
}
