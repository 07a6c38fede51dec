//! Keys as they are on a server.

use std::sync::LazyLock;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, Script};
use session_conformance::{RawHash, RawKey};
use session_core::UnixMillis;
use session_redis::KeyPrefix;

/// Time passes for every key below the prefix: its expiry, its deadline, the end of its tombstone
/// and the scores of an index come nearer. A key of which nothing remains is gone. (Where the index
/// has steps of its own, a score's fraction says when its member was entered, in seconds modulo
/// 512: that grows older as well, up to an age that is not taken for a young one as real time
/// passes.)
static ADVANCE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local by = tonumber(ARGV[2])
local now = tonumber(redis.call('TIME')[1])
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
      local rotated = redis.call('HGET', key, 'session_rotated') or ''
      local last, rest = string.match(rotated, '^([1-9]%d*)(.*)$')
      if last and #last <= 15 and (rest == '' or string.find(rest, '^ .')) then
        redis.call('HSET', key, 'session_rotated', string.format('%.0f', tonumber(last) - by) .. rest)
      end
    elseif kind == 'zset' then
      local members = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
      for i = 1, #members, 2 do
        local score = tonumber(members[i + 1])
        local deadline = math.floor(score)
        local mark = score - deadline
        if mark > 0 then
          local age = (now - math.floor(mark * 512)) % 512 + math.floor(by / 1000)
          mark = ((now - math.min(age, 256)) % 512 + 0.5) / 512
        end
        redis.call('ZADD', key, string.format('%.17g', deadline - by + mark), members[i])
      end
    end
  end
end
",
    )
});

/// A key's type, what remains of it, and its fields if it is a hash.
static DUMP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local kind = redis.call('TYPE', KEYS[1]).ok
local fields = kind == 'hash' and redis.call('HGETALL', KEYS[1]) or {}
return { kind, redis.call('PTTL', KEYS[1]), fields }
",
    )
});

pub(super) async fn delete(admin: &mut MultiplexedConnection, key: &[u8]) {
    let () = admin.del(key).await.expect("DEL");
}

pub(super) async fn plant(
    admin: &mut MultiplexedConnection,
    key: &[u8],
    hash: &RawHash,
    expires_in: Option<Duration>,
) {
    let mut commands = redis::pipe();
    commands.atomic().del(key).hset_multiple(key, hash);
    if let Some(expires_in) = expires_in {
        commands.pexpire(key, millis(expires_in));
    }
    let planted: redis::RedisResult<()> = commands.query_async(admin).await;
    planted.expect("a hash is planted");
}

pub(super) async fn plant_other_type(admin: &mut MultiplexedConnection, key: &[u8]) {
    let planted: redis::RedisResult<()> = admin.set(key, "no hash").await;
    planted.expect("a string is planted");
}

pub(super) async fn dump(admin: &mut MultiplexedConnection, key: &[u8]) -> Option<RawKey> {
    let dumped: redis::RedisResult<(String, i64, RawHash)> =
        DUMP.key(key).invoke_async(admin).await;
    let (kind, remaining, hash) = dumped.expect("a key is dumped");
    match kind.as_str() {
        "none" => None,
        "hash" => Some(RawKey::hash(hash, expiry(remaining))),
        _ => Some(RawKey::other_type(expiry(remaining))),
    }
}

pub(super) async fn advance(admin: &mut MultiplexedConnection, prefix: &KeyPrefix, by: Duration) {
    let mut call = ADVANCE.prepare_invoke();
    call.arg(prefix.as_str()).arg(millis(by));
    let advanced: redis::RedisResult<()> = call.invoke_async(admin).await;
    advanced.expect("time passes");
}

pub(super) async fn now(admin: &mut MultiplexedConnection) -> UnixMillis {
    let time: redis::RedisResult<(u64, u64)> = redis::cmd("TIME").query_async(admin).await;
    let (seconds, micros) = time.expect("TIME");
    UnixMillis::new(seconds * 1000 + micros / 1000)
}

pub(super) async fn index_len(admin: &mut MultiplexedConnection, key: &[u8]) -> Option<usize> {
    let len: redis::RedisResult<usize> = admin.zcard(key).await;
    Some(len.expect("ZCARD")).filter(|len| *len > 0)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).expect("a duration of a test fits")
}

fn expiry(remaining: i64) -> Option<Duration> {
    u64::try_from(remaining).ok().map(Duration::from_millis)
}
