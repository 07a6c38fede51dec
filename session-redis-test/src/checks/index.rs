//! A principal with a hundred thousand dead sessions.

use redis::aio::MultiplexedConnection;
use session_core::{Delta, NewSession, PublicId, SessionBackend, SessionId};
use session_redis::KeySpace;

use super::{ann, fields, public_id};
use crate::harness::Connect;
use crate::{RedisServer, Target, unique_prefix};

const DEAD: usize = 100_000;
/// The longest that one step may keep the server from other work, in microseconds.
const LONGEST: u64 = 5_000;

/// However many of a principal's sessions expired by themselves, by deadline or by idleness: none is listed,
/// no step keeps the server busy for more than 5 ms, and each use removes some of all of them; it is gone
/// at the greatest deadline.
///
/// # Panics
/// When it is not so.
pub async fn dead_sessions_are_never_listed_and_cost_little(connect: Connect) {
    let server = RedisServer::start().await;
    let mut admin = server.connection().await;
    let target = Target::patient(server.url(), unique_prefix().parse().expect("a key prefix"));
    let keys = target.keys();
    let backend = connect(target).backend;
    let live = backend
        .create_session(NewSession::new(fields()).bind(ann()))
        .await
        .expect("a session")
        .id;
    let known = public_id(&backend, &live).await;
    let now = super::now(&mut admin).await;
    // Half of them reached their deadline, half were idle for too long before theirs.
    bury(&mut admin, &keys, now - 1_000, DEAD / 2).await;
    bury(&mut admin, &keys, now + 1_000_000, DEAD / 2).await;
    let slow = redis::cmd("CONFIG")
        .arg("SET")
        .arg("slowlog-log-slower-than")
        .arg(LONGEST)
        .to_owned();
    let () = slow.query_async(&mut admin).await.expect("CONFIG SET");

    let mut uses = 0;
    while members(&mut admin, &keys).await > 1 {
        let listed = backend.list_sessions(&ann()).await.expect("the list");
        assert_eq!(listed.len(), 1, "only the live one");
        assert_eq!(listed.first().map(|session| session.public_id), Some(known));
        uses += 1;
        assert!(uses <= DEAD, "each use removes some");
    }
    let () = redis::cmd("CONFIG")
        .arg("SET")
        .arg("slowlog-log-slower-than")
        .arg(-1)
        .query_async(&mut admin)
        .await
        .expect("CONFIG SET");
    let slow: usize = redis::cmd("SLOWLOG")
        .arg("LEN")
        .query_async(&mut admin)
        .await
        .expect("SLOWLOG LEN");
    println!("{DEAD} dead sessions: pruned by {uses} uses; steps of more than 5 ms: {slow}");
    // The server's log measures by the wall clock: on a busy machine a step is now and then interrupted.
    assert!(
        slow * 20 <= uses,
        "{slow} of more than {uses} steps kept the server busy for long"
    );

    let deadline = backend
        .peek_session(&live)
        .await
        .expect("it reads")
        .and_then(|record| record.deadline());
    let expires_at: u64 = redis::cmd("PEXPIRETIME")
        .arg(keys.index(&ann()))
        .query_async(&mut admin)
        .await
        .expect("PEXPIRETIME");
    assert_eq!(
        Some(expires_at),
        deadline.map(session_core::UnixMillis::get)
    );
    assert_eq!(
        backend
            .revoke_sessions(&ann(), None)
            .await
            .expect("revocation"),
        1
    );
    assert_eq!(members(&mut admin, &keys).await, 0);
}

/// A text of another client's that is no principal binds to nobody, and no operation makes an index of it;
/// one of any script does.
///
/// # Panics
/// When it is not so.
pub async fn only_a_principal_has_an_index(connect: Connect) {
    let server = RedisServer::start().await;
    let mut admin = server.connection().await;
    let target = Target::patient(server.url(), unique_prefix().parse().expect("a key prefix"));
    let keys = target.keys();
    let backend = connect(target).backend;
    let deadline = super::now(&mut admin).await + 1_000_000;
    let long = "x".repeat(257);
    let broken: [&[u8]; 9] = [
        b"",
        long.as_bytes(),
        b"\xff",
        b"\xc0\xaf",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"ann\xc3",
        b"\xe2\xc3\xa9\x82\xac",
    ];
    let whole = [
        "ann",
        "naïve",
        "€",
        "\u{7ff}\u{800}\u{ffff}",
        "🦀\u{10ffff}",
        "a\0\r\n",
    ];
    let whole = whole.map(str::as_bytes);
    for (texts, are_principals) in [(&broken[..], false), (&whole[..], true)] {
        for text in texts {
            let id = SessionId::random().expect("an id");
            let mut plant = redis::cmd("HSET");
            plant.arg(keys.session(&id)).arg("created_at").arg("then");
            plant
                .arg("last_accessed_at")
                .arg("then")
                .arg("session_ttl")
                .arg(900);
            plant
                .arg("session_deadline")
                .arg(deadline)
                .arg("session_principal")
                .arg(text)
                .arg("session_public_id")
                .arg(PublicId::of_unbound(&id).as_str());
            let () = plant.query_async(&mut admin).await.expect("HSET");
            let rotated = backend
                .rotate_session(&id, Delta::new())
                .await
                .expect("an answer");
            let id = rotated.expect("a session").id;
            let index = [&keys.index_prefix(), *text].concat();
            let mut exists = redis::cmd("EXISTS");
            let has_index: bool = exists
                .arg(index)
                .query_async(&mut admin)
                .await
                .expect("EXISTS");
            assert_eq!(has_index, are_principals, "{}", text.escape_ascii());
            let record = backend
                .peek_session(&id)
                .await
                .expect("an answer")
                .expect("a session");
            assert_eq!(record.principal().is_some(), are_principals);
            assert!(backend.delete_session(&id).await.expect("an answer"));
        }
    }
}

/// Puts members into the index whose sessions do not exist.
async fn bury(admin: &mut MultiplexedConnection, keys: &KeySpace, deadline: u64, count: usize) {
    for batch in (0..count).step_by(1_000) {
        let mut add = redis::cmd("ZADD");
        add.arg(keys.index(&ann()));
        for n in batch..count.min(batch + 1_000) {
            let id = SessionId::random().expect("an id");
            add.arg(deadline + u64::try_from(n / 100).unwrap_or_default())
                .arg(
                    [
                        PublicId::of_unbound(&id).as_str().as_bytes(),
                        &keys.suffix(&id),
                    ]
                    .concat(),
                );
        }
        let () = add.query_async(admin).await.expect("ZADD");
    }
}

async fn members(admin: &mut MultiplexedConnection, keys: &KeySpace) -> usize {
    redis::cmd("ZCARD")
        .arg(keys.index(&ann()))
        .query_async(admin)
        .await
        .expect("ZCARD")
}
