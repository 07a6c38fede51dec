//! Reads that the near cache serves, beside the same reads without it: while nobody writes, and
//! while others do.

use std::sync::Arc;
use std::time::Duration;

use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use session_core::SessionId;
use session_redis_rs::{NearCache, NearCacheStats, RedisRsBackend};
use session_redis_test::RedisServer;

use crate::args::Options;
use crate::drive::{Case, Op, Outcome, Plan, Random, Servers, Window, interleave};
use crate::ours::{Ours, PAGE_VIEWS, Verb, create, pick};
use crate::redis::{Bare, RedisRs, Step, key_of, setting};
use crate::results::{Figure, Results, Target};

pub(crate) const GROUP: &str = "near";
/// So many reads for each write: 5 %.
const READS_PER_WRITE: usize = 20;

const BARE: &str = "bare HGETALL";
const BARE_WRITTEN: &str = "bare HGETALL, 5 % foreign writes";
const UNCACHED: &str = "ours: get within the interval";
const NEAR: &str = "ours, near cache: get within the interval";
const NEAR_WRITTEN: &str = "ours, near cache, 5 % foreign writes";

/// The rates and the server's costs that are compared: the ratio's name, its cases, its target.
const RATES: &[(&str, [&str; 2], Option<f64>)] = &[
    ("near ÷ bare HGETALL", [NEAR, BARE], Some(4.0)),
    (
        "near with 5 % writes ÷ bare HGETALL",
        [NEAR_WRITTEN, BARE],
        Some(3.4),
    ),
    (
        "near with 5 % writes ÷ bare HGETALL with them",
        [NEAR_WRITTEN, BARE_WRITTEN],
        None,
    ),
    ("near ÷ uncached", [NEAR, UNCACHED], None),
    ("uncached ÷ bare HGETALL", [UNCACHED, BARE], None),
];
const SERVER_COSTS: &[(&str, [&str; 2], f64)] = &[
    ("server CPU of near ÷ uncached", [NEAR, UNCACHED], 0.2),
    (
        "server CPU of near with 5 % writes ÷ uncached",
        [NEAR_WRITTEN, UNCACHED],
        0.2,
    ),
];

pub(crate) async fn run(options: &Options, results: &mut Results) -> Outcome {
    let server = RedisServer::start().await;
    let url = server.url();
    let uncached = Arc::new(RedisRsBackend::builder(url.clone()).connect().await?);
    let cached = || RedisRsBackend::builder(url.clone()).near_cache(NearCache::default());
    let near = Arc::new(cached().connect().await?);
    let near_written = Arc::new(cached().connect().await?);
    // What is written for one case must not be news for another.
    let sessions = || Sessions::create(&uncached, options.sessions);
    let (unwritten, written, bare_written) =
        (sessions().await?, sessions().await?, sessions().await?);

    let bare = async |sessions: &Sessions| {
        let client = RedisRs::connect(&url).await?;
        Outcome::Ok(Bare::new(vec![client], &sessions.keys, Step::HGetAll))
    };
    let get = |backend, sessions: &Sessions| Ours::new(backend, &sessions.ids, Verb::GetWithin);
    let mut cases = vec![
        Case::new(BARE, bare(&unwritten).await?),
        Case::new(UNCACHED, get(&uncached, &unwritten)?),
        Case::new(NEAR, get(&near, &unwritten)?),
        Case::new(
            NEAR_WRITTEN,
            Written::new(get(&near_written, &written)?, &server, &written).await,
        ),
        Case::new(
            BARE_WRITTEN,
            Written::new(bare(&bare_written).await?, &server, &bare_written).await,
        ),
    ];
    cases.retain(|case| options.wants(&case.name));
    for (backend, sessions) in [(&near, &unwritten), (&near_written, &written)] {
        let warm = get(backend, sessions)?;
        for n in 0..options.sessions {
            warm.run(n).await?;
        }
    }

    let mut servers = Servers::of(&[&server]).await;
    let caches = [(NEAR, &near), (NEAR_WRITTEN, &near_written)];
    for &in_flight in &options.in_flight {
        let plan = Plan {
            group: GROUP,
            setting: setting(in_flight),
            window: Window {
                in_flight,
                length: Duration::from_millis(options.window),
                timed_every: 1,
            },
            rounds: options.rounds,
        };
        let before = caches.map(|(_, backend)| stats(backend));
        interleave(&plan, &cases, Some(&mut servers), results).await?;
        compare(&plan.setting, results);
        for ((case, backend), before) in caches.into_iter().zip(before) {
            add_figures(&plan.setting, case, (before, stats(backend)), results);
        }
    }
    Ok(())
}

/// The sessions of a case, and where they are.
struct Sessions {
    ids: Arc<Vec<SessionId>>,
    keys: Arc<Vec<String>>,
}

impl Sessions {
    async fn create(backend: &Arc<RedisRsBackend>, count: usize) -> Outcome<Self> {
        let ids = create(backend, count).await?;
        let keys = ids.iter().map(|id| key_of(id.expose())).collect();
        Ok(Self {
            ids: Arc::new(ids),
            keys: Arc::new(keys),
        })
    }
}

/// Reads of sessions that somebody else writes meanwhile, over a connection of their own.
struct Written<O> {
    reads: O,
    writer: MultiplexedConnection,
    keys: Arc<Vec<String>>,
}

impl<O: Op> Written<O> {
    async fn new(reads: O, server: &RedisServer, sessions: &Sessions) -> Self {
        Self {
            reads,
            writer: server.connection().await,
            keys: Arc::clone(&sessions.keys),
        }
    }
}

impl<O: Op> Op for Written<O> {
    async fn run(&self, n: usize) -> Outcome {
        self.reads.run(n).await
    }

    async fn beside(&self, n: usize) -> Outcome {
        // Neither when it writes nor what may depend on which session was read.
        let mut random = Random::new(n as u64);
        if random.next().is_multiple_of(READS_PER_WRITE) {
            let key = pick(&self.keys, random.next())?;
            let _: i64 = self.writer.clone().hset(key, PAGE_VIEWS, n).await?;
        }
        Ok(())
    }
}

fn compare(setting: &str, results: &mut Results) {
    let at = (GROUP, setting);
    for &(name, [ours, other], target) in RATES {
        results.compare(at, (name, ours, other), target.map(Target::AtLeast));
    }
    for &(name, [ours, other], target) in SERVER_COSTS {
        results.compare_by(
            |round| round.server.map_or(0.0, |it| it.cpu_us),
            at,
            (name, ours, &[other]),
            Some(Target::AtMost(target)),
        );
    }
}

fn stats(backend: &RedisRsBackend) -> NearCacheStats {
    backend.near_cache_stats().unwrap_or_default()
}

/// What became of the reads between the two.
fn add_figures(
    setting: &str,
    case: &str,
    (before, after): (NearCacheStats, NearCacheStats),
    results: &mut Results,
) {
    let hits = (after.hits - before.hits) as f64;
    let reads = hits + (after.misses - before.misses) as f64;
    if reads == 0.0 {
        return;
    }
    let invalidations = (after.invalidations - before.invalidations) as f64;
    for (name, value, unit) in [
        ("hit rate", hits, "%"),
        ("invalidations", invalidations, "per 100 reads"),
    ] {
        results.figures.push(Figure {
            group: GROUP.into(),
            setting: setting.into(),
            name: format!("{case}: {name}"),
            value: value / reads * 100.0,
            unit: unit.into(),
            target: None,
        });
    }
}
