//! What changes as there are more sessions, more connections and more servers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use session_core::SessionId;
use session_fred::FredBackend;
use session_redis::hash_slot;
use session_redis_rs::{IdStorage, RedisRsBackend};
use session_redis_test::{Cluster, RedisServer};

use crate::args::Options;
use crate::drive::{Case, Op, Outcome, Plan, Servers, Window, interleave};
use crate::ours::{Ours, Verb, create, create_bound, pick};
use crate::redis::{Bare, Client, Fred, RedisRs, Step, key_of};
use crate::report::thousands;
use crate::results::{Figure, Results, Target};

pub(crate) const GROUP: &str = "growth";
pub(crate) const IN_FLIGHT: usize = 64;
/// Whose ids are kept, at most: of more sessions only these are asked for.
const KEPT: usize = 1_000_000;
const NODES: usize = 3;
const CONNECTIONS: std::ops::RangeInclusive<usize> = 1..=4;

pub(crate) async fn run(options: &Options, results: &mut Results) -> Outcome {
    bytes(options, results).await?;
    sizes(options, results).await?;
    connections(options, results).await?;
    cluster(options, results).await
}

fn plan(options: &Options, setting: String) -> Plan {
    Plan {
        group: GROUP,
        setting,
        window: Window {
            in_flight: IN_FLIGHT,
            length: Duration::from_millis(options.window),
            timed_every: 1,
        },
        rounds: options.rounds,
    }
}

/// The ratio of a get to the bare call, of the rates and of the 99th percentiles.
fn compare(setting: &str, results: &mut Results) {
    for client in crate::redis::CLIENTS {
        let (ours, bare) = (format!("{client}: get"), format!("{client}: HGETALL"));
        let at = (GROUP, setting);
        results.compare(
            at,
            (&format!("{client}: get ÷ HGETALL"), &ours, &bare),
            None,
        );
        let name = format!("{client}: p99 of get ÷ p99 of HGETALL");
        results.compare_by(|round| round.p99_us, at, (&name, &ours, &[&bare]), None);
    }
}

pub(crate) fn of_sessions(count: usize) -> String {
    format!("{} sessions", thousands(count))
}

/// More and more sessions in one server.
async fn sizes(options: &Options, results: &mut Results) -> Outcome {
    let server = RedisServer::start().await;
    let backend = Arc::new(RedisRsBackend::builder(server.url()).connect().await?);
    let fred = Arc::new(FredBackend::builder(server.url()).connect().await?);
    let mut servers = Servers::of(&[&server]).await;
    let empty = used_memory(&server).await?;
    let (mut ids, mut count) = (Vec::new(), 0);
    for &size in &options.growth_sizes {
        while count < size {
            let more = create(&backend, (size - count).min(KEPT)).await?;
            count += more.len();
            ids.extend(more);
            ids.truncate(KEPT);
        }
        let these = Arc::new(ids.clone());
        let keys = Arc::new(these.iter().map(|id| key_of(id.expose())).collect());
        let bare_redis_rs = Bare::new(
            vec![RedisRs::connect(&server.url()).await?],
            &keys,
            Step::HGetAll,
        );
        let bare_fred = Bare::new(
            vec![Fred::connect(&server.url()).await?],
            &keys,
            Step::HGetAll,
        );
        let cases = [
            Case::new("redis-rs: HGETALL", bare_redis_rs),
            Case::new("redis-rs: get", Ours::new(&backend, &these, Verb::Get)?),
            Case::new("fred: HGETALL", bare_fred),
            Case::new("fred: get", Ours::new(&fred, &these, Verb::Get)?),
        ];
        let setting = of_sessions(size);
        let plan = plan(options, setting.clone());
        interleave(&plan, &cases, Some(&mut servers), results).await?;
        compare(&setting, results);
        let bytes = (used_memory(&server).await? - empty) / size as f64;
        figure(results, setting, "Redis memory per session", bytes, None);
    }
    flatness(options, results);
    Ok(())
}

