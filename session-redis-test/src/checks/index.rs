//! The index of a principal.

use std::time::Duration;

use session_conformance::{Harness as _, RawHash};
use session_core::{Delta, PublicId, SessionBackend, SessionId, UnixMillis};
use session_redis::IdStorage;

use super::{Subject, ann, log_in, processor_time};
use crate::RedisServer;
use crate::connect::send;
use crate::harness::{Connect, RedisHarness};

/// However many of a principal's sessions expired by themselves, by deadline or by idleness: none
/// is listed, a step keeps the server busy for less than 5 ms, and each use removes some of all of
/// them; it is gone at the greatest deadline.
pub async fn expired_sessions_are_never_listed_and_cost_little(connect: Connect) {
    const EXPIRED: usize = 100_000;
    let server = RedisServer::start().await;
    let mut admin = server.connection().await;
    let subject = Subject::at(connect, server.url());
    let backend = &*subject.backend;
    let live = log_in(backend).await;
    let known = live.record.public_id();
    // Half of them reached their deadline, half were idle for too long before theirs.
    let (seconds, _): (u64, u64) = server.ask("TIME").await;
    for n in (0..EXPIRED).step_by(1_000) {
        let deadline = seconds * 1_000 + if n < EXPIRED / 2 { 0 } else { 1_000_000 };
        let mut add = redis::cmd("ZADD");
        add.arg(subject.index());
        for _ in 0..1_000 {
            let id = SessionId::random().expect("an id");
            let public_id = PublicId::of_unbound(&id);
            let entry = [public_id.as_str().as_bytes(), &subject.keys.suffix(&id)].concat();
            add.arg(deadline).arg(entry);
        }
        add.exec_async(&mut admin).await.expect("ZADD");
    }
    let before = processor_time(&server).await;
    let (mut uses, count) = (0, format!("ZCARD {}", subject.index()));
    while send::<usize>(&mut admin, &count).await.expect("ZCARD") > 1 {
        let listed = backend.list_sessions(&ann()).await.expect("the list");
        let listed: Vec<_> = listed.into_iter().map(|it| Some(it.public_id)).collect();
        assert_eq!(listed, [known], "only the live one");
        uses += 1;
        assert!(uses <= 100_000, "each use removes some");
    }
    let busy = (processor_time(&server).await - before) / uses;
    println!(
        "{EXPIRED} expired sessions: pruned by {uses} uses, {busy:?} of the server's time each"
    );
    assert!(busy < Duration::from_millis(5), "{busy:?}");

    let expiry = format!("PEXPIRETIME {}", subject.index());
    let expires_at = UnixMillis::new(server.ask(&expiry).await);
    assert_eq!(live.record.deadline(), Some(expires_at));
    let ended = backend.revoke_sessions(&ann(), None).await;
    assert_eq!(ended.expect("revocation"), 1);
    assert_eq!(server.ask::<usize>(&count).await, 0);
}

/// A text of another client's that is no principal binds to nobody, and no operation makes an index
/// of it; one of any script does.
pub async fn only_a_principal_has_an_index(connect: Connect) {
    let harness = RedisHarness::on_shared(&[IdStorage::Plain], connect).await;
    let backend = harness.backend().await;
    let deadline = harness.now().await.get() + 1_000_000;
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
    let texts = [
        "ann",
        "naïve",
        "€",
        "\u{7ff}\u{800}\u{ffff}",
        "🦀\u{10ffff}",
        "a\0\r\n",
    ];
    let principals = texts.map(|text| (text.as_bytes(), true));
    for (text, is_principal) in broken
        .map(|text| (text, false))
        .into_iter()
        .chain(principals)
    {
        let id = SessionId::random().expect("an id");
        let (deadline, public_id) = (deadline.to_string(), PublicId::of_unbound(&id));
        let hash: [(&str, &[u8]); 6] = [
            ("created_at", b"then"),
            ("last_accessed_at", b"then"),
            ("session_ttl", b"900"),
            ("session_deadline", deadline.as_bytes()),
            ("session_principal", text),
            ("session_public_id", public_id.as_str().as_bytes()),
        ];
        let hash: RawHash = hash.map(|(name, value)| (name.into(), value.into())).into();
        harness.plant(&id, hash, None).await;
        let rotated = backend.rotate_session(&id, Delta::new()).await;
        let id = rotated.expect("a reply").expect("a session").id;
        let mut exists = redis::cmd("EXISTS");
        exists.arg([&harness.keys().index_prefix(), text].concat());
        let has_index = exists.query_async(&mut harness.node_of(b"")).await;
        let has_index: bool = has_index.expect("EXISTS");
        assert_eq!(has_index, is_principal, "{}", text.escape_ascii());
        let record = backend.peek_session(&id).await.expect("a reply");
        let principal = record.and_then(|record| record.principal());
        assert_eq!(principal.is_some(), is_principal);
        assert!(backend.delete_session(&id).await.expect("a reply"));
    }
}
