//! The near cache's rules, explored in all orders of what can happen.
//!
//! One process has a near cache and a connection; another writes behind its back. The cache is the
//! real one ([`Shard`]); the server, its tracking table and the two streams of the connection are a
//! model. From the start every action that is possible is taken, and from there again, to a
//! depth; states that were met before are left out. How often what may happen happens is bounded,
//! in several [ways](WAYS) that overlap: all of it at once is too much. After each hit three things
//! must hold: nothing newer was acknowledged or returned in this process before, nothing newer was
//! there longer ago than the bound, and the session has not expired.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use session_core::rules::State;
use session_core::{FieldValue, StoredSession, Touch, UnixMillis};

use super::shard::{Asking, Kept, Shard, Time};

const KEYS: [&[u8]; 2] = [b"a", b"b"];
const TICK: u64 = 10;
/// In ticks.
const BOUND: u64 = 2;
const DEPTH: usize = 12;

/// How a rule can be missing: each must be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// What a read returns is kept, whatever named its key since.
    KeepsAnyway,
    /// A write is acknowledged by its own reply, and not by that behind it.
    NoReplyBehind,
    /// What is kept needs no proof.
    NoProof,
    /// A fresh connection serves what the one before has kept.
    KeepsEpoch,
    /// A fresh connection keeps while an operation holds the one before.
    BeginsAtOnce,
    /// That all keys have changed is passed over.
    PassesOverAll,
    /// Sessions do not expire here.
    NoExpiry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Action {
    /// A read begins, by this task: a hit, or something is sent.
    Read(usize, usize),
    /// Nobody waits for the read of this task any more.
    Drop(usize),
    /// A write begins.
    Write(usize),
    /// A probe is sent.
    Probe,
    /// The server runs what has reached it.
    Run,
    /// The same of the connection before.
    RunLate,
    /// What is next in the stream reaches the process.
    Receive,
    /// The same of the connection before.
    ReceiveLate,
    /// The task goes on with what its read returned.
    Resume(usize),
    /// Another process writes, ends, or empties the server.
    Foreign(usize),
    ForeignEnd(usize),
    Flush,
    Tick,
    /// Nothing reaches the process any more.
    Lose,
    /// A fresh connection.
    Replace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sent {
    Read { read: u64, key: usize },
    Write { key: usize },
    Probe { at: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Received {
    Read {
        read: u64,
        seen: Seen,
    },
    Written {
        key: usize,
        version: usize,
        is_behind: bool,
    },
    Proven {
        at: u64,
    },
    Named(usize),
    AllNamed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Seen {
    version: usize,
    is_live: bool,
    expires_at: u64,
    at: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Reader {
    key: usize,
    read: u64,
    /// The entry that it may keep in.
    number: Option<u64>,
    sent: u64,
    seen: Option<Seen>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Wire {
    number: u64,
    sent: VecDeque<Sent>,
    received: VecDeque<Received>,
    tracked: [bool; 2],
    is_lost: bool,
    /// Whether somebody waits for a write that was sent over it.
    writes: usize,
}

#[derive(Debug, Clone)]
struct World {
    broken: Broken,
    shard: Shard,
    now: u64,
    epoch: u64,
    proven: u64,
    wire: Wire,
    before: Wire,
    readers: [Option<Reader>; 2],
    reads: u64,
    /// Of each key: when each version was replaced by the next, and whether it is live until when.
    replaced: [Vec<u64>; 2],
    is_live: [bool; 2],
    expires_at: [u64; 2],
    /// The newest version that was acknowledged or returned in this process.
    known: [usize; 2],
    left: Left,
}

/// How often each may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Left {
    tasks: usize,
    writes: u8,
    foreign: u8,
    flushes: u8,
    ticks: u8,
    probes: u8,
    drops: u8,
    losses: u8,
    replacements: u8,
}

const NONE: Left = Left {
    tasks: 1,
    writes: 0,
    foreign: 0,
    flushes: 0,
    ticks: 0,
    probes: 0,
    drops: 0,
    losses: 0,
    replacements: 0,
};

const TWO: Left = Left { tasks: 2, ..NONE };

/// What is explored.
const ORDERS: Left = Left {
    writes: 1,
    foreign: 1,
    ..TWO
};
const DROPS: Left = Left {
    writes: 1,
    drops: 1,
    ..TWO
};
const ALL_NAMED: Left = Left {
    foreign: 1,
    flushes: 1,
    ..TWO
};
const TIME: Left = Left {
    foreign: 1,
    ticks: 3,
    probes: 1,
    losses: 1,
    ..NONE
};
const REPLACED_BESIDE_WRITES: Left = Left {
    writes: 1,
    foreign: 1,
    replacements: 1,
    ..NONE
};
const REPLACED_BESIDE_READS: Left = Left {
    foreign: 1,
    replacements: 1,
    ..TWO
};
const WAYS: [(&str, Left); 6] = [
    ("orders", ORDERS),
    ("drops", DROPS),
    ("all named", ALL_NAMED),
    ("time", TIME),
    ("replaced beside writes", REPLACED_BESIDE_WRITES),
    ("replaced beside reads", REPLACED_BESIDE_READS),
];

impl World {
    fn new(broken: Broken, left: Left) -> Self {
        Self {
            broken,
            shard: Shard::new(1 << 20),
            now: 1,
            epoch: 1,
            proven: 0,
            wire: Wire {
                number: 1,
                ..Wire::default()
            },
            before: Wire::default(),
            readers: [None; 2],
            reads: 0,
            replaced: [Vec::new(), Vec::new()],
            is_live: [true; 2],
            // The second one ends soon.
            expires_at: [100, 3],
            known: [0; 2],
            left,
        }
    }

    fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for task in 0..self.left.tasks {
            match &self.readers[task] {
                None => actions.extend((0..2).map(|key| Action::Read(task, key))),
                Some(reader) => {
                    if reader.seen.is_some() {
                        actions.push(Action::Resume(task));
                    }
                    if self.left.drops > 0 {
                        actions.push(Action::Drop(task));
                    }
                }
            }
        }
        // Two tasks that do nothing are the same.
        if self.readers == [None; 2] {
            actions.retain(|it| !matches!(it, Action::Read(1, _)));
        }
        let keys = 0..2;
        if self.left.writes > 0 {
            actions.extend(keys.clone().map(Action::Write));
        }
        if self.left.foreign > 0 {
            actions.extend(keys.clone().map(Action::Foreign));
            actions.extend(keys.map(Action::ForeignEnd));
        }
        let left = &self.left;
        let before = &self.before;
        for (is_possible, action) in [
            (left.flushes > 0, Action::Flush),
            (left.ticks > 0, Action::Tick),
            (left.probes > 0, Action::Probe),
            (left.losses > 0, Action::Lose),
            (left.replacements > 0, Action::Replace),
            (!self.wire.sent.is_empty(), Action::Run),
            (
                !self.wire.received.is_empty() && !self.wire.is_lost,
                Action::Receive,
            ),
            (!before.sent.is_empty(), Action::RunLate),
            (
                !before.received.is_empty() && !before.is_lost,
                Action::ReceiveLate,
            ),
        ] {
            if is_possible {
                actions.push(action);
            }
        }
        actions
    }

    /// # Errors
    /// What must not happen.
    fn take(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Read(task, key) => return self.read(task, key),
            Action::Drop(task) => {
                self.left.drops -= 1;
                self.end(task);
            }
            Action::Write(key) => {
                self.left.writes -= 1;
                self.wire.sent.push_back(Sent::Write { key });
                self.wire.writes += 1;
            }
            Action::Probe => {
                self.left.probes -= 1;
                self.wire.sent.push_back(Sent::Probe { at: self.now });
            }
            Action::Run => {
                let mut wire = std::mem::take(&mut self.wire);
                self.run(&mut wire);
                self.wire = wire;
            }
            Action::RunLate => {
                let mut wire = std::mem::take(&mut self.before);
                self.run(&mut wire);
                self.before = wire;
            }
            Action::Receive => {
                let received = self.wire.received.pop_front();
                let number = self.wire.number;
                self.receive(received, number);
            }
            Action::ReceiveLate => {
                let received = self.before.received.pop_front();
                let number = self.before.number;
                self.receive(received, number);
            }
            Action::Resume(task) => self.resume(task),
            Action::Foreign(key) => {
                self.left.foreign -= 1;
                self.change(key, true);
            }
            Action::ForeignEnd(key) => {
                self.left.foreign -= 1;
                self.change(key, false);
            }
            Action::Flush => {
                self.left.flushes -= 1;
                for key in 0..2 {
                    self.wire.tracked[key] = false;
                    self.change(key, false);
                }
                self.wire.received.push_back(Received::AllNamed);
            }
            Action::Tick => {
                self.left.ticks -= 1;
                self.now += 1;
            }
            Action::Lose => {
                self.left.losses -= 1;
                self.wire.is_lost = true;
            }
            Action::Replace => {
                self.left.replacements -= 1;
                let fresh = Wire {
                    number: self.wire.number + 1,
                    ..Wire::default()
                };
                self.before = std::mem::replace(&mut self.wire, fresh);
                if self.broken != Broken::KeepsEpoch {
                    self.epoch += 1;
                    self.proven = 0;
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, task: usize, key: usize) -> Result<(), String> {
        let is_alone = !self.is_held_before() || self.broken == Broken::BeginsAtOnce;
        let proven = match self.broken {
            Broken::NoProof => self.now,
            _ => self.proven,
        };
        let asking = Asking {
            epoch: self.epoch,
            now: time(self.now),
            clock: UnixMillis::new(self.now * TICK),
            proven: time(proven),
            bound: time(BOUND),
        };
        let hit = is_alone.then(|| self.shard.get(KEYS[key], Touch::Never, asking));
        if let Some(record) = hit.flatten() {
            let version = record.fields().get_str("version");
            let version = version.and_then(|it| it.parse().ok());
            return self.check(key, version.ok_or("no version")?);
        }
        let bytes = Bytes::from_static(KEYS[key]);
        let number = is_alone.then(|| self.shard.begin(&bytes, self.epoch));
        self.reads += 1;
        self.readers[task] = Some(Reader {
            key,
            read: self.reads,
            number,
            sent: self.now,
            seen: None,
        });
        let read = self.reads;
        self.wire.sent.push_back(Sent::Read { read, key });
        Ok(())
    }

    /// Whether somebody waits for a reply to what was sent over the connection before.
    fn is_held_before(&self) -> bool {
        let is_on_its_way = |reader: &Reader| {
            let mut sent = self.before.sent.iter();
            let mut received = self.before.received.iter();
            let is_sent = |it: &Sent| matches!(it, Sent::Read { read, .. } if *read == reader.read);
            let is_received =
                |it: &Received| matches!(it, Received::Read { read, .. } if *read == reader.read);
            sent.any(is_sent) || received.any(is_received)
        };
        self.before.writes > 0 || self.readers.iter().flatten().any(is_on_its_way)
    }

    fn check(&self, key: usize, version: usize) -> Result<(), String> {
        if version < self.known[key] {
            return Err(format!("version {version} after {}", self.known[key]));
        }
        let newest = self.replaced[key].len();
        if let Some(replaced) = self.replaced[key].get(version)
            && self.now >= replaced + BOUND
        {
            return Err(format!(
                "version {version} of {newest}, replaced at {replaced}"
            ));
        }
        if version == newest && self.now > self.expires_at[key] {
            return Err("expired".to_owned());
        }
        Ok(())
    }

    /// What is first of what was sent over this connection.
    fn run(&mut self, wire: &mut Wire) {
        match wire.sent.pop_front() {
            Some(Sent::Read { read, key }) => {
                let seen = Seen {
                    version: self.replaced[key].len(),
                    is_live: self.is_live[key] && self.now <= self.expires_at[key],
                    expires_at: self.expires_at[key],
                    at: self.now,
                };
                wire.tracked[key] = true;
                wire.received.push_back(Received::Read { read, seen });
            }
            Some(Sent::Write { key }) => {
                // What it changes is named behind its reply.
                let is_tracked = std::mem::take(&mut wire.tracked[key]);
                self.change(key, true);
                let version = self.replaced[key].len();
                let written = |is_behind| Received::Written {
                    key,
                    version,
                    is_behind,
                };
                wire.received.push_back(written(false));
                if is_tracked {
                    wire.received.push_back(Received::Named(key));
                }
                wire.received.push_back(written(true));
            }
            Some(Sent::Probe { at }) => wire.received.push_back(Received::Proven { at }),
            None => {}
        }
    }

    /// The key is changed, and who tracks it is told.
    fn change(&mut self, key: usize, is_live: bool) {
        self.replaced[key].push(self.now);
        self.is_live[key] = is_live;
        self.expires_at[key] = 100;
        for wire in [&mut self.wire, &mut self.before] {
            if std::mem::take(&mut wire.tracked[key]) {
                wire.received.push_back(Received::Named(key));
            }
        }
    }

    fn receive(&mut self, received: Option<Received>, number: u64) {
        let is_used = number == self.wire.number;
        match received {
            Some(Received::Read { read, seen }) => {
                for reader in self.readers.iter_mut().flatten() {
                    if reader.read == read {
                        reader.seen = Some(seen);
                    }
                }
            }
            Some(Received::Written {
                key,
                version,
                is_behind,
            }) if is_behind != (self.broken == Broken::NoReplyBehind) => {
                self.known[key] = self.known[key].max(version);
                let wire = if is_used {
                    &mut self.wire
                } else {
                    &mut self.before
                };
                wire.writes -= 1;
            }
            Some(Received::Proven { at }) if is_used => self.proven = self.proven.max(at),
            Some(Received::Named(key)) if is_used => {
                let key = Bytes::from_static(KEYS[key]);
                self.shard.invalidate(&key, self.epoch);
            }
            Some(Received::AllNamed) if is_used && self.broken != Broken::PassesOverAll => {
                self.epoch += 1;
            }
            _ => {}
        }
    }

    fn resume(&mut self, task: usize) {
        let Some(reader) = self.readers[task] else {
            return;
        };
        if let Some(seen) = reader.seen {
            self.known[reader.key] = self.known[reader.key].max(seen.version);
            if let Some(mut number) = reader.number.filter(|_| seen.is_live) {
                let key = Bytes::from_static(KEYS[reader.key]);
                if self.broken == Broken::KeepsAnyway {
                    number = self.shard.begin(&key, self.epoch);
                }
                let kept = Kept {
                    state: state(self.broken, seen),
                    read_at: UnixMillis::new(seen.at * TICK),
                    sent: time(reader.sent),
                    clock: UnixMillis::new(reader.sent * TICK),
                };
                self.shard.keep(&key, number, kept);
            }
        }
        self.end(task);
    }

    fn end(&mut self, task: usize) {
        if let Some(reader) = self.readers[task].take()
            && let Some(number) = reader.number
        {
            let key = Bytes::from_static(KEYS[reader.key]);
            self.shard.end(&key, number);
        }
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.shard.fingerprint(&mut hasher);
        (self.now, self.epoch, self.proven, self.reads).hash(&mut hasher);
        (&self.wire, &self.before, &self.readers).hash(&mut hasher);
        (&self.replaced, self.is_live, self.expires_at).hash(&mut hasher);
        (self.known, self.left).hash(&mut hasher);
        hasher.finish()
    }
}

fn time(ticks: u64) -> Time {
    Duration::from_millis(ticks * TICK)
}

fn state(broken: Broken, seen: Seen) -> State {
    let field = |name: &'static str, value: String| (Bytes::from(name), FieldValue::from(value));
    let fields = [
        field("created_at", "then".to_owned()),
        field("last_accessed_at", "now".to_owned()),
        field("session_ttl", "1000".to_owned()),
        field("version", seen.version.to_string()),
    ];
    let expires_at = UnixMillis::new(seen.expires_at * TICK);
    State {
        session: StoredSession::parse(fields).unwrap(),
        expires_at: Some(expires_at).filter(|_| broken != Broken::NoExpiry),
    }
}

/// How something came about: the last action, and those before it.
struct Way(Action, Option<Rc<Self>>);

impl Way {
    fn of(mut way: Option<&Rc<Self>>) -> Vec<Action> {
        let mut actions = Vec::new();
        while let Some(last) = way {
            actions.push(last.0);
            way = last.1.as_ref();
        }
        actions.reverse();
        actions
    }
}

/// How many states there are; or what must not happen, and the actions that lead there.
fn explore(broken: Broken, left: Left) -> Result<usize, String> {
    let mut met = HashSet::new();
    let mut level = vec![(World::new(broken, left), None)];
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for (world, way) in &level {
            for action in world.actions() {
                let mut world = world.clone();
                let taken = world.take(action);
                let way = Some(Rc::new(Way(action, way.clone())));
                taken.map_err(|what| format!("{what}: {:?}", Way::of(way.as_ref())))?;
                if met.insert(world.fingerprint()) {
                    next.push((world, way));
                }
            }
        }
        level = next;
    }
    Ok(met.len())
}

#[test]
fn nothing_is_served_that_must_not_be() {
    for (name, left) in WAYS {
        let states = explore(Broken::Nothing, left).unwrap();
        println!("{name}: {states} states");
        assert!(states > 1_000, "{name}: {states}");
    }
}

#[test]
fn each_rule_is_needed() {
    for (broken, left) in [
        (Broken::KeepsAnyway, ORDERS),
        (Broken::NoReplyBehind, ORDERS),
        (Broken::NoProof, TIME),
        (Broken::KeepsEpoch, REPLACED_BESIDE_WRITES),
        (Broken::BeginsAtOnce, REPLACED_BESIDE_WRITES),
        (Broken::BeginsAtOnce, REPLACED_BESIDE_READS),
        (Broken::PassesOverAll, ALL_NAMED),
        (Broken::NoExpiry, TIME),
    ] {
        let found = explore(broken, left).expect_err(&format!("{broken:?}"));
        println!("{broken:?}: {found}");
    }
}

/// The time that is counted stands still while a machine is suspended, its clock does not.
#[test]
fn a_session_ends_in_time_though_the_machine_was_suspended() {
    let (key, mut shard) = (Bytes::from_static(KEYS[0]), Shard::new(1 << 20));
    let number = shard.begin(&key, 1);
    let seen = Seen {
        version: 1,
        is_live: true,
        expires_at: 50,
        at: 10,
    };
    let kept = Kept {
        state: state(Broken::Nothing, seen),
        read_at: UnixMillis::new(10 * TICK),
        sent: time(3),
        clock: UnixMillis::new(7000),
    };
    shard.keep(&key, number, kept);
    let mut is_served = |counted: u64, clock: u64| {
        let asking = Asking {
            epoch: 1,
            now: time(counted),
            clock: UnixMillis::new(clock),
            proven: time(counted),
            bound: time(BOUND),
        };
        shard.get(KEYS[0], Touch::Never, asking).is_some()
    };
    assert!(is_served(4, 7000 + TICK));
    assert!(!is_served(4, 7000 + 40 * TICK), "suspended");
    assert!(!is_served(43, 7000), "set back");
}
