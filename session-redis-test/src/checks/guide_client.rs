//! A client of the Redis guide in another language, beside the backend.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use session_conformance::{Harness as _, RawHash};
use session_core::steps::{ReadOutcome, ReadRequest};
use session_core::{Delta, Lifetime, SessionPolicy, Tombstone, Touch, UnixMillis};
use session_redis::IdStorage;

use super::create;
use crate::connect::until;
use crate::harness::{Connect, RedisHarness};

/// The guide's `_isValidSession`.
fn is_session(hash: &RawHash) -> bool {
    let has = |field: &str| hash.iter().any(|(name, _)| name == field.as_bytes());
    has("created_at") && has("last_accessed_at") && has("session_ttl")
}

/// What the guide's `getSession` does behind its first `HGETALL`: the session after that.
async fn refresh(server: &mut MultiplexedConnection, key: &[u8]) -> RawHash {
    let mut commands = redis::pipe();
    commands.atomic();
    commands.hset(key, "last_accessed_at", "2026-04-02T12:40:10+00:00");
    commands.ignore();
    commands.expire(key, 1800).ignore();
    commands.hgetall(key);
    let (hash,) = commands.query_async(server).await.expect("EXEC");
    hash
}

/// A client of the guide that has read a session goes on with it after a rotation: it reads, and
/// writes to the old id, and renews its expiry, while the backend's operations on that id are told
/// that it was rotated. It has no session, nor has anybody; and the tombstone ends on time.
pub async fn a_guide_client_revives_no_rotated_session(connect: Connect) {
    let harness = RedisHarness::on_shared(&[IdStorage::Plain], connect).await;
    let lifetime = Lifetime::from_secs(1).expect("a lifetime");
    let policy = SessionPolicy::new().with_tombstone_lifetime(lifetime);
    let backend = &*harness.backend_with(policy).await;
    let id = create(backend).await.id;
    let key = harness.keys().session(&id);
    let mut server = harness.node_of(&key);
    assert!(is_session(&refresh(&mut server, &key).await));

    let rotated = backend.rotate_session(&id, Delta::new()).await;
    let new = rotated.expect("a reply").expect("it lives").id;
    let stored = harness.dump(&id).await.expect("a tombstone");
    let tombstone = stored.field("session_rotated").and_then(Tombstone::parse);
    let last: UnixMillis = tombstone.expect("a tombstone").until();
    let request = ReadRequest::new(backend.policy(), &id, Touch::Always);
    until(
        "the end of the tombstone",
        Duration::from_secs(20),
        async || {
            assert!(!is_session(&refresh(&mut server, &key).await));
            let before = harness.now().await;
            let outcome = backend.read(&request).await.expect("a reply");
            match outcome {
                ReadOutcome::Rotated if before <= last => Err("it lasts"),
                ReadOutcome::NotFound if harness.now().await > last => Ok(()),
                other => panic!("{other:?} between {before:?} and now, until {last:?}"),
            }
        },
    )
    .await;
    assert!(!is_session(&refresh(&mut server, &key).await));
    assert_eq!(backend.get_session(&id).await.expect("a reply"), None);
    assert!(!backend.delete_session(&id).await.expect("a reply"));
    let found = backend.get_session(&new).await.expect("a reply");
    assert!(found.is_some(), "the session lives on under its new id");
}
