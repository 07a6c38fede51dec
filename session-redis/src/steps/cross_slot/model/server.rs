//! A server in memory that runs the scripts as they are.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use mlua::{Function, Lua, LuaOptions, StdLib, Value, Variadic};
use session_core::rules::State;
use session_core::{Principal, PublicId, StoredSession, UnixMillis};

use crate::command::Command;
use crate::key_format::IdStorage;
use crate::keys::{KeyPrefix, KeySpace, entry_of};
use crate::reply::Reply;
use crate::script;
use crate::slot::hash_slot;

pub(super) const PREFIX: &[u8] = b"session:";

pub(super) type Text = Vec<u8>;
/// A principal, and the public id of one of its sessions.
pub(super) type Bound = (Principal, PublicId);
/// The key of an index, and an entry.
type Listed = (Text, Text);

fn keys() -> KeySpace {
    KeySpace::new(KeyPrefix::default(), IdStorage::HashedAfterPlain)
}

#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Store {
    now: u64,
    keys: BTreeMap<Text, Key>,
}

#[derive(Debug, Clone, Default, Hash)]
struct Key {
    is_sorted: bool,
    /// The values of a hash's fields, or the scores of a sorted set's members.
    held: BTreeMap<Text, Text>,
    expires_at: Option<u64>,
}

fn parse<T: std::str::FromStr>(text: &[u8]) -> T {
    let text = std::str::from_utf8(text).ok();
    text.and_then(|text| text.parse().ok()).expect("a number")
}

fn bytes(text: impl Into<Text>) -> Reply {
    Reply::Bytes(text.into().into())
}

fn or_nil(text: Option<&Text>) -> Reply {
    text.map_or(Reply::Nil, |text| bytes(&**text))
}

fn array<'a>(texts: impl IntoIterator<Item = &'a Text>) -> Reply {
    Reply::Array(texts.into_iter().map(|it| bytes(&**it)).collect())
}

impl Store {
    pub(super) fn at(now: u64) -> Self {
        Self {
            now,
            keys: BTreeMap::new(),
        }
    }

    /// What has expired goes, as on a server before it runs a script.
    fn advance(&mut self, millis: u64) {
        self.now += millis;
        let now = self.now;
        let lives = |key: &mut Key| key.expires_at.is_none_or(|at| now <= at);
        self.keys.retain(|_, key| lives(key));
    }

