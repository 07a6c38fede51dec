//! What somebody gains who reads all that a server stores and logs.

mod deeds;
mod evidence;
mod needles;
mod recorder;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use session_core::{OnExcess, SessionBackend, SessionId, SessionPolicy};
use session_redis::{IdStorage, KeySpace};

use self::evidence::{Evidence, Watch};
use self::needles::Needles;
use self::recorder::{Ids, Recorder};
use crate::harness::Connect;
use crate::{RedisServer, Target, unique_prefix};

pub(super) use self::evidence::telling_all;

/// After every operation there is, with ids hashed at rest, no piece of any id is in the key names, the index,
/// the dump, the AOF, the slow log, or what `MONITOR` shows; and no name found there opens a session. With
/// plain ids all of these show the ids whole, which proves that the search finds what is there.
///
/// # Panics
/// When it is not so.
pub async fn ids_hashed_at_rest_leave_nothing_usable(connect: Connect) {
    let server = telling_all(RedisServer::builder()).start().await;
    let url = server.url();
    examine(connect, &url, std::slice::from_ref(&server)).await;
}

/// On servers that [tell all](telling_all), reached by this URL.
pub(super) async fn examine(connect: Connect, url: &str, servers: &[RedisServer]) {
    let life = Life::led(connect, url, servers, IdStorage::Hashed).await;
    life.assert_nothing_leaks();
    life.assert_nothing_found_is_usable().await;
    let life = Life::led(connect, url, servers, IdStorage::Plain).await;
    life.assert_everything_leaks();
    life.assert_what_is_found_is_usable().await;
}

/// A store after all that can happen to it.
struct Life {
    backend: Arc<dyn SessionBackend>,
    keys: KeySpace,
    ids: Ids,
    live: BTreeSet<SessionId>,
    bound: BTreeSet<SessionId>,
    evidence: Evidence,
}

impl Life {
    async fn led(connect: Connect, url: &str, servers: &[RedisServer], storage: IdStorage) -> Self {
        let prefix = unique_prefix().parse().expect("a key prefix");
        let target = Target {
            storage,
            ..Target::patient(url.to_owned(), prefix)
        };
        let keys = target.keys();
        let ids = Arc::<Mutex<Ids>>::default();
        let recorded = async |policy| {
            let target = target.clone();
            Recorder::new(connect(Target { policy, ..target }).backend, &ids)
        };
        let watch = Watch::begin(servers).await;
        let backend = recorded(SessionPolicy::new()).await;
        let evicting = recorded(deeds::one_session(OnExcess::EvictOldest)).await;
        let refusing = recorded(deeds::one_session(OnExcess::Refuse)).await;
        deeds::all(&backend, &evicting, &refusing).await;
        let ids = ids.lock().expect("not poisoned").clone();
        let (mut live, mut bound) = (BTreeSet::new(), BTreeSet::new());
        for id in &ids.stored {
            if let Some(record) = backend.peek_session(id).await.expect("peek") {
                live.insert(id.clone());
                bound.extend(record.principal().map(|_| id.clone()));
            }
        }
        let evidence = watch.end().await;
        // The evidence is complete: what comes now is not looked for.
        let backend = connect(target).backend;
        println!(
            "{storage:?}: {} ids, {} of them stored at some time, {} alive, {} of these bound",
            ids.used.len(),
            ids.stored.len(),
            live.len(),
            bound.len()
        );
        Self {
            backend,
            keys,
            ids,
            live,
            bound,
            evidence,
        }
    }

    fn assert_nothing_leaks(&self) {
        let needles = Needles::of(&self.ids.used);
        for (source, texts) in self.evidence.sources() {
            let bytes: usize = texts.iter().map(Vec::len).sum();
            let found = needles.found_in(texts);
            println!("{source:<20} {bytes:>8} bytes, {} ids", found.len());
            assert!(found.is_empty(), "ids in {source}: {found:?}");
        }
        self.assert_names_are_there();
    }

    fn assert_everything_leaks(&self) {
        let needles = Needles::of(&self.ids.used);
        for (source, expected) in self.expectations() {
            let found = needles.found_in(self.evidence.of(source));
            println!("{source:<20} {} ids", found.len());
            for id in expected {
                assert!(found.contains_key(id), "{id:?} was not found in {source}");
            }
        }
        self.assert_names_are_there();
    }

    /// It is this store that was looked into: every source has the whole names that it must have.
    fn assert_names_are_there(&self) {
        for (source, expected) in self.expectations() {
            let mut missing: BTreeSet<_> = expected.iter().map(|id| self.keys.suffix(id)).collect();
            let length = missing.first().map_or(1, Vec::len);
            for text in self.evidence.of(source) {
                for part in text.windows(length) {
                    missing.remove(part);
                }
            }
            assert_eq!(missing.len(), 0, "of {} names in {source}", expected.len());
        }
    }

    /// Which sessions each source must name, in the way that the store names them.
    fn expectations(&self) -> [(&'static str, &BTreeSet<SessionId>); 6] {
        [
            ("MONITOR", &self.ids.used),
            ("SLOWLOG", &self.ids.used),
            ("AOF", &self.ids.stored),
            ("dump", &self.live),
            ("key names", &self.live),
            ("index members", &self.bound),
        ]
    }

    async fn assert_nothing_found_is_usable(&self) {
        let mut presented = BTreeSet::new();
        for text in self.names_found() {
            // Everything that is an id to look at, and that could be taken for one.
            let ids = text.windows(SessionId::LEN).map(SessionId::parse);
            presented.extend(ids.filter_map(Result::ok));
        }
        println!("{} texts are presented as ids", presented.len());
        for id in &presented {
            deeds::knock(&self.backend, id).await;
        }
        for id in &self.live {
            let hash = self
                .keys
                .session(id)
                .split_off(self.keys.session(id).len() - SessionId::LEN);
            let hash = SessionId::parse(hash).expect("a hash has the form of an id");
            assert!(
                presented.contains(&hash),
                "the name of {id:?} was not presented"
            );
            let session = self.backend.peek_session(id).await.expect("peek");
            assert!(session.is_some(), "a session was ended by its name");
        }
    }

    async fn assert_what_is_found_is_usable(&self) {
        let mut opened = BTreeSet::new();
        for text in self.names_found() {
            let ids = text.windows(SessionId::LEN).map(SessionId::parse);
            for id in ids.filter_map(Result::ok) {
                if self.backend.get_session(&id).await.expect("get").is_some() {
                    opened.insert(id);
                }
            }
        }
        assert_eq!(opened, self.live, "plain names open all sessions");
    }

    fn names_found(&self) -> impl Iterator<Item = &Vec<u8>> {
        let found = ["key names", "index members"].map(|source| self.evidence.of(source));
        found.into_iter().flatten()
    }
}
