//! What holds between the keys, the queue and the index, whatever is done to them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_core::{
    Delta, FieldName, Lifetime, NewSession, OnExcess, Principal, PrincipalLimit, SessionBackend,
    SessionCount, SessionId, SessionPolicy, SessionTtl, Touch,
};

use super::capacity::weight;
use super::{Store, WhenFull, lock};
use crate::testing::RawKeys;
use crate::{ManualClock, MemoryBackend};

const PRINCIPALS: [&str; 3] = ["ann", "bob", "cat"];
/// How many sessions a principal may have.
const LIMIT: u32 = 4;

/// Checks the invariants; sessions that were planted need not be listed. Nothing runs meanwhile.
pub(super) fn check(store: &Store, planted: &HashSet<SessionId>) {
    let now = store.now();
    let entries = store.index.entries();
    let (mut keys, mut bytes) = (0, 0);
    let mut live = HashMap::new();
    for (number, table) in store.tables.iter().enumerate() {
        let table = lock(&table.0);
        let mut queued = 0;
        for key in table.iter() {
            let hashed = store.hashed(&key.id);
            assert_eq!(hashed.table(), number);
            let expires_at = key.expires_at();
            assert_eq!(key.queued_for.is_some(), expires_at.is_some());
            if let (Some(queued_for), Some(expires_at)) = (key.queued_for, expires_at) {
                assert!(queued_for <= expires_at);
                assert!(table.expiries().contains(queued_for, hashed.hash));
                queued += 1;
            }
            assert_eq!(key.weight, weight(&key.content));
            (keys, bytes) = (keys + 1, bytes + usize::try_from(key.weight).unwrap());
            let Some(listing) = key.listing() else {
                continue;
            };
            let is_listed = entries.contains(&(listing.clone(), key.id.clone()));
            assert!(is_listed || listing.1 <= now || planted.contains(&key.id));
            if is_listed && key.live_session(now).is_some() {
                *live.entry(listing.0).or_default() += 1;
            }
        }
        assert_eq!(table.expiries().len(), queued);
    }
    assert_eq!((store.len(), store.bytes()), (keys, bytes));
    for (listing, id) in entries {
        let hashed = store.hashed(&id);
        let table = lock(store.table(hashed.table()));
        let key = table.get(hashed).expect("an entry goes with its key");
        assert!(key.is_listed_as(&listing));
    }
    assert!(live.into_values().all(|live: u32| live <= LIMIT));
}

/// A small generator (SplitMix64), so that a failing seed can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn ttl(&mut self) -> SessionTtl {
        SessionTtl::from_secs(1 + self.below(20)).unwrap()
    }

    fn lifetime(&mut self) -> Lifetime {
        Lifetime::from_secs(1 + self.below(20)).unwrap()
    }

    fn principal(&mut self) -> Principal {
        Principal::new(PRINCIPALS[usize::try_from(self.below(3)).unwrap()]).unwrap()
    }

    fn delta(&mut self) -> Delta {
        let mut delta = Delta::new().increment(FieldName::new("n").unwrap(), 1);
        if self.below(3) == 0 {
            delta = delta.ttl(self.ttl());
        }
        delta = match self.below(9) {
            0 | 1 => delta.bind(self.principal()),
            2 => delta.bind_for(self.principal(), self.lifetime()),
            3 => delta.unbind(),
            _ => delta,
        };
        if self.below(3) == 0 {
            delta = delta.keep_only_if_principal_changes([]);
        }
        if self.below(4) == 0 {
            delta = delta.touch(Touch::Never);
        }
        delta
    }
}

/// Random operations on sessions that others may use as well.
struct Driver {
    random: Random,
    backend: MemoryBackend,
    clock: Arc<ManualClock>,
    ids: Arc<Mutex<Vec<SessionId>>>,
}

impl Driver {
    /// A small store; what happens when it is full, and when a principal has too many sessions,
    /// depends on the seed.
    fn new(seed: u64) -> Self {
        let on_excess = match seed % 2 {
            0 => OnExcess::Refuse,
            _ => OnExcess::EvictOldest,
        };
        let policy = SessionPolicy::new()
            .with_principal_lifetime(Lifetime::from_secs(30).unwrap())
            .with_principal_limit(PrincipalLimit {
                max: SessionCount::new(LIMIT).unwrap(),
                on_excess,
            });
        let clock = Arc::new(ManualClock::new());
        let builder = MemoryBackend::builder().policy(policy).clock(clock.clone());
        let builder = match seed % 3 {
            0 => builder.max_sessions(12),
            1 => builder
                .max_sessions(12)
                .when_full(WhenFull::EvictNearestExpiry),
            _ => builder
                .max_bytes(6_000)
                .when_full(WhenFull::EvictNearestExpiry),
        };
        Self {
            random: Random(seed),
            backend: builder.build(),
            clock,
            ids: Arc::new(Mutex::new(vec![SessionId::random().unwrap()])),
        }
    }