    /// Runs a command of a script: those that the scenarios need.
    fn run(&mut self, name: &str, args: &[Text]) -> Reply {
        let args: Vec<&[u8]> = args.iter().map(|it| &**it).collect();
        let (mut key, mut expires_at) = (Key::default(), None);
        if let Some(name) = args.first() {
            key = self.keys.remove(*name).unwrap_or_default();
        }
        let is_sorted = name.starts_with('Z');
        let has_type = is_sorted == key.is_sorted || key.held.is_empty();
        assert!(has_type || !name.starts_with(['H', 'Z']), "a wrong type");
        let held = &mut key.held;
        let mut done = 0;
        let mut reply = None;
        match (name, &args[..]) {
            ("TIME", []) => {
                let parts = [self.now / 1000, self.now % 1000 * 1000];
                return array(&parts.map(|it| it.to_string().into_bytes()));
            }
            ("EXISTS", [_]) => done = i64::from(!held.is_empty()),
            ("DEL", [_]) => held.clear(),
            ("RENAME", [_, to]) => {
                self.keys.insert(to.to_vec(), std::mem::take(&mut key));
            }
            ("EXPIRE", [_, secs]) => expires_at = Some(self.now + 1000 * parse::<u64>(secs)),
            ("PEXPIREAT", [_, at]) => expires_at = Some(parse(at)),
            ("HMGET", [_, names @ ..]) => {
                let values = names.iter().map(|it| or_nil(held.get(*it)));
                reply = Some(Reply::Array(values.collect()));
            }
            ("HSET", [_, pairs @ ..]) => {
                for pair in pairs.chunks_exact(2) {
                    held.insert(pair[0].to_vec(), pair[1].to_vec());
                }
            }
            ("ZADD", [_, score, entry]) => drop(held.insert(entry.to_vec(), score.to_vec())),
            ("HDEL" | "ZREM", [_, names @ ..]) => {
                held.retain(|name, _| !names.contains(&&**name));
            }
            ("HGET" | "ZSCORE", [_, name]) => reply = Some(or_nil(held.get(*name))),
            ("HGETALL", [_]) => reply = Some(array(held.iter().flat_map(|(a, b)| [a, b]))),
            ("ZCARD", [_]) => done = i64::try_from(held.len()).unwrap(),
            ("ZSCAN", [_, _, b"MATCH", pattern, ..]) => {
                let prefix = pattern.strip_suffix(b"*").expect("a prefix");
                let found = held.iter().filter(|it| it.0.starts_with(prefix));
                let found = array(found.flat_map(|(entry, score)| [entry, score]));
                reply = Some(Reply::Array(vec![bytes("0"), found]));
            }
            ("ZCOUNT", [_, least, most]) => {
                let within = held.values().filter(|it| is_within(it, least, most));
                done = i64::try_from(within.count()).unwrap();
            }
            ("ZRANGE", [_, first, last, options @ ..]) => {
                let at = |n: &[u8]| match n.strip_prefix(b"-") {
                    Some(back) => held.len().saturating_sub(parse(back)),
                    None => parse(n),
                };
                let (first, last) = (at(first), at(last));
                let range = ranked(held).into_iter().take(last + 1).skip(first);
                reply = Some(listed(range, options));
            }
            ("ZRANGEBYSCORE", [_, least, most, options @ .., b"LIMIT", skip, take]) => {
                let range = ranked(held).into_iter();
                let range = range.filter(|it| is_within(it.1, least, most));
                reply = Some(listed(range.skip(parse(skip)).take(parse(take)), options));
            }
            _ => panic!("the model knows no {name} with {} arguments", args.len()),
        }
        if !key.held.is_empty() {
            key.is_sorted |= is_sorted;
            key.expires_at = expires_at.or(key.expires_at);
            self.keys.insert(args[0].to_vec(), key);
            self.advance(0);
        }
        reply.unwrap_or(Reply::Integer(done))
    }
}

fn is_within(score: &[u8], least: &[u8], most: &[u8]) -> bool {
    let bound = |text: &[u8]| match text.strip_prefix(b"(") {
        Some(open) => (parse::<f64>(open), true),
        None => (parse(text), false),
    };
    let (score, least, most) = (parse(score), bound(least), bound(most));
    (least.0 < score || least == (score, false)) && (score < most.0 || most == (score, false))
}

fn ranked(held: &BTreeMap<Text, Text>) -> Vec<(&Text, &Text)> {
    let mut ranked: Vec<_> = held.iter().collect();
    ranked.sort_by(|a, b| f64::total_cmp(&parse(a.1), &parse(b.1)));
    ranked
}

fn listed<'a>(range: impl Iterator<Item = (&'a Text, &'a Text)>, options: &[&[u8]]) -> Reply {
    let with_scores = options.contains(&&b"WITHSCORES"[..]);
    let parts = range.flat_map(|(entry, score)| [Some(entry), with_scores.then_some(score)]);
    array(parts.flatten())
}

/// A state of the store, and the live sessions in it.
#[derive(Debug)]
pub(super) struct Snapshot {
    store: Store,
    pub(super) hash: u64,
    pub(super) live: BTreeMap<Text, StoredSession>,
}

pub(super) fn bound(session: &StoredSession) -> Option<Bound> {
    let listing = session.listing();
    listing.map(|(principal, _, public_id)| (principal, public_id))
}

pub(super) fn hash_of(it: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    it.hash(&mut hasher);
    hasher.finish()
}

