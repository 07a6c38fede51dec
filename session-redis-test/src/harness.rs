//! The conformance suite's view of a Redis server, the same for every client.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, Script};
use session_conformance::{Harness, RawHash, RawKey};
use session_core::{Principal, SessionBackend, SessionId, SessionPolicy, UnixMillis, async_trait};
use session_redis_wire::{IdStorage, KeyPrefix, KeySpace};

use crate::{RedisServer, shared, unique_prefix};

/// What a backend under test is connected to.
#[derive(Debug, Clone)]
pub struct Target {
    /// The server's URL, or that of a proxy before it.
    pub url: String,
    /// The prefix of this harness's keys.
    pub prefix: KeyPrefix,
    /// How ids become key names.
    pub storage: IdStorage,
    /// The policy to build with.
    pub policy: SessionPolicy,
    /// The time within which every operation ends.
    pub deadline: Duration,
}

impl Target {
    /// A target with plain ids, the default policy, and a deadline that no busy machine reaches.
    pub fn patient(url: String, prefix: KeyPrefix) -> Self {
        Self {
            url,
            prefix,
            storage: IdStorage::Plain,
            policy: SessionPolicy::new(),
            deadline: PATIENT,
        }
    }

    /// The names of the keys.
    pub fn keys(&self) -> KeySpace {
        KeySpace::new(self.prefix.clone(), self.storage)
    }
}

/// The deadline where no test is about deadlines: far beyond what a busy machine adds.
const PATIENT: Duration = Duration::from_secs(30);

type Connected = Pin<Box<dyn Future<Output = Arc<dyn SessionBackend>> + Send>>;
type Connect = dyn Fn(Target) -> Connected + Send + Sync;

/// A part of the shared server: all keys below a prefix of its own.
pub struct RedisHarness {
    url: String,
    admin: MultiplexedConnection,
    keys: KeySpace,
    connect: Box<Connect>,
}

impl RedisHarness {
    /// On the shared server.
    pub async fn on_shared<F, B>(storage: IdStorage, connect: fn(Target) -> F) -> Self
    where
        F: Future<Output = B> + Send + 'static,
        B: SessionBackend,
    {
        Self::on(shared().await, storage, connect).await
    }

    /// On this server.
    pub async fn on<F, B>(
        server: &RedisServer,
        storage: IdStorage,
        connect: fn(Target) -> F,
    ) -> Self
    where
        F: Future<Output = B> + Send + 'static,
        B: SessionBackend,
    {
        let prefix = unique_prefix()
            .parse()
            .expect("a unique prefix is a key prefix");
        Self {
            url: server.url(),
            admin: server.connection().await,
            keys: KeySpace::new(prefix, storage),
            connect: Box::new(move |target| {
                let backend = connect(target);
                Box::pin(async move { Arc::new(backend.await) as Arc<dyn SessionBackend> })
            }),
        }
    }

    /// The names of the keys.
    pub fn keys(&self) -> &KeySpace {
        &self.keys
    }

    /// A connection for looking behind the backend.
    pub fn admin(&self) -> MultiplexedConnection {
        self.admin.clone()
    }

    /// What a backend under test is connected to.
    pub fn target(&self, policy: SessionPolicy) -> Target {
        Target {
            url: self.url.clone(),
            prefix: self.keys.prefix().clone(),
            storage: self.keys.storage(),
            policy,
            deadline: PATIENT,
        }
    }
}

/// Time passes for every key below the prefix: its expiry, its deadline and the scores of an index
/// come nearer. A key of which nothing remains is gone.
const ADVANCE: &str = r"
local by = tonumber(ARGV[2])
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local remaining = redis.call('PTTL', key)
  local kind = redis.call('TYPE', key).ok
  if remaining >= 0 and remaining <= by then
    redis.call('DEL', key)
  else
    if remaining >= 0 then redis.call('PEXPIRE', key, remaining - by) end
    if kind == 'hash' then
      local deadline = redis.call('HGET', key, 'session_deadline')
      if deadline and #deadline <= 15 and string.find(deadline, '^[1-9]%d*$') then
        redis.call('HSET', key, 'session_deadline', string.format('%.0f', tonumber(deadline) - by))
      end
    elseif kind == 'zset' then
      local members = redis.call('ZRANGE', key, 0, -1)
      for _, member in ipairs(members) do redis.call('ZINCRBY', key, -by, member) end
    end
  end
end
";

#[async_trait]
impl Harness for RedisHarness {
    async fn backend_with(&self, policy: SessionPolicy) -> Arc<dyn SessionBackend> {
        (self.connect)(self.target(policy)).await
    }

    async fn plant(&self, id: &SessionId, hash: RawHash, expires_in: Option<Duration>) {
        let key = self.keys.session(id);
        let mut commands = redis::pipe();
        commands.atomic().del(&key).hset_multiple(&key, &hash);
        if let Some(expires_in) = expires_in {
            commands.pexpire(&key, millis(expires_in));
        }
        let planted: redis::RedisResult<()> = commands.query_async(&mut self.admin()).await;
        planted.expect("a hash is planted");
    }

    async fn plant_other_type(&self, id: &SessionId) {
        let planted: redis::RedisResult<()> =
            self.admin().set(self.keys.session(id), "no hash").await;
        planted.expect("a string is planted");
    }

    async fn dump(&self, id: &SessionId) -> Option<RawKey> {
        let key = self.keys.session(id);
        let mut admin = self.admin();
        let kind: String = redis::cmd("TYPE")
            .arg(&key)
            .query_async(&mut admin)
            .await
            .expect("TYPE");
        if kind != "hash" {
            let remaining: i64 = admin.pttl(&key).await.expect("PTTL");
            return (kind != "none").then(|| RawKey::other_type(expiry(remaining)));
        }
        let mut commands = redis::pipe();
        commands.atomic().hgetall(&key).pttl(&key);
        let (hash, remaining): (RawHash, i64) =
            commands.query_async(&mut admin).await.expect("HGETALL");
        (!hash.is_empty()).then(|| RawKey::hash(hash, expiry(remaining)))
    }

    async fn advance(&self, by: Duration) {
        let script = Script::new(ADVANCE);
        let mut call = script.prepare_invoke();
        call.arg(self.keys.prefix().as_str()).arg(millis(by));
        let advanced: redis::RedisResult<()> = call.invoke_async(&mut self.admin()).await;
        advanced.expect("time passes");
    }

    async fn now(&self) -> UnixMillis {
        let time: redis::RedisResult<(u64, u64)> =
            redis::cmd("TIME").query_async(&mut self.admin()).await;
        let (seconds, micros) = time.expect("TIME");
        UnixMillis::new(seconds * 1000 + micros / 1000)
    }

    async fn index_len(&self, principal: &Principal) -> Option<usize> {
        let len: redis::RedisResult<usize> = self.admin().zcard(self.keys.index(principal)).await;
        Some(len.expect("ZCARD")).filter(|len| *len > 0)
    }
}

impl fmt::Debug for RedisHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisHarness")
            .field("url", &self.url)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).expect("a duration of a test fits")
}

fn expiry(remaining: i64) -> Option<Duration> {
    u64::try_from(remaining).ok().map(Duration::from_millis)
}
