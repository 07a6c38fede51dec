//! What operations cost the Redis server, and how many are done in a second, beside the bare
//! clients and the Redis guide's own steps: `cargo bench -p session-store --all-features --bench
//! server_cpu`.
//!
//! One server, one connection for each client, 256 operations in flight, 10,000 sessions of five
//! fields (three of them the guide's own). The cases run one after the other, round after round;
//! what is printed are the medians of the rounds. The CPU time is that of the server's main thread,
//! as `INFO cpu` counts it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed measurement"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use session_redis_test::RedisServer;
use session_store::backends::redis_rs;
use session_store::{
    Connect, Delta, FieldName, Fields, NewSession, Principal, SessionBackend, SessionId, Touch,
};
use tokio::task::JoinSet;

use redis_rs::redis::aio::MultiplexedConnection;
use redis_rs::redis::{Client, Value, cmd, pipe};

const SESSIONS: usize = 10_000;
const IN_FLIGHT: usize = 256;
const OPERATIONS: usize = 25_600;
const ROUNDS: usize = 7;
const PREFIX: &str = "session:";

#[derive(Clone)]
enum Case {
    Bare(MultiplexedConnection, Bare),
    Backend(Arc<dyn SessionBackend>, Operation),
}

#[derive(Clone, Copy)]
enum Bare {
    Hgetall,
    GuideIncrement,
}

#[derive(Clone, Copy)]
enum Operation {
    Get,
    Within,
    Peek,
    Increment,
    Update,
}

struct Row {
    name: &'static str,
    case: Case,
    ids: Arc<[SessionId]>,
    micros: Vec<f64>,
    per_second: Vec<f64>,
}

impl Case {
    async fn run(&self, id: &SessionId) {
        match self {
            Self::Bare(connection, bare) => bare.run(connection.clone(), id).await,
            Self::Backend(backend, operation) => operation.run(&**backend, id).await,
        }
    }
}

impl Bare {
    async fn run(self, mut connection: MultiplexedConnection, id: &SessionId) {
        let key = format!("{PREFIX}{}", id.expose());
        let fields: Value = match self {
            Self::Hgetall => cmd("HGETALL").arg(key).query_async(&mut connection).await,
            Self::GuideIncrement => {
                let mut ttl = cmd("HGET");
                ttl.arg(&key).arg("session_ttl");
                let ttl: u64 = ttl.query_async(&mut connection).await.expect("a session");
                let mut steps = pipe();
                steps.atomic().hincr(&key, "page_views", 1);
                steps.hset(&key, "last_accessed_at", "2026-04-02T12:34:56+00:00");
                steps.cmd("EXPIRE").arg(&key).arg(ttl);
                steps.query_async(&mut connection).await
            }
        }
        .expect("a reply");
        assert_ne!(fields, Value::Nil);
    }
}

impl Operation {
    async fn run(self, backend: &dyn SessionBackend, id: &SessionId) {
        let is_done = match self {
            Self::Get => backend.get_session(id).await.expect("a reply").is_some(),
            Self::Within => {
                let touch = Touch::IfOlderThan(Duration::from_secs(600));
                let found = backend.get_session_with(id, touch).await;
                found.expect("a reply").is_some()
            }
            Self::Peek => backend.peek_session(id).await.expect("a reply").is_some(),
            Self::Increment => {
                let value = backend.increment_field(id, name("page_views"), 1).await;
                value.expect("a reply").is_some()
            }
            Self::Update => {
                let delta = Delta::new().set(name("username"), "bernhard");
                backend
                    .update_session(id, delta)
                    .await
                    .expect("a reply")
                    .is_some()
            }
        };
        assert!(is_done, "the session lives");
    }
}

fn name(name: &'static str) -> FieldName {
    FieldName::new(name).expect("a name")
}

impl Row {
    fn new(name: &'static str, case: Case, ids: &Arc<[SessionId]>) -> Self {
        let ids = Arc::clone(ids);
        Self {
            name,
            case,
            ids,
            micros: Vec::new(),
            per_second: Vec::new(),
        }
    }

