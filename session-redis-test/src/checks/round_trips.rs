//! How many round trips an operation takes.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryFutureExt as _};
use session_core::{
    Delta, NewSession, OnExcess, PageSize, Principal, PrincipalLimit, PublicId, Result,
    SessionBackend, SessionCount, SessionId, SessionPolicy, SessionTtl, Touch,
};
use session_redis::IdStorage::{Hashed, HashedAfterPlain, Plain, PlainBeforeHashed};

use super::cluster::teach_scripts;
use super::{Subject, ann, count, create, fields, log_in, login, name};
use crate::harness::{Connect, own_prefix};
use crate::{Cluster, Mode, Monitor, Proxy, RedisServer, Target};

/// By how much every reply of a cluster is late: so many times that is how long an operation takes.
const LATE: Duration = Duration::from_millis(250);

/// An operation, how many round trips it takes on one server and on a cluster, and itself.
type Operation<'a> = (&'static str, [u32; 2], BoxFuture<'a, Result<()>>);

fn run<'a, T: 'a>(
    operation: impl Future<Output = Result<T>> + Send + 'a,
) -> BoxFuture<'a, Result<()>> {
    operation.map_ok(drop).boxed()
}

fn one_session() -> SessionPolicy {
    let max = SessionCount::new(1).expect("a limit");
    let on_excess = OnExcess::EvictOldest;
    SessionPolicy::new().with_principal_limit(PrincipalLimit { max, on_excess })
}

/// Each operation is one round trip (a burst of requests at a proxy), except what finds a session
/// by its public id, which is two. Prints the round trips, and the commands as the server saw them.
pub async fn every_operation_is_one_round_trip(connect: Connect) {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let subject = Subject::at(connect, proxy.url());
    let policy = one_session();
    let target = Target::patient(proxy.url(), own_prefix());
    let limited = Subject::of(connect, Target { policy, ..target });
    let mut monitor = Monitor::start(&server).await;
    // The server learns the scripts and the backends learn the version in the first round.
    for is_measured in [false, true] {
        let sessions = Sessions::create(&*subject.backend).await;
        for (operation, [expected, _], run) in sessions.operations(&subject, &limited) {
            monitor.take().await;
            proxy.reset();
            let result = run.await;
            result.unwrap_or_else(|error| panic!("{operation}: {error:?}"));
            let bursts = proxy.bursts();
            if is_measured {
                let commands = monitor.take().await;
                let names = |is_from_script| {
                    let some = commands.iter();
                    let some = some.filter(|it| it.is_from_script() == is_from_script);
                    some.map(|it| it.name()).collect::<Vec<_>>().join(" ")
                };
                let commands = format!("{} [{}]", names(false), names(true));
                println!("{operation:<42} round trips: {bursts}  commands: {commands}");
                assert_eq!(bursts, u64::from(expected), "round trips of {operation}");
            }
        }
    }
}

/// Operations on unbound sessions take one round trip, as on one server; those that keep the index
/// take a few more, and no more; with hashed ids as with plain ones. Prints them.
pub async fn operations_on_a_cluster_take_few_round_trips(connect: Connect) {
    let (cluster, proxies) = Cluster::start_behind_proxies(3).await;
    teach_scripts(&cluster).await;
    let set = |mode| proxies.iter().for_each(|proxy| proxy.set(mode));
    for storage in [Plain, Hashed] {
        let [subject, limited] = [SessionPolicy::new(), one_session()].map(|policy| {
            let target = Target::patient(cluster.url(), own_prefix());
            Subject::of(
                connect,
                Target {
                    policy,
                    storage,
                    ..target
                },
            )
        });
        for subject in [&subject, &limited] {
            subject.session_per_node(&cluster).await;
        }
        let sessions = Sessions::create(&*subject.backend).await;
        for (operation, [_, expected], run) in sessions.operations(&subject, &limited) {
            set(Mode::DelayReplies(LATE));
            let began = Instant::now();
            let result = run.await;
            let took = began.elapsed();
            set(Mode::Pass);
            result.unwrap_or_else(|error| panic!("{operation}: {error:?}"));
            // A busy machine may add to the time, but not take from it.
            let trips = took.as_millis() / LATE.as_millis();
            println!("{operation:<42} round trips: {trips}");
            assert_eq!(trips, u128::from(expected), "{operation}: {took:?}");
        }
    }
}

/// What the operations are done with.
struct Sessions {
    free: [SessionId; 4],
    bound: [SessionId; 5],
    cid: Principal,
    /// Of one of cid's sessions.
    known: PublicId,
}

impl Sessions {
    async fn create(backend: &dyn SessionBackend) -> Self {
        let cid = Principal::new("cid").expect("a principal");
        let (mut free, mut bound, mut known) = (Vec::new(), Vec::new(), None);
        for _ in 0..4 {
            free.push(create(backend).await.id);
        }
        for _ in 0..5 {
            bound.push(log_in(backend).await.id);
        }
        for _ in 0..20 {
            let new = NewSession::new(fields()).bind(cid.clone());
            let created = backend.create_session(new).await.expect("a session");
            known = created.record.public_id();
        }
        Self {
            free: free.try_into().expect("four"),
            bound: bound.try_into().expect("five"),
            cid,
            known: known.expect("a bound session has one"),
        }
    }

