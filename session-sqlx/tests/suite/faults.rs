//! What goes wrong with a PostgreSQL server and with the way to it: each fault is one trial, and
//! prints one row of a table.

mod stage;

use std::time::{Duration, Instant};

use session_conformance::Runner;
use session_core::{Effect, SessionBackend as _};
use session_sqlx::PostgresBackend;
use session_sqlx_test::Mode;
use sqlx::{Connection as _, PgConnection};
use tokio::time::{sleep, sleep_until};

use self::stage::{Fault, Stage};
use crate::kit::{DEADLINE, PATIENT, create, unlimited, until_well};
use crate::ledger::{self, Act, Done, Traffic};

/// What a busy machine may add to the deadline.
const SLACK: Duration = Duration::from_millis(250);

/// A row of the table.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// Of the trial.
    name: &'static str,
    says: &'static str,
    fault: Fault,
    /// Within how many milliseconds after the cause has ended the backend heals.
    heals: u64,
    /// How many connections the backend has at most.
    connections: u32,
    /// How many of a hundred operations may fail meanwhile, of those that the fault is not about.
    others_fail: usize,
}

macro_rules! rows {
    ($($name:ident, $says:literal, $fault:expr, $heals:literal, $connections:literal, $others:literal;)*) => {
        &[$(Row {
            name: stringify!($name),
            says: $says,
            fault: $fault,
            heals: $heals,
            connections: $connections,
            others_fail: $others,
        }),*]
    };
}

const ROWS: &[Row] = rows!(
    killed, "server killed, restarted", Fault::Kill, 1500, 10, 100;
    stopped, "server stopped (SIGSTOP)", Fault::Stop, 2500, 10, 100;
    shut_down, "immediate shutdown, restarted", Fault::ShutDown, 1500, 10, 100;
    swallowed, "everything swallowed", Fault::Way(Mode::Swallow), 2500, 10, 100;
    replies_swallowed, "replies swallowed", Fault::Way(Mode::SwallowReplies), 2500, 10, 100;
    half_open, "half-open: old connections swallow for ever", Fault::HalfOpen, 2500, 10, 100;
    refused, "connections reset", Fault::NewWay(Mode::Refuse), 1500, 10, 100;
    closed, "connections accepted and closed", Fault::NewWay(Mode::Close), 1500, 10, 100;
    handshake_cut, "handshakes cut at byte 0 to 400", Fault::CutHandshakes, 1500, 10, 100;
    garbage, "garbage for replies", Fault::Way(Mode::Garbage), 1500, 10, 100;
    slow, "replies 600 ms late", Fault::Way(Mode::DelayReplies(LATE)), 2500, 10, 100;
    failover, "primary killed, its replica takes over", Fault::Failover { stays: false }, 1500, 10, 100;
    demoted, "primary is a standby, its replica takes over", Fault::Failover { stays: true }, 1500, 10, 100;
    read_only, "default_transaction_read_only", Fault::ReadOnly, 1500, 10, 100;
    too_many, "max_connections of the server reached", Fault::TooMany, 1500, 6, 100;
    password, "password changed and back", Fault::Password, 1500, 10, 100;
    terminated, "connections ended again and again", Fault::Terminate, 1500, 10, 100;
    renamed, "table renamed and back", Fault::NoTable, 500, 10, 100;
    row_locked, "a row locked by another session", Fault::RowLocked, 500, 10, 2;
    exhausted, "the same, of two connections", Fault::RowLocked, 500, 2, 2;
    table_locked, "the table locked by another session", Fault::TableLocked, 1000, 10, 100;
);

const LATE: Duration = Duration::from_millis(600);

/// Adds a trial for each fault.
pub(crate) fn add(mut runner: Runner) -> Runner {
    for row in ROWS {
        let name = format!("faults::{}", row.name);
        runner = runner.test(&name, move || run(*row));
    }
    runner
}

