//! What a process keeps of what it has read, and what ends that.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use session_core::steps::ReadRequest;
use session_core::{
    Delta, Effect, NewSession, OnExcess, Principal, PrincipalLimit, SessionAdmin, SessionBackend,
    SessionCount, SessionId, SessionPolicy, SessionRecord, SessionTtl, Touch,
};
use session_redis::NearCache;
use tokio::task::JoinSet;

use super::{DEADLINE, Subject, ann, count, create, fields, log_in, name, until_well};
use crate::connect::{send, until};
use crate::harness::{Connect, own_prefix};
use crate::{Cluster, Mode, Proxy, RedisServer, Target};

const BOUND: Duration = Duration::from_secs(2);

/// A process with a near cache, which slides once a minute.
fn target(url: String, bound: Duration) -> Target {
    Target {
        near_cache: Some(NearCache::within(bound)),
        policy: SessionPolicy::new().with_touch(Touch::IfOlderThan(Duration::from_secs(60))),
        ..Target::patient(url, own_prefix())
    }
}

async fn read(backend: &dyn SessionBackend, id: &SessionId) -> Option<SessionRecord> {
    backend.get_session(id).await.expect("a read")
}

fn text(record: Option<&SessionRecord>, field: &str) -> Option<String> {
    record?.fields().get_str(field).map(str::to_owned)
}

/// What needs no slide is asked of the server once; a slide, and what must be fresh, each time.
pub async fn a_read_is_served_by_the_process(connect: Connect) {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let backend = Subject::of(connect, target(proxy.url(), BOUND)).backend;
    let id = create(&*backend).await.id;
    read(&*backend, &id).await.expect("it lives");
    proxy.reset();
    let began = Instant::now();
    for _ in 0..100 {
        let record = read(&*backend, &id).await;
        assert_eq!(text(record.as_ref(), "username").as_deref(), Some("andrew"));
        let peeked = backend.peek_session(&id).await.expect("a peek");
        assert!(peeked.is_some());
    }
    // A probe may have been sent.
    let probes = began.elapsed().as_millis() / 500 + 1;
    let bursts = u128::from(proxy.bursts());
    assert!(bursts <= probes, "{bursts} round trips");
    for _ in 0..20 {
        let slid = backend.get_session_with(&id, Touch::Always).await;
        assert!(slid.expect("a slide").is_some());
        let fresh = ReadRequest::new(backend.policy(), &id, Touch::Never).fresh();
        backend.read(&fresh).await.expect("a fresh read");
    }
    assert!(proxy.bursts() >= 40, "{} round trips", proxy.bursts());
}

/// Whatever another client does to a session that is kept: it is seen, long before the bound where
/// nothing is in the way.
pub async fn what_others_change_is_seen(connect: Connect) {
    let server = RedisServer::start().await;
    let subject = Subject::of(connect, target(server.url(), BOUND));
    let other = Subject::of(
        connect,
        Target {
            near_cache: None,
            prefix: subject.keys.prefix().clone(),
            ..target(server.url(), BOUND)
        },
    );
    let backend = &*subject.backend;
    let mut raw = server.connection().await;
    for command in [
        "HSET KEY username ann",
        "HDEL KEY username",
        "HINCRBY KEY page_views 7",
        "DEL KEY",
        "UNLINK KEY",
        "PEXPIRE KEY 1",
        "EXPIREAT KEY 1",
        "RENAME KEY other",
        "HSET KEY session_ttl 0",
        "HDEL KEY created_at",
        "EVAL redis.call('DEL',ARGV[1]) 0 KEY",
        "FLUSHDB",
        "FLUSHALL ASYNC",
    ] {
        let id = create(backend).await.id;
        let before = read(backend, &id).await;
        assert!(before.is_some() && read(backend, &id).await.is_some());
        let key = String::from_utf8(subject.keys.session(&id)).expect("a text");
        let command = command.replace("KEY", &key);
        send::<redis::Value>(&mut raw, &command)
            .await
            .expect("a change");
        let what = command.replace(&key, "KEY");
        until(&what, BOUND, async || {
            // A slide would revive what is about to expire.
            let now = backend.peek_session(&id).await.expect("a peek");
            let is_seen = now.as_ref().map(SessionRecord::fields)
                != before.as_ref().map(SessionRecord::fields);
            is_seen.then_some(()).ok_or("the same")
        })
        .await;
    }
    for change in 0..4 {
        let created = log_in(backend).await;
        let id = created.id;
        let record = read(backend, &id).await.expect("it lives");
        let there = &*other.backend;
        match change {
            0 => assert!(there.delete_session(&id).await.expect("an end")),
            1 => assert_eq!(
                there.revoke_sessions(&ann(), None).await.expect("an end"),
                1
            ),
            2 => {
                let known = record.public_id().expect("it is bound");
                assert!(there.revoke_session(&ann(), &known).await.expect("an end"));
            }
            _ => {
                let rotated = there.rotate_session(&id, Delta::new()).await;
                assert!(rotated.expect("a rotation").is_some());
            }
        }
        until(&format!("change {change}"), BOUND, async || {
            let is_over = read(backend, &id).await.is_none();
            is_over.then_some(()).ok_or("still there")
        })
        .await;
    }
}

