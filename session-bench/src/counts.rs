//! How many instructions an operation takes in the process that asks for it, by callgrind: a case
//! runs some operations and twice as many; the difference is theirs.

use std::convert::Infallible;
use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use http::header::COOKIE;
use http::{HeaderValue, Request, Response};
use session_core::{SessionBackend, SessionId};
use session_fred::FredBackend;
use session_memory::MemoryBackend;
use session_redis_rs::RedisRsBackend;
use session_redis_test::RedisServer;
use session_tower::{Session, SessionLayer};
use tower::{Layer as _, Service, service_fn};

use crate::args::Options;
use crate::drive::{Op, Outcome};
use crate::ours::{Ours, PAGE_VIEWS, USERNAME, Verb, create, pick};
use crate::process::cpu_time;
use crate::redis::{Bare, Fred, RedisRs, Step, key_of};
use crate::results::{Figure, Results, Target, median};

pub(crate) const GROUP: &str = "counts";
/// How many operations are in flight where a server is asked.
const BATCH: usize = 64;
const SESSIONS: usize = 1_000;
/// Under callgrind everything takes fifty times as long.
const DEADLINE: Duration = Duration::from_secs(60);

/// The cases, and how many operations of each are counted.
const CASES: &[(&str, usize)] = &[
    ("memory: get", 5_000),
    ("memory: update", 5_000),
    ("a request without a layer", 5_000),
    ("a request that ignores its session", 5_000),
    ("a request that reads its session", 5_000),
    ("a request that counts in its session", 5_000),
    ("redis-rs: HGETALL", 4_096),
    ("redis-rs: get", 4_096),
    ("redis-rs: peek", 4_096),
    ("redis-rs: increment", 4_096),
    ("fred: HGETALL", 4_096),
    ("fred: get", 4_096),
    ("fred: peek", 4_096),
    ("fred: increment", 4_096),
];

pub(crate) async fn run(options: &Options, results: &mut Results) -> Outcome {
    let server = RedisServer::start().await;
    for (case, ops) in CASES.iter().filter(|(case, _)| options.wants(case)) {
        if options.smoke {
            let mut child = child(case, BATCH, &server.url())?;
            if !child.status()?.success() {
                return Err(format!("{case} failed").into());
            }
            continue;
        }
        let once = instructions(case, *ops, &server.url())?;
        let twice = instructions(case, 2 * ops, &server.url())?;
        results.figures.push(Figure {
            group: GROUP.into(),
            setting: "one operation".into(),
            name: (*case).into(),
            value: (twice - once) / *ops as f64,
            unit: "instructions".into(),
            target: None,
        });
    }
    layer_times(options, results).await
}

fn child(case: &str, ops: usize, redis: &str) -> Outcome<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["count", case, &ops.to_string(), redis]);
    Ok(command)
}

/// What callgrind collects of a run.
fn instructions(case: &str, ops: usize, redis: &str) -> Outcome<f64> {
    let child = child(case, ops, redis)?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    let output = valgrind
        .arg(child.get_program())
        .args(child.get_args())
        .output();
    let output = output.map_err(|error| {
        format!("cannot run valgrind ({error}): install Debian's package valgrind, or leave the group out")
    })?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = collected(&text).filter(|_| output.status.success());
    collected.ok_or_else(|| format!("callgrind counted nothing of {case}:\n{text}").into())
}

fn collected(text: &str) -> Option<f64> {
    let (_, rest) = text.split_once("Collected : ")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Runs so many operations of a case, in a process of its own.
pub(crate) fn count(case: &str, ops: usize, redis: &str) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (subject, verb) = case.split_once(": ").unwrap_or(("", case));
        let step = match verb {
            "peek" => Verb::Peek,
            "increment" => Verb::Increment,
            "update" => Verb::Update,
            _ => Verb::Get,
        };
        match (subject, verb) {
            ("memory", _) => {
                let backend = Arc::new(MemoryBackend::new());
                in_batches(&of(&backend, step).await?, ops, 1).await
            }
            ("redis-rs", "HGETALL") => {
                let backend = Arc::new(
                    RedisRsBackend::builder(redis)
                        .deadline(DEADLINE)
                        .connect()
                        .await?,
                );
                let client = RedisRs::connect(redis).await?;
                in_batches(&bare(client, &backend).await?, ops, BATCH).await
            }
            ("fred", "HGETALL") => {
                let backend = Arc::new(
                    FredBackend::builder(redis)
                        .deadline(DEADLINE)
                        .connect()
                        .await?,
                );
                in_batches(
                    &bare(Fred::connect(redis).await?, &backend).await?,
                    ops,
                    BATCH,
                )
                .await
            }
            ("redis-rs", _) => {
                let backend = Arc::new(
                    RedisRsBackend::builder(redis)
                        .deadline(DEADLINE)
                        .connect()
                        .await?,
                );
                in_batches(&of(&backend, step).await?, ops, BATCH).await
            }
            ("fred", _) => {
                let backend = Arc::new(
                    FredBackend::builder(redis)
                        .deadline(DEADLINE)
                        .connect()
                        .await?,
                );
                in_batches(&of(&backend, step).await?, ops, BATCH).await
            }
            _ => requests(case, ops).await.map(drop),
        }
    })
}