/// How much worse than at the first size the ratios are at the worst.
fn flatness(options: &Options, results: &mut Results) {
    let settings: Vec<_> = options
        .growth_sizes
        .iter()
        .copied()
        .map(of_sessions)
        .collect();
    for client in crate::redis::CLIENTS {
        for (name, is_better_high, goal) in [
            (format!("{client}: get ÷ HGETALL"), true, 10.0),
            (
                format!("{client}: p99 of get ÷ p99 of HGETALL"),
                false,
                25.0,
            ),
        ] {
            let at = |setting: &String| {
                let mut ratios = results.ratios.iter();
                ratios.find(|it| it.group == GROUP && it.setting == *setting && it.name == name)
            };
            let values: Vec<_> = settings.iter().filter_map(at).map(|it| it.value).collect();
            let Some(first) = values.first() else {
                continue;
            };
            let worse = values.iter().map(|it| match is_better_high {
                true => 1.0 - it / first,
                false => it / first - 1.0,
            });
            results.figures.push(Figure {
                group: GROUP.into(),
                setting: "all sizes".into(),
                name: format!("{name}, worse than at the first size by"),
                value: worse.fold(0.0, f64::max) * 100.0,
                unit: "%".into(),
                target: Some(Target::AtMost(goal)),
            });
        }
    }
}

/// More connections, that is more backends, to one server.
async fn connections(options: &Options, results: &mut Results) -> Outcome {
    let server = RedisServer::start().await;
    let mut servers = Servers::of(&[&server]).await;
    let first = Arc::new(RedisRsBackend::builder(server.url()).connect().await?);
    let ids = Arc::new(create(&first, options.sessions).await?);
    let keys = Arc::new(ids.iter().map(|id| key_of(id.expose())).collect());
    for count in CONNECTIONS {
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        let (mut our_freds, mut bare_freds) = (Vec::new(), Vec::new());
        for _ in 0..count {
            ours.push(Arc::new(
                RedisRsBackend::builder(server.url()).connect().await?,
            ));
            bare.push(RedisRs::connect(&server.url()).await?);
            our_freds.push(Arc::new(
                FredBackend::builder(server.url()).connect().await?,
            ));
            bare_freds.push(Fred::connect(&server.url()).await?);
        }
        let cases = [
            Case::new("redis-rs: HGETALL", Bare::new(bare, &keys, Step::HGetAll)),
            Case::new("redis-rs: get", Ours::over(&ours, &ids, Verb::Get)?),
            Case::new("fred: HGETALL", Bare::new(bare_freds, &keys, Step::HGetAll)),
            Case::new("fred: get", Ours::over(&our_freds, &ids, Verb::Get)?),
        ];
        let plural = if count == 1 { "" } else { "s" };
        let setting = format!("{count} connection{plural}");
        let plan = plan(options, setting.clone());
        interleave(&plan, &cases, Some(&mut servers), results).await?;
        compare(&setting, results);
    }
    Ok(())
}

/// A Cluster of three primaries, beside a bare connection to each of them.
async fn cluster(options: &Options, results: &mut Results) -> Outcome {
    let cluster = Cluster::start(NODES).await;
    let nodes: Vec<_> = (0..NODES).map(|n| cluster.node(n)).collect();
    let mut servers = Servers::of(&nodes).await;
    let redis_rs = Arc::new(RedisRsBackend::builder(cluster.url()).connect().await?);
    let fred = Arc::new(FredBackend::builder(cluster.url()).connect().await?);
    let ids = Arc::new(create(&redis_rs, options.sessions).await?);
    let (mut bare, mut bare_fred) = (Vec::new(), Vec::new());
    for node in &nodes {
        bare.push(RedisRs::connect(&node.url()).await?);
        bare_fred.push(Fred::connect(&node.url()).await?);
    }
    let cases = [
        Case::new("redis-rs: HGETALL", Routed::new(bare, &cluster, &ids)),
        Case::new("redis-rs: get", Ours::new(&redis_rs, &ids, Verb::Get)?),
        Case::new("fred: HGETALL", Routed::new(bare_fred, &cluster, &ids)),
        Case::new("fred: get", Ours::new(&fred, &ids, Verb::Get)?),
    ];
    let setting = format!("a Cluster of {NODES}");
    let plan = plan(options, setting.clone());
    interleave(&plan, &cases, Some(&mut servers), results).await?;
    compare(&setting, results);
    Ok(())
}

/// A bare client of each node, for keys whose owner is known.
struct Routed<C> {
    clients: Vec<C>,
    keys: Vec<(usize, String)>,
}

impl<C: Client> Routed<C> {
    fn new(clients: Vec<C>, cluster: &Cluster, ids: &[SessionId]) -> Self {
        let keys = ids.iter().map(|id| key_of(id.expose()));
        let keys = keys.map(|key| (cluster.owner(hash_slot(key.as_bytes())), key));
        Self {
            clients,
            keys: keys.collect(),
        }
    }
}

