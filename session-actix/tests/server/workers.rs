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

/// What a worker has counted, if its connection was not lost with another worker.
async fn counted(site: &Site, cookie: &str) -> Option<(u64, String)> {
    let response = site.get("/count", cookie).await;
    if response.is_empty() {
        return None;
    }
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    let (n, worker) = response.lines().last()?.split_once(' ')?;
    Some((n.parse().unwrap(), worker.to_owned()))
}

async fn workers_share(backend: Arc<dyn SessionBackend>) {
    let sessions = SessionMiddleware::new(backend);
    let site = Site::start(move || {
        App::new()
            .wrap(sessions.clone())
            .route("/count", web::get().to(count))
            .route("/end/{worker}", web::get().to(end))
    });
    let first = site.get("/count", "").await;
    let cookie = cookie_of(&first);
    // The one on whose runtime the connection is kept up, if none is yet.
    let ended = first.rsplit(' ').next().unwrap().to_owned();
    let (mut last, mut workers) = (1, HashSet::from([ended.clone()]));
    while workers.len() < 2 {
        let (n, worker) = counted(&site, &cookie).await.expect("a response");
        assert_eq!(n, last + 1);
        last = n;
        workers.insert(worker);
    }
    // All at once, on both.
    let all = futures_util::future::join_all((0..50).map(|_| counted(&site, &cookie)));
    let mut numbers: Vec<_> = all.await.into_iter().map(|it| it.unwrap().0).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(last + 1..=last + 50));

    while site
        .get(&format!("/end/{ended}"), "")
        .await
        .contains(&worker_line(&workers, &ended))
    {}
    // Its successor has another thread. What waited to be accepted by the one that ended is lost.
    let mut after = HashSet::new();
    while after.len() < 2 {
        if let Some((n, worker)) = counted(&site, &cookie).await {
            assert!(n > last + 50);
            after.insert(worker);
        }
    }
    assert!(!after.contains(&ended), "{after:?}");
    site.stop().await;
}

/// What another worker says than the one that is to end.
fn worker_line(workers: &HashSet<String>, ended: &str) -> String {
    let mut others = workers.iter().filter(|worker| *worker != ended);
    others.next().expect("another").clone()
}

/// Made before the server, with and without contact; and the first contact made by a worker.
#[actix_web::test]
async fn workers_share_a_backend_and_it_outlives_each() {
    let server = RedisServer::start().await;
    let redis_rs = || RedisRsBackend::builder(server.url());
    let fred = || FredBackend::builder(server.url());
    workers_share(Arc::new(redis_rs().build().unwrap())).await;
    workers_share(Arc::new(redis_rs().connect().await.unwrap())).await;
    workers_share(Arc::new(fred().build().unwrap())).await;
    workers_share(Arc::new(fred().connect().await.unwrap())).await;
}
