//! What somebody gains who reads all that a server stores and logs.

mod evidence;
mod needles;

use std::collections::BTreeSet;
use std::slice;

use session_conformance::differential::{Config, run};
use session_conformance::{Harness as _, MemoryHarness};
use session_core::{Delta, NewSession, Principal, SessionBackend, SessionId};
use session_redis::IdStorage;

use self::evidence::Evidence;
use super::acl::use_all;
use super::{Subject, create, fields, log_in};
use crate::harness::{Connect, Ids, RedisHarness, own_prefix};
use crate::{Cluster, Monitor, RedisServer, RedisServerBuilder, Target};

/// After every operation there is, with ids hashed at rest, no piece of any id is in the key names,
/// the index, the dump, the AOF, the slow log, or what `MONITOR` shows; and no name found there
/// opens a session. With plain ids all of these show the ids whole, which proves that the search
/// finds what is there.
pub async fn hashed_ids_leave_nothing_usable(connect: Connect) {
    let server = keeping_all().start().await;
    examine(connect, &server.url(), slice::from_ref(&server)).await;
}

/// The same on all nodes of a cluster.
pub async fn hashed_ids_leave_nothing_usable_on_any_node(connect: Connect) {
    let cluster = Cluster::start_with(3, keeping_all()).await;
    examine(connect, &cluster.url(), cluster.nodes()).await;
}

/// With ids hashed at rest no key's name shows a principal, nor does a name that `MONITOR` shows;
/// what else it shows is a value: the hash's own, or one to compare with it. With plain ids they
/// do.
pub async fn hashed_ids_hide_principals(connect: Connect) {
    let server = RedisServer::start().await;
    look_for_principals(connect, &server.url(), slice::from_ref(&server)).await;
}

/// The same on all nodes of a cluster.
pub async fn hashed_ids_hide_principals_on_any_node(connect: Connect) {
    let cluster = Cluster::start(3).await;
    look_for_principals(connect, &cluster.url(), cluster.nodes()).await;
}

async fn look_for_principals(connect: Connect, url: &str, servers: &[RedisServer]) {
    for (storage, are_shown) in [(IdStorage::Hashed, false), (IdStorage::Plain, true)] {
        let mut monitors = Vec::new();
        for server in servers {
            monitors.push(Monitor::start(server).await);
        }
        let target = Target::patient(url.to_owned(), own_prefix());
        let subject = Subject::of(connect, Target { storage, ..target });
        use_all(&*subject.backend).await;
        let canary = Principal::new("canary").expect("a principal");
        let new = NewSession::new(fields()).bind(canary.clone());
        let created = subject.backend.create_session(new).await.expect("a log-in");
        let bind = Delta::new().bind(canary.clone());
        let rotated = subject.backend.rotate_session(&created.id, bind).await;
        assert!(rotated.expect("a reply").is_some());
        let listed = subject
            .backend
            .list_sessions(&canary)
            .await
            .expect("a list");
        let public_id = listed.first().expect("one").public_id;
        let found = subject.backend.get_session_of(&canary, &public_id).await;
        assert!(found.expect("a reply").is_some());
        let prefix = subject.keys.prefix().as_str().as_bytes();
        let shows = |text: &[u8]| {
            let shows = |name: &[u8]| text.windows(name.len()).any(|part| part == name);
            text.starts_with(prefix) && (shows(b"canary") || shows(b"@ann"))
        };
        let (mut keys, mut commands) = (Vec::new(), Vec::new());
        for (server, monitor) in servers.iter().zip(&mut monitors) {
            keys.extend(server.ask::<Vec<Vec<u8>>>("KEYS *").await);
            commands.extend(monitor.take().await);
        }
        let mut args = commands.iter().flat_map(|command| &command.args);
        let found = [
            keys.iter().any(|key| shows(key)),
            args.any(|arg| shows(arg)),
        ];
        assert_eq!(found, [are_shown; 2], "{storage:?}");
    }
}

/// A server that writes down all that it does, in plain bytes.
fn keeping_all() -> RedisServerBuilder {
    RedisServer::builder()
        .arg("appendonly", "yes")
        .arg("appendfsync", "always")
        .arg("aof-use-rdb-preamble", "no")
        .arg("rdbcompression", "no")
        .arg("slowlog-log-slower-than", "0")
        .arg("slowlog-max-len", "1000000")
}

