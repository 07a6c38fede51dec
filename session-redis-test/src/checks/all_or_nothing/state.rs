//! What is on the servers, in words that are the same each time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use redis::Script;
use session_core::PublicId;

use super::Trials;
use super::operations::bob;
use crate::RedisServer;
use crate::checks::ann;

/// All that is on a server or a cluster below a prefix, as texts in which ids are told by the names
/// of their sessions, and times by about how far they are away.
pub(super) type State = BTreeSet<String>;

/// What is known of a stage before its operation.
pub(super) struct Names {
    pub(super) suffixes: BTreeMap<Vec<u8>, &'static str>,
    pub(super) public_ids: BTreeMap<String, &'static str>,
}

impl Trials {
    /// Runs a script on a node, for all keys below the prefix.
    pub(super) async fn run<T: redis::FromRedisValue>(
        &self,
        node: &RedisServer,
        script: &Script,
    ) -> T {
        let mut call = script.prepare_invoke();
        call.arg(self.prefix());
        call.invoke_async(&mut node.connection().await)
            .await
            .expect("a script runs")
    }

    pub(super) fn prefix(&self) -> &str {
        self.setup.keys.prefix().as_str()
    }

    /// The name of a key: a session's, `new`, or an index's.
    pub(super) fn name_of(&self, names: &Names, key: &[u8]) -> String {
        let suffix = key
            .strip_prefix(self.prefix().as_bytes())
            .expect("the prefix");
        let is_index = |it: &&(Vec<u8>, &str)| it.0 == key;
        if let Some((_, name)) = self.indexes().iter().find(is_index) {
            return (*name).to_owned();
        }
        names
            .suffixes
            .get(suffix)
            .copied()
            .unwrap_or("new")
            .to_owned()
    }

    /// The keys of indexes, and their names.
    pub(super) fn indexes(&self) -> [(Vec<u8>, &'static str); 2] {
        [(ann(), "@ann"), (bob(), "@bob")].map(|(it, name)| (self.setup.keys.index(&it), name))
    }

    /// All that is on the servers.
    pub(super) async fn state(&self, names: &Names) -> State {
        let mut state = State::new();
        let mut entries = Vec::new();
        for node in &self.nodes {
            let (now, keys): RawDump = self.run(node, &DUMP).await;
            let now: f64 = now.parse().expect("a number");
            for (key, kind, remaining, parts) in keys {
                let key = self.name_of(names, &key);
                let texts: Vec<_> = parts.iter().map(|it| String::from_utf8_lossy(it)).collect();
                let parts: Vec<&str> = texts.iter().map(|it| &**it).collect();
                #[expect(clippy::cast_precision_loss, reason = "it is rounded anyway")]
                let lives = remaining as f64;
                let remaining = about(lives);
                match kind.as_str() {
                    "hash" => {
                        state.insert(format!("{key} expires in {remaining}"));
                        for field in parts.chunks_exact(3) {
                            let [field, value, ttl] = field else {
                                unreachable!("three")
                            };
                            let value = match *field {
                                "session_deadline" | "session_login_at" => {
                                    about(value.parse::<f64>().expect("a time") - now)
                                }
                                "session_rotated" => {
                                    let (until, successor) =
                                        value.split_once(' ').unwrap_or((*value, ""));
                                    let until = until.parse::<f64>().expect("a time") - now;
                                    let successor = match successor {
                                        "" => "",
                                        it => names.suffixes.get(it.as_bytes()).unwrap_or(&"new"),
                                    };
                                    format!("{} to {successor:?}", about(until))
                                }
                                "session_public_id" => public_name(names, value).to_owned(),
                                _ => (*value).to_owned(),
                            };
                            let ttl = about(ttl.parse().expect("a number"));
                            state.insert(format!("{key} has {field}={value} for {ttl}"));
                        }
                    }
                    "zset" => {
                        if !self.is_cluster {
                            state.insert(format!("{key} expires in {remaining}"));
                        }
                        for entry in parts.chunks_exact(2) {
                            let [entry, score] = entry else {
                                unreachable!("two")
                            };
                            let (public_id, suffix) = entry.split_at(PublicId::LEN);
                            let session = names.suffixes.get(suffix.as_bytes());
                            let session = session.copied().unwrap_or("new").to_owned();
                            let until = score.parse::<f64>().expect("a score") - now;
                            let is_kept = lives > until - 50_000.0;
                            let public_id = public_name(names, public_id).to_owned();
                            entries.push((key.clone(), session, public_id, about(until), is_kept));
                        }
                    }
                    _ => {
                        state.insert(format!("{key} is a {kind}"));
                    }
                }
            }
        }
        for (index, session, public_id, until, is_kept) in entries {
            let has = |field: &str, value: &str| {
                state.contains(&format!(
                    "{session} has {field}={value} for {}",
                    about(-1.0)
                ))
            };
            let is_its = has("session_principal", &index[1..])
                && has("session_public_id", &public_id)
                && has("session_deadline", &until);
            // On a cluster an entry may be more: its session has ended or was never stored.
            if !self.is_cluster || is_its && is_kept {
                state.insert(format!(
                    "{index} lists {session} as {public_id} for {until}"
                ));
            }
        }
        state
    }

    /// The key of this name.
    pub(super) fn key_of(&self, names: &Names, name: &str) -> Vec<u8> {
        if let Some((key, _)) = self.indexes().into_iter().find(|it| it.1 == name) {
            return key;
        }
        let suffix = names.suffixes.iter().find(|(_, it)| **it == name);
        let (suffix, _) = suffix.expect("a session's");
        [self.prefix().as_bytes(), suffix].concat()
    }
}

fn public_name<'n>(names: &'n Names, public_id: &str) -> &'n str {
    names.public_ids.get(public_id).copied().unwrap_or("fresh")
}

