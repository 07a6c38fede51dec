//! The tasks of a race.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use session_core::steps::{ReadOutcome, ReadRequest};
use session_core::{
    Fields, NewSession, Principal, PublicId, SessionBackend, SessionId, SessionPolicy,
    SessionRecord, Touch,
};
use tokio::task::JoinSet;

use super::Summary;
use crate::harness::Harness;
use crate::kit::{Step, fields, fresh_principal};

/// Over how many backends, and with that connections, the tasks of a race are spread.
const BACKENDS: usize = 4;

/// Backends over one store, and a count of what they returned.
pub(super) struct Crew {
    backends: Vec<Arc<dyn SessionBackend>>,
    operations: Arc<AtomicU64>,
}

/// One task's backend. Counts the operations that it is told of.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) backend: Arc<dyn SessionBackend>,
    operations: Arc<AtomicU64>,
}

impl Member {
    /// Counts one operation that has returned, and passes the outcome on.
    pub(super) fn did<T>(&self, outcome: session_core::Result<T>) -> T {
        self.operations.fetch_add(1, Ordering::Relaxed);
        outcome.unwrap_or_else(|error| panic!("{error:?}"))
    }
}

impl Crew {
    pub(super) async fn new(h: &dyn Harness) -> Self {
        let mut backends = Vec::new();
        for _ in 0..BACKENDS {
            let policy = SessionPolicy::new().without_principal_limit();
            backends.push(h.backend_with(policy).await);
        }
        Self {
            backends,
            operations: Arc::default(),
        }
    }

    /// The n-th task's.
    pub(super) fn member(&self, n: usize) -> Member {
        Member {
            backend: Arc::clone(&self.backends[n % self.backends.len()]),
            operations: Arc::clone(&self.operations),
        }
    }

    /// Runs one task per number below `count`, and waits for all; a task that panics ends the race.
    pub(super) async fn all<T, F>(&self, count: usize, task: impl Fn(usize, Member) -> F) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        for n in 0..count {
            let task = task(n, self.member(n));
            tasks.spawn(async move {
                // On one thread they would all go in step, and meet in few ways.
                wait(n % 3).await;
                task.await
            });
        }
        tasks.join_all().await
    }

    /// A session for one round. Its TTL is long enough for the slowest machine.
    pub(super) async fn session(&self) -> SessionId {
        let new = NewSession::new(fields([("username", "andrew")]));
        let member = self.member(0);
        member.did(member.backend.create_session(new).await).id
    }

    /// A session of a new principal: its id, the principal, and its public id.
    pub(super) async fn bound_session(&self) -> (SessionId, Principal, PublicId) {
        let (ann, member) = (fresh_principal("ann"), self.member(0));
        let new = NewSession::default().bind(ann.clone());
        let created = member.did(member.backend.create_session(new).await);
        let public_id = created.record.public_id().expect("a bound session");
        (created.id, ann, public_id)
    }

    /// The session, whichever backend has changed it last.
    pub(super) async fn peek(&self, id: &SessionId) -> Option<SessionRecord> {
        let backend = self.member(0).backend;
        let request = ReadRequest::new(backend.policy(), id, Touch::Never).fresh();
        match backend.read(&request).done().await {
            ReadOutcome::Found(record) => Some(record),
            _ => None,
        }
    }

    /// What a session that lives holds.
    pub(super) async fn fields(&self, id: &SessionId) -> Fields {
        self.peek(id).await.expect("it lives").fields().clone()
    }

    /// The public ids of those of these sessions that live, in order.
    pub(super) async fn alive(&self, ids: &[SessionId]) -> Vec<PublicId> {
        let mut alive = Vec::new();
        for id in ids {
            let record = self.peek(id).await;
            alive.extend(record.map(|record| record.public_id().expect("a bound session")));
        }
        alive.sort();
        alive
    }

    /// The public ids in a principal's list, in order.
    pub(super) async fn listed(&self, principal: &Principal) -> Vec<PublicId> {
        let list = self.member(0).backend.list_sessions(principal).done().await;
        let mut listed: Vec<_> = list.into_iter().map(|listed| listed.public_id).collect();
        listed.sort();
        listed
    }

    pub(super) fn summary(&self, race: &'static str, rounds: usize) -> Summary {
        Summary {
            race,
            rounds,
            operations: self.operations.load(Ordering::Relaxed),
        }
    }
}

/// Asserts that acknowledged values of a counter are 1, 2, 3, … in some order.
#[track_caller]
pub(super) fn assert_distinct_and_gapless(mut values: Vec<i64>) {
    values.sort_unstable();
    for (expected, value) in (1..).zip(&values) {
        assert_eq!(*value, expected, "not distinct and gapless: {values:?}");
    }
}

/// Lets the other tasks go on, so many times.
pub(super) async fn wait(turns: usize) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

/// Runs two futures at once; the output of the first.
pub(crate) async fn both<T>(first: impl Future<Output = T>, second: impl Future<Output = ()>) -> T {
    let (mut first, mut second) = (std::pin::pin!(first), std::pin::pin!(second));
    let (mut output, mut is_done) = (None, false);
    std::future::poll_fn(|context| {
        use std::task::Poll;
        if output.is_none()
            && let Poll::Ready(ready) = first.as_mut().poll(context)
        {
            output = Some(ready);
        }
        is_done = is_done || second.as_mut().poll(context).is_ready();
        if output.is_some() && is_done {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    output.expect("ready")
}
