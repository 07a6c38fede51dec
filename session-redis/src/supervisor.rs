//! The connection to one server, supervised.
//!
//! Operations never connect: they take what there is. One task per endpoint connects, probes and
//! replaces, as the [machine](machine) decides.

mod contact;
mod lease;
mod machine;
mod task;

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use session_core::{
    AttemptOutcome, ConnectionAttempt, ConnectionChange, ConnectionObserver, ConnectionState,
    Effect, Error, ErrorKind, Result,
};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use self::contact::Expected;
pub(crate) use self::contact::{near_probe, write_probe};
pub(crate) use self::lease::Lease;
use self::lease::Live;
use self::machine::State;
use crate::connection::Connect;
use crate::credentials::CredentialsProvider;
use crate::endpoint::Endpoint;
use crate::info::Mode;
use crate::near::{Near, Tracking};
use crate::sentinel::Sentinels;
use crate::settings::Settings;

/// How long after the last successful write a refusal for want of a master counts as passing.
const DEMOTION: Duration = Duration::from_secs(2);

/// How the servers of a backend are supervised.
pub(crate) struct Supervision<C: Connect> {
    connect: C,
    /// Who says where the server is, if its endpoint does not.
    sentinels: Option<Sentinels<C>>,
    expected: Expected,
    deadline: Duration,
    credentials: Option<Arc<dyn CredentialsProvider>>,
    observer: Option<Arc<dyn ConnectionObserver>>,
    /// Of the backend whose servers these are.
    near: Option<Arc<Near>>,
    /// Connections to servers that are supervised no more, while operations hold them.
    left: Mutex<Vec<Used<C>>>,
}

/// A connection that is or was used, to a server whose sessions a near cache keeps.
type Used<C> = Weak<Live<<C as Connect>::Connection>>;

impl<C: Connect> Supervision<C> {
    /// Of servers of this mode, with these settings.
    pub(crate) fn new(connect: C, mode: Mode, settings: &Settings) -> Arc<Self> {
        Self::with_sentinels(connect, None, mode, settings)
    }

    /// Of the primary that these sentinels name.
    pub(crate) fn with_sentinels(
        connect: C,
        sentinels: Option<Sentinels<C>>,
        mode: Mode,
        settings: &Settings,
    ) -> Arc<Self> {
        Arc::new(Self {
            connect,
            sentinels,
            expected: Expected::new(mode, settings),
            deadline: settings.deadline,
            credentials: settings.credentials.clone(),
            observer: settings.observer.clone(),
            near: settings
                .near_cache
                .map(|near| Near::new(near, settings.observer.clone())),
            left: Mutex::default(),
        })
    }

    pub(crate) fn near(&self) -> Option<&Arc<Near>> {
        self.near.as_ref()
    }
}

/// The supervisor of the connection to one server.
pub(crate) struct Supervisor<C: Connect> {
    shared: Arc<Shared<C>>,
    /// Held while the task is started.
    task: Mutex<Option<AbortHandle>>,
}

/// What the operations, the task and its guard share.
struct Shared<C: Connect> {
    how: Arc<Supervision<C>>,
    endpoint: Endpoint,
    news: Arc<News>,
    /// Where the connection that is used leads, where sentinels say it.
    primary: Mutex<Option<Endpoint>>,
    slot: ArcSwap<Slot<C::Connection>>,
    /// The connections that there were, while operations hold them.
    used: Mutex<Vec<Used<C>>>,
    /// Changes with the slot.
    changed: watch::Sender<()>,
}

/// What the task is told, by operations and sentinels.
struct News {
    /// All times are since this.
    epoch: Instant,
    /// There is something.
    notify: Notify,
    /// The numbers of the connections that are silent, and that lead to a server that takes no
    /// writes; zero for none.
    silent: AtomicU64,
    refusing: AtomicU64,
    /// The sentinels have named another primary than the one that is connected to.
    is_moved: AtomicBool,
}

/// What an operation finds.
enum Slot<T> {
    /// There is no task: none was started yet, or its runtime has ended.
    Idle,
    /// The first attempt after a loss is under way.
    Connecting,
    Usable(Arc<Live<T>>),
    Down(Arc<Error>),
}

impl<C: Connect> Supervisor<C> {
    /// Of the connection to this endpoint. Connects when it is first used.
    pub(crate) fn new(how: Arc<Supervision<C>>, endpoint: Endpoint) -> Self {
        Self {
            shared: Arc::new(Shared {
                how,
                endpoint,
                news: Arc::new(News {
                    epoch: Instant::now(),
                    notify: Notify::new(),
                    silent: AtomicU64::new(0),
                    refusing: AtomicU64::new(0),
                    is_moved: AtomicBool::new(false),
                }),
                primary: Mutex::default(),
                slot: ArcSwap::from_pointee(Slot::Idle),
                used: Mutex::default(),
                changed: watch::Sender::new(()),
            }),
            task: Mutex::new(None),
        }
    }

