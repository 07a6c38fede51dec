//! Mixed traffic while one thing after another goes wrong: what was acknowledged holds, and what
//! is read proves whose it is. `scripts/chaos` runs it for as long as one likes.

mod endings;
mod events;
mod failover;
mod ledger;
mod losses;
mod operations;
mod session;
mod stage;
#[cfg(test)]
mod tests;
mod values;
mod verify;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use session_conformance::differential::Config;
use session_core::{SessionBackend, SessionPolicy};
use session_redis::IdStorage;
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::events::Events;
use self::ledger::{Ledger, locked};
use self::losses::Wrong;
use self::stage::{Stage, Topology};
use self::worker::Worker;
use super::resources::{resident, runtime};
use super::{DEADLINE, Subject};
use crate::RedisServer;
use crate::Target;
use crate::connect::until;
use crate::harness::{Connect, own_prefix};

/// When all faults are over, everything works within this time.
const HEALS: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(10);
/// How many KiB more a process may have at the end than after a quarter of the time.
const GROWS: usize = 64 * 1024;

/// How long, and how much.
struct Extent {
    lasts: Duration,
    /// A fault begins so often, if those before it are over.
    every: Duration,
    workers: u64,
    pause: Duration,
    sessions: usize,
    is_alone: bool,
}

impl Extent {
    /// As `SESSION_CHAOS_SECONDS` says, at full speed; else short, and beside other tests.
    fn from_env() -> Self {
        let seconds = std::env::var("SESSION_CHAOS_SECONDS").ok();
        let is_alone = seconds.is_some();
        let seconds = seconds.map_or(20, |it| {
            it.parse().expect("SESSION_CHAOS_SECONDS is a number")
        });
        Self {
            lasts: Duration::from_secs(seconds),
            every: Duration::from_millis(if is_alone { 2000 } else { 1000 }),
            workers: if is_alone { 48 } else { 8 },
            pause: Duration::from_millis(if is_alone { 0 } else { 20 }),
            sessions: if is_alone { 128 } else { 32 },
            is_alone,
        }
    }
}

/// A server that forgets nothing.
pub async fn standalone(connect: Connect) {
    run(connect, Topology::Standalone).await;
}

/// A Cluster of three masters that forget nothing, whose slots move.
pub async fn cluster(connect: Connect) {
    run(connect, Topology::Cluster).await;
}

/// A primary with two replicas, one of which takes over, again and again.
pub async fn sentinel(connect: Connect) {
    run(connect, Topology::Sentinel).await;
}

async fn run(connect: Connect, topology: Topology) {
    let (seed, extent) = (Config::from_env().seed, Extent::from_env());
    println!("{topology:?}: SESSION_SEED={seed}");
    let mut stage = Stage::start(topology).await;
    let storage = if seed % 2 == 0 {
        IdStorage::Plain
    } else {
        IdStorage::Hashed
    };
    let target = Target {
        storage,
        policy: SessionPolicy::new().without_principal_limit(),
        deadline: DEADLINE,
        credentials: Some(Arc::clone(&stage.credentials) as _),
        ..Target::patient(stage.url.clone(), own_prefix())
    };
    let ledger = Arc::new(Ledger::new());
    let runtime = runtime();
    let subject = runtime.spawn(async move {
        let subject = Subject::of(connect, target);
        while subject.backend.ping().await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
        subject
    });
    let Subject {
        backend,
        admin,
        keys,
    } = subject.await.expect("it connects");
    drop(admin);

    let is_over = Arc::new(AtomicBool::new(false));
    let mut workers = JoinSet::new();
    for n in 0..extent.workers {
        let worker = Worker::new(&backend, &ledger, seed.wrapping_add(n), extent.sessions);
        workers.spawn_on(
            worker.work(Arc::clone(&is_over), extent.pause),
            runtime.handle(),
        );
    }
    let memory = tokio::spawn({
        let (is_over, warm) = (Arc::clone(&is_over), extent.lasts / 4);
        async move {
            sleep(warm).await;
            let (before, mut most) = (resident(), 0);
            while !is_over.load(Relaxed) {
                most = resident().max(most);
                sleep(Duration::from_millis(100)).await;
            }
            (before, most)
        }
    });
    let events = Events::new(&mut stage, &ledger, &keys, seed);
    let ends = Instant::now() + extent.lasts;
    let happened = events.happen(topology, extent.every, ends).await;
    // Whatever runs for the backend runs where its end can be seen.
    let healed = heals(Arc::clone(&backend), Arc::clone(&ledger));
    let healed = runtime.spawn(healed).await.expect("no panic");
    is_over.store(true, Relaxed);
    while let Some(ended) = workers.join_next().await {
        if let Err(error) = ended {
            ledger.violations.add(Wrong("panic", error.to_string()));
        }
    }
    let looks = verify::by_ids(backend, Arc::clone(&ledger));
    let looks = runtime.spawn(looks).await.expect("no panic");
    let stored = verify::by_keys(&stage, keys.prefix().as_str(), &ledger).await;
    leaves_nothing(&runtime, stage.primaries()).await;
    runtime.shutdown_background();

    let (before, most) = memory.await.expect("no panic");
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Relaxed);
    let tally = &ledger.tally;
    let [acknowledged, unknown, not_applied, dropped] = [
        &tally.acknowledged,
        &tally.unknown,
        &tally.not_applied,
        &tally.dropped,
    ]
    .map(count);
    let operations = acknowledged + unknown + not_applied + dropped;
    let violations = ledger.violations.take();
    println!("{happened:?}, healed within {healed:?}, at the end {looks} looks, {stored} sessions");
    println!(
        "| {topology:?} | {operations} | {acknowledged} | {unknown} | {not_applied} | {dropped} | {} | {} | {before} | {most} |",
        happened.values().sum::<usize>(),
        violations.values().map(|it| it.0).sum::<u64>(),
    );
    assert!(
        violations.is_empty(),
        "SESSION_SEED={seed}: {violations:#?}"
    );
    assert!(dropped * 10 >= operations, "too few were dropped");
    // What others do in the same process is not counted here.
    let grown = most.saturating_sub(before);
    assert!(!extent.is_alone || grown <= GROWS, "{grown} KiB more");
}

/// Every session can be used, soon; when the last operation failed.
async fn heals(backend: Arc<dyn SessionBackend>, ledger: Arc<Ledger>) -> Duration {
    let (began, mut healed) = (Instant::now(), Duration::ZERO);
    for session in ledger.live() {
        let id = locked(&session).ids.first().cloned();
        let Some(id) = id else { continue };
        while let Err(error) = backend.get_session(&id).await {
            healed = began.elapsed();
            if healed > HEALS {
                let wrong = Wrong("not healed", format!("{error:?}"));
                ledger.violations.add(wrong);
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }
    healed
}

/// With the backend go its tasks and its connections.
async fn leaves_nothing(runtime: &tokio::runtime::Runtime, servers: &[RedisServer]) {
    until("no tasks", LIMIT, async || {
        let now = runtime.metrics().num_alive_tasks();
        (now == 0).then_some(()).ok_or(now)
    })
    .await;
    for server in servers {
        until("no connections", LIMIT, async || {
            let list: String = server.ask("CLIENT LIST").await;
            (!list.contains(" user=app ")).then_some(()).ok_or(list)
        })
        .await;
    }
}
