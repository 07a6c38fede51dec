use session_core::QuotaWarnings;

use super::route::HOPS;
use super::*;
use crate::info::Mode;
use crate::keys::{KeyPrefix, KeySpace};
use crate::operation::{Operation, Servers};
use crate::reply::Outcome;
use crate::script_call::{self, ScriptCall};
use crate::server_error::ServerError;
use crate::settings::Settings;
use crate::testing::{Scripted, all_slots_at};

const SECOND: Duration = Duration::from_secs(1);
/// The first of an operation's.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// A cluster of which two nodes are known, 1 and 2.
struct Rig {
    keys: KeySpace,
    servers: Servers<Scripted>,
}

fn rig(nodes: &Scripted) -> Rig {
    let seeds = vec![Endpoint::tcp("host", 1), Endpoint::tcp("host", 2)];
    let settings = Settings {
        deadline: SECOND,
        ..Settings::default()
    };
    let how = Supervision::new(nodes.clone(), Mode::Cluster, &settings);
    let cluster = Cluster::new(how, seeds);
    Rig {
        keys: KeySpace::new(KeyPrefix::default(), crate::IdStorage::Plain),
        servers: Servers::Cluster(Box::new(cluster)),
    }
}

impl Rig {
    fn cluster(&self) -> &Cluster<Scripted> {
        match &self.servers {
            Servers::Cluster(cluster) => cluster,
            Servers::Standalone(_) => panic!("a cluster"),
        }
    }

    async fn run(&self, time: Duration) -> Result<Outcome> {
        let call = script_call::remove(&self.keys, b"b", None);
        self.call(&call, time).await
    }

    async fn call(&self, call: &ScriptCall, time: Duration) -> Result<Outcome> {
        let operation = Operation {
            keys: &self.keys,
            servers: &self.servers,
            deadline: Instant::now() + time,
            quota_warnings: &QuotaWarnings::default(),
        };
        operation.run(call).await
    }
}

fn done() -> Result<Reply> {
    Ok(Reply::Array(vec![Reply::Integer(1)]))
}

fn server(code: &str, detail: &str) -> Result<Reply> {
    Err(ServerError::into_error(code, detail))
}

/// What was sent, in few words.
fn sent(nodes: &Scripted) -> Vec<String> {
    let words = nodes.sent().into_iter().map(|(port, command)| {
        let word = match command.name() {
            "EVALSHA" => "run",
            "CLUSTER" => "slots",
            name => name,
        };
        format!("{word} {port}")
    });
    words.collect()
}

