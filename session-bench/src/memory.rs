//! Sessions in memory.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use session_core::{NewSession, SessionBackend as _, SessionPolicy, SessionTtl};
use session_memory::{ManualClock, MemoryBackend};
use tower_sessions::MemoryStore;

use crate::args::Options;
use crate::drive::{Case, Outcome, Plan, Window, drive, interleave};
use crate::ours::{Ours, Verb, create};
use crate::process::resident_bytes;
use crate::redis::peers::tower_cases;
use crate::report::thousands;
use crate::results::{Figure, Results, Target};

pub(crate) const GROUP: &str = "memory";
pub(crate) const PEER: &str = "tower-sessions: load + save";
const TASKS: [usize; 2] = [1, 64];
/// An operation takes less than looking at the clock ten times.
const TIMED_EVERY: u32 = 16;

/// A store whose footprint is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Store {
    Ours,
    TowerSessions,
}

pub(crate) async fn run(options: &Options, results: &mut Results) -> Outcome {
    for &sessions in &options.memory_sizes {
        let backend = Arc::new(with_room_for(sessions));
        let ids = Arc::new(create(&backend, sessions).await?);
        let mut cases = vec![
            Case::new("ours: get", Ours::new(&backend, &ids, Verb::Get)?),
            Case::new("ours: update", Ours::new(&backend, &ids, Verb::Update)?),
        ];
        cases.extend(tower_cases("tower-sessions", MemoryStore::default(), sessions).await?);
        cases.retain(|case| options.wants(&case.name));
        for in_flight in TASKS {
            let plan = Plan {
                group: GROUP,
                setting: setting(sessions, in_flight),
                window: Window {
                    in_flight,
                    length: Duration::from_millis(options.window),
                    timed_every: TIMED_EVERY,
                },
                rounds: options.rounds,
            };
            interleave(&plan, &cases, None, results).await?;
            compare(sessions, in_flight, results);
        }
    }
    footprints(options, results)?;
    expiry(options, results).await
}

pub(crate) fn setting(sessions: usize, tasks: usize) -> String {
    let plural = if tasks == 1 { "" } else { "s" };
    format!("{} sessions, {tasks} task{plural}", thousands(sessions))
}

fn with_room_for(sessions: usize) -> MemoryBackend {
    MemoryBackend::builder().max_sessions(2 * sessions).build()
}

fn compare(sessions: usize, tasks: usize, results: &mut Results) {
    let setting = setting(sessions, tasks);
    let goals = match (sessions, tasks) {
        (100_000, 64) => [Some(6.0), Some(4.0)],
        (1_000_000, 64) => [Some(3.0), Some(2.0)],
        _ => [None, None],
    };
    let at = (GROUP, setting.as_str());
    for (ours, goal) in ["ours: get", "ours: update"].into_iter().zip(goals) {
        let name = format!("{ours} ÷ {PEER}");
        results.compare(at, (&name, ours, PEER), goal.map(Target::AtLeast));
    }
    let loads = "tower-sessions: load";
    results.compare(
        at,
        ("ours: get ÷ tower-sessions: load", "ours: get", loads),
        None,
    );
}

/// Bytes for each session, each of a process of its own.
fn footprints(options: &Options, results: &mut Results) -> Outcome {
    for &sessions in options.memory_sizes.iter().filter(|it| **it >= 1_000) {
        for (store, name) in [
            (Store::Ours, "ours"),
            (Store::TowerSessions, "tower-sessions"),
        ] {
            let value = store.to_possible_value().ok_or("no such store")?;
            let output = Command::new(std::env::current_exe()?)
                .args(["footprint", value.get_name(), &sessions.to_string()])
                .output()?;
            let is_goal = store == Store::Ours && sessions >= 100_000;
            results.figures.push(Figure {
                group: GROUP.into(),
                setting: format!("{} sessions", thousands(sessions)),
                name: format!("{name}: memory per session"),
                value: String::from_utf8(output.stdout)?.trim().parse()?,
                unit: "B".into(),
                target: is_goal.then_some(Target::AtMost(480.0)),
            });
        }
    }
    Ok(())
}

/// Fills a store and prints what each session takes.
pub(crate) fn footprint(store: Store, sessions: usize) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let bytes = runtime.block_on(async {
        match store {
            Store::Ours => {
                let backend = Arc::new(with_room_for(sessions));
                // What is made once, and the ids that this process keeps, are not the store's.
                let ids = create(&backend, sessions.min(100)).await?;
                let before = resident_bytes();
                for _ in ids.len()..sessions {
                    create(&backend, 1).await?;
                }
                Outcome::Ok(resident_bytes() - before)
            }
            Store::TowerSessions => {
                let store = MemoryStore::default();
                let before = resident_bytes();
                let cases = tower_cases("", store, sessions).await?;
                let after = resident_bytes();
                drop(cases);
                // The ids that the cases keep.
                Ok(after - before - 16.0 * sessions as f64)
            }
        }
    })?;
    println!("{:.0}", bytes / sessions as f64);
    Ok(())
}

/// How long a reader waits while all other sessions expire at once.
async fn expiry(options: &Options, results: &mut Results) -> Outcome {
    let Some(&sessions) = options.memory_sizes.iter().max() else {
        return Ok(());
    };
    let (mut quiet, mut swept) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds.min(5) {
        let clock = Arc::new(ManualClock::new());
        let policy = SessionPolicy::new().with_clock(clock.clone());
        let backend = MemoryBackend::builder()
            .policy(policy)
            .clock(clock.clone())
            .max_sessions(2 * sessions)
            .build();
        let backend = Arc::new(backend);
        create(&backend, sessions).await?;
        let mut kept = Vec::new();
        for _ in 0..100 {
            let new = NewSession::default().ttl(SessionTtl::from_secs(1_000_000)?);
            kept.push(backend.create_session(new).await?.id);
        }
        let reader = Arc::new(Ours::new(&backend, &Arc::new(kept), Verb::Get)?);
        let window = Window {
            in_flight: 2,
            length: Duration::from_millis(options.window * 10),
            timed_every: 1,
        };
        quiet.push(drive(Arc::clone(&reader), window).await?);
        clock.advance(Duration::from_secs(3600));
        swept.push(drive(reader, window).await?);
    }
    let setting = format!("{} sessions expire at once", thousands(sessions));
    for (name, seen, target) in [
        ("longest get before", &quiet, None),
        ("longest get meanwhile", &swept, Some(Target::AtMost(5.0))),
    ] {
        // The least of the rounds: what the store does is in all of them, what else runs on the
        // machine is not.
        let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
        let longest = least(&mut seen.iter().map(|it| it.latencies.max_us() / 1e3));
        let rare = least(&mut seen.iter().map(|it| it.latencies.quantile_us(0.999) / 1e3));
        let name_of_rare = name.replace("longest", "99.9 % of");
        for (name, value, target) in [(name, longest, target), (&name_of_rare, rare, None)] {
            results.figures.push(Figure {
                group: GROUP.into(),
                setting: setting.clone(),
                name: format!("ours: {name}"),
                value,
                unit: "ms".into(),
                target,
            });
        }
    }
    Ok(())
}
