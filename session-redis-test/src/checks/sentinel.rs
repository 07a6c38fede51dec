//! A primary that sentinels name.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_core::{ErrorKind, SessionBackend, SessionId};
use session_redis::AclFeature;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::acl::use_all;
use super::{DEADLINE, Subject, assert_refused, backend, count, create, login, until_well, views};
use crate::connect::{connect, info_field, send, until};
use crate::fake::{fake_server, plain_reply};
use crate::harness::{Connect, own_prefix};
use crate::tls::{Authority, TlsEnd};
use crate::{RedisServer, SERVICE, Sentinels, Target};

/// How long after the first sentinel names another primary that is used, on a busy machine. How
/// long the sentinels take is theirs: a second or two beside the time after which they take a
/// primary for down.
const AFTER_SWITCH: Duration = Duration::from_millis(1500);
/// How long replies, and what was sent before, may be on their way.
const LAG: Duration = Duration::from_millis(250);

/// Counts on one session, from several tasks, until it is dropped.
struct Load {
    acknowledged: Arc<Mutex<Vec<(Instant, i64)>>>,
    is_ended: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Load {
    fn start(backend: &Arc<dyn SessionBackend>, id: &SessionId) -> Self {
        let acknowledged = Arc::<Mutex<Vec<_>>>::default();
        let is_ended = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let (backend, id) = (Arc::clone(backend), id.clone());
            let (acknowledged, is_ended) = (Arc::clone(&acknowledged), Arc::clone(&is_ended));
            tasks.spawn(async move {
                while !is_ended.load(Ordering::Relaxed) {
                    if let Ok(Some(value)) = count(&*backend, &id).await {
                        let mut acknowledged = acknowledged.lock().expect("no panic");
                        acknowledged.push((Instant::now(), value));
                    }
                    sleep(Duration::from_millis(2)).await;
                }
            });
        }
        Self {
            acknowledged,
            is_ended,
            tasks,
        }
    }

    fn acknowledged(&self) -> Vec<(Instant, i64)> {
        self.acknowledged.lock().expect("no panic").clone()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&[(Instant, i64)]) -> bool) {
        until(what, Duration::from_secs(20), async || {
            let acknowledged = self.acknowledged();
            is_so(&acknowledged).then_some(()).ok_or(acknowledged.len())
        })
        .await;
    }

    async fn end(mut self) -> Vec<(Instant, i64)> {
        self.is_ended.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("no panic");
        }
        self.acknowledged()
    }
}

fn at(connect: Connect, url: String) -> Arc<dyn SessionBackend> {
    let target = Target {
        deadline: DEADLINE,
        ..Target::patient(url, own_prefix())
    };
    connect(target).backend
}

