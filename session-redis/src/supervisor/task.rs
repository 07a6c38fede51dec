//! The task that does what the machine decides.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::TryRng as _;
use session_core::{AttemptOutcome, Effect, Error, ErrorKind, Result};
use tokio::time::{Instant, sleep_until};

use super::contact::{Contact, probe};
use super::lease::Live;
use super::machine::{Decision, Event, Machine, State};
use super::{Shared, Slot};
use crate::connection::{Connect, Connection, PushSink};
use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::near::Tracking;
use crate::server_error::ServerError;

/// The longest pause between two attempts where sentinels say where the primary is: how long nobody
/// knows that it is another one.
const LONGEST_PAUSE_OF_SENTINELS: Duration = Duration::from_millis(250);

/// A fresh connection to a server that can be used.
struct Made<T> {
    connection: T,
    contact: Contact,
    endpoint: Endpoint,
    tracking: Option<Arc<Tracking>>,
}

type Making<T> = Pin<Box<dyn Future<Output = Result<Made<T>>> + Send>>;
type Probed = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Supervises until it is aborted, or its runtime ends.
pub(super) async fn run<C: Connect>(shared: Arc<Shared<C>>) {
    let mut machine = Machine::new(shared.how.deadline, shared.now());
    if shared.how.sentinels.is_some() {
        machine = machine.with_longest_pause(LONGEST_PAUSE_OF_SENTINELS);
    }
    let shown = shared.endpoint.clone();
    let mut task = Task {
        shared,
        machine,
        live: None,
        attempt: None,
        attempted: Instant::now(),
        made: None,
        probe: None,
        failure: None,
        number: 0,
        is_observed: false,
        shown,
    };
    let mut event = Event::Tick;
    loop {
        task.handle(event);
        event = task.next_event().await;
    }
}

struct Task<C: Connect> {
    shared: Arc<Shared<C>>,
    machine: Machine,
    live: Option<Arc<Live<C::Connection>>>,
    attempt: Option<Making<C::Connection>>,
    /// When the last attempt began.
    attempted: Instant,
    /// What the last attempt has made, until the machine has decided about it.
    made: Option<Made<C::Connection>>,
    probe: Option<Probed>,
    /// Why the last attempt failed.
    failure: Option<Arc<Error>>,
    /// Of the connection.
    number: u64,
    /// The server that is supervised; where sentinels name it, the last that was connected to.
    shown: Endpoint,
    /// Whether an observer was told of a state of that one.
    is_observed: bool,
}

/// Tells the operations that nobody supervises any more, however that came.
impl<C: Connect> Drop for Task<C> {
    fn drop(&mut self) {
        self.shared.publish(Slot::Idle);
        self.shared.observe_end(&self.shown, self.machine.state());
    }
}

impl<C: Connect> Task<C> {
    async fn next_event(&mut self) -> Event {
        let wake_at = self.shared.news.epoch + self.machine.wake_at();
        tokio::select! {
            // What is known of the old connection comes before a fresh one.
            biased;
            () = closed(self.live.as_deref()) => Event::Closed,
            reply = ready(&mut self.probe) => {
                self.probe = None;
                self.probed(reply)
            }
            made = ready(&mut self.attempt) => {
                self.attempt = None;
                match made {
                    Ok(made) => {
                        let outcome = AttemptOutcome::Connected(&made.contact.facts);
                        let took = self.attempted.elapsed();
                        self.shared.observe_attempt(&made.endpoint, outcome, took);
                        let is_writable = made.contact.is_writable;
                        self.made = Some(made);
                        Event::Connected { is_writable }
                    }
                    Err(error) => {
                        self.attempt_ended(AttemptOutcome::Failed(&error));
                        self.failure = Some(Arc::new(error));
                        Event::AttemptFailed
                    }
                }
            }
            () = self.shared.news.notify.notified() => self.news(),
            () = sleep_until(wake_at) => Event::Tick,
        }
    }

    /// What the reply to a probe says. A connection that fails says it by closing.
    fn probed(&mut self, reply: Result<()>) -> Event {
        let Some(live) = &self.live else {
            return Event::Tick;
        };
        match reply {
            Ok(()) => {
                live.note_write(self.shared.now());
                Event::ProbeReplied
            }
            Err(error) => match ServerError::of(&error) {
                Some(server) => {
                    if server.refuses_writes() {
                        self.shared.news.report_refused_write(live.number);
                    }
                    Event::ProbeReplied
                }
                None => Event::Tick,
            },
        }
    }

    fn news(&self) -> Event {
        if self.shared.news.is_moved.swap(false, Ordering::Relaxed) && self.live.is_some() {
            self.shared.news.notify.notify_one();
            return Event::Closed;
        }
        let is_of_now = |number| self.live.as_ref().is_some_and(|live| live.number == number);
        if is_of_now(self.shared.news.silent.swap(0, Ordering::Relaxed)) {
            // Both may have come.
            self.shared.news.notify.notify_one();
            return Event::Silence;
        }
        match is_of_now(self.shared.news.refusing.swap(0, Ordering::Relaxed)) {
            // It is the primary no more: the sentinels know which is.
            true if self.shared.how.sentinels.is_some() => Event::Closed,
            true => Event::WriteRefused,
            false => Event::Tick,
        }
    }

