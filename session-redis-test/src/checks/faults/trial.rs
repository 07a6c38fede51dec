//! One fault, two backends: one with constant traffic, one idle.

use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{ConnectionState, Effect};
use session_redis::hash_slot;
use tokio::time::{sleep, sleep_until};

use super::ledger::{States, Traffic, quantile};
use super::stage::{Fault, Stage};
use crate::Target;
use crate::checks::{DEADLINE, Subject, count, create, views};
use crate::harness::{Connect, own_prefix};

/// What a busy machine may add to the deadline: to one operation of a hundred, and to the worst.
const SLACK: Duration = Duration::from_millis(50);
const MOST_SLACK: Duration = Duration::from_millis(250);
/// How long the usual operation takes at most that waits for nothing. (A quiet machine: 0.01 ms.)
const AT_ONCE: Duration = Duration::from_millis(10);
/// How many attempts to connect a backend may make at once, and in a second.
const BURST: f64 = 3.0;
const RATE: f64 = 20.0;

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Of the trial.
    pub(super) name: &'static str,
    pub(super) says: &'static str,
    pub(super) fault: Fault,
    /// Within how many milliseconds after the cause is gone a backend under traffic heals, and an
    /// idle one.
    pub(super) heals: (u64, u64),
    /// How operations fail meanwhile.
    pub(super) meanwhile: Meanwhile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meanwhile {
    /// At once, from two deadlines on.
    AtOnce,
    /// As they may; within their deadlines.
    InTime,
}

/// A backend on a way of its own, or on a cluster's.
struct Backend {
    subject: Subject,
    states: Arc<States>,
    id: session_core::SessionId,
}

impl Backend {
    async fn on(connect: Connect, stage: &Stage, number: usize) -> Self {
        let url = stage.urls.get(number).expect("two URLs").clone();
        let way = stage.ways.get(number).or(stage.ways.first());
        let mut states = States::of(way.expect("a way").addr().port());
        if let Some(port) = url.rsplit(':').next().and_then(|port| port.parse().ok())
            && !stage.is_cluster()
        {
            states = States::of(port);
        }
        let observer: Arc<dyn session_core::ConnectionObserver> = Arc::clone(&states) as _;
        let subject = Subject::of(
            connect,
            Target {
                deadline: DEADLINE,
                observer: Some(observer),
                ..Target::patient(url, own_prefix())
            },
        );
        let id = session(&subject, stage, true).await;
        Self {
            subject,
            states,
            id,
        }
    }
}

/// A session on the server that the fault is about, or on another.
pub(super) async fn session(
    subject: &Subject,
    stage: &Stage,
    is_struck: bool,
) -> session_core::SessionId {
    loop {
        let id = create(&*subject.backend).await.id;
        if stage.is_struck(hash_slot(&subject.keys.session(&id))) == is_struck {
            return id;
        }
    }
}

