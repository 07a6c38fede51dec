//! Connections: how many there are, and which of them are sound.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, SqlStr};
use tokio::sync::{Notify, OnceCell, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use crate::engine::{Engine, Options, Value};
use crate::error::{Because, Failure};
use crate::row::Row;
use crate::schema::Schema;

/// A connection that was idle for this long is asked whether it lives before it is used.
const TRUSTED: Duration = Duration::from_secs(1);
/// The least time that an attempt to connect has.
const CONNECT: Duration = Duration::from_secs(5);
/// The most that is waited after an attempt has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Where connections come from.
enum Source<E: Engine> {
    Own(Options<E>),
    Given(sqlx::Pool<E>),
}

/// The connections of a backend.
pub(crate) struct Pool<E: Engine> {
    source: Source<E>,
    permits: Arc<Semaphore>,
    max: usize,
    deadline: Duration,
    state: Mutex<State<E>>,
    /// A connection has become idle.
    returned: Notify,
    /// How many connections there are, in use or not.
    live: Arc<AtomicUsize>,
    /// Whether the database is this connection's, and as old as it.
    is_sole: bool,
    /// What is found out with the first connection.
    schema: Arc<Prepared>,
}

/// Whether the table is known to be there.
pub(crate) struct Prepared {
    pub(crate) schema: Schema,
    pub(crate) may_migrate: bool,
    pub(crate) done: OnceCell<()>,
}

struct State<E: Engine> {
    /// The one that was used last is the last.
    idle: Vec<(Own<E>, Instant)>,
    /// How many attempts to connect have failed since one succeeded, and until when there is none.
    failures: u32,
    not_before: Option<Instant>,
}

/// A connection of the pool's own, counted.
struct Own<E: Engine> {
    connection: E::Connection,
    live: Arc<AtomicUsize>,
}

impl<E: Engine> Own<E> {
    fn new(connection: E::Connection, live: &Arc<AtomicUsize>) -> Self {
        live.fetch_add(1, Ordering::Relaxed);
        let live = Arc::clone(live);
        Self { connection, live }
    }
}

impl<E: Engine> Drop for Own<E> {
    fn drop(&mut self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Prepared {
    async fn prepare<E: Engine>(&self, connection: &mut E::Connection) -> Result<(), Failure> {
        self.schema.prepare::<E>(connection, self.may_migrate).await
    }

    async fn ensure<E: Engine>(&self, connection: &mut E::Connection) -> Result<(), Failure> {
        let prepare = self.prepare::<E>(connection);
        self.done.get_or_try_init(|| prepare).await.copied()
    }
}

impl<E: Engine> Pool<E> {
    /// The one connection to a database that ends with it.
    pub(crate) fn sole(
        options: Options<E>,
        deadline: Duration,
        schema: Arc<Prepared>,
    ) -> Arc<Self> {
        Self::new(Source::Own(options), 1, true, deadline, schema)
    }

    pub(crate) fn own(
        options: Options<E>,
        max: usize,
        deadline: Duration,
        schema: Arc<Prepared>,
    ) -> Arc<Self> {
        Self::new(Source::Own(options), max, false, deadline, schema)
    }

    pub(crate) fn given(
        pool: sqlx::Pool<E>,
        deadline: Duration,
        schema: Arc<Prepared>,
    ) -> Arc<Self> {
        let max = usize::try_from(pool.options().get_max_connections()).unwrap_or(usize::MAX);
        let max = max.min(Semaphore::MAX_PERMITS);
        Self::new(Source::Given(pool), max, false, deadline, schema)
    }

    fn new(
        source: Source<E>,
        max: usize,
        is_sole: bool,
        deadline: Duration,
        schema: Arc<Prepared>,
    ) -> Arc<Self> {
        Arc::new(Self {
            source,
            permits: Arc::new(Semaphore::new(max)),
            max,
            deadline,
            state: Mutex::new(State {
                idle: Vec::new(),
                failures: 0,
                not_before: None,
            }),
            returned: Notify::new(),
            live: Arc::default(),
            is_sole,
            schema,
        })
    }

    fn state(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection, as soon as there is one. The caller limits the time.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<Lease<E>, Failure> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| Failure::unavailable(Because::Server))?;
        let options = match &self.source {
            Source::Own(options) => options,
            Source::Given(pool) => {
                let connection = pool.acquire().await?;
                let mut lease = Lease::new(self, Held::Given(connection), permit);
                if !self.schema.done.initialized() {
                    // Unless all of it succeeds, a lock may be left on the connection.
                    lease.is_broken = true;
                    let connection = lease.connection()?;
                    E::meet(connection).await?;
                    self.schema.ensure::<E>(connection).await?;
                    lease.is_broken = false;
                }
                return Ok(lease);
            }
        };
        let idle = self.state().idle.pop();
        let Some((connection, since)) = idle else {
            return self.connect(options, permit).await;
        };
        let mut lease = Lease::new(self, Held::Own(connection), permit);
        if self.is_sole || since.elapsed() < TRUSTED || lease.is_alive(self.deadline / 4).await {
            return Ok(lease);
        }
        // Those that were used before it are no better.
        let stale = std::mem::take(&mut self.state().idle);
        drop(stale);
        self.connect(options, lease.into_permit()?).await
    }

    /// A fresh connection, or the next that becomes idle. A task connects: who gives it up, or
    /// needs it no more, does not end the attempt, and who comes next has its connection.
    async fn connect(
        self: &Arc<Self>,
        options: &Options<E>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Lease<E>, Failure> {
        if let Some(at) = self.state().not_before
            && Instant::now() < at
        {
            return Err(self.not_connected(Failure::unavailable(Because::JustFailed)));
        }
        let (pool, options) = (Arc::clone(self), options.clone());
        let (sender, mut receiver) = oneshot::channel();
        tokio::spawn(async move {
            let limit = CONNECT.max(pool.deadline);
            let attempt = async {
                let connection = E::Connection::connect_with(&options).await?;
                let mut own = Own::new(connection, &pool.live);
                E::meet(&mut own.connection).await?;
                match pool.is_sole {
                    true => pool.schema.prepare::<E>(&mut own.connection).await?,
                    false => pool.schema.ensure::<E>(&mut own.connection).await?,
                }
                E::limit(&mut own.connection, pool.deadline).await?;
                Ok::<_, Failure>(own)
            };
            let met = timeout(limit, attempt).await;
            let met = met.unwrap_or_else(|_| Err(Failure::timeout()));
            let is_failure = |failure: &Failure| failure.passing::<E>().is_none();
            pool.state()
                .note(met.as_ref().err().is_some_and(is_failure));
            let lease = met.map(|own| Lease::new(&pool, Held::Own(own), permit));
            // Nobody may be waiting any more: then it is idle from now on.
            let _ = sender.send(lease);
        });
        loop {
            tokio::select! {
                connected = &mut receiver => {
                    let lost = |_| Err(Failure::unavailable(Because::Server));
                    let connected = connected.unwrap_or_else(lost);
                    return connected.map_err(|failure| self.not_connected(failure));
                }
                () = self.returned.notified() => {
                    if let Some(lease) = self.lease_returned() {
                        return Ok(lease);
                    }
                }
            }
        }
    }

    /// The connection that was used last, unless somebody was faster.
    fn lease_returned(self: &Arc<Self>) -> Option<Lease<E>> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        let (connection, _) = self.state().idle.pop()?;
        Some(Lease::new(self, Held::Own(connection), permit))
    }

    /// Where there are other connections (the server lets nobody else in, say), one of them may
    /// soon be idle.
    fn not_connected(&self, failure: Failure) -> Failure {
        match self.live.load(Ordering::Relaxed) {
            1.. if failure.is_unavailable::<E>() => Failure::again(Because::AllInUse),
            _ => failure,
        }
    }
}

impl<E: Engine> State<E> {
    /// An attempt to connect has ended.
    fn note(&mut self, is_failed: bool) {
        if !is_failed {
            self.failures = 0;
            self.not_before = None;
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let most = Duration::from_millis(10 << self.failures.min(10)).min(PAUSE);
        let pause = most.mul_f64(rand::random::<f64>());
        self.not_before = Some(Instant::now() + pause);
    }
}

impl<E: Engine> fmt::Debug for Pool<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.permits.available_permits();
        f.debug_struct("Pool")
            .field("max_connections", &self.max)
            .field("in_use", &self.max.saturating_sub(free))
            .finish_non_exhaustive()
    }
}

enum Held<E: Engine> {
    Own(Own<E>),
    Given(sqlx::pool::PoolConnection<E>),
}

/// A connection in use. Dropped while a statement or a transaction is under way, it is looked after
/// in the background: brought to an end, or closed.
pub(crate) struct Lease<E: Engine> {
    pool: Arc<Pool<E>>,
    held: Option<Held<E>>,
    permit: Option<OwnedSemaphorePermit>,
    is_busy: bool,
    is_broken: bool,
    breaks_others: bool,
    in_transaction: bool,
    is_recovering: bool,
    /// Is set with the first statement that may have an effect, whatever comes after it.
    is_sent: Arc<AtomicBool>,
}

impl<E: Engine> Lease<E> {
    fn new(pool: &Arc<Pool<E>>, held: Held<E>, permit: OwnedSemaphorePermit) -> Self {
        Self {
            pool: Arc::clone(pool),
            held: Some(held),
            permit: Some(permit),
            is_busy: false,
            is_broken: false,
            breaks_others: false,
            in_transaction: false,
            is_recovering: false,
            is_sent: Arc::default(),
        }
    }

    /// Sets this once a statement is sent that may have an effect: of a transaction, only the last.
    pub(crate) fn telling(mut self, is_sent: &Arc<AtomicBool>) -> Self {
        self.is_sent = Arc::clone(is_sent);
        self
    }

    fn sends(&mut self) {
        self.is_busy = true;
        if !self.in_transaction {
            self.is_sent.store(true, Ordering::Relaxed);
        }
    }

    fn connection(&mut self) -> Result<&mut E::Connection, Failure> {
        match &mut self.held {
            Some(Held::Own(own)) => Ok(&mut own.connection),
            Some(Held::Given(connection)) => Ok(connection),
            None => Err(Failure::unavailable(Because::Server)),
        }
    }

    /// Takes the permit out; the connection is closed.
    fn into_permit(mut self) -> Result<OwnedSemaphorePermit, Failure> {
        self.held = None;
        let permit = self.permit.take();
        permit.ok_or_else(|| Failure::unavailable(Because::Server))
    }

    async fn is_alive(&mut self, within: Duration) -> bool {
        self.is_busy = true;
        let is_alive = match self.connection() {
            Ok(connection) => matches!(timeout(within, connection.ping()).await, Ok(Ok(()))),
            Err(_) => false,
        };
        self.is_busy = false;
        is_alive
    }

    pub(crate) async fn rows(
        &mut self,
        sql: &SqlStr,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, Failure> {
        self.sends();
        let rows = E::rows(self.connection()?, sql.clone(), values).await;
        self.ended(rows)
    }

    pub(crate) async fn run(&mut self, sql: &SqlStr, values: Vec<Value>) -> Result<u64, Failure> {
        self.sends();
        let changed = E::run(self.connection()?, sql.clone(), values).await;
        self.ended(changed)
    }

    pub(crate) async fn begin(&mut self) -> Result<(), Failure> {
        self.in_transaction = true;
        self.run(&SqlStr::from_static(E::BEGIN), Vec::new()).await?;
        Ok(())
    }

    pub(crate) async fn commit(&mut self) -> Result<(), Failure> {
        self.is_sent.store(true, Ordering::Relaxed);
        self.run(&SqlStr::from_static("COMMIT"), Vec::new()).await?;
        self.in_transaction = false;
        Ok(())
    }

    pub(crate) async fn rollback(&mut self) -> Result<(), Failure> {
        self.run(&SqlStr::from_static("ROLLBACK"), Vec::new())
            .await?;
        self.in_transaction = false;
        Ok(())
    }

    fn ended<T>(&mut self, result: sqlx::Result<T>) -> Result<T, Failure> {
        self.is_busy = false;
        if let Err(error) = &result {
            let is_broken = Failure::is_of_connection::<E>(error);
            self.is_broken |= is_broken;
            self.breaks_others |= is_broken;
        }
        Ok(result?)
    }

    fn recover_in_background(mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // The runtime has ended, and its connections with it.
            return self.give_up();
        };
        // Where the runtime is ending, the task is dropped at once.
        self.is_recovering = true;
        runtime.spawn(async move {
            let recovered = timeout(self.pool.deadline, self.recover()).await;
            if !matches!(recovered, Ok(Ok(()))) {
                self.give_up();
            }
        });
    }

    /// The connection is of no use.
    fn give_up(&mut self) {
        self.is_broken = true;
    }

    /// Brings what is under way to an end.
    async fn recover(&mut self) -> sqlx::Result<()> {
        let connection = match &mut self.held {
            Some(Held::Own(own)) => &mut own.connection,
            Some(Held::Given(connection)) => &mut **connection,
            None => return Ok(()),
        };
        match connection.ping().await {
            // It is what became of the statement that was under way.
            Err(sqlx::Error::Database(_)) => connection.ping().await?,
            pinged => pinged?,
        }
        if self.in_transaction {
            let rollback = SqlStr::from_static("ROLLBACK");
            match E::run(connection, rollback, Vec::new()).await {
                // The transaction may not have begun, or be over.
                Err(error) if Failure::is_of_connection::<E>(&error) => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        self.is_busy = false;
        self.in_transaction = false;
        self.is_recovering = false;
        Ok(())
    }
}

impl<E: Engine> Drop for Lease<E> {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else {
            return;
        };
        if self.is_broken || self.is_recovering {
            match held {
                Held::Own(own) => {
                    drop(own);
                    if self.breaks_others {
                        // Whatever broke it has broken those that were idle at that time too.
                        let idle = std::mem::take(&mut self.pool.state().idle);
                        drop(idle);
                    }
                }
                // Which closes it, and needs no runtime.
                Held::Given(connection) => drop(connection.detach()),
            }
            return;
        }
        if self.is_busy || self.in_transaction {
            let lease = Self {
                pool: Arc::clone(&self.pool),
                held: Some(held),
                permit: self.permit.take(),
                is_busy: true,
                is_broken: false,
                breaks_others: false,
                in_transaction: self.in_transaction,
                is_recovering: false,
                is_sent: Arc::default(),
            };
            lease.recover_in_background();
            return;
        }
        match held {
            Held::Own(own) => {
                self.pool.state().idle.push((own, Instant::now()));
                // Who is told needs it.
                drop(self.permit.take());
                self.pool.returned.notify_one();
            }
            // sqlx gives it back by a task.
            Held::Given(connection) if tokio::runtime::Handle::try_current().is_err() => {
                drop(connection.detach());
            }
            Held::Given(connection) => drop(connection),
        }
    }
}