async fn of<B: SessionBackend>(backend: &Arc<B>, verb: Verb) -> Outcome<Ours<B>> {
    let ids = Arc::new(create(backend, SESSIONS).await?);
    Ours::new(backend, &ids, verb)
}

async fn bare<C: crate::redis::Client, B: SessionBackend>(
    client: C,
    backend: &Arc<B>,
) -> Outcome<Bare<C>> {
    let ids = create(backend, SESSIONS).await?;
    let keys = Arc::new(ids.iter().map(|id| key_of(id.expose())).collect());
    Ok(Bare::new(vec![client], &keys, Step::HGetAll))
}

async fn in_batches(op: &impl Op, ops: usize, batch: usize) -> Outcome {
    for first in (0..ops).step_by(batch) {
        let last = (first + batch).min(ops);
        try_join_all((first..last).map(|n| op.run(n))).await?;
    }
    Ok(())
}

type Replied = Result<Response<()>, Infallible>;

/// Serves so many requests in this process, without a socket; the processor time that they took.
async fn requests(case: &str, ops: usize) -> Outcome<Duration> {
    let backend = Arc::new(MemoryBackend::new());
    let ids = create(&backend, SESSIONS).await?;
    let layer = SessionLayer::new(backend);
    match case {
        "a request that ignores its session" => {
            serve(layer.layer(service_fn(ignoring)), &ids, ops).await
        }
        "a request that reads its session" => {
            serve(layer.layer(service_fn(reading)), &ids, ops).await
        }
        "a request that counts in its session" => {
            serve(layer.layer(service_fn(counting)), &ids, ops).await
        }
        "a request without a layer" => serve(service_fn(ignoring), &ids, ops).await,
        _ => Err(format!("there is no case {case}").into()),
    }
}

async fn serve<S>(mut service: S, ids: &[SessionId], ops: usize) -> Outcome<Duration>
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible>,
{
    let mut cookies = Vec::new();
    for id in ids {
        cookies.push(HeaderValue::from_str(&format!(
            "__Host-id={}",
            id.expose()
        ))?);
    }
    let before = cpu_time(&[std::process::id()]);
    for n in 0..ops {
        let mut request = Request::new(());
        let cookie = pick(&cookies, n)?.clone();
        request.headers_mut().insert(COOKIE, cookie);
        let response = service.call(request).await?;
        if black_box(response).status() != 200 {
            return Err("a request failed".into());
        }
    }
    Ok(cpu_time(&[std::process::id()]).saturating_sub(before))
}

async fn ignoring(request: Request<()>) -> Replied {
    black_box(&request);
    Ok(Response::new(()))
}

async fn reading(request: Request<()>) -> Replied {
    let found = match Session::of(request.extensions()) {
        Some(session) => session.get_raw(USERNAME).await.ok().flatten(),
        None => None,
    };
    Ok(responded(found.is_some()))
}

async fn counting(request: Request<()>) -> Replied {
    let counted = match Session::of(request.extensions()) {
        Some(session) => session.increment(PAGE_VIEWS, 1).await.ok(),
        None => None,
    };
    Ok(responded(counted.is_some()))
}

fn responded(is_ok: bool) -> Response<()> {
    let mut response = Response::new(());
    if !is_ok {
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

/// The processor time of the layer by itself: a request with it, less one without it, less what its
/// operation takes in the backend.
async fn layer_times(options: &Options, results: &mut Results) -> Outcome {
    let ops = if options.smoke { 100 } else { 100_000 };
    let cases = [
        "a request without a layer",
        "a request that ignores its session",
        "a request that reads its session",
        "a request that counts in its session",
    ];
    let mut times = vec![Vec::new(); cases.len() + 2];
    for _ in 0..options.rounds {
        let mut taken = Vec::new();
        for case in cases {
            taken.push(requests(case, ops).await?);
        }
        for verb in [Verb::Get, Verb::Increment] {
            let backend = Arc::new(MemoryBackend::new());
            let op = of(&backend, verb).await?;
            let before = cpu_time(&[std::process::id()]);
            for n in 0..ops {
                op.run(n).await?;
            }
            taken.push(cpu_time(&[std::process::id()]).saturating_sub(before));
        }
        for (times, taken) in times.iter_mut().zip(taken) {
            times.push(taken.as_secs_f64() * 1e6 / ops as f64);
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    let [without, ignores, reads, counts, get, increment] = medians[..] else {
        return Err("other cases".into());
    };
    for (name, value, target) in [
        (
            "the layer alone: a request that ignores its session",
            ignores - without,
            Some(0.5),
        ),
        (
            "the layer alone: a request that reads its session",
            reads - without - get,
            Some(1.5),
        ),
        (
            "the layer alone: a request that counts in its session",
            counts - without - increment,
            Some(1.5),
        ),
    ] {
        results.figures.push(Figure {
            group: GROUP.into(),
            setting: "one request, in process".into(),
            name: name.into(),
            value,
            unit: "µs".into(),
            target: target.map(Target::AtMost),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn callgrinds_sum_is_found() {
        let text = "==1== \n==1== Events    : Ir\n==1== Collected : 123456\n==1== \n";
        assert_eq!(super::collected(text), Some(123_456.0));
        assert_eq!(super::collected("==1== nothing"), None);
    }
}