    /// So many operations, and what they cost.
    async fn round(&mut self, server: &RedisServer, operations: usize) {
        let before = cpu_of(server).await;
        let began = Instant::now();
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..IN_FLIGHT {
            let (case, ids, next) = (self.case.clone(), self.ids.clone(), next.clone());
            tasks.spawn(async move {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= operations {
                        return;
                    }
                    // A stride that meets all of them, in no order of theirs.
                    case.run(&ids[at * 7_919 % ids.len()]).await;
                }
            });
        }
        while let Some(task) = tasks.join_next().await {
            task.expect("it ends");
        }
        let count = f64::from(u32::try_from(operations).expect("a small number"));
        self.per_second.push(count / began.elapsed().as_secs_f64());
        self.micros
            .push((cpu_of(server).await - before) / count * 1e6);
    }
}

/// The seconds that the server's main thread has worked.
async fn cpu_of(server: &RedisServer) -> f64 {
    let info: String = server.ask("INFO cpu").await;
    let of = |name: &str| -> f64 {
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("a figure");
        line.trim_start_matches(':').parse().expect("a number")
    };
    of("used_cpu_user_main_thread") + of("used_cpu_sys_main_thread")
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn create(backend: &dyn SessionBackend, is_bound: bool) -> Arc<[SessionId]> {
    let mut ids = Vec::with_capacity(SESSIONS);
    for user in 0..SESSIONS {
        let fields = Fields::new()
            .with(name("username"), "andrew")
            .with(name("page_views"), "1");
        let mut new = NewSession::new(fields);
        if is_bound {
            new = new.bind(Principal::new(format!("user:{user}")).expect("a principal"));
        }
        ids.push(backend.create_session(new).await.expect("created").id);
    }
    ids.into()
}

#[tokio::main]
async fn main() {
    let server = RedisServer::start().await;
    let url = server.url();
    let connect = async |url: &str| Connect::to(url).connect().await.expect("connected");
    let redis_rs = connect(&url).await;
    let fred = connect(&url.replace("redis://", "redis+fred://")).await;
    let client = Client::open(url).expect("a URL");
    let bare = client
        .get_multiplexed_async_connection()
        .await
        .expect("connected");
    let (ids, bound) = (
        create(&*redis_rs, false).await,
        create(&*redis_rs, true).await,
    );
    let mut rows = vec![
        Row::new(
            "bare HGETALL",
            Case::Bare(bare.clone(), Bare::Hgetall),
            &ids,
        ),
        Row::new(
            "the guide's increment",
            Case::Bare(bare, Bare::GuideIncrement),
            &ids,
        ),
    ];
    let operations = [
        (["get, redis-rs", "get, fred"], Operation::Get, &ids),
        (
            ["get of a bound one, redis-rs", "get of a bound one, fred"],
            Operation::Get,
            &bound,
        ),
        (
            [
                "get within the interval, redis-rs",
                "get within the interval, fred",
            ],
            Operation::Within,
            &ids,
        ),
        (["peek, redis-rs", "peek, fred"], Operation::Peek, &ids),
        (
            ["increment, redis-rs", "increment, fred"],
            Operation::Increment,
            &ids,
        ),
        (
            ["update of one field, redis-rs", "update of one field, fred"],
            Operation::Update,
            &ids,
        ),
    ];
    for (names, operation, ids) in operations {
        for (name, backend) in names.into_iter().zip([&redis_rs, &fred]) {
            rows.push(Row::new(
                name,
                Case::Backend(backend.clone(), operation),
                ids,
            ));
        }
    }
    for round in 0..=ROUNDS {
        for row in &mut rows {
            row.round(&server, OPERATIONS).await;
            if round == 0 {
                // To warm up.
                row.micros.clear();
                row.per_second.clear();
            }
        }
    }
    println!("{:<40} {:>10} {:>10}", "", "server µs", "k/s");
    for row in &mut rows {
        let (micros, per_second) = (median(&mut row.micros), median(&mut row.per_second));
        println!(
            "{:<40} {micros:>10.2} {:>10.1}",
            row.name,
            per_second / 1000.0
        );
    }
}