/// Removes all keys below a prefix.
pub(super) static CLEAR: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do redis.call('DEL', key) end",
    )
});

/// All sessions were last used some time ago, and logged in seconds apart, in the order of their
/// deadlines; where the server can, two of their fields expire by themselves.
pub(super) static AGE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  if redis.call('TYPE', key).ok == 'hash' then
    redis.call('EXPIRE', key, 500)
    local deadline, login_at = unpack(redis.call('HMGET', key, 'session_deadline', 'session_login_at'))
    if login_at then
      redis.call('HINCRBY', key, 'session_login_at', math.floor((deadline - login_at) / 1000) - 10000)
    end
    redis.pcall('HEXPIRE', key, 700, 'FIELDS', 2, 'page_views', 'note')
  end
end
",
    )
});

/// Of each key below a prefix: its name, its type, what remains of it, and what is in it: fields,
/// values and what remains of them, or entries and scores; and now.
static DUMP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local reply = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local kind, parts = redis.call('TYPE', key).ok, {}
  if kind == 'hash' then
    local fields = redis.call('HGETALL', key)
    for i = 1, #fields, 2 do
      local ttl = redis.pcall('HPTTL', key, 'FIELDS', 1, fields[i])
      parts[#parts + 1] = fields[i]
      parts[#parts + 1] = fields[i + 1]
      parts[#parts + 1] = ttl.err and '-1' or tostring(ttl[1])
    end
  elseif kind == 'zset' then
    parts = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  end
  reply[#reply + 1] = { key, kind, redis.call('PTTL', key), parts }
end
return { string.format('%.0f', now), reply }
",
    )
});

type RawDump = (String, Vec<(Vec<u8>, String, i64, Vec<Vec<u8>>)>);

/// About how far a time is away: in steps of 100 s, so that a busy machine makes no difference.
fn about(millis: f64) -> String {
    // Never -0.
    format!("{:.0}00 s", (millis / 100_000.0).round() + 0.0)
}
