//! What goes wrong with servers and with the ways to them: each fault is one trial, and prints one
//! row of a table. `docs/faults.md` shows the table, and says what its columns are.

mod ledger;
mod stage;
mod stale;
mod trial;

use std::time::Duration;

use session_conformance::Runner;
use session_core::{Effect, ErrorKind, SessionBackend, SessionId};

pub(crate) use self::ledger::States;
use self::stage::{Fault, Stage};
use self::trial::Meanwhile::{AtOnce, InTime};
use self::trial::Row;
use super::{backend, count, create, until_well};
use crate::harness::Connect;
use crate::{Mode, RedisServer};

macro_rules! rows {
    ($($name:ident, $says:literal, $fault:expr, $heals:expr, $idle:expr, $meanwhile:expr;)*) => {
        &[$(Row {
            name: stringify!($name),
            says: $says,
            fault: $fault,
            heals: ($heals, $idle),
            meanwhile: $meanwhile,
        }),*]
    };
}

const ONE: &[Row] = rows!(
    stopped, "server stopped (SIGSTOP)", Fault::Stop, 1000, 1000, AtOnce;
    killed, "server killed, restarted", Fault::Kill, 1500, 1500, AtOnce;
    killed_bare, "the same, connections refused", Fault::KillBare, 1500, 1500, AtOnce;
    loading, "server restarted, loads its data", Fault::Load, 1500, 1500, AtOnce;
    password, "password changed and back", Fault::Password, 2000, 2000, AtOnce;
    late_user, "server restarted, user comes later", Fault::LateUser, 2000, 2000, AtOnce;
    demoted, "master demoted behind its name", Fault::Demote, 2000, 2000, InTime;
    replica, "server made a replica and back", Fault::Replica { serves: true }, 500, 500, InTime;
    masterdown, "the same, and serves no reads", Fault::Replica { serves: false }, 500, 500, InTime;
    swallowed, "everything swallowed", Fault::Way(Mode::Swallow), 2500, 2500, AtOnce;
    replies_swallowed, "replies swallowed", Fault::Way(Mode::SwallowReplies), 2500, 2500, AtOnce;
    half_open, "half-open: old connections swallow for ever", Fault::HalfOpen, 1500, 3000, InTime;
    connects_swallowed, "server restarted, new connections swallow", Fault::SwallowConnects, 2500, 2500, AtOnce;
    refused, "connections reset", Fault::NewWay(Mode::Refuse), 1500, 1500, AtOnce;
    closed, "connections accepted and closed", Fault::NewWay(Mode::Close), 1500, 1500, AtOnce;
    handshake_cut, "handshakes cut at byte 0 to 400", Fault::CutHandshakes, 1500, 1500, InTime;
    reply_cut, "connections cut at byte 1000", Fault::Way(Mode::CutEach(1000)), 1500, 1500, InTime;
    slow, "replies 600 ms late", Fault::Way(Mode::DelayReplies(Duration::from_millis(600))), 2500, 2500, AtOnce;
    trickle, "a byte every 20 ms", Fault::Way(Mode::Trickle(Duration::from_millis(20))), 2500, 2500, AtOnce;
    garbage, "garbage for replies", Fault::Way(Mode::Garbage), 1500, 1500, AtOnce;
    busy, "server busy with a script", Fault::Busy, 1000, 1000, InTime;
    error_loading, "every second script LOADING", Fault::Way(Mode::Error("LOADING really")), 1500, 1500, InTime;
    error_masterdown, "… MASTERDOWN", Fault::Way(Mode::Error("MASTERDOWN really")), 1500, 1500, InTime;
    error_readonly, "… READONLY", Fault::Way(Mode::Error("READONLY really")), 1500, 1500, InTime;
    error_noauth, "… NOAUTH", Fault::Way(Mode::Error("NOAUTH really")), 1500, 1500, InTime;
    error_wrongpass, "… WRONGPASS", Fault::Way(Mode::Error("WRONGPASS really")), 1500, 1500, InTime;
    error_clusterdown, "… CLUSTERDOWN", Fault::Way(Mode::Error("CLUSTERDOWN really")), 1500, 1500, InTime;
);

const NODE: &[Row] = rows!(
    stopped, "node stopped (SIGSTOP)", Fault::Stop, 1000, 1000, AtOnce;
    killed, "node killed, restarted", Fault::Kill, 1500, 1500, AtOnce;
    failover, "node killed, its replica takes over", Fault::Failover, 1500, 1500, AtOnce;
    swallowed, "everything swallowed", Fault::Way(Mode::Swallow), 2500, 2500, AtOnce;
    half_open, "half-open: old connections swallow for ever", Fault::HalfOpen, 1500, 3000, InTime;
    closed, "connections accepted and closed", Fault::NewWay(Mode::Close), 1500, 1500, AtOnce;
    handshake_cut, "handshakes cut at byte 0 to 400", Fault::CutHandshakes, 1500, 1500, InTime;
    slow, "replies 600 ms late", Fault::Way(Mode::DelayReplies(Duration::from_millis(600))), 2500, 2500, AtOnce;
    error_clusterdown, "every second script CLUSTERDOWN", Fault::Way(Mode::Error("CLUSTERDOWN really")), 1500, 1500, InTime;
);

/// Adds a trial for each fault, of a server and of a cluster's node; those of a way, which are the
/// same with any server, under a name of their own.
pub(crate) fn add(runner: Runner, connect: Connect) -> Runner {
    let run = move |row, stage| trial::run(connect, row, stage);
    add_each(runner, ["faults", "faults_cluster"], run)
}

/// Adds a trial of a near cache for each fault.
pub(crate) fn add_near(runner: Runner, connect: Connect) -> Runner {
    let run = move |row, stage| stale::run(connect, row, stage);
    add_each(runner, ["near_faults", "near_faults_cluster"], run)
}

fn add_each<F>(
    mut runner: Runner,
    [one, node]: [&str; 2],
    run: impl Fn(Row, Stage) -> F + Copy + Send + Sync + 'static,
) -> Runner
where
    F: Future<Output = ()>,
{
    for (topology, rows) in [(one, ONE), (node, NODE)] {
        let is_one = topology == one;
        for row in rows {
            let way = if row.fault.is_of_way() { "way::" } else { "" };
            let name = format!("{topology}::{way}{}", row.name);
            runner = runner.test(&name, move || async move {
                let stage = match is_one {
                    true => Stage::one(row.fault).await,
                    false => Stage::cluster(row.fault).await,
                };
                run(*row, stage).await;
            });
        }
    }
    runner
}

/// A backend can be built while the server is away; it says so, changes nothing, and works once the
/// server is there.
///
/// # Panics
/// When it does not.
pub async fn starts_without_a_server(connect: Connect) {
    let mut server = RedisServer::start().await;
    server.kill();
    let backend = backend(connect, server.url());
    let id = SessionId::random().expect("an id");
    let failures = [
        backend.ping().await.err(),
        count(&*backend, &id).await.err(),
    ];
    for error in failures {
        let error = error.expect("there is no server");
        let expected = (ErrorKind::Unavailable, Effect::NotApplied);
        assert_eq!((error.kind(), error.effect()), expected, "{error:?}");
    }
    server.restart().await;
    until_well("the server is there", || backend.ping()).await;
    create(&*backend).await;
}