/// What a step of this process has changed is seen by the read that follows its acknowledgement,
/// also where the step has found the session by itself.
pub async fn what_this_process_changes_is_seen_at_once(connect: Connect) {
    let server = RedisServer::start().await;
    at_once(connect, server.url()).await;
}

/// The same.
pub async fn what_this_process_changes_is_seen_at_once_on_a_cluster(connect: Connect) {
    let cluster = Cluster::start(3).await;
    at_once(connect, cluster.url()).await;
}

/// What a step may have changed whose reply never came, because of silence or because the
/// connection has closed: no read that follows serves it as it was before.
pub async fn what_may_be_done_is_not_served_as_it_was(connect: Connect) {
    let server = RedisServer::start().await;
    for closes in [false, true] {
        let proxy = Proxy::start(server.addr()).await;
        let target = Target {
            deadline: DEADLINE,
            ..target(proxy.url(), Duration::from_secs(60))
        };
        let subject = Subject::of(connect, target);
        let backend = &*subject.backend;
        let id = create(backend).await.id;
        // The server knows the script from then on.
        count(backend, &id).await.expect("a count");
        assert!(read(backend, &id).await.is_some() && read(backend, &id).await.is_some());
        proxy.set(Mode::SwallowReplies);
        let key = String::from_utf8(subject.keys.session(&id)).expect("a text");
        let look = format!("HGET {key} page_views");
        let cut = async {
            until("it is done", BOUND, async || {
                let views: String = server.ask(&look).await;
                (views == "3").then_some(()).ok_or(views)
            })
            .await;
            if closes {
                proxy.cut_all().await;
            }
        };
        let (counted, ()) = join(count(backend, &id), cut).await;
        let error = counted.expect_err("no reply");
        assert_eq!(error.effect(), Effect::Unknown, "{error:?}");
        // As long as nothing can be read, that is an error.
        let seen = backend.get_session(&id).await;
        assert!(seen.is_err(), "{seen:?}");
        proxy.set(Mode::Pass);
        let record = until_well("the way is open", || backend.get_session(&id)).await;
        assert_eq!(text(record.as_ref(), "page_views").as_deref(), Some("3"));
    }
}

async fn at_once(connect: Connect, url: String) {
    let max = SessionCount::new(1).expect("a limit");
    let on_excess = OnExcess::EvictOldest;
    let whole = target(url, BOUND);
    let limited = whole
        .policy
        .clone()
        .with_principal_limit(PrincipalLimit { max, on_excess });
    let subject = Subject::of(
        connect,
        Target {
            policy: limited,
            ..whole
        },
    );
    let (backend, admin) = (&*subject.backend, &*subject.admin);
    let workers = (0..8).map(|worker| async move {
        let own = Principal::new(format!("worker {worker}")).expect("a principal");
        for round in 0..40 {
            change_all(backend, admin, &own, round).await;
        }
    });
    join_all(workers).await;
}