    /// The connection, for one round trip or several.
    ///
    /// # Errors
    /// There is none before the deadline, or too many operations wait for its replies: nothing was
    /// sent.
    pub(crate) async fn lease(&self, deadline: Instant) -> Result<Lease<C>> {
        self.lease_after(None, deadline).await
    }

    /// The same; but not this connection, which has closed.
    pub(crate) async fn lease_after(
        &self,
        closed: Option<&Lease<C>>,
        deadline: Instant,
    ) -> Result<Lease<C>> {
        match self.known(closed) {
            Some(known) => known,
            // Rare: it is boxed, so that an operation is small to move.
            None => Box::pin(self.wait(closed, deadline)).await,
        }
    }

    /// Whether a script may only touch the keys of one slot, as first contact with the server that
    /// is used has found.
    ///
    /// # Errors
    /// As [`lease`](Self::lease).
    pub(crate) async fn has_one_slot_scripts(&self, deadline: Instant) -> Result<bool> {
        if let Slot::Usable(live) = &**self.shared.slot.load() {
            return Ok(live.contact.has_one_slot_scripts);
        }
        let lease = self.lease(deadline).await?;
        Ok(lease.contact().has_one_slot_scripts)
    }

    async fn wait(&self, closed: Option<&Lease<C>>, deadline: Instant) -> Result<Lease<C>> {
        let mut changed = self.shared.changed.subscribe();
        let waiting = async {
            loop {
                changed.mark_unchanged();
                if let Some(known) = self.known(closed) {
                    return known;
                }
                // The sender is this supervisor's own.
                if changed.changed().await.is_err() {
                    return Err(not_sent(ErrorKind::Unavailable));
                }
            }
        };
        let in_time = timeout_at(deadline, waiting).await;
        in_time.unwrap_or_else(|_| Err(not_sent(ErrorKind::Timeout)))
    }

    /// What an operation can do at once; nothing if it has to wait.
    fn known(&self, closed: Option<&Lease<C>>) -> Option<Result<Lease<C>>> {
        match &**self.shared.slot.load() {
            Slot::Usable(live) if closed.is_some_and(|closed| closed.is_of(live)) => None,
            Slot::Usable(live) => Some(Lease::new(live)),
            Slot::Down(why) => Some(Err(
                not_sent(why.kind()).with_source(NotConnected(Arc::clone(why)))
            )),
            Slot::Connecting => None,
            Slot::Idle => {
                self.start();
                None
            }
        }
    }

    /// What the connection that is used has to do with the near cache.
    pub(crate) fn tracking(&self) -> Option<Arc<Tracking>> {
        self.shared.how.near.as_ref()?;
        match &**self.shared.slot.load() {
            Slot::Usable(live) => live.tracking.clone(),
            _ => None,
        }
    }

    pub(crate) fn near(&self) -> Option<&Arc<Near>> {
        self.shared.how.near()
    }

    /// What this supervises: the server, or the primary as far as it is known.
    pub(crate) fn shown(&self) -> Endpoint {
        let primary = self.shared.primary.lock();
        let primary = primary.unwrap_or_else(PoisonError::into_inner);
        primary.as_ref().unwrap_or(&self.shared.endpoint).clone()
    }

    /// Whether a server that refuses writes may have been demoted just now, which soon shows.
    pub(crate) fn took_writes_lately(&self) -> bool {
        match &**self.shared.slot.load() {
            Slot::Usable(live) => {
                let written = live.written();
                !written.is_zero() && self.shared.now().saturating_sub(written) <= DEMOTION
            }
            _ => false,
        }
    }

    /// Starts the task, at the first use and when the runtime that it ran on has ended.
    fn start(&self) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(**self.shared.slot.load(), Slot::Idle) {
            self.shared.publish(Slot::Connecting);
            let running = tokio::spawn(task::run(Arc::clone(&self.shared)));
            *task = Some(running.abort_handle());
        }
    }
}

impl News {
    fn since_epoch(&self, time: Instant) -> Duration {
        time.saturating_duration_since(self.epoch)
    }

    /// The connection of this number is silent.
    fn report_silence(&self, number: u64) {
        self.silent.store(number, Ordering::Relaxed);
        self.notify.notify_one();
    }

    /// The connection of this number leads to a server that takes no writes.
    fn report_refused_write(&self, number: u64) {
        self.refusing.store(number, Ordering::Relaxed);
        self.notify.notify_one();
    }
}

