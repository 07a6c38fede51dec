//! What every backend on Redis must do beyond the contract: how many round trips it takes, what a
//! fault does to it, what the server may refuse. A check panics when it fails.

pub mod acl;
pub mod admin;
pub mod all_or_nothing;
pub mod browser;
pub mod chaos;
pub mod cluster;
pub mod compact;
pub mod connections;
pub mod faults;
pub mod first_contact;
pub mod full;
pub mod garbage;
pub mod guide_client;
pub mod ids_at_rest;
pub mod index;
pub mod key_formats;
pub mod lost_replies;
pub mod near;
pub mod readiness;
pub mod resources;
pub mod round_trips;
pub mod scripts;
pub mod sentinel;
pub mod tls;

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    CreatedSession, Delta, Effect, Error, ErrorKind, FieldName, Fields, NewSession, Principal,
    Result, SessionAdmin, SessionBackend, SessionId,
};
use session_redis::KeySpace;

use crate::connect::{info_field, until};
use crate::harness::{Connect, Connected, own_prefix};
use crate::{RedisServer, Target};

/// The deadline of a backend that was not told another.
pub(crate) const DEADLINE: Duration = Duration::from_millis(500);

/// A backend with keys of its own.
pub(crate) struct Subject {
    pub(crate) backend: Arc<dyn SessionBackend>,
    pub(crate) admin: Arc<dyn SessionAdmin>,
    pub(crate) keys: KeySpace,
}

impl Subject {
    /// A patient backend on this URL.
    pub(crate) fn at(connect: Connect, url: String) -> Self {
        Self::of(connect, Target::patient(url, own_prefix()))
    }

    pub(crate) fn of(connect: Connect, target: Target) -> Self {
        let keys = target.keys();
        let Connected { backend, admin } = connect(target);
        Self {
            backend,
            admin,
            keys,
        }
    }

    /// The key of ann's index.
    pub(crate) fn index(&self) -> String {
        String::from_utf8(self.keys.index(&ann())).expect("a text")
    }
}

pub(crate) fn name(text: &'static str) -> FieldName {
    FieldName::new(text).expect("not a reserved name")
}

pub(crate) fn ann() -> Principal {
    Principal::new("ann").expect("a principal")
}

pub(crate) fn fields() -> Fields {
    Fields::new()
        .with(name("username"), "andrew")
        .with(name("page_views"), 1)
}

pub(crate) async fn create(backend: &dyn SessionBackend) -> CreatedSession {
    let created = backend.create_session(NewSession::new(fields())).await;
    created.expect("a session is created")
}

/// A session of ann's.
pub(crate) fn login() -> NewSession {
    NewSession::new(fields()).bind(ann())
}

pub(crate) async fn log_in(backend: &dyn SessionBackend) -> CreatedSession {
    let created = backend.create_session(login()).await;
    created.expect("a bound session is created")
}

/// Counts a page view; how many there are.
pub(crate) async fn count(backend: &dyn SessionBackend, id: &SessionId) -> Result<Option<i64>> {
    backend.increment_field(id, name("page_views"), 1).await
}

/// How many page views there are, by a write: never from a replica that is late.
pub(crate) async fn views(backend: &dyn SessionBackend, id: &SessionId) -> Result<Option<i64>> {
    let delta = Delta::new().returning_record();
    let written = backend.update_session(id, delta).await?;
    let record = written.and_then(|written| written.record);
    let text = record
        .as_ref()
        .and_then(|it| it.fields().get_str("page_views"));
    Ok(text.and_then(|text| text.parse().ok()))
}

/// The operation was refused, for this reason, and changed nothing.
pub(crate) fn assert_refused<T>(result: Result<T>, kind: ErrorKind) {
    let error: Error = result.err().expect("it is refused");
    let refusal = (error.kind(), error.effect());
    assert_eq!(refusal, (kind, Effect::NotApplied), "{error:?}");
}

/// What the server has used of the processor: the wall clock on a busy machine says little.
async fn processor_time(server: &RedisServer) -> Duration {
    let info: String = server.ask("INFO cpu").await;
    let seconds = |name| info_field(&info, name)?.parse::<f64>().ok();
    let seconds = ["used_cpu_user", "used_cpu_sys"].map(|name| seconds(name).expect("seconds"));
    Duration::from_secs_f64(seconds.iter().sum())
}

/// What a server has done so far: for how long, and how many commands, those of scripts too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    commands: u64,
    time: Duration,
}

impl Work {
    pub(crate) async fn of(server: &RedisServer) -> Self {
        let stats: String = server.ask("INFO commandstats").await;
        let calls = |line: &str| -> Option<u64> {
            let (_, rest) = line.split_once(":calls=")?;
            rest.split(',').next()?.parse().ok()
        };
        Self {
            commands: stats.lines().filter_map(calls).sum(),
            time: processor_time(server).await,
        }
    }

    /// What one call took, of so many since `before`.
    pub(crate) fn each_since(self, before: Self, calls: u32) -> Self {
        Self {
            commands: (self.commands - before.commands).div_ceil(calls.into()),
            time: (self.time - before.time) / calls,
        }
    }

    /// So many commands at most. They must also be short ones: machines differ, and one machine
    /// from minute to minute, so the measure is what calls by a script take of the same server.
    pub(crate) async fn assert_little(self, server: &RedisServer, commands: u64) {
        const SHORT: u32 = 25_000;
        let limit = calls_time(server, SHORT).await;
        let is_little = self.commands <= commands && self.time < limit;
        assert!(is_little, "{self:?}, and not {commands} in {limit:?}");
    }
}

/// What so many calls by scripts take of this server's processor.
async fn calls_time(server: &RedisServer, calls: u32) -> Duration {
    const THOUSAND: &str = "for n = 1, 1000 do redis.call('TIME') end";
    const THOUSANDS: u32 = 100;
    let mut connection = server.connection().await;
    let before = processor_time(server).await;
    for _ in 0..THOUSANDS {
        let mut thousand = redis::cmd("EVAL");
        thousand.arg(THOUSAND).arg(0);
        let done: redis::RedisResult<()> = thousand.query_async(&mut connection).await;
        done.expect("calls");
    }
    (processor_time(server).await - before) / THOUSANDS * (calls / 1000)
}

/// A backend on this URL, below a prefix of its own.
pub(crate) fn backend(connect: Connect, url: String) -> Arc<dyn SessionBackend> {
    let target = Target {
        deadline: DEADLINE,
        ..Target::patient(url, own_prefix())
    };
    connect(target).backend
}

/// Repeats the operation until it succeeds: a fault has passed, and the backend heals by itself.
pub(crate) async fn until_well<T, F>(what: &str, mut operation: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T>>,
{
    until(what, Duration::from_secs(10), async || operation().await).await
}
