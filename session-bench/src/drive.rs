//! How cases are driven: so many tasks at once, for a window of time, one case after the other and
//! round after round.

use std::collections::HashMap;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use session_redis_test::RedisServer;

use crate::histogram::Histogram;
use crate::process::{children, cpu_time};
use crate::results::{Measurement, Results, Round, Server};

/// What goes wrong here ends the run, or is counted.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;
/// Something that can fail.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;
type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a case does again and again.
pub(crate) trait Op: Send + Sync + 'static {
    /// Does it once; `n` is a random number that chooses the session.
    fn run(&self, n: usize) -> impl Future<Output = Outcome> + Send;

    /// What else happens after each: it takes time and costs, but is no operation.
    fn beside(&self, _n: usize) -> impl Future<Output = Outcome> + Send {
        async { Ok(()) }
    }
}

/// How a case is driven.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) in_flight: usize,
    pub(crate) length: Duration,
    /// A task looks at the clock once in so many operations: more than 1 where an operation takes
    /// no longer than the look.
    pub(crate) timed_every: u32,
}

/// What was seen in a window.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) ops: u64,
    pub(crate) elapsed: Duration,
    pub(crate) latencies: Histogram,
    pub(crate) errors: u64,
}

/// A case by its name.
pub(crate) struct Case {
    pub(crate) name: String,
    drive: Box<dyn Fn(Window) -> Boxed<'static, Outcome<Seen>> + Send + Sync>,
}

impl Case {
    pub(crate) fn new(name: impl Into<String>, op: impl Op) -> Self {
        let op = Arc::new(op);
        Self {
            name: name.into(),
            drive: Box::new(move |window| Box::pin(drive(Arc::clone(&op), window))),
        }
    }
}

impl Case {
    /// Drives it for one window.
    pub(crate) async fn drive(&self, window: Window) -> Outcome<Seen> {
        (self.drive)(window).await
    }
}

/// Drives one case for one window.
pub(crate) async fn drive<O: Op>(op: Arc<O>, window: Window) -> Outcome<Seen> {
    let begin = Instant::now();
    let tasks = (0..window.in_flight).map(|task| {
        let op = Arc::clone(&op);
        tokio::spawn(async move { one_task(&*op, window, begin, task as u64).await })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut seen = Seen {
        ops: 0,
        elapsed: Duration::ZERO,
        latencies: Histogram::new(),
        errors: 0,
    };
    for task in tasks {
        let (ops, errors, latencies) = task.await?;
        seen.ops += ops;
        seen.errors += errors;
        seen.latencies.add(&latencies);
    }
    seen.elapsed = begin.elapsed();
    Ok(seen)
}

async fn one_task<O: Op>(
    op: &O,
    window: Window,
    begin: Instant,
    task: u64,
) -> (u64, u64, Histogram) {
    let mut random = Random::new(task);
    let mut latencies = Histogram::new();
    let (mut ops, mut errors) = (0, 0);
    let end = begin + window.length;
    loop {
        let mut failed = 0;
        for _ in 1..window.timed_every {
            let n = random.next();
            failed += u64::from(op.run(n).await.is_err());
            errors += u64::from(op.beside(n).await.is_err());
            // Operations in memory never wait: without this the first tasks would let none in.
            tokio::task::coop::consume_budget().await;
        }
        let n = random.next();
        let start = Instant::now();
        failed += u64::from(op.run(n).await.is_err());
        let now = Instant::now();
        latencies.record(now - start);
        errors += u64::from(op.beside(n).await.is_err());
        ops += u64::from(window.timed_every) - failed;
        errors += failed;
        if now >= end {
            return (ops, errors, latencies);
        }
        tokio::task::coop::consume_budget().await;
    }
}

/// Xorshift: which session is next.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0)
    }
}

/// The servers of a group, whose cost is read beside the rate.
#[derive(Default)]
pub(crate) struct Servers {
    pids: Vec<u32>,
    connections: Vec<MultiplexedConnection>,
    /// Whose children count, too: those that they have at that time.
    parents: Vec<u32>,
    /// What these had used when they were last looked at, and what all had used together.
    children: HashMap<u32, Duration>,
    of_children: Duration,
}

/// What servers have used so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    cpu: Duration,
    commands: f64,
    bytes_in: f64,
    bytes_out: f64,
}

