//! How a server keeps what a backend writes. Its compact encoding takes half of the memory or less.

use std::collections::BTreeMap;

use session_core::{
    Delta, Lifetime, LogIn, NewSession, Principal, SessionBackend, SessionCount, SessionPolicy,
};
use session_redis::{IdStorage, ScriptSlots};

use super::{Subject, create, fields, name};
use crate::harness::{Connect, own_prefix};
use crate::{RedisServer, Target, shared};

/// The longest text that the compact encoding takes, as servers are configured by default.
const LONGEST: usize = 64;

/// In both key formats and with either index: sessions with all reserved fields, what rotations
/// leave, and the index of a principal at the default limit, whatever the sessions hold that is no
/// longer than 64 bytes.
pub async fn what_a_backend_writes_is_compact(connect: Connect) {
    let server = shared().await;
    for storage in [IdStorage::Plain, IdStorage::Hashed] {
        for script_slots in [ScriptSlots::Asked, ScriptSlots::One] {
            let lasting = Lifetime::from_secs(3_600).expect("a lifetime");
            let target = Target {
                storage,
                script_slots,
                policy: SessionPolicy::new().with_tombstone_lifetime(lasting),
                ..Target::patient(server.url(), own_prefix())
            };
            let prefix = target.prefix.to_string();
            let backend = Subject::of(connect, target).backend;
            let written = write_all(&*backend).await;
            let expected = BTreeMap::from([("listpack".to_owned(), written)]);
            let found = encodings(server, &prefix).await;
            assert_eq!(found, expected, "{storage:?}, {script_slots:?}");

            let long = fields().with(name("device"), "x".repeat(LONGEST + 1));
            let created = backend.create_session(NewSession::new(long)).await;
            created.expect("a session is created");
            let found = encodings(server, &prefix).await;
            assert_eq!(found.get("hashtable"), Some(&1), "a longer value is seen");
        }
    }
}

/// Leaves keys of each kind behind; how many.
async fn write_all(backend: &dyn SessionBackend) -> usize {
    let limit = usize::from(SessionCount::DEFAULT.get());
    let user = Principal::new("u".repeat(LONGEST)).expect("a principal");
    let log_in = LogIn::new(user).persistent(true);
    for _ in 0..limit + 5 {
        let new = NewSession::new(fields().with(name("device"), "x".repeat(LONGEST)));
        let created = backend.create_session(new.bind(log_in.clone())).await;
        created.expect("a bound session is created");
    }
    // The second names nobody, for there is a log-in; the others name what follows.
    let rotations = [Delta::new(), Delta::new().bind(log_in), Delta::new()];
    let tombstones = rotations.len();
    let mut id = create(backend).await.id;
    for rotation in rotations {
        let rotated = backend.rotate_session(&id, rotation).await;
        id = rotated.expect("a reply").expect("it lives").id;
    }
    create(backend).await;
    let (index, unbound) = (1, 1);
    limit + tombstones + index + unbound
}

/// How many keys below a prefix have each encoding.
async fn encodings(server: &RedisServer, prefix: &str) -> BTreeMap<String, usize> {
    let keys: Vec<String> = server.ask(&format!("KEYS {prefix}*")).await;
    let mut encodings = BTreeMap::new();
    for key in keys {
        let encoding = server.ask(&format!("OBJECT ENCODING {key}")).await;
        *encodings.entry(encoding).or_insert(0) += 1;
    }
    encodings
}
