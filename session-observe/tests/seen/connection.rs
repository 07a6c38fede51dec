//! Connections, as metrics and log events.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use session_core::{
    ConnectionAttempt, ConnectionChange, ConnectionObserver, NewSession, SessionBackend,
};
use session_observe::{
    CONNECTION_ATTEMPT_DURATION, CONNECTION_ATTEMPTS, CONNECTION_DOWN, CONNECTION_STATE,
    ConnectionMetrics, NEAR_CACHE_BYTES, NEAR_CACHE_DROPS, NEAR_CACHE_READS, NEAR_CACHE_SESSIONS,
    SERVER_INFO,
};
use session_redis_rs::{NearCache, RedisRsBackend};
use session_redis_test::{RedisServer, SERVICE, Sentinels};
use tokio::time::sleep;

use super::capture::{Series, captured, series};

/// An observer behind the metrics: how many attempts it has heard of, and how many changes.
#[derive(Debug, Default)]
struct Next(AtomicUsize, AtomicUsize);

impl ConnectionObserver for Next {
    fn connection_changed(&self, _: &ConnectionChange<'_>) {
        self.1.fetch_add(1, Ordering::Relaxed);
    }

    fn connection_attempted(&self, _: &ConnectionAttempt<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The state that the gauges show, if they show one.
fn state(series: &[Series]) -> Vec<&str> {
    let gauges = series.iter().filter(|it| it.name == CONNECTION_STATE);
    let present = gauges.filter(|it| it.value == 1.0);
    present.map(|it| &*it.labels["state"]).collect()
}

/// The value of a metric, with this outcome if it has any.
fn value(series: &[Series], metric: &str, outcome: &str) -> f64 {
    let of_metric = series.iter().filter(|it| it.name == metric);
    let found = of_metric.filter(|it| {
        assert!(it.is_described, "{it:?}");
        it.labels.get("outcome").is_none_or(|it| it == outcome)
    });
    found.map(|it| it.value).sum()
}

async fn until(what: &str, mut is_it: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_it().await {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn what_a_near_cache_does_is_counted() {
    captured(async |_, metrics| {
        let server = RedisServer::start().await;
        let backend = RedisRsBackend::builder(server.url())
            .near_cache(NearCache::within(Duration::from_millis(100)))
            .observer(Arc::new(ConnectionMetrics::new("redis-rs")));
        let backend = backend.build().unwrap();
        let id = backend
            .create_session(NewSession::default())
            .await
            .unwrap()
            .id;
        for _ in 0..5 {
            assert!(backend.peek_session(&id).await.unwrap().is_some());
        }
        backend.delete_session(&id).await.unwrap();
        until("it is counted", async || {
            let seen = series(&metrics);
            let reads = [("hit", 4.0), ("miss", 1.0)];
            let reads = reads
                .iter()
                .all(|(it, n)| value(&seen, NEAR_CACHE_READS, it) == *n);
            let dropped = seen.iter().filter(|it| it.name == NEAR_CACHE_DROPS);
            let mut dropped = dropped.map(|it| (&*it.labels["reason"], it.value));
            reads && dropped.any(|it| it == ("changed", 1.0))
        })
        .await;
        let seen = series(&metrics);
        assert_eq!(value(&seen, NEAR_CACHE_SESSIONS, ""), 0.0);
        assert_eq!(value(&seen, NEAR_CACHE_BYTES, ""), 0.0);
    });
}

#[test]
fn a_connection_that_is_lost_and_comes_back_is_seen() {
    captured(async |traces, metrics| {
        let server = RedisServer::builder()
            .config_line("maxmemory 100mb")
            .config_line("maxmemory-policy allkeys-lru");
        let mut server = server.start().await;
        let next = Arc::<Next>::default();
        let connections = ConnectionMetrics::new("redis-rs").and_then(next.clone());
        let backend = RedisRsBackend::builder(server.url()).observer(Arc::new(connections));
        let backend = backend.build().unwrap();
        backend.ping().await.unwrap();
        let seen = series(&metrics);
        assert_eq!(state(&seen), ["up"]);
        assert_eq!(value(&seen, CONNECTION_ATTEMPTS, "connected"), 1.0);
        assert_eq!(value(&seen, CONNECTION_ATTEMPT_DURATION, "connected"), 1.0);
        let info = seen.iter().find(|it| it.name == SERVER_INFO).unwrap();
        assert_eq!(info.value, 1.0);
        for (label, expected) in [
            ("eviction_policy", "allkeys-lru"),
            ("may_evict", "true"),
            ("backend", "redis-rs"),
            ("server", &format!("127.0.0.1:{}", server.port())),
        ] {
            assert_eq!(info.labels[label], expected);
        }
        assert_ne!(info.labels["product"], "unknown");
        assert_ne!(info.labels["version"], "unknown");

        server.kill();
        let mut failed = 0.0;
        until("it is down", async || {
            let seen = series(&metrics);
            failed += value(&seen, CONNECTION_ATTEMPTS, "unavailable");
            state(&seen) == ["down"]
        })
        .await;
        server.restart().await;
        let (mut downs, mut came) = (0.0, 0.0);
        until("it is up", async || {
            let seen = series(&metrics);
            failed += value(&seen, CONNECTION_ATTEMPTS, "unavailable");
            came += value(&seen, CONNECTION_ATTEMPTS, "connected");
            downs += value(&seen, CONNECTION_DOWN, "");
            state(&seen) == ["up"]
        })
        .await;
        assert!(failed >= 1.0, "{failed}");
        assert!(downs >= 1.0 && came >= 1.0, "{downs}, {came}");
        let events = traces.events();
        let said = |what: &str| {
            events
                .iter()
                .filter(|it| it["message"].contains(what))
                .count()
        };
        assert_eq!(said("the session store was down"), downs as usize);
        // Once, however often it is connected to.
        assert_eq!(said("the session store's server"), 1);
        let attempts = said("an attempt to connect");
        assert!(attempts >= failed as usize + 2, "{attempts}, {failed}");
        assert_eq!(next.0.load(Ordering::Relaxed), attempts);
        // Up, connecting, down, up at least.
        assert!(next.1.load(Ordering::Relaxed) >= 4);

        drop(backend);
        until("nobody keeps it up", async || {
            let seen = series(&metrics);
            state(&seen).is_empty() && value(&seen, SERVER_INFO, "") == 0.0
        })
        .await;
    });
}

#[test]
fn after_a_failover_the_former_primary_is_not_shown_as_up() {
    captured(async |_, metrics| {
        let all = Sentinels::start().await;
        let port = all.sentinels[0].port();
        let url = format!("redis-sentinel://127.0.0.1:{port}?service={SERVICE}");
        let connections = Arc::new(ConnectionMetrics::new("redis-rs"));
        let backend = RedisRsBackend::builder(url).observer(connections);
        let backend = backend.build().unwrap();
        let primary = async || {
            let _ = backend.ping().await;
            let seen = series(&metrics);
            let up = seen.iter().filter(|it| {
                it.name == CONNECTION_STATE && it.value == 1.0 && it.labels["state"] == "up"
            });
            let infos = seen
                .iter()
                .filter(|it| it.name == SERVER_INFO && it.value == 1.0);
            let of = |it: &Series| it.labels["server"].clone();
            let (up, infos): (Vec<_>, Vec<_>) = (up.map(of).collect(), infos.map(of).collect());
            (up == infos && up.len() == 1).then(|| up.concat())
        };
        until("there is a primary", async || primary().await.is_some()).await;
        let former = primary().await;
        let command = format!("SENTINEL FAILOVER {SERVICE}");
        all.sentinels[0].ask::<()>(&command).await;
        until("there is another primary", async || {
            let now = primary().await;
            now.is_some() && now != former
        })
        .await;
    });
}

#[test]
fn an_outage_before_the_first_primary_ends_with_it() {
    captured(async |_, metrics| {
        let mut all = Sentinels::start().await;
        let port = all.sentinels[0].port();
        let url = format!("redis-sentinel://127.0.0.1:{port}?service={SERVICE}");
        all.servers[0].kill();
        let connections = Arc::new(ConnectionMetrics::new("redis-rs"));
        let backend = RedisRsBackend::builder(url).observer(connections);
        let backend = backend.build().unwrap();
        // A look takes what a histogram has.
        let mut down = 0.0;
        for present in ["down", "up"] {
            until(present, async || {
                let _ = backend.ping().await;
                let seen = series(&metrics);
                down += value(&seen, CONNECTION_DOWN, "");
                state(&seen) == [present]
            })
            .await;
        }
        assert!(down > 0.0);
    });
}