impl Snapshot {
    pub(super) fn of(store: Store) -> Rc<Self> {
        let session = |(name, key): (&Text, &Key)| {
            let session = StoredSession::parse(key.held.clone()).ok()?;
            let expires_at = key.expires_at.map(UnixMillis::new);
            let state = State {
                session,
                expires_at,
            };
            let is_live = state.is_live(UnixMillis::new(store.now));
            is_live.then(|| (name.clone(), state.session))
        };
        Rc::new(Self {
            live: store.keys.iter().filter_map(session).collect(),
            hash: hash_of(&store),
            store,
        })
    }

    pub(super) fn later(&self, millis: u64) -> Rc<Self> {
        let mut store = self.store.clone();
        store.advance(millis);
        Self::of(store)
    }

    pub(super) fn bindings(&self) -> BTreeSet<Bound> {
        self.live.values().filter_map(bound).collect()
    }

    /// The entries of a principal's indexes, and their deadlines.
    pub(super) fn indexed(&self, principal: &Principal) -> BTreeMap<Listed, f64> {
        let of_index = |index: Text| {
            let entries = self.store.keys.get(&index).into_iter();
            let entries = entries.flat_map(|key| &key.held);
            let deadline = |score: &Text| parse::<f64>(score).floor();
            entries.map(move |(entry, score)| ((index.clone(), entry.clone()), deadline(score)))
        };
        let indexes = keys().indexes(principal).into_iter();
        indexes.flat_map(of_index).collect()
    }

    /// The entries that they must have.
    pub(super) fn needed(&self, principal: &Principal) -> BTreeMap<Listed, f64> {
        let entry = |(key, session): (&Text, &StoredSession)| {
            let (owner, deadline, public_id) = session.listing()?;
            let entry = entry_of(public_id.as_str().as_bytes(), &key[PREFIX.len()..]);
            let index = keys().index_of(owner.as_str().as_bytes(), &entry);
            (owner == *principal).then(|| ((index, entry.to_vec()), deadline.get() as f64))
        };
        self.live.iter().filter_map(entry).collect()
    }
}

/// What a call of a script did.
pub(super) struct Ran {
    pub(super) after: Rc<Snapshot>,
    pub(super) reply: Reply,
    pub(super) reply_hash: u64,
    /// Whether anything but indexes has changed.
    pub(super) has_changed: bool,
    /// The bindings that there are no more, the keys, and whether the session has ended.
    pub(super) unbound: Vec<(Bound, Text, bool)>,
}

/// Runs script calls. What it has run once it remembers.
pub(super) struct Server {
    lua: Lua,
    /// The store, and the slot of the script that runs.
    store: Rc<RefCell<(Store, u16)>>,
    scripts: HashMap<&'static str, Function>,
    known: HashMap<(u64, u64), Rc<Ran>>,
}

