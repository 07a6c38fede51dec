//! What backends take: connections, memory, tasks, runtimes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{ConnectionObserver, ConnectionState, SessionBackend};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use super::faults::States;
use super::{Subject, backend, count, create, until_well};
use crate::connect::{send, until};
use crate::harness::{Connect, own_prefix};
use crate::{Mode, Proxy, RedisServer, Target};

const LIMIT: Duration = Duration::from_secs(5);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// When a server comes back, those that waited for it do not come all at once.
pub async fn processes_come_back_one_by_one(connect: Connect) {
    const PROCESSES: usize = 150;
    let mut server = RedisServer::start().await;
    let mut processes = Vec::new();
    for _ in 0..PROCESSES {
        let states = States::of(server.port());
        let observer: Arc<dyn ConnectionObserver> = states.clone();
        let target = Target {
            observer: Some(observer),
            ..Target::patient(server.url(), own_prefix())
        };
        let subject = Subject::of(connect, target);
        create(&*subject.backend).await;
        processes.push((subject, states));
    }
    let killed = Instant::now();
    server.kill();
    sleep(millis(3000)).await;
    server.restart().await;
    let came = until("all are back", LIMIT, async || {
        let came = processes.iter().filter_map(|(_, states)| {
            let states = states.since(killed);
            let up = states.iter().find(|(_, it)| *it == ConnectionState::Up)?;
            Some(up.0)
        });
        let mut came: Vec<_> = came.collect();
        came.sort_unstable();
        (came.len() == PROCESSES).then_some(came).ok_or(())
    })
    .await;
    let in_window = |from: &Duration| {
        let window = *from..*from + millis(100);
        came.iter().filter(|at| window.contains(*at)).count()
    };
    let most = came.iter().map(in_window).max().unwrap_or_default();
    println!("of {PROCESSES} processes, at most {most} came back within 100 ms");
    assert!(most <= PROCESSES * 3 / 10, "{came:?}");
}

/// Operations that wait for a hung server take little memory.
pub async fn a_hung_server_fills_no_memory(connect: Connect) {
    let mut server = RedisServer::start().await;
    let backend = backend(connect, server.url());
    let id = create(&*backend).await.id;
    let mut operations = JoinSet::new();
    server.pause();
    let before = resident();
    let mut most = before;
    let began = Instant::now();
    let mut pace = interval(millis(5));
    while began.elapsed() < millis(3000) {
        pace.tick().await;
        for _ in 0..25 {
            let (backend, id) = (Arc::clone(&backend), id.clone());
            operations.spawn(async move { count(&*backend, &id).await.is_ok() });
        }
        while operations.try_join_next().is_some() {}
        most = most.max(resident());
    }
    let grown = most.saturating_sub(before);
    println!("5,000 operations a second on a hung server: {grown} KiB more");
    assert!(grown <= 64 * 1024, "{grown} KiB more");
    server.resume();
    until_well("it goes on", || backend.ping()).await;
}

/// How many KiB of memory this process has.
pub(super) fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.expect("a size")
}

/// A thousand connections that are closed and replaced leave nothing: no task, no connection.
pub async fn replaced_connections_leave_nothing(connect: Connect) {
    const BACKENDS: usize = 20;
    let server = RedisServer::start().await;
    let mut admin = server.connection().await;
    let runtime = runtime();
    let url = server.url();
    let backends = runtime.spawn(async move {
        let mut backends = Vec::new();
        for _ in 0..BACKENDS {
            let backend = backend(connect, url.clone());
            create(&*backend).await;
            backends.push(backend);
        }
        backends
    });
    let backends = backends.await.expect("they connect");
    let mut before = 0;
    for round in 0..50 {
        until("all are connected", LIMIT, async || {
            let list: String = send(&mut admin, "CLIENT LIST").await.expect("the list");
            let connected = list.lines().count() - 1;
            // Some may be in the middle of their handshake.
            let used = list.lines().filter(|it| it.contains(" cmd=eval")).count();
            let is_right = connected == BACKENDS && used == BACKENDS;
            is_right.then_some(()).ok_or(list)
        })
        .await;
        if round == 0 {
            before = runtime.metrics().num_alive_tasks();
        }
        let killed = send::<usize>(&mut admin, "CLIENT KILL TYPE normal").await;
        assert_eq!(killed, Ok(BACKENDS));
    }
    for backend in &backends {
        until_well("it is connected", || backend.ping()).await;
    }
    until("no more tasks", LIMIT, async || {
        let now = runtime.metrics().num_alive_tasks();
        (now <= before).then_some(()).ok_or((now, before))
    })
    .await;
    drop(backends);
    until("no tasks", LIMIT, async || {
        let now = runtime.metrics().num_alive_tasks();
        (now == 0).then_some(()).ok_or(now)
    })
    .await;
    runtime.shutdown_background();
}

/// The runtime that a backend is used in ends, and it is used in another.
pub async fn a_backend_outlives_its_runtimes(connect: Connect) {
    let server = RedisServer::start().await;
    let backend = backend(connect, server.url());
    for _ in 0..3 {
        let (runtime, backend) = (runtime(), Arc::clone(&backend));
        let first = runtime.spawn(async move { create(&*backend).await });
        first.await.expect("the first operation succeeds");
        // Which waits until its tasks have ended.
        let ended = tokio::task::spawn_blocking(move || drop(runtime));
        ended.await.expect("it ends");
    }
}

/// A server whose replies take their time, but less than the deadline, is used.
pub async fn a_distant_server_is_used(connect: Connect) {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    proxy.set(Mode::DelayReplies(millis(150)));
    let backend = backend(connect, proxy.url());
    until_well("the way is long", || backend.ping()).await;
    create(&*backend).await;
}

pub(super) fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build();
    runtime.expect("a runtime")
}
