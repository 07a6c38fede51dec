//! Every operation is all or nothing, whatever fails in its middle.
//!
//! A command that the server would not run for this account, a key of another type, an index whose
//! greatest score is no time: each in turn, in the midst of each operation. Which commands and
//! which keys these are is learned from what the server executes, so no script is known by name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use redis::Script;
use session_core::{
    Clock, Delta, Effect, Error, ErrorKind, Lifetime, LogIn, NewSession, OnExcess, PageSize,
    Principal, PrincipalLimit, PublicId, Result, SessionAdmin, SessionBackend, SessionCount,
    SessionId, SessionPolicy, SessionTtl, Touch,
};
use session_redis::AclFeature::{self, Admin, Info, Principals, Sessions};
use session_redis::{IdStorage, hash_slot};

use super::{Subject, ann, fields, login, name};
use crate::accounts::{as_user, set_user};
use crate::cluster::owner;
use crate::harness::{Connect, own_prefix};
use crate::{Cluster, Monitor, MonitoredCommand, RedisServer, Target};

/// Commands of a client that belong to its connection or run a script.
const OF_CONNECTIONS: [&str; 10] = [
    "AUTH", "ASKING", "CLIENT", "CLUSTER", "EVAL", "EVALSHA", "HELLO", "INFO", "PING", "SELECT",
];

/// What the account may do: no more than is documented.
const RIGHTS: [AclFeature; 5] = [Sessions, Principals, Admin, AclFeature::Cluster, Info];

/// What an operation returned: how many it found, or `None` where there was nothing to do it on.
type Found = Option<usize>;

/// What operations run on.
struct Stage {
    /// Without a limit of sessions; with one that evicts, and one that refuses.
    open: Arc<dyn SessionBackend>,
    evicting: Arc<dyn SessionBackend>,
    refusing: Arc<dyn SessionBackend>,
    admin: Arc<dyn SessionAdmin>,
    /// A session of nobody, two of ann's, one of bob's.
    nobody: SessionId,
    ann: SessionId,
    other: SessionId,
    bob: SessionId,
    /// The ids that nobody's session and ann's had before a rotation.
    former: SessionId,
    former_ann: SessionId,
    /// Of ann's session.
    public_id: PublicId,
}

impl Stage {
    /// How many sessions of ann's are on pages of one.
    async fn listed_by_pages(&self) -> Result<usize> {
        let (ann, size) = (ann(), PageSize::new(1)?);
        let (mut listed, mut cursor) = (0, None);
        loop {
            let fields = vec![name("note")];
            let page = self
                .open
                .list_sessions_page(&ann, fields, cursor.as_ref(), size);
            let page = page.await?;
            listed += page.sessions.len();
            cursor = page.next;
            if cursor.is_none() {
                return Ok(listed);
            }
        }
    }
}

type Operation = for<'s> fn(&'s Stage) -> BoxFuture<'s, Result<Found>>;

/// Operations by name: what they call, and what is found in what that returns.
macro_rules! operations {
    ($stage:ident; $($name:ident: $call:expr, $found:expr;)*) => {
        [$({
            fn $name($stage: &Stage) -> BoxFuture<'_, Result<Found>> {
                Box::pin(async move { $call.await.map($found) })
            }
            (stringify!($name), $name as Operation)
        }),*]
    };
}

fn bob() -> Principal {
    Principal::new("bob").expect("a principal")
}

fn some<T>(_: T) -> Found {
    Some(1)
}

fn one<T>(found: Option<T>) -> Found {
    found.map(|_| 1)
}

fn is_done(is_done: bool) -> Found {
    is_done.then_some(1)
}

fn count(ended: u64) -> Found {
    usize::try_from(ended).ok()
}

/// A delta of all kinds of changes.
fn delta() -> Delta {
    let delta = Delta::new()
        .set(name("theme"), "dark")
        .remove(name("username"));
    let delta = delta
        .increment(name("page_views"), 1)
        .increment(name("clicks"), 2);
    delta
        .ttl(SessionTtl::from_secs(2_000).expect("a TTL"))
        .returning_record()
}

/// The binding of a log-in that leaves nothing of another user's.
fn bind(principal: Principal) -> Delta {
    delta().keep_only_if_principal_changes([]).bind(principal)
}