impl<C: Connect> Shared<C> {
    fn publish(&self, slot: Slot<C::Connection>) {
        self.slot.store(Arc::new(slot));
        self.changed.send_replace(());
    }

    fn now(&self) -> Duration {
        self.news.since_epoch(Instant::now())
    }

    /// The connections that operations may still hold, of this server and of those that are
    /// supervised no more: it may be one of them by another name.
    fn before(&self) -> Vec<Weak<dyn Any + Send + Sync>> {
        let mut before: Vec<Weak<dyn Any + Send + Sync>> = Vec::new();
        for list in [&self.used, &self.how.left] {
            let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
            list.retain(|it| it.strong_count() > 0);
            before.extend(
                list.iter()
                    .map(|it| it.clone() as Weak<dyn Any + Send + Sync>),
            );
        }
        before
    }

    fn note_used(&self, live: &Arc<Live<C::Connection>>) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.push(Arc::downgrade(live));
    }

    /// The sentinels name this primary.
    fn note_primary(&self, named: &Endpoint) {
        let primary = self.primary.lock().unwrap_or_else(PoisonError::into_inner);
        if primary.as_ref().is_some_and(|used| used != named) {
            self.news.is_moved.store(true, Ordering::Relaxed);
            self.news.notify.notify_one();
        }
    }

    /// The connection that is used from now on leads there.
    fn use_primary(&self, endpoint: Option<Endpoint>) {
        *self.primary.lock().unwrap_or_else(PoisonError::into_inner) = endpoint;
        self.news.is_moved.store(false, Ordering::Relaxed);
    }

    fn observe_attempt(&self, endpoint: &Endpoint, outcome: AttemptOutcome<'_>, took: Duration) {
        if let Some(observer) = &self.how.observer {
            let endpoint = endpoint.to_string();
            observer.connection_attempted(&ConnectionAttempt::new(&endpoint, outcome, took));
        }
    }

    /// Nobody keeps the connection to this server up any longer.
    fn observe_end(&self, endpoint: &Endpoint, from: State) {
        if let Some(observer) = &self.how.observer {
            let endpoint = endpoint.to_string();
            let closed = ConnectionState::Closed;
            let change = ConnectionChange::new(&endpoint, public(from), closed, None);
            observer.connection_changed(&change);
        }
    }

    fn observe(&self, endpoint: &Endpoint, from: State, to: State, why: Option<&Error>) {
        match (to, why) {
            // Somebody has to do something.
            (State::Down, Some(why))
                if matches!(why.kind(), ErrorKind::Config | ErrorKind::Denied) =>
            {
                tracing::error!(
                    server = %endpoint,
                    reason = %NotConnected::reason(why),
                    "the session store cannot be used"
                );
            }
            (State::Down, why) => tracing::warn!(
                server = %endpoint,
                reason = why.map(|why| NotConnected::reason(why).to_string()),
                "the session store cannot be reached"
            ),
            (State::Up, _) if from == State::Down => {
                tracing::info!(server = %endpoint, "the session store can be reached again");
            }
            _ => tracing::debug!(server = %endpoint, ?from, ?to, "connection"),
        }
        if let Some(observer) = &self.how.observer {
            let endpoint = endpoint.to_string();
            let change = ConnectionChange::new(&endpoint, public(from), public(to), why);
            observer.connection_changed(&change);
        }
    }
}

fn public(state: State) -> ConnectionState {
    match state {
        State::Connecting => ConnectionState::Connecting,
        State::Up => ConnectionState::Up,
        State::Suspect => ConnectionState::Suspect,
        State::Down => ConnectionState::Down,
    }
}

impl<C: Connect> Drop for Supervisor<C> {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task {
            task.abort();
        }
        let mut used = self
            .shared
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut left = self
            .shared
            .how
            .left
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        left.retain(|it| it.strong_count() > 0);
        left.append(&mut used);
    }
}

impl<C: Connect> fmt::Debug for Supervisor<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &**self.shared.slot.load() {
            Slot::Idle => "idle",
            Slot::Connecting => "connecting",
            Slot::Usable(_) => "up",
            Slot::Down(_) => "down",
        };
        f.debug_struct("Supervisor")
            .field("endpoint", &self.shared.endpoint)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

/// There is no connection; its source says why, for each operation that finds none.
struct NotConnected(Arc<Error>);

impl NotConnected {
    fn reason(error: &Error) -> &(dyn std::error::Error + 'static) {
        std::error::Error::source(error).unwrap_or(error)
    }
}

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not connected")
    }
}

impl fmt::Debug for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(Self::reason(&self.0), f)
    }
}

impl std::error::Error for NotConnected {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(Self::reason(&self.0))
    }
}

fn not_sent(kind: ErrorKind) -> Error {
    Error::new(kind, Effect::NotApplied)
}