async fn examine(connect: Connect, url: &str, servers: &[RedisServer]) {
    let store = UsedStore::new(connect, url, servers, IdStorage::Hashed).await;
    store.assert_names_are_there();
    for (source, texts) in &store.evidence {
        let found = needles::found_in(texts, &store.ids.used);
        assert_eq!(found.first_key_value(), None, "an id in {source}");
    }
    let (presented, opened) = store.present_what_is_found().await;
    assert!(
        presented >= store.live.len(),
        "the hashes have the form of ids"
    );
    assert_eq!(opened.len(), 0, "a name opens a session");

    let store = UsedStore::new(connect, url, servers, IdStorage::Plain).await;
    store.assert_names_are_there();
    for (source, ids) in store.expected() {
        let texts = store.evidence.get(source).expect("evidence");
        let found = needles::found_in(texts, &store.ids.used);
        assert!(ids.iter().all(|id| found.contains_key(id)), "{source}");
    }
    let (_, opened) = store.present_what_is_found().await;
    assert_eq!(opened, store.live, "plain names open all sessions");
}

/// A store after all that can happen to it.
struct UsedStore {
    harness: RedisHarness,
    ids: Ids,
    live: BTreeSet<SessionId>,
    bound: BTreeSet<SessionId>,
    evidence: Evidence,
}

impl UsedStore {
    async fn new(connect: Connect, url: &str, servers: &[RedisServer], storage: IdStorage) -> Self {
        let mut monitors = Vec::new();
        for server in servers {
            monitors.push(Monitor::start(server).await);
        }
        // Of two processes, so that their ids are recorded.
        let storages = [storage; 2];
        let harness = RedisHarness::on(url.to_owned(), servers, &storages, connect).await;
        let config = Config {
            steps: 1_000,
            compare_index: servers.len() == 1,
            has_admin: true,
            ..Config::from_env()
        };
        let done = run(&harness, &MemoryHarness::new(), &config).await;
        done.unwrap_or_else(|divergence| panic!("{divergence}"));
        // These stay.
        let backend = harness.backend().await;
        let live: BTreeSet<_> = [create(&*backend).await.id].into();
        let mut bound = BTreeSet::new();
        for _ in 0..3 {
            let id = log_in(&*backend).await.id;
            let rotated = backend.rotate_session(&id, Delta::new()).await;
            bound.insert(rotated.expect("a reply").expect("it lives").id);
            bound.insert(log_in(&*backend).await.id);
        }
        Self {
            ids: harness.ids(),
            live: &live | &bound,
            bound,
            evidence: evidence::collect(servers, monitors).await,
            harness,
        }
    }

    /// Which sessions each source must name, in the way that the store names them.
    fn expected(&self) -> [(&'static str, &BTreeSet<SessionId>); 6] {
        [
            ("MONITOR", &self.ids.stored),
            ("SLOWLOG", &self.ids.stored),
            ("AOF", &self.ids.stored),
            ("dump", &self.live),
            ("key names", &self.live),
            ("index entries", &self.bound),
        ]
    }

    /// It is this store that was looked into: every source has the whole names that it must have.
    fn assert_names_are_there(&self) {
        let keys = self.harness.keys();
        for (source, ids) in self.expected() {
            let mut missing: BTreeSet<_> = ids.iter().map(|id| keys.suffix(id)).collect();
            let length = missing.first().map_or(1, Vec::len);
            for text in self.evidence.get(source).expect("evidence") {
                for part in text.windows(length) {
                    missing.remove(part);
                }
            }
            assert_eq!(missing.len(), 0, "of {} names in {source}", ids.len());
        }
    }

    /// Presents everything in the key names and the index that could be taken for an id: how much
    /// that is, and what has opened a session.
    async fn present_what_is_found(&self) -> (usize, BTreeSet<SessionId>) {
        let found = ["key names", "index entries"].map(|source| self.evidence.get(source));
        let texts = found.into_iter().flatten().flatten();
        let ids = texts.flat_map(|text| text.windows(SessionId::LEN).map(SessionId::parse));
        let ids: BTreeSet<SessionId> = ids.filter_map(Result::ok).collect();
        let backend = self.harness.backend().await;
        let mut opened = BTreeSet::new();
        for id in &ids {
            if backend.get_session(id).await.expect("get").is_some() {
                opened.insert(id.clone());
                continue;
            }
            let rotated = backend.rotate_session(id, Delta::new()).await;
            assert_eq!(rotated.expect("a reply"), None);
            // A plain name of a rotated id: what it would end is opened by its own.
            let stored = self.harness.dump(id).await;
            if stored.is_some_and(|key| key.field("session_rotated").is_some()) {
                continue;
            }
            assert!(!backend.delete_session(id).await.expect("a reply"));
        }
        for id in &self.live {
            let found = backend.peek_session(id).await.expect("a reply");
            assert!(found.is_some(), "a session was ended by its name");
        }
        (ids.len(), opened)
    }
}