/// Every way to change a session, each followed by a read.
async fn change_all(
    backend: &dyn SessionBackend,
    admin: &dyn SessionAdmin,
    own: &Principal,
    round: i64,
) {
    let kept = async || {
        let id = create(backend).await.id;
        assert!(read(backend, &id).await.is_some() && read(backend, &id).await.is_some());
        id
    };
    let id = kept().await;
    let views = count(backend, &id).await.expect("a count");
    let seen = text(read(backend, &id).await.as_ref(), "page_views");
    assert_eq!(seen, views.map(|it| it.to_string()));
    let set = Delta::new().set(name("username"), round);
    backend.update_session(&id, set).await.expect("an update");
    let seen = read(backend, &id).await;
    assert_eq!(text(seen.as_ref(), "username"), Some(round.to_string()));
    let ttl = SessionTtl::from_secs(100).expect("a TTL");
    assert!(backend.set_session_ttl(&id, ttl).await.expect("a TTL"));
    let seen = read(backend, &id).await.expect("it lives");
    assert_eq!(seen.configured_ttl(), ttl);
    // A rotation, and a log-out by the old id, which ends the new one.
    let rotated = backend.rotate_session(&id, Delta::new()).await;
    let rotated = rotated.expect("a rotation").expect("it lives").id;
    assert!(read(backend, &id).await.is_none());
    assert!(read(backend, &rotated).await.is_some() && read(backend, &rotated).await.is_some());
    assert!(backend.delete_session(&id).await.expect("a log-out"));
    assert!(
        read(backend, &rotated).await.is_none(),
        "a log-out by the old id"
    );
    let id = kept().await;
    assert!(backend.delete_session(&id).await.expect("an end"));
    assert!(read(backend, &id).await.is_none());
    // A log-in of which there may be one.
    let log_in = async || {
        let login = NewSession::new(fields()).bind(own.clone());
        let id = backend.create_session(login).await.expect("a log-in").id;
        assert!(read(backend, &id).await.is_some() && read(backend, &id).await.is_some());
        id
    };
    let first = log_in().await;
    let second = log_in().await;
    assert!(read(backend, &first).await.is_none(), "over the limit");
    let known = read(backend, &second).await.and_then(|it| it.public_id());
    let known = known.expect("it is bound");
    let set = Delta::new().set(name("username"), "by public id");
    let written = backend.update_session_of(own, &known, set).await;
    assert!(written.expect("an update").is_some());
    let seen = text(read(backend, &second).await.as_ref(), "username");
    assert_eq!(seen.as_deref(), Some("by public id"));
    assert!(backend.revoke_session(own, &known).await.expect("an end"));
    assert!(read(backend, &second).await.is_none());
    let third = log_in().await;
    assert_eq!(backend.revoke_sessions(own, None).await.expect("an end"), 1);
    assert!(read(backend, &third).await.is_none());
    let bound = kept().await;
    let bind = Delta::new().bind(own.clone());
    assert!(
        backend
            .update_session(&bound, bind)
            .await
            .expect("a log-in")
            .is_some()
    );
    let seen = read(backend, &bound).await.expect("it lives");
    assert_eq!(seen.principal(), Some(own.clone()));
    // The operator's connection is another one.
    let known = seen.public_id().expect("it is bound");
    assert!(admin.revoke_session(&known).await.expect("an end"));
    until("the operator's end", BOUND, async || {
        let is_over = read(backend, &bound).await.is_none();
        is_over.then_some(()).ok_or("still there")
    })
    .await;
}

