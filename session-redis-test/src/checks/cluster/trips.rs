//! How many round trips an operation takes on a cluster.

use std::future::Future;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use session_core::{
    Delta, NewSession, OnExcess, Principal, PrincipalLimit, Result, SessionBackend, SessionPolicy,
};

use super::{Subject, teach_scripts};
use crate::checks::{fields, name, public_id};
use crate::harness::Connect;
use crate::{Cluster, Mode, Proxy, Target};

/// By how much every reply is late: so many times that is how long an operation takes.
const LATE: Duration = Duration::from_millis(250);

/// Operations on unbound sessions take one round trip, as on one server; those that keep the index take a few
/// more, and no more. Prints them.
///
/// # Panics
/// When an operation takes another number.
pub async fn operations_on_a_cluster_take_few_round_trips(connect: Connect) {
    let (cluster, proxies) = Cluster::start_behind_proxies(3).await;
    teach_scripts(&cluster).await;
    let subject = Subject::with(connect, &cluster, |target| target).await;
    let limit = PrincipalLimit {
        max: NonZeroU32::MIN,
        on_excess: OnExcess::EvictOldest,
    };
    let policy = SessionPolicy::new().with_principal_limit(limit);
    let limited = Subject::with(connect, &cluster, |target| Target { policy, ..target }).await;
    for subject in [&subject, &limited] {
        subject.session_per_node(&cluster).await;
    }
    let clock = Clock { proxies: &proxies };
    unbound(&clock, &*subject.backend).await;
    bound(&clock, &*subject.backend).await;
    listed(&clock, &*subject.backend).await;
    evicted(&clock, &*limited.backend).await;
}

async fn unbound(clock: &Clock<'_>, backend: &dyn SessionBackend) {
    let new = || NewSession::new(fields());
    let id = clock
        .of("create_session", 1, backend.create_session(new()))
        .await
        .id;
    clock.of("get_session", 1, backend.get_session(&id)).await;
    clock.of("peek_session", 1, backend.peek_session(&id)).await;
    let delta = || Delta::new().set(name("theme"), "dark").returning_record();
    clock
        .of("update_session", 1, backend.update_session(&id, delta()))
        .await;
    let views = name("page_views");
    clock
        .of("increment_field", 1, backend.increment_field(&id, views, 1))
        .await;
    let rotated = clock
        .of("rotate_session", 1, backend.rotate_session(&id, delta()))
        .await;
    let id = rotated.expect("it lives").id;
    clock
        .of("delete_session", 1, backend.delete_session(&id))
        .await;
    clock.of("ping", 1, backend.ping()).await;
}

async fn bound(clock: &Clock<'_>, backend: &dyn SessionBackend) {
    let [ann, bob] = ["ann", "bob"].map(|name| Principal::new(name).expect("a principal"));
    let new = || NewSession::new(fields());
    let bind = |principal: &Principal| Delta::new().bind(principal.clone());
    let create = backend.create_session(new().bind(ann.clone()));
    let id = clock.of("create_session, bound", 2, create).await.id;
    clock
        .of("get_session, bound", 1, backend.get_session(&id))
        .await;
    let write = backend.update_session(&id, Delta::new().set(name("a"), "b"));
    clock.of("update_session, bound", 1, write).await;
    let rotated = clock.of(
        "rotate_session, bound",
        4,
        backend.rotate_session(&id, Delta::new()),
    );
    let id = rotated.await.expect("it lives").id;
    let again = backend.update_session(&id, bind(&ann));
    clock.of("update_session that binds again", 3, again).await;
    let write = backend.update_session(&id, bind(&bob));
    clock
        .of("update_session that binds to another", 3, write)
        .await;
    clock
        .of("delete_session, bound", 2, backend.delete_session(&id))
        .await;
    let id = backend.create_session(new()).await.expect("a session").id;
    clock
        .of(
            "update_session that binds",
            2,
            backend.update_session(&id, bind(&ann)),
        )
        .await;
    let id = backend.create_session(new()).await.expect("a session").id;
    let login = clock.of(
        "rotate_session that binds",
        2,
        backend.rotate_session(&id, bind(&ann)),
    );
    let id = login.await.expect("it lives").id;
    let login = backend.rotate_session(&id, bind(&bob));
    clock
        .of("rotate_session that binds, of a bound one", 3, login)
        .await;
    backend
        .revoke_sessions(&ann, None)
        .await
        .expect("it revokes");
    backend
        .revoke_sessions(&bob, None)
        .await
        .expect("it revokes");
}

async fn listed(clock: &Clock<'_>, backend: &dyn SessionBackend) {
    let ann = Principal::new("ann").expect("a principal");
    clock
        .of("list_sessions, of none", 1, backend.list_sessions(&ann))
        .await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        let new = NewSession::new(fields()).bind(ann.clone());
        ids.push(backend.create_session(new).await.expect("a session").id);
    }
    let list = clock
        .of("list_sessions, of twenty", 2, backend.list_sessions(&ann))
        .await;
    assert_eq!(list.len(), 20);
    let first = public_id(backend, ids.first().expect("a session")).await;
    let found = backend.get_session_of(&ann, &first);
    assert!(clock.of("get_session_of", 2, found).await.is_some());
    let revoke = backend.revoke_session(&ann, &first);
    assert!(clock.of("revoke_session", 3, revoke).await);
    let revoke = backend.revoke_sessions(&ann, None);
    assert_eq!(
        clock.of("revoke_sessions, of nineteen", 3, revoke).await,
        19
    );
    let revoke = backend.revoke_sessions(&ann, None);
    assert_eq!(clock.of("revoke_sessions, of none", 1, revoke).await, 0);
}

async fn evicted(clock: &Clock<'_>, backend: &dyn SessionBackend) {
    let ann = Principal::new("ann").expect("a principal");
    let new = || NewSession::new(fields()).bind(ann.clone());
    clock
        .of(
            "create_session, within a limit",
            2,
            backend.create_session(new()),
        )
        .await;
    let create = backend.create_session(new());
    clock.of("create_session that evicts", 5, create).await;
}

/// Counts the round trips of an operation by the time that it takes.
struct Clock<'a> {
    proxies: &'a [Proxy],
}

impl Clock<'_> {
    async fn of<T>(
        &self,
        operation: &str,
        expected: u32,
        run: impl Future<Output = Result<T>>,
    ) -> T {
        for proxy in self.proxies {
            proxy.set(Mode::DelayReplies(LATE));
        }
        let began = Instant::now();
        let answer = run.await;
        let took = began.elapsed();
        for proxy in self.proxies {
            proxy.set(Mode::Pass);
        }
        let trips = took.as_millis() / LATE.as_millis();
        println!("{operation:<42} round trips: {trips}");
        let answer = answer.unwrap_or_else(|error| panic!("{operation}: {error:?}"));
        // A busy machine may add to the time, but not take from it.
        assert!(trips >= u128::from(expected), "{operation}: {took:?}");
        assert!(trips < u128::from(expected) + 1, "{operation}: {took:?}");
        answer
    }
}