impl Servers {
    pub(crate) async fn of(servers: &[&RedisServer]) -> Self {
        let mut these = Self::default();
        for server in servers {
            these.pids.push(server.pid());
            these.connections.push(server.connection().await);
        }
        these
    }

    /// A server that has a process for each client.
    pub(crate) fn with_children_of(parent: u32) -> Self {
        Self {
            parents: vec![parent],
            ..Self::default()
        }
    }

    pub(crate) async fn used(&mut self) -> Outcome<Used> {
        let mut used = Used::default();
        for connection in &mut self.connections {
            let info: String = redis::cmd("INFO")
                .arg("stats")
                .query_async(connection)
                .await?;
            let field = |name: &str| {
                let value = info.lines().find_map(|line| line.strip_prefix(name));
                value.and_then(|it| it.parse().ok()).unwrap_or(0.0)
            };
            used.commands += field("total_commands_processed:");
            used.bytes_in += field("total_net_input_bytes:");
            used.bytes_out += field("total_net_output_bytes:");
        }
        used.cpu = cpu_time(&self.pids);
        let children = self.parents.iter().flat_map(|parent| children(*parent));
        let children: HashMap<_, _> = children.map(|pid| (pid, cpu_time(&[pid]))).collect();
        for (pid, time) in &children {
            let before = self.children.get(pid).copied().unwrap_or_default();
            self.of_children += time.saturating_sub(before);
        }
        // One that has ended takes with it what it used since the last look.
        self.children = children;
        used.cpu += self.of_children;
        Ok(used)
    }
}

impl Used {
    /// What has been used since then, for each of so many operations.
    pub(crate) fn since(self, before: Self, ops: f64) -> Server {
        Server {
            cpu_us: micros_per(self.cpu.saturating_sub(before.cpu), ops),
            commands: (self.commands - before.commands) / ops,
            bytes_in: (self.bytes_in - before.bytes_in) / ops,
            bytes_out: (self.bytes_out - before.bytes_out) / ops,
        }
    }
}

pub(crate) fn micros_per(time: Duration, ops: f64) -> f64 {
    time.as_secs_f64() * 1e6 / ops
}

/// What is driven: a group's name, the setting, how, and how many rounds.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) group: &'static str,
    pub(crate) setting: String,
    pub(crate) window: Window,
    pub(crate) rounds: usize,
}

/// Drives each case once in each round, after a first short one that does not count.
pub(crate) async fn interleave(
    plan: &Plan,
    cases: &[Case],
    mut servers: Option<&mut Servers>,
    results: &mut Results,
) -> Outcome {
    let warm_up = Window {
        length: plan.window.length / 10,
        ..plan.window
    };
    for case in cases {
        let seen = (case.drive)(warm_up).await?;
        if seen.ops == 0 {
            return Err(format!("{}: all {} operations failed", case.name, seen.errors).into());
        }
    }
    let mut rounds = vec![Vec::new(); cases.len()];
    let me = [std::process::id()];
    for _ in 0..plan.rounds {
        for (case, rounds) in cases.iter().zip(&mut rounds) {
            let before = match &mut servers {
                Some(servers) => Some(servers.used().await?),
                None => None,
            };
            let client = cpu_time(&me);
            let seen = (case.drive)(plan.window).await?;
            let client = cpu_time(&me).saturating_sub(client);
            let ops = seen.ops.max(1) as f64;
            let server = match (&mut servers, before) {
                (Some(servers), Some(before)) => Some(servers.used().await?.since(before, ops)),
                _ => None,
            };
            rounds.push(Round {
                ops_per_s: seen.ops as f64 / seen.elapsed.as_secs_f64(),
                p50_us: seen.latencies.quantile_us(0.5),
                p99_us: seen.latencies.quantile_us(0.99),
                p999_us: seen.latencies.quantile_us(0.999),
                max_us: seen.latencies.max_us(),
                client_cpu_us: micros_per(client, ops),
                server,
                errors: seen.errors,
            });
        }
    }
    for (case, rounds) in cases.iter().zip(rounds) {
        results.measurements.push(Measurement {
            group: plan.group.into(),
            setting: plan.setting.clone(),
            case: case.name.clone(),
            rounds,
        });
    }
    Ok(())
}
