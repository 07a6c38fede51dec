//! Constant traffic, and what became of each operation.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use session_core::{Effect, Error, SessionBackend as _, SessionId};
use session_sqlx::PostgresBackend;
use session_sqlx_test::Database;
use tokio::task::JoinSet;

use crate::kit::{count, new, principal};

/// A worker pauses for so long between two operations.
const PACE: Duration = Duration::from_millis(10);
/// Whose sessions are created.
const WORKER: &str = "worker";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Counts in the session that the fault is about, if it is about one.
    CountStruck,
    Count,
    Get,
    Create,
}

/// One worker for the session that is struck: it has no more than its connection.
const WORKERS: [(Act, usize); 4] = [
    (Act::CountStruck, 1),
    (Act::Count, 5),
    (Act::Get, 5),
    (Act::Create, 5),
];

/// An operation.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) act: Act,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    pub(crate) result: Result<(), Error>,
    created: Option<SessionId>,
}

impl Done {
    pub(crate) fn took(&self) -> Duration {
        self.ended - self.began
    }

    /// What is known of its effect, if it failed.
    pub(crate) fn failed(&self) -> Option<Effect> {
        self.result.as_ref().err().map(Error::effect)
    }
}

/// Workers, until they are stopped.
pub(crate) struct Traffic {
    stop: Arc<AtomicBool>,
    workers: JoinSet<(Vec<Done>, Duration)>,
}

impl Traffic {
    pub(crate) fn start(backend: &PostgresBackend, ids: [&SessionId; 2]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        for (act, number) in WORKERS {
            let id = ids[usize::from(act != Act::CountStruck)];
            for _ in 0..number {
                workers.spawn(work(act, backend.clone(), id.clone(), Arc::clone(&stop)));
            }
        }
        Self { stop, workers }
    }

    /// What became of all operations; and how late the machine was, at the worst, to begin one.
    pub(crate) async fn stop(self) -> (Vec<Done>, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        let (done, late): (Vec<_>, Vec<_>) = self.workers.join_all().await.into_iter().unzip();
        let done = done.into_iter().flatten().collect();
        (done, late.into_iter().max().unwrap_or_default())
    }
}

async fn work(
    act: Act,
    backend: PostgresBackend,
    id: SessionId,
    stop: Arc<AtomicBool>,
) -> (Vec<Done>, Duration) {
    let (mut all, mut late) = (Vec::new(), Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let mut created = None;
        let result = match act {
            Act::CountStruck | Act::Count => count(&backend, &id).await.map(|it| it.is_some()),
            Act::Get => backend.get_session(&id).await.map(|it| it.is_some()),
            Act::Create => {
                let new = new().bind(principal(WORKER));
                let result = backend.create_session(new).await;
                result.map(|it| created.insert(it.id)).map(|_| true)
            }
        };
        let ended = Instant::now();
        all.push(Done {
            act,
            began,
            ended,
            result: result.map(|is_found| assert!(is_found, "the session lives")),
            created,
        });
        tokio::time::sleep(PACE).await;
        late = late.max((Instant::now() - ended).saturating_sub(PACE));
    }
    (all, late)
}

/// What is wrong with what the database holds after these operations.
pub(crate) async fn wrong(done: &[Done], database: &Database, ids: [&SessionId; 2]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |what: String, counted: usize, unknown: usize, held: usize| {
        if !(counted..=counted + unknown).contains(&held) {
            wrong.push(format!("{what}: {held}, not {counted} + {unknown}"));
        }
    };
    let of = |acts: &[Act], effect: Option<Effect>| {
        let of = done.iter().filter(|it| acts.contains(&it.act));
        of.filter(|it| it.failed() == effect).count()
    };
    let mut connection = database.connect().await;
    for (act, id) in [Act::CountStruck, Act::Count].into_iter().zip(ids) {
        let views = "SELECT CAST(fields ->> 'views' AS BIGINT) FROM sessions WHERE id = $1";
        let views = sqlx::query_scalar::<_, i64>(views).bind(id.digest().to_vec());
        let views = views.fetch_one(&mut connection).await.unwrap();
        let (counted, unknown) = (of(&[act], None), of(&[act], Some(Effect::Unknown)));
        check(
            format!("{act:?}"),
            counted,
            unknown,
            views.try_into().unwrap(),
        );
    }
    let held = sqlx::query_scalar::<_, Vec<u8>>("SELECT id FROM sessions WHERE principal = $1");
    let held = held.bind(WORKER).fetch_all(&mut connection).await.unwrap();
    let held: HashSet<_> = held.into_iter().collect();
    let created = done.iter().filter_map(|it| it.created.as_ref());
    let lost = created.filter(|id| !held.contains(id.digest().as_slice()));
    check("created sessions that are lost".into(), 0, 0, lost.count());
    let (created, unknown) = (
        of(&[Act::Create], None),
        of(&[Act::Create], Some(Effect::Unknown)),
    );
    check("created sessions".into(), created, unknown, held.len());
    wrong
}
