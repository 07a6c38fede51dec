//! The near cache of the backend through the `redis` crate: its memory, its counts, and where there
//! can be none.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::error::Error as _;
use std::time::{Duration, Instant};

use session_core::{
    ConnectionChange, ConnectionObserver, ErrorKind, Fields, NearCacheStats, NewSession,
    SessionBackend, SessionId, SessionPolicy, Touch,
};
use session_redis_rs::redis::Client;
use session_redis_rs::{NearCache, NearCacheRefused, RedisRsBackend, RedisRsBuilder, ScriptSlots};
use session_redis_test::{Cluster, RedisServer};
use tokio::sync::watch;

fn builder(url: &str) -> RedisRsBuilder {
    let policy = SessionPolicy::new().with_touch(Touch::IfOlderThan(Duration::from_secs(60)));
    let builder = RedisRsBackend::builder(url).policy(policy);
    builder.deadline(Duration::from_secs(30))
}

async fn create(backend: &RedisRsBackend, bytes: usize) -> SessionId {
    let fields = Fields::new()
        .with("text".parse().unwrap(), vec![b'x'; bytes])
        .with("more".parse().unwrap(), vec![b'x'; bytes]);
    let created = backend.create_session(NewSession::new(fields)).await;
    created.unwrap().id
}

async fn read(backend: &RedisRsBackend, id: &SessionId) {
    assert!(backend.get_session(id).await.unwrap().is_some());
}

/// However many sessions are read: what is kept stays below the limit, and those that are used all
/// the time stay.
#[tokio::test]
async fn memory_is_bounded_and_what_is_used_stays() {
    const LIMIT: usize = 1 << 20;
    let server = RedisServer::start().await;
    let near = NearCache::default().memory(LIMIT);
    let backend = builder(&server.url()).near_cache(near).build().unwrap();
    let mut used = Vec::new();
    for _ in 0..100 {
        used.push(create(&backend, 500).await);
    }
    for round in 0..2_000 {
        let id = create(&backend, 500).await;
        read(&backend, &id).await;
        if round % 4 == 0 {
            read(&backend, used.get(round / 4 % 100).unwrap()).await;
        }
        let stats = backend.near_cache_stats().unwrap();
        assert!(stats.bytes <= LIMIT as u64, "{stats:?}");
    }
    let before = backend.near_cache_stats().unwrap();
    assert!(
        before.evictions > 1_000 && before.sessions > 300,
        "{before:?}"
    );
    for id in &used {
        read(&backend, id).await;
    }
    let after = backend.near_cache_stats().unwrap();
    assert!(after.hits - before.hits > 90, "{before:?} {after:?}");
    // One that is too large is read, and not kept.
    let large = create(&backend, LIMIT / 20).await;
    for _ in 0..3 {
        read(&backend, &large).await;
    }
    let last = backend.near_cache_stats().unwrap();
    assert_eq!(last.hits, after.hits);
    assert!(last.sessions >= after.sessions - 1, "{last:?}");
}

/// What an observer was told last.
#[derive(Debug)]
struct Told(watch::Sender<NearCacheStats>);

