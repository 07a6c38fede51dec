//! Constant traffic, and what became of each operation.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use session_core::{
    ConnectionChange, ConnectionObserver, ConnectionState, Effect, SessionBackend, SessionId,
};
use tokio::task::{JoinHandle, JoinSet};

use crate::checks::count;

/// An operation is begun so often, whatever became of those before.
const PACE: Duration = Duration::from_millis(5);

/// An increment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Increment {
    pub(super) began: Instant,
    pub(super) ended: Instant,
    /// That it was counted, or what is known of it.
    pub(super) result: Result<(), Effect>,
}

impl Increment {
    pub(super) fn took(&self) -> Duration {
        self.ended - self.began
    }
}

/// Increments of one session's counter, until told to stop.
pub(super) struct Traffic {
    stop: Arc<AtomicBool>,
    task: JoinHandle<(Vec<Increment>, Duration)>,
}

impl Traffic {
    pub(super) fn start(backend: &Arc<dyn SessionBackend>, id: &SessionId) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(increments(Arc::clone(backend), id.clone(), stop.clone()));
        Self { stop, task }
    }

    /// What became of all of them; and how late the machine was, at the worst, to begin one.
    pub(super) async fn stop(self) -> (Vec<Increment>, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("operations do not panic")
    }
}

async fn increments(
    backend: Arc<dyn SessionBackend>,
    id: SessionId,
    stop: Arc<AtomicBool>,
) -> (Vec<Increment>, Duration) {
    let mut under_way = JoinSet::new();
    let mut pace = tokio::time::interval(PACE);
    let mut latest = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        latest = latest.max(pace.tick().await.elapsed());
        let (backend, id) = (Arc::clone(&backend), id.clone());
        under_way.spawn(async move {
            let began = Instant::now();
            let result = count(&*backend, &id).await;
            let ended = Instant::now();
            let result = result.map_err(|error| error.effect());
            let result = result.map(|views| assert!(views.is_some(), "the session lives"));
            Increment {
                began,
                ended,
                result,
            }
        });
    }
    (under_way.join_all().await, latest)
}

/// The states of the connection to one server, and since when.
#[derive(Debug, Default)]
pub(crate) struct States {
    /// What the endpoint ends with.
    port: u16,
    changes: Mutex<Vec<(Instant, ConnectionState)>>,
}

impl States {
    pub(crate) fn of(port: u16) -> Arc<Self> {
        let changes = Mutex::default();
        Arc::new(Self { port, changes })
    }

    pub(crate) fn since(&self, time: Instant) -> Vec<(Duration, ConnectionState)> {
        let changes = self.changes.lock().expect("not poisoned");
        let changes = changes.iter().filter(|(at, _)| *at >= time);
        changes.map(|(at, state)| (*at - time, *state)).collect()
    }
}

impl ConnectionObserver for States {
    fn connection_changed(&self, change: &ConnectionChange<'_>) {
        if change.endpoint.ends_with(&format!(":{}", self.port)) {
            let mut changes = self.changes.lock().expect("not poisoned");
            changes.push((Instant::now(), change.to));
        }
    }
}

/// So many of a thousand took no longer.
pub(super) fn quantile(mut took: Vec<Duration>, thousandths: usize) -> Option<Duration> {
    took.sort_unstable();
    let at = (took.len() * thousandths / 1000).min(took.len().checked_sub(1)?);
    took.get(at).copied()
}