/// A session that is kept ends no later than on the server.
pub async fn a_session_expires_in_time(connect: Connect) {
    let server = RedisServer::start().await;
    let subject = Subject::of(connect, target(server.url(), BOUND));
    let backend = &*subject.backend;
    for _ in 0..3 {
        let id = create(backend).await.id;
        let ttl = SessionTtl::from_secs(1).expect("a TTL");
        assert!(backend.set_session_ttl(&id, ttl).await.expect("a TTL"));
        // The server has set it before; a key lives through the millisecond of its expiry.
        let ends = Instant::now() + Duration::from_millis(1_001);
        let mut reads = 0_u64;
        loop {
            let began = Instant::now();
            let Some(record) = backend.peek_session(&id).await.expect("a peek") else {
                break;
            };
            assert!(began <= ends, "{:?} late", began - ends);
            assert!(record.ttl().whole_seconds() <= Some(1));
            reads += 1;
        }
        assert!(reads > 1_000, "{reads} reads");
    }
}

/// Two processes count in the same sessions: neither reads less than it has read or counted before,
/// nor less than either had counted so long ago as the bound.
pub async fn two_processes_see_what_they_may(connect: Connect) {
    const LASTS: Duration = Duration::from_secs(5);
    let bound = Duration::from_millis(200);
    let server = RedisServer::start().await;
    let target = target(server.url(), bound);
    let processes = [(); 2].map(|()| Subject::of(connect, target.clone()).backend);
    let [first, _] = &processes;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(Arc::new(Counted {
            id: create(&**first).await.id,
            acknowledged: std::sync::Mutex::default(),
            known: Default::default(),
        }));
    }
    let began = Instant::now();
    let reads = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for (process, backend) in processes.iter().enumerate() {
        for task in 0..8 {
            let (backend, sessions) = (Arc::clone(backend), sessions.clone());
            let reads = Arc::clone(&reads);
            tasks.spawn(async move {
                let mut turn = task;
                while began.elapsed() < LASTS {
                    turn += 1;
                    let Some(session) = sessions.get(turn % 4) else {
                        return;
                    };
                    if turn % 40 < 2 {
                        session.count(&*backend, process).await;
                        tokio::time::sleep(Duration::from_millis(3)).await;
                    } else {
                        session.read(&*backend, process, bound).await;
                        reads.fetch_add(1, Relaxed);
                    }
                }
            });
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("nothing older was read");
    }
    println!("{} reads", reads.load(Relaxed));
}

/// A session in which page views are counted.
struct Counted {
    id: SessionId,
    acknowledged: std::sync::Mutex<Vec<(Instant, i64)>>,
    /// The most that each process knows of.
    known: [AtomicI64; 2],
}

impl Counted {
    async fn count(&self, backend: &dyn SessionBackend, process: usize) {
        let views = count(backend, &self.id)
            .await
            .expect("a count")
            .expect("it lives");
        let mut acknowledged = self.acknowledged.lock().expect("not poisoned");
        acknowledged.push((Instant::now(), views));
        self.known_to(process).fetch_max(views, Relaxed);
    }

    async fn read(&self, backend: &dyn SessionBackend, process: usize, bound: Duration) {
        let began = Instant::now();
        let known = self.known_to(process).load(Relaxed);
        let by_all = self.acknowledged_by(began.checked_sub(bound).unwrap_or(began));
        let record = read(backend, &self.id).await;
        let views = text(record.as_ref(), "page_views").and_then(|it| it.parse().ok());
        let views: i64 = views.expect("a number");
        assert!(views >= known, "{views} after {known} in this process");
        assert!(
            views >= by_all,
            "{views} after {by_all} longer ago than the bound"
        );
        self.known_to(process).fetch_max(views, Relaxed);
    }

    fn known_to(&self, process: usize) -> &AtomicI64 {
        self.known.get(process).expect("one of two")
    }

    fn acknowledged_by(&self, then: Instant) -> i64 {
        let acknowledged = self.acknowledged.lock().expect("not poisoned");
        let mut latest = acknowledged.iter().rev().skip_while(|(at, _)| *at > then);
        // The few that were acknowledged side by side may be in another order.
        let few = latest.by_ref().take(16).map(|(_, views)| *views);
        few.max().unwrap_or_default()
    }
}