    /// Another one on the same store.
    fn beside(&self, seed: u64) -> Self {
        Self {
            random: Random(seed),
            backend: self.backend.clone(),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
        }
    }

    fn id(&mut self) -> SessionId {
        let ids = lock(&self.ids);
        ids[usize::try_from(self.random.below(ids.len() as u64)).unwrap()].clone()
    }

    fn know(&self, id: Option<SessionId>) {
        let mut ids = lock(&self.ids);
        ids.extend(id);
        if ids.len() > 30 {
            ids.remove(0);
        }
    }

    async fn act(&mut self) {
        let (id, backend) = (self.id(), self.backend.clone());
        let random = &mut self.random;
        match random.below(11) {
            0 | 1 => {
                let mut new = NewSession::default().ttl(random.ttl());
                if random.below(2) == 0 {
                    new = new.bind(random.principal());
                }
                if random.below(4) == 0 {
                    new = new.max_lifetime(random.lifetime());
                }
                let created = backend.create_session(new).await;
                self.know(created.ok().map(|created| created.id));
            }
            2 | 3 => drop(backend.get_session(&id).await.unwrap()),
            4 | 5 => drop(backend.update_session(&id, random.delta()).await),
            6 => {
                let rotated = backend.rotate_session(&id, random.delta()).await;
                self.know(rotated.ok().flatten().map(|rotated| rotated.id));
            }
            7 => assert!(backend.delete_session(&id).await.is_ok()),
            8 => drop(backend.list_sessions(&random.principal()).await.unwrap()),
            9 => {
                let principal = random.principal();
                let listed = backend.list_sessions(&principal).await.unwrap();
                match (random.below(4), listed.first()) {
                    (0, _) => {
                        let ended = backend.revoke_sessions(&principal, Some(&id)).await;
                        assert!(ended.is_ok());
                    }
                    (1, Some(first)) => {
                        let ended = backend.revoke_session(&principal, &first.public_id).await;
                        assert!(ended.is_ok());
                    }
                    (_, Some(first)) => {
                        let (public_id, delta) = (&first.public_id, random.delta());
                        drop(
                            backend
                                .update_session_of(&principal, public_id, delta)
                                .await,
                        );
                    }
                    _ => {}
                }
            }
            _ => self
                .clock
                .advance(Duration::from_millis(random.below(6000))),
        }
    }

    /// What another client of a shared store would do.
    fn plant(&mut self) -> SessionId {
        let (id, raw) = (self.id(), RawKeys::of(&self.backend));
        let random = &mut self.random;
        let expires_in = (random.below(2) == 0).then_some(Duration::from_secs(5));
        match random.below(3) {
            0 => raw.plant_other_type(&id, expires_in),
            1 => raw.plant_hash(&id, [("n", "1")], expires_in),
            // What was there, with another expiry.
            _ => {
                let hash = raw.dump(&id).and_then(|key| key.hash);
                raw.plant_hash(&id, hash.unwrap_or_default(), expires_in);
            }
        }
        id
    }
}

#[tokio::test]
async fn tables_queues_and_index_agree_whatever_is_done() {
    for seed in 0..42 {
        println!("seed {seed}");
        let (mut driver, mut planted) = (Driver::new(seed), HashSet::new());
        for _ in 0..700 {
            if driver.random.below(12) == 0 {
                planted.insert(driver.plant());
            } else {
                driver.act().await;
            }
            check(driver.backend.store(), &planted);
        }
    }
}

/// Four threads, whose steps take the locks of the same few tables and parts in all orders.
#[test]
fn they_agree_after_steps_that_met() {
    for seed in 0..12 {
        println!("seed {seed}");
        let driver = Driver::new(seed);
        std::thread::scope(|scope| {
            for thread in 1..=4 {
                let mut driver = driver.beside(seed + 100 * thread);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build();
                    runtime.unwrap().block_on(async {
                        for _ in 0..3000 {
                            driver.act().await;
                        }
                    });
                });
            }
        });
        check(driver.backend.store(), &HashSet::new());
    }
}
