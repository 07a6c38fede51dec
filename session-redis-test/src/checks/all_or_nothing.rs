//! Every operation is all or nothing, whatever fails in its middle.
//!
//! A command that the server would not run for this account, a key of another type, an index whose
//! greatest score is no time: each in turn, in the midst of each operation. Which commands and
//! which keys these are is learned from what the server executes, so no script is known by name.

mod operations;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use session_core::{
    Clock, Delta, Effect, Error, ErrorKind, NewSession, OnExcess, Principal, PrincipalLimit,
    Result, SessionBackend, SessionCount, SessionPolicy, SessionTtl,
};
use session_redis::AclFeature::{self, Admin, Info, Principals, Sessions};
use session_redis::{IdStorage, hash_slot};

use self::operations::{Found, Operation, Stage, bob, lifetime, operations, remembered};
use self::state::{AGE, CLEAR, Names, State};
use super::{Subject, ann, fields, name};
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

/// The application's clock: the second.
#[derive(Debug, Default)]
struct Seconds(AtomicU64);

impl Clock for Seconds {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
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
