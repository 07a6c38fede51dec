//! Several workers, each with a runtime of its own, that share a backend on Redis.

use std::collections::HashSet;
use std::sync::Arc;

use actix_rt::Arbiter;
use actix_web::{App, web};
use session_actix::{Session, SessionError, SessionMiddleware};
use session_core::SessionBackend;
use session_fred::FredBackend;
use session_redis_rs::RedisRsBackend;
use session_redis_test::RedisServer;

use super::{Site, cookie_of};

fn worker() -> String {
    format!("{:?}", std::thread::current().id())
}

/// The count, and who counted.
async fn count(session: Session) -> Result<String, SessionError> {
    let n = session.increment("n", 1).await?;
    Ok(format!("{n} {}", worker()))
}

/// Ends the worker of this name, and its runtime.
async fn end(name: web::Path<String>) -> String {
    if *name == worker() {
        Arbiter::current().stop();
    }
    worker()
}

/// What a worker has counted.
async fn counted(site: &Site, cookie: &str) -> (u64, String) {
    let response = site.get("/count", cookie).await;
    counted_in(&response).unwrap_or_else(|| panic!("{response}"))
}

fn counted_in(response: &str) -> Option<(u64, String)> {
    if !response.starts_with("HTTP/1.1 200") {
        return None;
    }
    let (n, worker) = response.lines().last()?.split_once(' ')?;
    Some((n.parse().unwrap(), worker.to_owned()))
}

/// The connections are on the main runtime, or on that of the worker with the first request.
async fn workers_share(backend: Arc<dyn SessionBackend>, are_on_main: bool) {
    let sessions = SessionMiddleware::new(backend);
    let site = Site::start(move || {
        App::new()
            .wrap(sessions.clone())
            .route("/count", web::get().to(count))
            .route("/end/{worker}", web::get().to(end))
    });
    let first = site.get("/count", "").await;
    let cookie = cookie_of(&first);
    let ended = first.rsplit(' ').next().unwrap().to_owned();
    let (mut last, mut workers) = (1, HashSet::from([ended.clone()]));
    while workers.len() < 2 {
        let (n, worker) = counted(&site, &cookie).await;
        assert_eq!(n, last + 1);
        last = n;
        workers.insert(worker);
    }
    // All at once, on both.
    let all = futures_util::future::join_all((0..50).map(|_| counted(&site, &cookie)));
    let mut numbers: Vec<_> = all.await.into_iter().map(|it| it.0).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(last + 1..=last + 50));

    while site
        .get(&format!("/end/{ended}"), "")
        .await
        .contains(&worker_line(&workers, &ended))
    {}
    // Its successor has another thread. What waited to be accepted by the one that ended is lost;
    // and what was under way on connections that ended with it has failed, if they were its own.
    let (mut after, mut in_a_row) = (HashSet::new(), 0);
    while after.len() < 2 || in_a_row < 20 {
        let response = site.get("/count", &cookie).await;
        if let Some((_, worker)) = counted_in(&response) {
            after.extend(Some(worker).filter(|worker| *worker != ended));
            in_a_row += 1;
        } else {
            let has_failed = !are_on_main && response.starts_with("HTTP/1.1 503");
            assert!(response.is_empty() || has_failed, "{response}");
            in_a_row = 0;
        }
    }
    site.stop().await;
}

/// What another worker says than the one that is to end.
fn worker_line(workers: &HashSet<String>, ended: &str) -> String {
    let mut others = workers.iter().filter(|worker| *worker != ended);
    others.next().expect("another").clone()
}

#[actix_web::test]
async fn workers_share_a_backend_and_it_outlives_each() {
    let server = RedisServer::start().await;
    let redis_rs = || RedisRsBackend::builder(server.url());
    let fred = || FredBackend::builder(server.url());
    workers_share(Arc::new(redis_rs().build().unwrap()), false).await;
    workers_share(Arc::new(redis_rs().connect().await.unwrap()), true).await;
    workers_share(Arc::new(fred().build().unwrap()), false).await;
    workers_share(Arc::new(fred().connect().await.unwrap()), true).await;
}
