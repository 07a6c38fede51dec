//! The connection to one server, kept up.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::TryRng as _;
use session_core::{Effect, Error, ErrorKind, Result};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::command::Command;
use crate::connection::{Connect, Connection, PushSink};
use crate::endpoint::Endpoint;
use crate::send::ask;
use crate::version;

/// The longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// The first; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// The connection to one server: made when it is first needed, and again whenever it has closed.
///
/// One task makes it; operations never do. They wait for the first attempt after a loss, and fail at once
/// while the last attempt has failed.
pub(crate) struct Link<C: Connect> {
    shared: Arc<Shared<C>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Shared<C: Connect> {
    connect: Arc<C>,
    endpoint: Endpoint,
    /// How long an attempt may take.
    limit: Duration,
    state: watch::Sender<State<C::Connection>>,
}

/// What is known of the server.
enum State<T> {
    /// An attempt is under way, the first or the one right after a loss.
    Connecting,
    Up(T),
    /// The last attempt failed. The next one follows by itself.
    Down(Arc<Error>),
}

/// Why the last attempt to connect failed, for each operation that meets it: says what that error's source says.
#[derive(Clone)]
struct NotConnected(Arc<Error>);

impl NotConnected {
    fn why(&self) -> &(dyn std::error::Error + 'static) {
        std::error::Error::source(&*self.0).unwrap_or(&*self.0)
    }
}

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.why(), f)
    }
}

impl fmt::Debug for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.why(), f)
    }
}

impl std::error::Error for NotConnected {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.why().source()
    }
}

impl<C: Connect> Link<C> {
    /// To this server. Attempts to connect take this long at most.
    pub(crate) fn new(connect: Arc<C>, endpoint: Endpoint, limit: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                connect,
                endpoint,
                limit,
                state: watch::Sender::new(State::Connecting),
            }),
            task: Mutex::new(None),
        }
    }

    /// The connection.
    ///
    /// # Errors
    /// There is none before the deadline: nothing was sent.
    pub(crate) async fn connection(&self, deadline: Instant) -> Result<C::Connection> {
        self.keep_up();
        if let Some(known) = known(&self.shared.state.borrow()) {
            return known;
        }
        let mut state = self.shared.state.subscribe();
        let waiting = async {
            loop {
                if let Some(known) = known(&state.borrow_and_update()) {
                    return known;
                }
                // The sender is this link's own.
                if state.changed().await.is_err() {
                    return Err(not_sent(ErrorKind::Unavailable));
                }
            }
        };
        let in_time = timeout_at(deadline, waiting).await;
        in_time.unwrap_or_else(|_| Err(not_sent(ErrorKind::Timeout)))
    }

    /// Starts the task, if it does not run: at the first use, and when the runtime that it ran on has ended.
    fn keep_up(&self) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.as_ref().is_none_or(JoinHandle::is_finished) {
            self.shared.state.send_replace(State::Connecting);
            *task = Some(tokio::spawn(keep_up(Arc::clone(&self.shared))));
        }
    }
}

impl<C: Connect> Drop for Link<C> {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task {
            task.abort();
        }
    }
}

impl<C: Connect> fmt::Debug for Link<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Link").field(&self.shared.endpoint).finish()
    }
}

/// What an operation can do at once; nothing if it has to wait.
fn known<T: Clone>(state: &State<T>) -> Option<Result<T>> {
    match state {
        State::Connecting => None,
        State::Up(connection) => Some(Ok(connection.clone())),
        State::Down(why) => Some(Err(
            not_sent(why.kind()).with_source(NotConnected(Arc::clone(why)))
        )),
    }
}

async fn keep_up<C: Connect>(shared: Arc<Shared<C>>) {
    loop {
        let mut pause = FIRST_PAUSE;
        let connection = loop {
            match attempt(&shared).await {
                Ok(connection) => break connection,
                Err(error) => {
                    shared.state.send_replace(State::Down(Arc::new(error)));
                }
            }
            tokio::time::sleep(part_of(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        shared.state.send_replace(State::Up(connection.clone()));
        connection.closed().await;
        shared.state.send_replace(State::Connecting);
    }
}

/// One attempt: a connection to a server that can be used.
async fn attempt<C: Connect>(shared: &Shared<C>) -> Result<C::Connection> {
    let deadline = Instant::now() + shared.limit;
    let connecting = async {
        let sink = PushSink::ignore();
        let connection = shared.connect.connect(&shared.endpoint, sink).await?;
        let info = Command::new("INFO", Some("server"));
        version::check(ask(&connection, info, deadline).await)?;
        Ok(connection)
    };
    let in_time = timeout_at(deadline, connecting).await;
    in_time.unwrap_or_else(|_| Err(not_sent(ErrorKind::Timeout)))
}

/// A random part of a pause, so that processes that lost one server do not come back in step.
fn part_of(pause: Duration) -> Duration {
    let random = rand::rngs::SysRng.try_next_u32().unwrap_or(u32::MAX / 2);
    pause.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

fn not_sent(kind: ErrorKind) -> Error {
    Error::new(kind, Effect::NotApplied)
}
