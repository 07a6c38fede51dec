//! One fault, a process with a near cache, and another that writes: nothing is read that was
//! replaced longer ago than the bound.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use session_core::SessionBackend;
use session_redis::NearCache;
use tokio::time::sleep;

use super::stage::Stage;
use super::trial::{Row, session};
use crate::Target;
use crate::checks::{DEADLINE, Subject, count};
use crate::harness::{Connect, own_prefix};

const BOUND: Duration = Duration::from_millis(800);
/// How long it goes on when the fault is over.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// Which count of page views was acknowledged when.
#[derive(Default)]
struct Ledger(Mutex<Vec<(Instant, i64)>>);

impl Ledger {
    fn note(&self, views: i64) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.push((Instant::now(), views));
    }

    /// The greatest that was acknowledged by then.
    fn by(&self, then: Instant) -> i64 {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = noted.iter().filter(|(at, _)| *at <= then);
        before.map(|(_, views)| *views).max().unwrap_or_default()
    }
}

/// Runs the trial and prints what was read.
pub(super) async fn run(connect: Connect, row: Row, mut stage: Stage) {
    let prefix = own_prefix();
    let [near, other] = [Some(NearCache::within(BOUND)), None].map(|near_cache| {
        let number = usize::from(near_cache.is_none());
        let url = stage.urls.get(number).expect("two URLs").clone();
        let target = Target {
            near_cache,
            deadline: DEADLINE,
            ..Target::patient(url, prefix.clone())
        };
        Subject::of(connect, target)
    });
    let id = session(&near, &stage, true).await;
    let (ledger, is_over) = (
        Arc::new(Ledger::default()),
        Arc::new(AtomicBool::new(false)),
    );
    let writes = tokio::spawn({
        let (ledger, is_over, id) = (Arc::clone(&ledger), Arc::clone(&is_over), id.clone());
        // Where the servers have no part in it, they are written to beside the ways.
        let direct = match row.fault.is_of_way() {
            true => Some(stage.connection().await),
            false => None,
        };
        let key = near.keys.session(&id);
        async move {
            while !is_over.load(Relaxed) {
                let views = match direct.clone() {
                    Some(mut server) => {
                        let mut increment = redis::cmd("HINCRBY");
                        increment.arg(&key).arg("page_views").arg(1);
                        increment.query_async(&mut server).await.ok()
                    }
                    None => count(&*other.backend, &id).await.ok().flatten(),
                };
                if let Some(views) = views {
                    ledger.note(views);
                }
                sleep(Duration::from_millis(5)).await;
            }
        }
    });
    let reads = tokio::spawn({
        let (ledger, is_over) = (Arc::clone(&ledger), Arc::clone(&is_over));
        async move {
            let (mut reads, mut failures, mut oldest) = (0, 0, Duration::ZERO);
            while !is_over.load(Relaxed) {
                let began = Instant::now();
                match near.backend.peek_session(&id).await {
                    Ok(Some(record)) => {
                        let views = record.fields().get_str("page_views");
                        let views: i64 = views.and_then(|it| it.parse().ok()).expect("a number");
                        let least = ledger.by(began.checked_sub(BOUND).unwrap_or(began));
                        assert!(views >= least, "{views} after {least}");
                        let mut age = Duration::ZERO;
                        while age < BOUND && ledger.by(began - age) > views {
                            age += Duration::from_millis(1);
                        }
                        (reads, oldest) = (reads + 1, oldest.max(age));
                    }
                    Ok(None) => panic!("it is there"),
                    Err(_) => failures += 1,
                }
                sleep(Duration::from_millis(1)).await;
            }
            (reads, failures, oldest)
        }
    });
    sleep(Duration::from_millis(300)).await;
    let ends = stage.begin(row.fault).await;
    if ends {
        stage.last(row.fault).await;
        stage.end(row.fault).await;
    }
    sleep(AFTERWARDS).await;
    is_over.store(true, Relaxed);
    let ledger_was = ledger.by(Instant::now());
    writes.await.expect("the writer ends");
    let (reads, failures, oldest) = reads.await.expect("nothing older than the bound was read");
    println!(
        "| {} | {reads} reads, {failures} failed | {ledger_was} writes | replaced for {} ms at most |",
        row.says,
        oldest.as_millis(),
    );
    assert!(
        reads > 300 && ledger_was > 100,
        "{reads} reads, {ledger_was} writes"
    );
}