/// When the first of the sentinels on these ports names another primary than it does now.
async fn switched(sentinels: Vec<u16>) -> Instant {
    let named = async |port: u16| -> Option<Vec<String>> {
        let mut connection = connect(port, AFTER_SWITCH).await.ok()?;
        let command = format!("SENTINEL GET-MASTER-ADDR-BY-NAME {SERVICE}");
        send(&mut connection, &command).await.ok()
    };
    let mut first = Vec::new();
    for port in &sentinels {
        first.push(named(*port).await);
    }
    loop {
        for (port, first) in sentinels.iter().zip(&first) {
            if named(*port).await != *first {
                return Instant::now();
            }
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// A server is told that it is a replica, which ends its connections.
async fn until_replica(server: &RedisServer) {
    until("it is a replica", Duration::from_secs(30), async || {
        let mut connection = connect(server.port(), LAG)
            .await
            .map_err(|it| it.to_string())?;
        let info = send::<String>(&mut connection, "INFO replication").await;
        let info = info.map_err(|it| it.to_string())?;
        let is_replica = info_field(&info, "role") == Some("slave");
        is_replica.then_some(()).ok_or(info)
    })
    .await;
}

async fn scripts_run(server: &RedisServer) -> u64 {
    let stats: String = server.ask("INFO commandstats").await;
    let calls = |command: &str| {
        let line = info_field(&stats, &format!("cmdstat_{command}"))?;
        line.strip_prefix("calls=")?
            .split(',')
            .next()?
            .parse::<u64>()
            .ok()
    };
    ["eval", "evalsha"].iter().filter_map(|it| calls(it)).sum()
}

/// The primary that has failed goes on from what was replicated, soon; what was acknowledged before
/// that stays, and nothing is written to the old one any more.
async fn fail_over(connect: Connect, is_killed: bool) {
    let mut all = Sentinels::start().await;
    let backend = at(connect, all.url());
    use_all(&*backend).await;
    let id = create(&*backend).await.id;
    let load = Load::start(&backend, &id);
    load.until("some are counted", |it| it.len() > 200).await;
    for replica in all.servers.iter().skip(1) {
        assert_eq!(scripts_run(replica).await, 0, "a replica was asked");
    }
    let (primary, _) = all.servers.split_first_mut().expect("three servers");
    // What was acknowledged before both replicas had a later write.
    let replicated = load.acknowledged().iter().map(|it| it.1).max();
    let mut connection = primary.connection().await;
    let fence = send::<()>(&mut connection, "SET fence 1").await;
    fence.expect("a write");
    let replicas = send::<u32>(&mut connection, "WAIT 2 10000").await;
    assert_eq!(replicas.expect("a number"), 2);
    match is_killed {
        true => primary.kill(),
        false => primary.pause(),
    }
    // Replies that were on their way may still arrive.
    let failed = Instant::now();
    let resumed = |at: Instant| at > failed + LAG;
    let sentinels = all.sentinels.iter().map(RedisServer::port);
    let switched = tokio::spawn(switched(sentinels.collect()));
    load.until("it goes on", |it| {
        it.last().is_some_and(|last| resumed(last.0))
    })
    .await;
    let acknowledged = load.acknowledged();
    let first = acknowledged.iter().find(|it| resumed(it.0)).expect("one");
    let (took, switched) = (first.0 - failed, switched.await.expect("no panic"));
    let late = first.0.saturating_duration_since(switched);
    println!("first success {took:?} after the failure, {late:?} after the sentinels' switch");
    assert!(late <= AFTER_SWITCH, "{late:?}");
    if !is_killed {
        primary.resume();
        // What was sent before the failure is done now, and nothing else.
        sleep(LAG).await;
        let before = scripts_run(primary).await;
        until_replica(primary).await;
        assert_eq!(
            scripts_run(primary).await,
            before,
            "the old primary was written to"
        );
    }
    let counted = acknowledged.len();
    load.until("it still goes on", |it| it.len() > counted + 100)
        .await;
    let acknowledged = load.end().await;
    let after = acknowledged
        .iter()
        .filter(|it| it.0 >= first.0)
        .map(|it| it.1);
    let distinct: HashSet<_> = after.clone().collect();
    assert_eq!(
        distinct.len(),
        after.count(),
        "one increment was acknowledged twice"
    );
    let lowest = distinct.iter().min().copied();
    assert!(
        lowest > replicated,
        "{lowest:?} after {replicated:?}: what was acknowledged is lost"
    );
    assert_eq!(
        views(&*backend, &id).await.expect("read"),
        acknowledged.iter().map(|it| it.1).max()
    );
}

/// By its end.
pub async fn a_primary_that_ends_is_followed(connect: Connect) {
    fail_over(connect, true).await;
}

/// By a silence, after which it comes back and does not know.
pub async fn a_primary_that_hangs_is_followed(connect: Connect) {
    fail_over(connect, false).await;
}

/// An operator's own fail-over: the old primary is asked until it says that it is one no more.
pub async fn a_planned_failover_is_followed(connect: Connect) {
    let all = Sentinels::start().await;
    let backend = at(connect, all.url());
    let id = create(&*backend).await.id;
    let load = Load::start(&backend, &id);
    load.until("some are counted", |it| it.len() > 200).await;
    let [sentinel, ..] = &*all.sentinels else {
        panic!("three sentinels");
    };
    sentinel
        .ask::<()>(&format!("SENTINEL FAILOVER {SERVICE}"))
        .await;
    let [old, ..] = &*all.servers else {
        panic!("three servers");
    };
    until_replica(old).await;
    let demoted = Instant::now();
    load.until("it goes on", |it| {
        it.last().is_some_and(|last| last.0 > demoted)
    })
    .await;
    let took = load
        .acknowledged()
        .iter()
        .find(|it| it.0 > demoted)
        .map(|it| it.0 - demoted);
    assert!(took <= Some(AFTER_SWITCH), "{took:?}");
    let asked = scripts_run(old).await;
    load.until("it still goes on", |it| {
        it.iter().filter(|it| it.0 > demoted).count() > 200
    })
    .await;
    assert_eq!(scripts_run(old).await, asked, "a replica is asked");
    load.end().await;
}

/// One sentinel that replies is enough; what they do not know, or do not let one know, is named; a
/// server that is none, too.
pub async fn sentinels_are_used_as_the_url_says(connect: Connect) {
    let rights = AclFeature::Sentinel.rights().join(" ");
    let account = format!("user app on >password -@all {rights}");
    let settings = RedisServer::builder().config_line(account);
    let mut all = Sentinels::start_with(settings).await;
    let url = all.url();
    let with = |part: &str| at(connect, format!("{url}&{part}"));
    let refused = async |url: String, kind: ErrorKind, says: &str| {
        let error = at(connect, url).ping().await;
        let text = format!("{error:?}");
        assert!(text.contains(says), "{text}");
        assert_refused(error, kind);
    };
    let unknown = url.replace(SERVICE, "other");
    refused(unknown, ErrorKind::Config, "no service of this name").await;
    let [server, ..] = &*all.servers else {
        panic!("three servers");
    };
    let none = format!("redis-sentinel://{}?service={SERVICE}", server.addr());
    refused(none, ErrorKind::Config, "no sentinel").await;
    let account = "sentinel_user=app&sentinel_password";
    refused(format!("{url}&{account}=other"), ErrorKind::Denied, "").await;
    use_all(&*with(&format!("{account}=password"))).await;
    // Over TLS, and the server without.
    let (authority, directory) = (Authority::new(), TempDir::new().expect("a directory"));
    let path = directory.path().join("ca.pem");
    std::fs::write(&path, &authority.pem).expect("a file");
    let [first, ..] = &*all.sentinels else {
        panic!("three sentinels");
    };
    let end = TlsEnd::start(first.addr(), &authority.issue(|_| {}), None).await;
    let over_tls = format!(
        "redis-sentinel://localhost:{}?service={SERVICE}&sentinel_tls=on&ca={}",
        end.addr().port(),
        path.display()
    );
    use_all(&*at(connect, over_tls)).await;
    // A database of the primary's, through the only sentinel that is left.
    for sentinel in all.sentinels.iter_mut().skip(1) {
        sentinel.kill();
    }
    let of_database = url.replacen('?', "/5?", 1);
    let subject = Subject::at(connect, of_database);
    subject
        .backend
        .create_session(login())
        .await
        .expect("a session");
    let [server, ..] = &*all.servers else {
        panic!("three servers");
    };
    let keyspace: String = server.ask("INFO keyspace").await;
    assert!(keyspace.contains("db5:keys=2"), "{keyspace}");
    // None is left: the connection there is serves on.
    for sentinel in &mut all.sentinels {
        sentinel.kill();
    }
    create(&*subject.backend).await;
    let late = backend(connect, all.url());
    assert_refused(late.ping().await, ErrorKind::Unavailable);
    for sentinel in &mut all.sentinels {
        sentinel.restart().await;
    }
    until_well("the sentinels are there again", || late.ping()).await;
}

/// Both over TLS, and each certificate checked.
pub async fn servers_and_sentinels_are_used_over_tls(connect: Connect) {
    let server = RedisServer::start().await;
    let (authority, directory) = (Authority::new(), TempDir::new().expect("a directory"));
    let path = directory.path().join("ca.pem");
    std::fs::write(&path, &authority.pem).expect("a file");
    let issued = authority.issue(|_| {});
    let end = TlsEnd::start(server.addr(), &issued, None).await;
    let port = end.addr().port().to_string();
    let sentinel = fake_server(move |words| {
        if words
            .first()
            .is_some_and(|it| it.eq_ignore_ascii_case("SENTINEL"))
        {
            let words = ["ip", "127.0.0.1", "port", &port, "config-epoch", "0"];
            let mut reply = format!("*{}\r\n", words.len());
            for word in words {
                reply += &format!("${}\r\n{word}\r\n", word.len());
            }
            return reply.into_bytes();
        }
        plain_reply("7.0.0", words)
    });
    let front = TlsEnd::start(sentinel, &issued, None).await;
    let url = format!(
        "rediss-sentinel://localhost:{}?service={SERVICE}&ca={}",
        front.addr().port(),
        path.display()
    );
    use_all(&*at(connect, url)).await;
    end.restart(&Authority::new().issue(|_| {}), None);
    let url = format!(
        "rediss-sentinel://{}?service={SERVICE}&sentinel_tls=off&ca={}",
        sentinel,
        path.display()
    );
    let error = at(connect, url)
        .ping()
        .await
        .expect_err("a stranger's certificate");
    assert!(
        format!("{error:?}").contains("UnknownAuthority"),
        "{error:?}"
    );
}