/// A log-in that is persistent, and how long its session may live.
fn remembered(principal: Principal, seconds: u64) -> LogIn {
    let log_in = LogIn::new(principal).persistent(true);
    log_in.lifetime(lifetime(seconds))
}

fn lifetime(seconds: u64) -> Lifetime {
    Lifetime::from_secs(seconds).expect("a lifetime")
}

/// A change that is no use of the session.
fn silent() -> Delta {
    Delta::new().set(name("theme"), "dark").touch(Touch::Never)
}

fn operations() -> Vec<(&'static str, Operation)> {
    operations![s;
        create: s.open.create_session(NewSession::new(fields())), some;
        create_with_lifetime: s.open.create_session(NewSession::new(fields()).max_lifetime(lifetime(9_000))), some;
        create_bound: s.open.create_session(login()), some;
        create_evicting: s.evicting.create_session(login()), some;
        create_refused: s.refusing.create_session(login()), some;
        get: s.open.get_session(&s.nobody), one;
        get_bound: s.open.get_session(&s.ann), one;
        get_if_older: s.open.get_session_with(&s.ann, Touch::IfOlderThan(Duration::from_secs(10))), one;
        get_by_public_id: s.open.get_session_of(&ann(), &s.public_id), one;
        peek: s.open.peek_session(&s.nobody), one;
        touch: s.open.update_session(&s.nobody, Delta::new()), one;
        set: s.open.update_session(&s.nobody, Delta::new().set(name("theme"), "dark")), one;
        set_silently: s.open.update_session(&s.nobody, silent()), one;
        remove_fields: s.open.remove_fields(&s.nobody, vec![name("username")]), is_done;
        increment: s.open.increment_field(&s.nobody, name("page_views"), 1), one;
        increment_no_number: s.open.increment_field(&s.nobody, name("username"), 1), one;
        set_ttl: s.open.set_session_ttl(&s.ann, SessionTtl::MAX), is_done;
        update: s.open.update_session(&s.ann, delta()), one;
        update_by_public_id: s.open.update_session_of(&ann(), &s.public_id, delta()), one;
        keep_only: s.open.update_session(&s.nobody, delta().keep_only([name("page_views")])), one;
        bind: s.open.update_session(&s.nobody, delta().bind(ann())), one;
        bind_for: s.open.update_session(&s.bob, bind(ann()).bind_for(ann(), lifetime(9_000))), one;
        bind_silently: s.open.update_session(&s.nobody, silent().bind(remembered(ann(), 400))), one;
        bind_forgetting: s.open.update_session(&s.ann, silent().bind(ann())), one;
        bind_evicting: s.evicting.update_session(&s.nobody, bind(ann())), one;
        bind_refused: s.refusing.update_session(&s.nobody, bind(ann())), one;
        unbind: s.open.update_session(&s.ann, delta().unbind()), one;
        rotate: s.open.rotate_session(&s.nobody, Delta::new()), one;
        rotate_bound: s.open.rotate_session(&s.ann, delta()), one;
        rotate_unbinding: s.open.rotate_session(&s.ann, bind(ann()).unbind()), one;
        log_in: s.open.rotate_session(&s.nobody, bind(ann())), one;
        log_in_again: s.open.rotate_session(&s.ann, bind(ann())), one;
        log_in_freshly: s.open.rotate_session(&s.nobody, delta().bind(LogIn::new(ann()).fresh())), one;
        log_in_over_another: s.open.rotate_session(&s.bob, bind(ann())), one;
        log_in_evicting: s.evicting.rotate_session(&s.bob, bind(ann())), one;
        log_in_refused: s.refusing.rotate_session(&s.nobody, bind(ann())), one;
        delete: s.open.delete_session(&s.nobody), is_done;
        delete_bound: s.open.delete_session(&s.ann), is_done;
        delete_rotated: s.open.delete_session(&s.former), is_done;
        delete_rotated_bound: s.open.delete_session(&s.former_ann), is_done;
        get_rotated: s.open.get_session(&s.former), one;
        rotate_rotated: s.open.rotate_session(&s.former, bind(ann())), one;
        list: async { s.open.list_sessions(&ann()).await.map(|it| it.len()) }, Some;
        list_by_pages: s.listed_by_pages(), Some;
        revoke_one: s.open.revoke_session(&ann(), &s.public_id), is_done;
        revoke_all: s.open.revoke_sessions(&ann(), None), count;
        revoke_others: s.open.revoke_sessions(&ann(), Some(&s.other)), count;
        admin_count: s.admin.count_sessions(), count;
        admin_revoke: s.admin.revoke_session(&s.public_id), is_done;
    ]
    .into()
}