/// How long it takes at the most to connect to a sound server, without the backend: on a busy
/// machine each of its attempts takes as long.
async fn slowest_connection(url: String, until: Instant) -> Duration {
    let mut slowest = Duration::ZERO;
    while Instant::now() < until {
        let began = Instant::now();
        if let Ok(mut connection) = PgConnection::connect(&url).await {
            let _ = connection.ping().await;
        }
        slowest = slowest.max(began.elapsed());
        sleep(Duration::from_millis(50)).await;
    }
    slowest
}

async fn run(row: Row) {
    let mut stage = Stage::new(row.fault).await;
    let url = stage.database().url_at(stage.way.addr());
    let backend = |connections| {
        let builder = PostgresBackend::builder(&url).unwrap();
        builder.policy(unlimited()).max_connections(connections)
    };
    backend(1).deadline(PATIENT).connect().await.unwrap();
    let [busy, idle] = [row.connections, 2].map(|it| backend(it).deadline(DEADLINE).build());
    for backend in [&busy, &idle] {
        until_well("the backend connects", || backend.ping()).await;
    }
    let struck = create(&idle).await.id;
    let others = create(&busy).await.id;
    let traffic = Traffic::start(&busy, [&struck, &others]);
    sleep(Duration::from_millis(300)).await;

    let began = Instant::now();
    stage.begin(row.fault, &struck).await;
    stage.last(row.fault).await;
    let over = Instant::now();
    stage.end(row.fault).await;
    let ended = Instant::now();
    let heals = Duration::from_millis(row.heals);
    let until = ended + heals + DEADLINE;
    let slowest = tokio::spawn(slowest_connection(stage.successor().url(), until));
    let first = tokio::spawn({
        let (idle, others) = (idle.clone(), others.clone());
        async move {
            sleep_until((ended + heals).into()).await;
            idle.peek_session(&others).await
        }
    });
    sleep_until(until.into()).await;
    let (done, late) = traffic.stop().await;
    let late = late.max(slowest.await.unwrap());
    let first = first.await.unwrap();
    let mut wrong = ledger::wrong(&done, stage.successor(), [&struck, &others]).await;

    let worst = done.iter().map(Done::took).max().unwrap_or_default();
    let failed = || done.iter().filter(|it| it.failed().is_some());
    let last = failed()
        .filter(|it| it.began >= ended)
        .max_by_key(|it| it.ended);
    let healed = last.map_or(Duration::ZERO, |it| it.ended - ended);
    let meanwhile = |it: &&Done| it.act != Act::CountStruck && (began..over).contains(&it.began);
    let all = done.iter().filter(meanwhile).count();
    let fails = failed().filter(meanwhile).count() * 100 / all.max(1);
    let of = |effect| done.iter().filter(|it| it.failed() == effect).count();
    let [counted, unknown, not] = [None, Some(Effect::Unknown), Some(Effect::NotApplied)].map(of);
    println!(
        "| {} | {} | {} | {fails} % | {counted} | {unknown} | {not} |",
        row.says,
        worst.as_millis(),
        healed.as_millis(),
    );
    // A machine that stands still for long makes more fail than the fault does.
    let stood_still = late > DEADLINE / 5;
    let late = if stood_still {
        2 * (late + DEADLINE)
    } else {
        late
    };
    let mut check = |holds: bool, what: String| wrong.extend((!holds).then_some(what));
    check(worst <= DEADLINE + SLACK + late, format!("worst {worst:?}"));
    check(
        healed <= heals + late,
        format!("healed in {healed:?}: {last:?}"),
    );
    check(
        fails <= row.others_fail || stood_still,
        format!("{fails} % of the others failed"),
    );
    check(first.is_ok() || stood_still, format!("idle: {first:?}"));
    if row.fault == Fault::RowLocked {
        let unknown: Vec<_> = failed()
            .filter(|it| it.failed() == Some(Effect::Unknown))
            .collect();
        // Of who has waited long for a connection, the deadline ends the wait for the row.
        let may_wait = row.connections < 10;
        check(
            unknown.is_empty() || stood_still || may_wait,
            format!("effects unknown: {unknown:#?}"),
        );
    }
    assert!(
        wrong.is_empty(),
        "{wrong:#?}\nthe machine was {late:?} late"
    );
}