    fn handle(&mut self, event: Event) {
        let now = self.shared.now();
        if event == Event::Closed {
            self.live = None;
            self.probe = None;
            self.shared.use_primary(None);
        }
        if let Some(live) = &self.live {
            self.machine.note(live.received(), live.written());
        }
        let before = self.machine.state();
        let decisions = self.machine.handle(event, now, random());
        let mut is_news = event == Event::AttemptFailed || decisions.contains(&Decision::Use);
        for decision in decisions {
            match decision {
                Decision::EndAttempt => {
                    // Still under way: it took too long, or is not needed any more.
                    match (self.attempt.take(), self.machine.state()) {
                        (None, _) => {}
                        (Some(_), State::Up) => self.attempt_ended(AttemptOutcome::NotNeeded),
                        (Some(_), _) => {
                            let error = no_reply();
                            self.attempt_ended(AttemptOutcome::Failed(&error));
                            self.failure = Some(Arc::new(error));
                            is_news = true;
                        }
                    }
                }
                Decision::Attempt => {
                    self.attempted = Instant::now();
                    self.attempt = Some(Box::pin(attempt(Arc::clone(&self.shared))));
                }
                Decision::Use => self.use_made(before),
                Decision::Probe => {
                    self.probe = self.live.as_ref().map(|live| probed(&live.connection));
                }
            }
        }
        self.made = None;
        let after = self.machine.state();
        if before != after || is_news {
            self.publish(before, after);
        }
    }

    /// One that has made no connection.
    fn attempt_ended(&self, outcome: AttemptOutcome<'_>) {
        let took = self.attempted.elapsed();
        self.shared.observe_attempt(&self.shown, outcome, took);
    }

    fn use_made(&mut self, before: State) {
        let Some(made) = self.made.take() else {
            return;
        };
        let Made {
            connection,
            contact,
            endpoint,
            tracking,
        } = made;
        if endpoint != self.shown {
            if self.is_observed {
                self.shared.observe_end(&self.shown, before);
                self.is_observed = false;
            }
            self.shown = endpoint.clone();
        }
        self.shared.use_primary(Some(endpoint));
        self.number += 1;
        let (news, now) = (Arc::clone(&self.shared.news), self.shared.now());
        if let Some(tracking) = &tracking {
            let is_node = self.shared.how.expected.is_cluster();
            tracking.begin(connection.clone(), self.shared.before(), is_node);
        }
        let has_near_cache = tracking.is_some();
        let live = Live::new(connection, contact, self.number, tracking, news, now);
        let live = Arc::new(live);
        if has_near_cache {
            self.shared.note_used(&live);
        }
        self.live = Some(live);
        self.probe = None;
        self.failure = None;
    }

    fn publish(&mut self, before: State, after: State) {
        match (after, &self.live) {
            (State::Up | State::Suspect, Some(live)) => {
                self.shared.publish(Slot::Usable(Arc::clone(live)));
            }
            (State::Down, _) => {
                let why = self.failure.get_or_insert_with(|| Arc::new(no_reply()));
                self.shared.publish(Slot::Down(Arc::clone(why)));
            }
            _ => self.shared.publish(Slot::Connecting),
        }
        // Of a server that was not observed yet nothing was said before.
        let before = if self.is_observed {
            before
        } else {
            State::Connecting
        };
        if before != after {
            let why = self.failure.as_deref().filter(|_| after == State::Down);
            self.shared.observe(&self.shown, before, after, why);
            self.is_observed = true;
        }
    }
}

/// One attempt: a connection to a server that can be used. The machine ends it when it takes too
/// long.
async fn attempt<C: Connect>(shared: Arc<Shared<C>>) -> Result<Made<C::Connection>> {
    let Some(sentinels) = &shared.how.sentinels else {
        let endpoint = shared.endpoint.clone();
        return connected(&shared, endpoint).await;
    };
    loop {
        let primary = sentinels.primary().await?;
        shared.note_primary(&primary);
        tokio::select! {
            made = connected(&shared, primary.clone()) => {
                let made = made?;
                if !made.contact.is_writable {
                    // What the sentinels say is late, or the server is.
                    let error = Error::new(ErrorKind::Unavailable, Effect::NotApplied);
                    return Err(error.with_source(NotPrimary));
                }
                // A former primary that has come back takes writes until it is told.
                if sentinels.primary().await? == primary {
                    return Ok(made);
                }
            }
            // It may be connected to and never reply.
            () = sentinels.other_than(&primary) => {}
        }
    }
}

async fn connected<C: Connect>(
    shared: &Shared<C>,
    endpoint: Endpoint,
) -> Result<Made<C::Connection>> {
    let how = &shared.how;
    let credentials = match &how.credentials {
        Some(provider) => provider.credentials(&endpoint).await?,
        None => Credentials::default(),
    };
    let tracking = how.near.as_ref().map(Tracking::new);
    let pushes = tracking
        .as_ref()
        .map_or_else(PushSink::ignore, Tracking::sink);
    let connecting = how.connect.connect(&endpoint, &credentials, pushes);
    let connection = connecting.await?;
    let contact = how.expected.check(&connection).await?;
    Ok(Made {
        connection,
        contact,
        endpoint,
        tracking,
    })
}

fn probed<T: Connection>(connection: &T) -> Probed {
    let connection = connection.clone();
    Box::pin(async move { probe(&connection).await })
}

async fn closed<T: Connection>(live: Option<&Live<T>>) {
    match live {
        Some(live) => live.connection.closed().await,
        None => std::future::pending().await,
    }
}

/// The output of a future, if there is one.
async fn ready<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// A random number of `0.0..1.0`, so that processes that lost one server do not come back in step.
fn random() -> f64 {
    let drawn = rand::rngs::SysRng.try_next_u32().unwrap_or(u32::MAX / 2);
    f64::from(drawn) / (f64::from(u32::MAX) + 1.0)
}

/// The sentinels name a server that takes no writes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the sentinels name a server that is a replica")]
struct NotPrimary;

fn no_reply() -> Error {
    Error::new(ErrorKind::Timeout, Effect::NotApplied).with_source(NoReply)
}

/// The server accepts, or the network swallows, and nothing comes back.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the server does not reply")]
struct NoReply;