impl ConnectionObserver for Told {
    fn connection_changed(&self, _: &ConnectionChange<'_>) {}

    fn near_cache_used(&self, stats: &NearCacheStats) {
        self.0.send_replace(*stats);
    }
}

#[tokio::test]
async fn reads_are_counted_and_an_observer_is_told() {
    let server = RedisServer::start().await;
    let (told, mut heard) = watch::channel(NearCacheStats::default());
    let near = NearCache::within(Duration::from_millis(200));
    let backend = builder(&server.url())
        .near_cache(near)
        .observer(std::sync::Arc::new(Told(told)));
    let backend = backend.build().unwrap();
    let id = create(&backend, 10).await;
    for _ in 0..11 {
        read(&backend, &id).await;
    }
    backend.delete_session(&id).await.unwrap();
    let stats = backend.near_cache_stats().unwrap();
    let counts = (
        stats.hits,
        stats.misses,
        stats.invalidations,
        stats.sessions,
    );
    assert_eq!(counts, (10, 1, 1, 0), "{stats:?}");
    let is_told = heard.wait_for(|it| it.invalidations == 1 && it.hits == 10);
    let told = tokio::time::timeout(Duration::from_secs(20), is_told).await;
    assert!(told.unwrap().unwrap().age < Duration::from_secs(20));
    // Probes keep what is used, and nothing is sent where nobody reads.
    let id = create(&backend, 10).await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        read(&backend, &id).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let after = backend.near_cache_stats().unwrap();
    assert!(
        after.hits - stats.hits > 20 * (after.misses - stats.misses),
        "{after:?}"
    );
}

#[tokio::test]
async fn where_there_can_be_no_near_cache_the_error_says_why() {
    let server = RedisServer::start().await;
    let refused = |error: session_core::Error| {
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        // The last of its reasons.
        let mut why = error.source().unwrap();
        while let Some(source) = why.source() {
            why = source;
        }
        why.to_string()
    };
    let no_bound = builder(&server.url()).near_cache(NearCache::within(Duration::ZERO));
    let why = refused(no_bound.build().unwrap_err());
    assert_eq!(why, NearCacheRefused::NoBound.to_string());
    let client = Client::open(server.url()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let given =
        RedisRsBackend::from_connection_with(connection, |it| it.near_cache(NearCache::default()));
    let why = refused(given.unwrap_err());
    assert_eq!(why, NearCacheRefused::GivenConnection.to_string());
    // A server that says no.
    server
        .ask::<()>("ACL SETUSER app on >password ~* &* +@all -client|tracking")
        .await;
    let url = server.url().replace("://", "://app:password@");
    let backend = builder(&url).near_cache(NearCache::default());
    let why = refused(backend.connect().await.unwrap_err());
    assert_eq!(why, NearCacheRefused::Right.to_string());
    assert!(builder(&url).connect().await.is_ok());
    let old = RedisServer::builder().config_line("rename-command HELLO \"\"");
    let old = old.start().await;
    let backend = builder(&old.url()).near_cache(NearCache::default());
    let why = refused(backend.connect().await.unwrap_err());
    assert_eq!(why, NearCacheRefused::Protocol.to_string());
    assert!(builder(&old.url()).connect().await.is_ok());
    // One behind which there may be several, as the setting says, or as it says itself: a node that
    // does not tell that it is one.
    let one_slot = || builder(&server.url()).script_slots(ScriptSlots::One);
    let backend = one_slot().near_cache(NearCache::default());
    let why = refused(backend.connect().await.unwrap_err());
    assert_eq!(why, NearCacheRefused::SeveralServers.to_string());
    assert!(one_slot().connect().await.is_ok());
    let cluster = Cluster::start(1).await;
    let node = cluster.node(0);
    node.ask::<()>("ACL SETUSER app on >password ~* &* +@all -info")
        .await;
    let url = node.url().replace("://", "://app:password@");
    let backend = builder(&url).near_cache(NearCache::default());
    let why = refused(backend.connect().await.unwrap_err());
    assert_eq!(why, NearCacheRefused::SeveralServers.to_string());
    assert!(builder(&url).connect().await.is_ok());
}

/// Whatever the bound is: the connection closes with the backend.
#[tokio::test]
async fn a_backend_that_is_dropped_leaves_no_connection() {
    let server = RedisServer::start().await;
    let near = NearCache::within(Duration::from_secs(3600));
    let backend = builder(&server.url()).near_cache(near).build().unwrap();
    let id = create(&backend, 10).await;
    read(&backend, &id).await;
    let others = || async {
        let clients: String = server.ask("CLIENT LIST TYPE normal").await;
        clients
            .lines()
            .filter(|it| it.contains("tracking") || it.contains("flags=t"))
            .count()
    };
    assert_eq!(others().await, 1);
    drop(backend);
    let began = Instant::now();
    while others().await > 0 {
        assert!(began.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