impl Server {
    /// With a text in the scripts replaced by another.
    pub(super) fn new((text, other): (&str, &str)) -> Self {
        let libs = StdLib::STRING | StdLib::TABLE | StdLib::MATH;
        let lua = Lua::new_with(libs, LuaOptions::default()).unwrap();
        let store = Rc::new(RefCell::new((Store::default(), 0)));
        let run = {
            let store = Rc::clone(&store);
            move |lua: &Lua, args: Variadic<Value>| {
                let args: Vec<Text> = args.iter().map(argument).collect();
                let (store, slot) = &mut *store.borrow_mut();
                let name = std::str::from_utf8(&args[0]).unwrap();
                let keys = args[1..].iter().take(1 + usize::from(name == "RENAME"));
                let is_within = keys.map(|key| hash_slot(key)).all(|it| it == *slot);
                assert!(is_within, "{name} of another slot");
                to_lua(lua, &store.run(name, &args[1..]))
            }
        };
        let allow = |_: &Lua, _: Variadic<Value>| Ok(true);
        let run = lua.create_function(run).unwrap();
        let redis = lua.create_table().unwrap();
        redis.set("call", &run).unwrap();
        redis.set("pcall", run).unwrap();
        let allow = lua.create_function(allow).unwrap();
        redis.set("acl_check_cmd", allow).unwrap();
        lua.globals().set("redis", redis).unwrap();
        let contains = |it: &&script::Script| it.source().contains(text);
        assert!(script::ALL.iter().any(contains), "no such text: {text}");
        let compile = |script: &&'static script::Script| {
            let (_header, source) = script.source().split_once('\n').unwrap();
            let compiled = lua.load(source.replace(text, other)).into_function();
            (script.sha(), compiled.unwrap())
        };
        Self {
            scripts: script::ALL.iter().map(compile).collect(),
            lua,
            store,
            known: HashMap::new(),
        }
    }

    /// Runs a script.
    pub(super) fn call(&mut self, at: &Rc<Snapshot>, command: &Command) -> Rc<Ran> {
        let args: Vec<&[u8]> = command.args().iter().collect();
        let call = (at.hash, hash_of((command.word(), &args)));
        let run = || {
            let (keys, args) = args[1..].split_at(parse(args[0]));
            let slot = hash_slot(keys[0]);
            assert!(keys.iter().all(|key| hash_slot(key) == slot), "CROSSSLOT");
            *self.store.borrow_mut() = (at.store.clone(), slot);
            for (name, texts) in [("KEYS", keys), ("ARGV", args)] {
                let texts = texts.iter().map(|it| self.lua.create_string(it).unwrap());
                let texts = self.lua.create_sequence_from(texts).unwrap();
                self.lua.globals().set(name, texts).unwrap();
            }
            let script = &self.scripts[command.word().unwrap()];
            let reply = to_reply(script.call(()).unwrap());
            Rc::new(ran(at, Snapshot::of(self.store.borrow().0.clone()), reply))
        };
        Rc::clone(self.known.entry(call).or_insert_with(run))
    }
}

fn ran(before: &Snapshot, after: Rc<Snapshot>, reply: Reply) -> Ran {
    let sessions = |it: &Snapshot| {
        let is_session = |it: &(&Text, _)| !b"@#".contains(&it.0[PREFIX.len()]);
        hash_of(it.store.keys.iter().filter(is_session).collect::<Vec<_>>())
    };
    let bindings = after.bindings();
    let unbound = before.live.iter().filter_map(|(key, session)| {
        let it = bound(session).filter(|it| !bindings.contains(it))?;
        Some((it, key.clone(), !after.live.contains_key(key)))
    });
    Ran {
        unbound: unbound.collect(),
        has_changed: sessions(before) != sessions(&after),
        reply_hash: hash_of(format!("{reply:?}")),
        after,
        reply,
    }
}

fn argument(value: &Value) -> Text {
    match value {
        Value::String(text) => text.as_bytes().to_vec(),
        Value::Integer(n) => n.to_string().into(),
        Value::Number(n) => n.to_string().into(),
        _ => panic!("a command's argument is a text or a number"),
    }
}

fn to_lua(lua: &Lua, reply: &Reply) -> mlua::Result<Value> {
    Ok(match reply {
        Reply::Nil => Value::Boolean(false),
        Reply::Integer(n) => Value::Integer(*n),
        Reply::Bytes(text) => Value::String(lua.create_string(text)?),
        Reply::Array(parts) => {
            let parts: mlua::Result<Vec<_>> = parts.iter().map(|it| to_lua(lua, it)).collect();
            Value::Table(lua.create_sequence_from(parts?)?)
        }
    })
}

fn to_reply(value: Value) -> Reply {
    match value {
        Value::Nil | Value::Boolean(false) => Reply::Nil,
        Value::Integer(n) => Reply::Integer(n),
        Value::Number(n) => Reply::Integer(parse(n.trunc().to_string().as_bytes())),
        Value::String(text) => bytes(&*text.as_bytes()),
        Value::Table(table) => {
            let parts = (1..).map(|n| table.raw_get::<Value>(n).unwrap());
            let parts = parts.take_while(|it| !it.is_nil());
            Reply::Array(parts.map(to_reply).collect())
        }
        other => panic!("a script replied with {other:?}"),
    }
}