impl<C: Client> Op for Routed<C> {
    async fn run(&self, n: usize) -> Outcome {
        let (owner, key) = pick(&self.keys, n)?;
        let hash = pick(&self.clients, *owner)?.hgetall(key).await?;
        (!hash.is_empty())
            .then_some(())
            .ok_or_else(|| "no session".into())
    }
}

/// Bytes for each session, by what it is; each on a server of its own.
async fn bytes(options: &Options, results: &mut Results) -> Outcome {
    let count = options
        .growth_sizes
        .iter()
        .copied()
        .filter(|it| *it <= 100_000)
        .max();
    let count = count.unwrap_or(1_000);
    let (mut plain, setting) = (0.0, of_sessions(count));
    for (name, kind) in [
        ("the guide's hash", Kind::Guide),
        ("ours, plain", Kind::Ours(IdStorage::Plain)),
        ("ours, hashed ids", Kind::Ours(IdStorage::Hashed)),
        ("ours, bound", Kind::Bound),
    ] {
        let server = RedisServer::start().await;
        let builder = RedisRsBackend::builder(server.url());
        let storage = if let Kind::Ours(storage) = kind {
            storage
        } else {
            IdStorage::Plain
        };
        let backend = Arc::new(builder.id_storage(storage).connect().await?);
        let empty = used_memory(&server).await?;
        match kind {
            Kind::Guide => create_as_the_guide(&server, count).await?,
            Kind::Ours(_) => create(&backend, count).await.map(drop)?,
            Kind::Bound => create_bound(&backend, count).await.map(drop)?,
        }
        let each = (used_memory(&server).await? - empty) / count as f64;
        let target = match name {
            "ours, plain" => Some(plain * 1.01),
            "ours, hashed ids" => Some(plain * 1.05),
            "ours, bound" => Some(470.0),
            _ => None,
        };
        if plain == 0.0 {
            plain = each;
        }
        let name = format!("{name}: Redis memory per session");
        figure(
            results,
            setting.clone(),
            &name,
            each,
            target.map(Target::AtMost),
        );
    }
    for (name, length) in [("64 bytes", 64), ("65 bytes", 65)] {
        let server = RedisServer::start().await;
        let empty = used_memory(&server).await?;
        send(&server, hashes(count, &"x".repeat(length))).await?;
        let each = (used_memory(&server).await? - empty) / count as f64;
        let name = format!("a value of {name}: Redis memory per session");
        figure(results, setting.clone(), &name, each, None);
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Guide,
    Ours(IdStorage),
    Bound,
}

async fn create_as_the_guide(server: &RedisServer, count: usize) -> Outcome {
    send(server, hashes(count, "andrew")).await
}

/// The guide's commands that create sessions with this name of their user.
fn hashes(count: usize, username: &str) -> impl Iterator<Item = redis::Pipeline> {
    (0..count).map(move |_| {
        let id = SessionId::random().map(|id| key_of(id.expose()));
        let now = "2026-01-01T00:00:00+00:00";
        let fields = [
            ("username", username),
            ("page_views", "1"),
            ("created_at", now),
            ("last_accessed_at", now),
            ("session_ttl", "1800"),
        ];
        let key = id.unwrap_or_default();
        let mut pipe = redis::pipe();
        pipe.atomic().hset_multiple(&key, &fields).ignore();
        pipe.expire(&key, 1800).ignore();
        pipe
    })
}

async fn send(server: &RedisServer, pipes: impl Iterator<Item = redis::Pipeline>) -> Outcome {
    let connection = server.connection().await;
    let sent = stream::iter(pipes).map(|pipe| {
        let mut connection = connection.clone();
        async move { pipe.query_async::<()>(&mut connection).await }
    });
    sent.buffer_unordered(256).try_collect::<Vec<()>>().await?;
    Ok(())
}

async fn used_memory(server: &RedisServer) -> Outcome<f64> {
    let info: String = server.ask("INFO memory").await;
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    Ok(line.ok_or("no used_memory")?.parse()?)
}

fn figure(results: &mut Results, setting: String, name: &str, value: f64, target: Option<Target>) {
    results.figures.push(Figure {
        group: GROUP.into(),
        setting,
        name: name.into(),
        value,
        unit: "B".into(),
        target,
    });
}