    #[rustfmt::skip] // A table.
    fn operations<'a>(&'a self, subject: &'a Subject, limited: &'a Subject) -> Vec<Operation<'a>> {
        let (store, limited) = (&*subject.backend, &*limited.backend);
        let [a, b, c, d] = &self.free;
        let [v, w, x, y, z] = &self.bound;
        let (cid, known) = (&self.cid, &self.known);
        let change = || Delta::new().set(name("theme"), "dark").returning_record();
        let bind = |principal: &Principal| Delta::new().bind(principal.clone());
        let (ann, bob) = (ann(), Principal::new("bob").expect("a principal"));
        let throttled = Touch::IfOlderThan(Duration::from_secs(60));
        vec![
            ("ping", [1, 1], run(store.ping())),
            ("create", [1, 1], run(store.create_session(NewSession::new(fields())))),
            ("get", [1, 1], run(store.get_session(a))),
            ("get, throttled", [1, 1], run(store.get_session_with(a, throttled))),
            ("peek", [1, 1], run(store.peek_session(a))),
            ("ttl", [1, 1], run(store.ttl(a))),
            ("configured_ttl", [1, 1], run(store.configured_ttl(a))),
            ("update", [1, 1], run(store.update_session(a, change()))),
            ("increment", [1, 1], run(count(store, a))),
            ("remove fields", [1, 1], run(store.remove_fields(a, vec![name("theme")]))),
            ("set TTL", [1, 1], run(store.set_session_ttl(a, SessionTtl::MAX))),
            ("rotate", [1, 1], run(store.rotate_session(a, change()))),
            ("get, rotated", [1, 1], run(store.get_session(a))),
            ("delete, rotated", [1, 1], run(store.delete_session(a))),
            ("delete", [1, 1], run(store.delete_session(b))),
            ("create, bound", [1, 2], run(store.create_session(login()))),
            ("get, bound", [1, 1], run(store.get_session(v))),
            ("update, bound", [1, 1], run(store.update_session(v, change()))),
            ("rotate, bound", [1, 4], run(store.rotate_session(v, Delta::new()))),
            ("update that binds", [1, 2], run(store.update_session(c, bind(&ann)))),
            ("update that binds again", [1, 3], run(store.update_session(w, bind(&ann)))),
            ("update that binds to another", [1, 3], run(store.update_session(x, bind(&bob)))),
            ("rotate that binds", [1, 2], run(store.rotate_session(d, bind(&ann)))),
            ("rotate that binds to another", [1, 3], run(store.rotate_session(y, bind(&bob)))),
            ("delete, bound", [1, 2], run(store.delete_session(z))),
            ("list, of twenty", [1, 2], run(store.list_sessions(cid))),
            ("get by public id", [2, 2], run(store.get_session_of(cid, known))),
            ("revoke by public id", [2, 3], run(store.revoke_session(cid, known))),
            ("revoke all, nineteen", [1, 3], run(store.revoke_sessions(cid, None))),
            ("list, of none", [1, 1], run(store.list_sessions(cid))),
            ("revoke all, none", [1, 1], run(store.revoke_sessions(cid, None))),
            ("create, within a limit", [1, 2], run(limited.create_session(login()))),
            ("create that evicts", [1, 5], run(limited.create_session(login()))),
        ]
    }
}

/// What two formats cost: nothing where the session is in the format of new ones, one round trip
/// more where it is in the other or there is none. A page is one round trip, and ending what is on
/// it one more.
pub async fn two_key_formats_cost_one_round_trip_more(connect: Connect) {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let prefix = own_prefix();
    let [plain, plain_first, hashed_first] =
        [Plain, PlainBeforeHashed, HashedAfterPlain].map(|storage| {
            let target = Target::patient(proxy.url(), prefix.clone());
            Subject::of(connect, Target { storage, ..target })
        });
    let trips = async |run: BoxFuture<'_, Result<()>>| {
        proxy.reset();
        run.await.expect("a reply");
        proxy.bursts()
    };
    // The server learns the scripts, the process the version, in the first round.
    for is_measured in [false, true] {
        for [process, other] in [[&plain_first, &hashed_first], [&hashed_first, &plain_first]] {
            let process = &*process.backend;
            let here = create(process).await.id;
            let there = create(&*other.backend).await.id;
            let nowhere = SessionId::random().expect("an id");
            for (id, expected) in [(&here, 1), (&there, 2), (&nowhere, 2)] {
                let read = trips(run(process.get_session(id))).await;
                let written = trips(run(count(process, id))).await;
                let deleted = trips(run(process.delete_session(id))).await;
                if is_measured {
                    assert_eq!([read, written, deleted], [expected; 3]);
                }
            }
        }
        let id = create(&*plain.backend).await.id;
        let public_id = PublicId::of_unbound(&id);
        let listed = trips(run(plain.admin.list_page(None, PageSize::MAX))).await;
        let ended = trips(run(plain.admin.revoke_session(&public_id))).await;
        if is_measured {
            assert_eq!([listed, ended], [1, 2], "a page; a page and the session");
        }
    }
}
