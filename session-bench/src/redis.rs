//! Operations on sessions in one Redis, over one connection of each client.

mod bare;
pub(crate) mod peers;

use std::sync::Arc;
use std::time::Duration;

use session_core::SessionBackend;
use session_fred::FredBackend;
use session_redis_rs::RedisRsBackend;
use session_redis_test::RedisServer;

pub(crate) use self::bare::{Bare, Client, Fred, RedisRs, Step};
use crate::args::Options;
use crate::drive::{Case, Outcome, Plan, Servers, Window, interleave};
use crate::ours::{Ours, Verb, create};
use crate::results::{Results, Target};

pub(crate) const GROUP: &str = "redis";

/// What each client is measured with: the case, and what it does.
const VERBS: &[(&str, Verb)] = &[
    ("get", Verb::Get),
    ("peek", Verb::Peek),
    ("get within the interval", Verb::GetWithin),
    ("increment", Verb::Increment),
    ("update", Verb::Update),
];
const BARE: &[(&str, Step)] = &[
    ("HGETALL", Step::HGetAll),
    ("EVALSHA", Step::EvalSha),
    ("guide's get", Step::GuideGet),
    ("guide's increment", Step::GuideIncrement),
];
pub(crate) const CLIENTS: &[&str] = &["redis-rs", "fred"];
/// What does in other libraries, and in the guide, what a get does here.
const PEERS: &[&str] = &[
    "tower-sessions: load + save",
    "actix-session: load + update",
    "axum_session: load + store",
    "redis-rs: guide's get",
    "fred: guide's get",
];

pub(crate) async fn run(options: &Options, results: &mut Results) -> Outcome {
    let server = RedisServer::start().await;
    let backend = Arc::new(RedisRsBackend::builder(server.url()).connect().await?);
    let ids = Arc::new(create(&backend, options.sessions).await?);
    let fred = Arc::new(FredBackend::builder(server.url()).connect().await?);
    let keys: Vec<_> = ids.iter().map(|id| key_of(id.expose())).collect();
    let keys = Arc::new(keys);

    let mut cases = Vec::new();
    cases.extend(of_client(
        "redis-rs",
        RedisRs::connect(&server.url()).await?,
        &backend,
        &ids,
        &keys,
    )?);
    cases.extend(of_client(
        "fred",
        Fred::connect(&server.url()).await?,
        &fred,
        &ids,
        &keys,
    )?);
    cases.extend(peers::cases(&server, options.sessions).await?);
    cases.retain(|case| options.wants(&case.name));

    let mut servers = Servers::of(&[&server]).await;
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
        interleave(&plan, &cases, Some(&mut servers), results).await?;
        compare(in_flight, results);
    }
    Ok(())
}

pub(crate) fn setting(in_flight: usize) -> String {
    format!("{in_flight} in flight")
}

/// The key of a session, with the settings that backends have by default.
pub(crate) fn key_of(id: &str) -> String {
    format!("session:{id}")
}

fn of_client<C: Client, B: SessionBackend>(
    name: &str,
    client: C,
    backend: &Arc<B>,
    ids: &Arc<Vec<session_core::SessionId>>,
    keys: &Arc<Vec<String>>,
) -> Outcome<Vec<Case>> {
    let mut cases = Vec::new();
    for (case, step) in BARE {
        let bare = Bare::new(vec![client.clone()], keys, *step);
        cases.push(Case::new(format!("{name}: {case}"), bare));
    }
    for (case, verb) in VERBS {
        let ours = Ours::new(backend, ids, *verb)?;
        cases.push(Case::new(format!("{name}: {case}"), ours));
    }
    Ok(cases)
}

/// The ratios that have targets, and some that explain them.
fn compare(in_flight: usize, results: &mut Results) {
    let setting = setting(in_flight);
    let at = (GROUP, setting.as_str());
    let is_saturated = in_flight == 256;
    for (client, name) in CLIENTS.iter().enumerate() {
        // A target for each client, where there are many operations in flight.
        let target = |values: [Option<f64>; 2]| {
            let value = values.get(client).copied().flatten();
            value.filter(|_| is_saturated).map(Target::AtLeast)
        };
        let mut ratio = |ours: &str, other: &str, targets| {
            let title = format!(
                "{name}: {ours} ÷ {}",
                other.trim_start_matches(&format!("{name}: "))
            );
            let ours = format!("{name}: {ours}");
            results.compare(at, (&title, &ours, other), target(targets));
        };
        let own = |case: &str| format!("{name}: {case}");
        ratio("get", &own("HGETALL"), [Some(0.75), Some(0.60)]);
        ratio("peek", &own("HGETALL"), [Some(0.80), Some(0.55)]);
        ratio(
            "get within the interval",
            &own("HGETALL"),
            [Some(0.80), Some(0.55)],
        );
        ratio(
            "get",
            "tower-sessions: load + save",
            [Some(1.15), Some(1.05)],
        );
        ratio(
            "get",
            "actix-session: load + update",
            [Some(1.05), Some(0.95)],
        );
        ratio("get", "axum_session: load + store", [None, None]);
        ratio("get", &own("guide's get"), [None, None]);
        ratio("increment", &own("EVALSHA"), [Some(0.6), None]);
        ratio("increment", &own("guide's increment"), [None, None]);
        ratio("update", &own("EVALSHA"), [None, None]);
        let alone = [1.7, 1.5].get(client).filter(|_| in_flight == 1);
        results.compare_by(
            |round| round.ops_per_s,
            at,
            (&format!("{name}: get ÷ best peer"), &own("get"), PEERS),
            alone.copied().map(Target::AtLeast),
        );
    }
}