#[tokio::test(start_paused = true)]
async fn the_map_is_asked_for_once() {
    let nodes = Scripted::default().reply(1, all_slots_at(2));
    let nodes = nodes.reply(2, done()).reply(2, done());
    let rig = rig(&nodes);
    for expected in [vec!["slots 1", "run 2"], vec!["run 2"]] {
        assert!(matches!(rig.run(SECOND).await, Ok(Outcome::Done(_))));
        assert_eq!(sent(&nodes), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_moved_slot_is_followed_and_the_map_asked_for_again() {
    let nodes = Scripted::default().reply(1, all_slots_at(1));
    let nodes = nodes.reply(1, server("MOVED", "3300 :2")).reply(2, done());
    let rig = rig(&nodes);
    assert!(rig.run(SECOND).await.is_ok());
    assert_eq!(sent(&nodes), ["slots 1", "run 1", "run 2"]);
    // Other slots may have moved as well; the next operation looks, and only that one.
    let nodes = nodes
        .reply(1, all_slots_at(2))
        .reply(2, done())
        .reply(2, done());
    for expected in [vec!["slots 1", "run 2"], vec!["run 2"]] {
        assert!(rig.run(SECOND).await.is_ok());
        assert_eq!(sent(&nodes), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_migrating_slot_is_asked_for_at_its_goal() {
    let nodes = Scripted::default().reply(1, all_slots_at(1));
    let nodes = nodes.reply(1, server("ASK", "3300 host:2"));
    let nodes = nodes.reply(2, done()).reply(1, done());
    let rig = rig(&nodes);
    assert!(rig.run(SECOND).await.is_ok());
    assert_eq!(sent(&nodes), ["slots 1", "run 1", "ASKING 2", "run 2"]);
    // The next one begins where the slot still is.
    assert!(rig.run(SECOND).await.is_ok());
    assert_eq!(sent(&nodes), ["run 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_for_a_node_is_not_redirected() {
    for code in ["MOVED", "ASK"] {
        let nodes = Scripted::default().reply(1, all_slots_at(1));
        let nodes = nodes.reply(1, server(code, "0 host:2"));
        let rig = rig(&nodes);
        let call = script_call::scan::page(&rig.keys, 0, 0, 10);
        let error = rig.call(&call, SECOND).await;
        assert!(crate::server_error::is_redirected(&error.unwrap_err()));
        assert_eq!(sent(&nodes), ["slots 1", "run 1"], "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_that_point_at_each_other_are_not_followed_for_ever() {
    let mut nodes = Scripted::default().reply(1, all_slots_at(1));
    for _ in 0..200 {
        nodes = nodes.reply(1, server("MOVED", "3300 host:2"));
        nodes = nodes.reply(2, server("MOVED", "3300 host:1"));
    }
    let rig = rig(&nodes);
    // Too short for a pause.
    let error = rig.run(Duration::from_millis(5)).await.unwrap_err();
    assert_eq!(error.effect(), Effect::NotApplied);
    assert_eq!(sent(&nodes).len(), 1 + 1 + HOPS as usize);
    let error = rig.run(SECOND).await.unwrap_err();
    assert_eq!(error.effect(), Effect::NotApplied);
}

#[tokio::test(start_paused = true)]
async fn what_may_have_run_is_never_sent_again() {
    for lost in [ErrorKind::Timeout, ErrorKind::Unavailable] {
        let nodes = Scripted::default().reply(1, all_slots_at(1));
        let nodes = nodes.reply(1, Err(Error::new(lost, Effect::Unknown)));
        let rig = rig(&nodes);
        let error = rig.run(SECOND).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (lost, Effect::Unknown));
        assert_eq!(sent(&nodes), ["slots 1", "run 1"]);
        // The next one asks another node where the slot is now.
        let nodes = nodes.reply(2, all_slots_at(2)).reply(2, done());
        assert!(rig.run(SECOND).await.is_ok());
        assert_eq!(sent(&nodes), ["slots 2", "run 2"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_down_is_waited_for_once() {
    let mut nodes = Scripted::default().reply(1, all_slots_at(1));
    for _ in 0..50 {
        nodes = nodes.reply(2, all_slots_at(1));
    }
    let rig = rig(&nodes);
    let began = Instant::now();
    let error = rig.run(SECOND).await.unwrap_err();
    assert_eq!(error.effect(), Effect::NotApplied);
    assert!(began.elapsed() > SECOND / 2, "it is waited for");
    assert!(began.elapsed() <= SECOND);
    assert_eq!(sent(&nodes)[..4], ["slots 1", "run 1", "slots 2", "run 1"]);
    // It is known to be down now: no pause, though there is time.
    let began = Instant::now();
    assert!(rig.run(SECOND).await.is_err());
    assert_eq!(sent(&nodes), ["run 1", "slots 2"]);
    assert!(began.elapsed() < FIRST_PAUSE);
    // When it has replied it is waited for again.
    let _nodes = nodes.reply(1, done());
    assert!(rig.run(SECOND).await.is_ok());
    assert!(!rig.cluster().routes.is_unhealthy(&Endpoint::tcp("host", 1)));
}

#[tokio::test(start_paused = true)]
async fn a_failover_is_found_by_the_operation_that_needs_it() {
    let nodes = Scripted::default().reply(1, all_slots_at(1));
    let nodes = nodes.reply(2, all_slots_at(2)).reply(2, done());
    let rig = rig(&nodes);
    assert!(rig.run(SECOND).await.is_ok());
    assert_eq!(sent(&nodes), ["slots 1", "run 1", "slots 2", "run 2"]);
}

#[tokio::test(start_paused = true)]
async fn without_any_node_an_operation_fails_at_once_after_the_first() {
    let nodes = Scripted::default();
    let rig = rig(&nodes);
    let error = rig.run(SECOND).await.unwrap_err();
    let (kind, effect) = (error.kind(), error.effect());
    assert_eq!((kind, effect), (ErrorKind::Unavailable, Effect::NotApplied));
    assert!(sent(&nodes).len() > 4, "the nodes are waited for");
    let began = Instant::now();
    assert!(rig.run(SECOND).await.is_err());
    assert_eq!(sent(&nodes), ["slots 1", "slots 2"]);
    assert!(began.elapsed() < FIRST_PAUSE);
    let _nodes = nodes.reply(1, all_slots_at(1)).reply(1, done());
    assert!(rig.run(SECOND).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn any_node_replies_for_all() {
    let nodes = Scripted::default().reply(2, done());
    let rig = rig(&nodes);
    let ping = Command::new("PING", None);
    let ask = async || rig.cluster().ask_any(&ping, Instant::now() + SECOND).await;
    assert!(ask().await.is_ok());
    assert_eq!(sent(&nodes), ["PING 1", "PING 2"]);
    assert!(ask().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_masters_are_waited_for_while_another_asks() {
    let nodes = Scripted::default().reply(1, all_slots_at(2));
    let rig = rig(&nodes);
    let masters = async |is_beginning| {
        let deadline = Instant::now() + SECOND;
        rig.cluster().masters(is_beginning, deadline).await
    };
    let lock = rig.cluster().routes.refresh_lock();
    let began = Instant::now();
    let error = masters(true).await.unwrap_err();
    assert_eq!(error.effect(), Effect::NotApplied);
    assert!(began.elapsed() > SECOND / 2);
    drop(lock);
    assert!(masters(true).await.is_ok());
    assert!(masters(false).await.is_ok());
    // What is known already will do.
    let _lock = rig.cluster().routes.refresh_lock();
    assert!(masters(true).await.is_ok());
    assert_eq!(sent(&nodes), ["slots 1"]);
}