/// All that is on a server or a cluster below a prefix, as texts in which ids are told by the names
/// of their sessions, and times by about how far they are away.
type State = BTreeSet<String>;

/// The application's clock: the second.
#[derive(Debug, Default)]
struct Seconds(AtomicU64);

impl Clock for Seconds {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// Removes all keys below a prefix.
static CLEAR: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do redis.call('DEL', key) end",
    )
});

/// All sessions were last used some time ago, and logged in seconds apart, in the order of their
/// deadlines; where the server can, two of their fields expire by themselves.
static AGE: LazyLock<Script> = LazyLock::new(|| {
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

/// Servers, an account whose rights are changed, and backends that use it.
struct Trials {
    nodes: Vec<RedisServer>,
    is_cluster: bool,
    subjects: [Subject; 3],
    /// With all rights.
    setup: Subject,
    clock: Arc<Seconds>,
    monitors: Vec<Monitor>,
    failures: Vec<String>,
}

/// An operation as nothing disturbs it: the states around it, what it returns, which commands it
/// uses, and, by their names, which keys.
struct Learned {
    before: State,
    after: State,
    outcome: Result<Found>,
    commands: BTreeSet<String>,
    keys: BTreeSet<String>,
}

impl Learned {
    /// The same without these lines of the states.
    fn without(&self, is_left_out: impl Fn(&str) -> bool) -> Self {
        let rest = |state: &State| {
            state
                .iter()
                .filter(|line| !is_left_out(line))
                .cloned()
                .collect()
        };
        Self {
            before: rest(&self.before),
            after: rest(&self.after),
            outcome: match &self.outcome {
                Ok(found) => Ok(*found),
                Err(error) => Err(Error::new(error.kind(), error.effect())),
            },
            commands: BTreeSet::new(),
            keys: BTreeSet::new(),
        }
    }
}

/// What is known of a stage before its operation.
struct Names {
    suffixes: BTreeMap<Vec<u8>, &'static str>,
    public_ids: BTreeMap<String, &'static str>,
}

impl Trials {
    async fn on(
        connect: Connect,
        nodes: Vec<RedisServer>,
        url: String,
        storage: IdStorage,
    ) -> Self {
        let clock = Arc::new(Seconds::default());
        let prefix = own_prefix();
        for node in &nodes {
            set_user(node, "app", prefix.as_str(), &RIGHTS).await;
        }
        let max = SessionCount::new(2).expect("a limit");
        let limit = |on_excess| Some(PrincipalLimit { max, on_excess });
        let target = |limit: Option<PrincipalLimit>| {
            let ttl = SessionTtl::from_secs(1_000).expect("a TTL");
            let policy = SessionPolicy::new()
                .with_default_ttl(ttl)
                .with_tombstone_lifetime(lifetime(2_000))
                .with_clock(clock.clone());
            let policy = limit
                .into_iter()
                .fold(policy, SessionPolicy::with_principal_limit);
            Target {
                policy,
                storage,
                ..Target::patient(url.clone(), prefix.clone())
            }
        };
        let subjects = [None, limit(OnExcess::EvictOldest), limit(OnExcess::Refuse)]
            .map(|limit| Subject::of(connect, as_user("app", target(limit))));
        let setup = Subject::of(connect, target(None));
        let mut monitors = Vec::new();
        for node in &nodes {
            monitors.push(Monitor::start(node).await);
        }
        let (is_cluster, failures) = (nodes.len() > 1, Vec::new());
        Self {
            nodes,
            is_cluster,
            subjects,
            setup,
            clock,
            monitors,
            failures,
        }
    }

    /// The same sessions each time, under fresh ids.
    async fn stage(&self) -> (Stage, Names) {
        self.clock.0.store(1_000_000_000, Ordering::Relaxed);
        for node in &self.nodes {
            self.run::<()>(node, &CLEAR).await;
        }
        let session = |principal: Option<Principal>, seconds| {
            let new = NewSession::new(fields().with(name("note"), "x"));
            principal.into_iter().fold(new, |new, principal| {
                new.bind(remembered(principal, seconds))
            })
        };
        let sessions = [
            ("nobody", session(None, 0)),
            ("ann", session(Some(ann()), 3_000)),
            ("other", session(Some(ann()), 5_000)),
            ("bob", session(Some(bob()), 7_000)),
        ];
        let mut names = Names {
            suffixes: BTreeMap::new(),
            public_ids: BTreeMap::new(),
        };
        let mut ids = Vec::new();
        let mut known = None;
        for (name, new) in sessions {
            let created = self
                .setup
                .backend
                .create_session(new)
                .await
                .expect("a session");
            names
                .suffixes
                .insert(self.setup.keys.suffix(&created.id), name);
            if let Some(public_id) = created.record.public_id() {
                names.public_ids.insert(public_id.to_string(), name);
                known = known.or(Some(public_id));
            }
            ids.push(created.id);
        }
        // Two of them have been rotated.
        let mut former = Vec::new();
        for (id, former_name) in ids.iter_mut().zip(["former", "former_ann"]) {
            let rotated = self.setup.backend.rotate_session(id, Delta::new()).await;
            let rotated = rotated.expect("a reply").expect("it lives");
            let old = std::mem::replace(id, rotated.id);
            let suffixes = [&old, &*id].map(|id| self.setup.keys.suffix(id));
            let [old_suffix, new_suffix] = suffixes;
            let name = names.suffixes.insert(old_suffix, former_name);
            names.suffixes.insert(new_suffix, name.expect("its name"));
            former.push(old);
        }
        for node in &self.nodes {
            self.run::<()>(node, &AGE).await;
        }
        self.clock.0.store(1_000_001_000, Ordering::Relaxed);
        let [open, evicting, refusing] = self.subjects.each_ref().map(|it| it.backend.clone());
        let [nobody, ann, other, bob] = ids.try_into().expect("four");
        let [former, former_ann] = former.try_into().expect("two");
        let admin = self.subjects[0].admin.clone();
        let public_id = known.expect("ann's is bound");
        let stage = Stage {
            open,
            evicting,
            refusing,
            admin,
            nobody,
            ann,
            other,
            bob,
            former,
            former_ann,
            public_id,
        };
        (stage, names)
    }

    async fn run<T: redis::FromRedisValue>(&self, node: &RedisServer, script: &Script) -> T {
        let mut call = script.prepare_invoke();
        call.arg(self.prefix());
        call.invoke_async(&mut node.connection().await)
            .await
            .expect("a script runs")
    }

    fn prefix(&self) -> &str {
        self.setup.keys.prefix().as_str()
    }

    /// The name of a key: a session's, `new`, or an index's.
    fn name_of(&self, names: &Names, key: &[u8]) -> String {
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
    fn indexes(&self) -> [(Vec<u8>, &'static str); 2] {
        [(ann(), "@ann"), (bob(), "@bob")].map(|(it, name)| (self.setup.keys.index(&it), name))
    }

    async fn state(&self, names: &Names) -> State {
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

    async fn on_all(&self, command: &str) {
        for node in &self.nodes {
            node.ask::<()>(command).await;
        }
    }

    /// Sends a command to the node of a key.
    async fn on_node_of(&self, key: &[u8], command: &redis::Cmd) {
        let node = self.nodes.get(owner(hash_slot(key), self.nodes.len()));
        let mut admin = node.expect("one has it").connection().await;
        command.exec_async(&mut admin).await.expect("it is done");
    }

    /// The operation as nothing disturbs it, where one key may be absent.
    async fn learn(&mut self, operation: Operation, absent: Option<&str>) -> Learned {
        let (stage, names) = self.stage().await;
        if let Some(key) = absent {
            let key = self.key_of(&names, key);
            self.on_node_of(&key, redis::cmd("DEL").arg(&key)).await;
        }
        let before = self.state(&names).await;
        for monitor in &mut self.monitors {
            monitor.take().await;
        }
        let outcome = operation(&stage).await;
        let mut used = Vec::new();
        for monitor in &mut self.monitors {
            used.extend(monitor.take().await);
        }
        used.retain(|command| !OF_CONNECTIONS.contains(&&*command.name()));
        let after = self.state(&names).await;
        let commands = used.iter().map(MonitoredCommand::name).collect();
        let is_key =
            |it: &&Vec<u8>| it.starts_with(self.prefix().as_bytes()) && !it.ends_with(b"*");
        let args = used.iter().flat_map(|command| command.args.iter().skip(1));
        let keys = args
            .filter(is_key)
            .map(|key| self.name_of(&names, key))
            .collect();
        Learned {
            before,
            after,
            outcome,
            commands,
            keys,
        }
    }

    fn key_of(&self, names: &Names, name: &str) -> Vec<u8> {
        if let Some((key, _)) = self.indexes().into_iter().find(|it| it.1 == name) {
            return key;
        }
        let suffix = names.suffixes.iter().find(|(_, it)| **it == name);
        let (suffix, _) = suffix.expect("a session's");
        [self.prefix().as_bytes(), suffix].concat()
    }

    /// What was tried led to one of the two states, and what was returned is true.
    fn judge(&mut self, what: &str, learned: &Learned, state: &State, outcome: &Result<Found>) {
        let Learned {
            before,
            after,
            outcome: expected,
            ..
        } = learned;
        let effect = outcome.as_ref().map_err(Error::effect);
        let is_true = match effect {
            Ok(found) => state == after && expected.as_ref().ok() == Some(found),
            Err(Effect::NotApplied) => state == before,
            // That nothing was changed is known where the server replies.
            Err(Effect::Unknown) => state == after,
        };
        if is_true {
            if effect == Err(Effect::Unknown) {
                println!("{what}: done, and unknown");
            }
            return;
        }
        let lines = |one: &State, other: &State, sign: &str| {
            let lines = one
                .difference(other)
                .map(|line| format!("\n  {sign} {line}"));
            lines.collect::<String>()
        };
        let [nearer, _] = {
            let mut both = [("before", before), ("after", after)].map(|(which, from)| {
                format!(
                    "{which}:{}{}",
                    lines(from, state, "-"),
                    lines(state, from, "+")
                )
            });
            both.sort_by_key(|text| text.lines().count());
            both
        };
        self.failures
            .push(format!("{what}: {outcome:?}; unlike {nearer}"));
    }

    /// The operation by an account that lacks the right to a command; whether it fails for that.
    async fn denied(
        &mut self,
        title: &str,
        operation: Operation,
        learned: &Learned,
        command: &str,
    ) -> bool {
        let (stage, names) = self.stage().await;
        let right = command.to_lowercase();
        self.on_all(&format!("ACL SETUSER app -{right}")).await;
        let outcome = operation(&stage).await;
        self.on_all(&format!("ACL SETUSER app +{right}")).await;
        let state = self.state(&names).await;
        self.judge(
            &format!("{title} without {command}"),
            learned,
            &state,
            &outcome,
        );
        outcome.is_err_and(|error| error.kind() == ErrorKind::Denied)
    }

    /// The operation where a key is a string: no session, and no index.
    async fn broken(&mut self, title: &str, operation: Operation, learned: &Learned, key: &str) {
        let (stage, names) = self.stage().await;
        let raw = self.key_of(&names, key);
        let break_it = redis::cmd("SET").arg(&raw).arg("text").to_owned();
        self.on_node_of(&raw, &break_it).await;
        let outcome = operation(&stage).await;
        let mut state = self.state(&names).await;
        let what = format!("{title} where {key} is broken");
        if !state.remove(&format!("{key} is a string")) {
            self.failures.push(format!("{what}: it was changed"));
        }
        // Nor is anything listed for what is none.
        let [own, listed] = [format!("{key} "), format!(" lists {key} ")];
        let is_of = |line: &str| line.starts_with(&own) || line.contains(&listed);
        let learned = learned.without(is_of);
        state.retain(|line| !is_of(line));
        self.judge(&what, &learned, &state, &outcome);
    }

    /// The operation where an index has an entry of nobody's that never ends.
    async fn endless(&mut self, title: &str, operation: Operation, learned: &Learned, index: &str) {
        let (stage, names) = self.stage().await;
        let raw = self.key_of(&names, index);
        let entry = [stage.public_id.as_str(), "nobody's"].concat();
        let add = redis::cmd("ZADD")
            .arg(&raw)
            .arg("+inf")
            .arg(entry)
            .to_owned();
        self.on_node_of(&raw, &add).await;
        let outcome = operation(&stage).await;
        let mut state = self.state(&names).await;
        let expiry = format!("{index} expires");
        let is_of = |line: &str| line.starts_with(&expiry) || line.ends_with("inf00 s");
        let learned = learned.without(is_of);
        state.retain(|line| !is_of(line));
        self.judge(
            &format!("{title} where {index} is endless"),
            &learned,
            &state,
            &outcome,
        );
    }

    async fn all(mut self) {
        let (mut denied, mut broken) = (0, 0);
        let mut missed = BTreeSet::new();
        for (title, operation) in operations() {
            let learned = self.learn(operation, None).await;
            self.judge(title, &learned, &learned.after, &learned.outcome);
            for command in &learned.commands {
                denied += 1;
                if self.denied(title, operation, &learned, command).await {
                    missed.insert(format!("+{}", command.to_lowercase()));
                }
            }
            for key in learned.keys.iter().filter(|key| *key != "new") {
                broken += 1;
                if key.starts_with('@') {
                    self.broken(title, operation, &learned, key).await;
                    broken += 1;
                    self.endless(title, operation, &learned, key).await;
                } else {
                    let learned = self.learn(operation, Some(key)).await;
                    self.broken(title, operation, &learned, key).await;
                }
            }
        }
        println!(
            "{denied} pairs of an operation and a command, {broken} of an operation and a key"
        );
        // An operation fails without any one of these, so none is documented in vain. But an index
        // heals as far as it may, and on a cluster only very many sessions with one deadline make
        // a script count them.
        let needed = [Sessions, Principals, Admin].map(AclFeature::rights);
        let is_missed = |right: &&String| missed.contains(*right);
        let excepted = if self.is_cluster {
            "+zcount"
        } else {
            "+zscore"
        };
        let is_tried = |right: &&String| !right.starts_with("+eval");
        let needed = needed.iter().flatten().filter(is_tried);
        let in_vain: Vec<_> = needed
            .filter(|right| !is_missed(right) && **right != excepted)
            .collect();
        // Where a principal has two indexes, a log-in that has a limit goes another way.
        let has_two_indexes = self.setup.keys.indexes(&ann()).len() > 1;
        let is_right = in_vain.is_empty() || has_two_indexes;
        assert!(is_right, "never missed: {in_vain:?}");
        let failures = &self.failures;
        assert!(
            failures.is_empty(),
            "{} failures:\n{}",
            failures.len(),
            failures.join("\n")
        );
    }
}

fn public_name<'n>(names: &'n Names, public_id: &str) -> &'n str {
    names.public_ids.get(public_id).copied().unwrap_or("fresh")
}

/// Every operation on one server, with each of its commands denied and each of its keys broken.
pub async fn every_operation_is_all_or_nothing(connect: Connect) {
    let server = RedisServer::start().await;
    let url = server.url();
    let trials = Trials::on(connect, vec![server], url, IdStorage::Plain);
    trials.await.all().await;
}

/// The same on a cluster.
pub async fn every_operation_is_all_or_nothing_on_a_cluster(connect: Connect) {
    on_cluster(connect, IdStorage::Plain).await;
}

/// The same on a cluster with ids hashed at rest, and on the way there.
pub async fn every_operation_is_all_or_nothing_with_hashed_ids(connect: Connect) {
    on_cluster(connect, IdStorage::Hashed).await;
    on_cluster(connect, IdStorage::HashedAfterPlain).await;
}

async fn on_cluster(connect: Connect, storage: IdStorage) {
    let cluster = Cluster::start(3).await;
    let url = cluster.url();
    let trials = Trials::on(connect, cluster.into_nodes(), url, storage);
    trials.await.all().await;
}