/// Runs the trial and prints the row.
pub(super) async fn run(connect: Connect, row: Row, mut stage: Stage) {
    let busy = Backend::on(connect, &stage, 0).await;
    let idle = Backend::on(connect, &stage, 1).await;
    let per_way = if stage.is_cluster() { 2.0 } else { 1.0 };
    let traffic = Traffic::start(&busy.subject.backend, &busy.id);
    let elsewhere = match stage.is_cluster() {
        true => {
            let other = session(&busy.subject, &stage, false).await;
            Some(Traffic::start(&busy.subject.backend, &other))
        }
        false => None,
    };
    sleep(Duration::from_millis(300)).await;

    stage.ways.iter().for_each(crate::Proxy::reset);
    let began = Instant::now();
    let ends = stage.begin(row.fault).await;
    let mut known_down_until = began;
    if ends {
        stage.last(row.fault).await;
        known_down_until = Instant::now();
        stage.end(row.fault).await;
    }
    let ended = Instant::now();
    let (heals, heals_idle) = (
        Duration::from_millis(row.heals.0),
        Duration::from_millis(row.heals.1),
    );
    let first = tokio::spawn({
        let (backend, id) = (Arc::clone(&idle.subject.backend), idle.id.clone());
        async move {
            sleep_until((ended + heals_idle).into()).await;
            count(&*backend, &id).await
        }
    });
    sleep(heals.max(heals_idle) + DEADLINE).await;
    let way = stage.ways.first().expect("a way");
    let attempts = f64::from(u32::try_from(way.connections()).expect("few")) / per_way;
    let seconds = began.elapsed().as_secs_f64();
    let (increments, late) = traffic.stop().await;
    let first = first.await.expect("it does not panic");
    let total = views(&*busy.subject.backend, &busy.id).await;

    let took = |begun: &dyn Fn(Instant) -> bool| {
        let begun = increments.iter().filter(|it| begun(it.began));
        begun.map(|it| it.took()).collect::<Vec<_>>()
    };
    let all = took(&|_| true);
    let worst = quantile(all.clone(), 1000).unwrap_or_default();
    let most = quantile(all, 990).unwrap_or_default();
    let down = took(&|at| at >= began + 2 * DEADLINE && at < known_down_until);
    let (p50, p99) = (quantile(down.clone(), 500), quantile(down, 990));
    let failed = increments.iter().filter(|it| it.result.is_err());
    let last = failed
        .filter(|it| it.began >= ended)
        .map(|it| it.ended)
        .max();
    let healed = last.map_or(Duration::ZERO, |last| last - ended);
    let idle_states = idle.states.since(ended);
    let healed_idle = idle_states
        .iter()
        .filter(|(at, _)| *at <= heals_idle)
        .rfind(|(_, state)| *state == ConnectionState::Up)
        .map_or(Duration::ZERO, |(at, _)| *at);
    let of = |result| increments.iter().filter(|it| it.result == result).count();
    let (counted, unknown) = (of(Ok(())), of(Err(Effect::Unknown)));
    let changes = busy.states.since(began);
    println!(
        "| {} | {} | {} | {} | {} | {} | {:.1} | {counted} | {unknown} | {} | {} |",
        row.says,
        millis(Some(worst)),
        millis(p50),
        millis(p99),
        millis(Some(healed)),
        millis(Some(healed_idle)),
        attempts / seconds,
        of(Err(Effect::NotApplied)),
        changes.len(),
    );

    let mut wrong = Vec::new();
    let mut check = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    check(most <= DEADLINE + SLACK + late, format!("p99 {most:?}"));
    check(
        worst <= DEADLINE + MOST_SLACK + late,
        format!("worst {worst:?}"),
    );
    let mut at_once = AT_ONCE;
    if let Some(elsewhere) = elsewhere {
        let (elsewhere, _) = elsewhere.stop().await;
        let failed = elsewhere.iter().filter(|it| it.result.is_err()).count();
        let took: Vec<_> = elsewhere.iter().map(|it| it.took()).collect();
        let worst = quantile(took.clone(), 1000);
        let is_well = failed == 0 && worst < Some(DEADLINE / 2 + late);
        // A machine that stands still that long makes other nodes late as well.
        let is_well = is_well || late > DEADLINE / 5;
        check(is_well, format!("elsewhere {failed} failed, {worst:?}"));
        // Another node is asked where the slot is now.
        at_once += quantile(took, 500).unwrap_or_default();
    }
    if row.meanwhile == Meanwhile::AtOnce {
        let is_at_once = p50.is_some_and(|p50| p50 < at_once);
        check(is_at_once, format!("known down {p50:?}"));
    }
    check(healed <= heals + late, format!("healed in {healed:?}"));
    check(
        first.is_ok(),
        format!("idle, first: {first:?} {idle_states:?}"),
    );
    check(
        attempts <= BURST + RATE * seconds,
        format!("{attempts} attempts"),
    );
    let is_flapping = changes.len() > 8 && row.meanwhile == Meanwhile::AtOnce;
    check(!is_flapping, format!("{changes:?}"));
    let total = total
        .ok()
        .flatten()
        .and_then(|it| usize::try_from(it - 1).ok());
    let is_true = total.is_some_and(|it| (counted..=counted + unknown).contains(&it));
    check(is_true, format!("{total:?}, not {counted} + {unknown}"));
    assert!(
        wrong.is_empty(),
        "{wrong:#?}\nstates {changes:?}, the machine was {late:?} late"
    );
}

fn millis(time: Option<Duration>) -> String {
    match time {
        None => "–".to_owned(),
        Some(time) if time >= Duration::from_millis(10) => time.as_millis().to_string(),
        Some(time) => format!("{:.2}", time.as_secs_f64() * 1000.0),
    }
}
