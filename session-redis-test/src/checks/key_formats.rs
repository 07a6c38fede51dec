//! From plain keys to hashed ones, while the store is in use.

use session_core::{
    Delta, ErrorKind, Lifetime, OnExcess, PageSize, PrincipalLimit, PublicId, SessionCount,
    SessionId, SessionPolicy,
};
use session_redis::IdStorage::{Hashed, HashedAfterPlain, Plain, PlainBeforeHashed};
use session_redis::hash_slot;

use super::{Subject, ann, assert_refused, count, create, log_in, login};
use crate::cluster::owner;
use crate::harness::{Connect, own_prefix};
use crate::{Cluster, RedisServer, Target};

/// An application's processes go from plain keys to hashed ones step by step: no session ends by
/// it, and each stays as it was created until it ends or, but in a cluster, is rotated. The counts
/// tell when the last step is due; from then on no key and no index entry shows an id. (That
/// neighbouring steps agree while they run side by side is shown by the differential test, whose
/// calls they take in turn.)
pub async fn a_store_changes_its_key_format(connect: Connect) {
    let server = RedisServer::start().await;
    change_format(connect, &server.url(), std::slice::from_ref(&server)).await;
}

/// The same on a cluster.
pub async fn a_cluster_changes_its_key_format(connect: Connect) {
    let cluster = Cluster::start(3).await;
    change_format(connect, &cluster.url(), cluster.nodes()).await;
}

/// While two formats are read each principal has two indexes, and they are one: listed by nearest
/// deadline, also by pages, found by public id, counted and evicted together, emptied together; a
/// rotation that changes the format moves the entry.
pub async fn the_indexes_of_two_formats_are_one(connect: Connect) {
    let server = RedisServer::start().await;
    use_both_formats(connect, &server.url(), std::slice::from_ref(&server)).await;
}

/// The same on a cluster, where a rotation keeps the format.
pub async fn the_indexes_of_two_formats_are_one_on_a_cluster(connect: Connect) {
    let cluster = Cluster::start(3).await;
    use_both_formats(connect, &cluster.url(), cluster.nodes()).await;
}

async fn use_both_formats(connect: Connect, url: &str, servers: &[RedisServer]) {
    let prefix = own_prefix();
    let max = SessionCount::new(3).expect("a limit");
    let [plain, hashed, refusing_plain, refusing] = [
        (PlainBeforeHashed, OnExcess::EvictOldest),
        (HashedAfterPlain, OnExcess::EvictOldest),
        (PlainBeforeHashed, OnExcess::Refuse),
        (HashedAfterPlain, OnExcess::Refuse),
    ]
    .map(|(storage, on_excess)| {
        let limit = PrincipalLimit { max, on_excess };
        let policy = SessionPolicy::new().with_principal_limit(limit);
        let target = Target::patient(url.to_owned(), prefix.clone());
        Subject::of(
            connect,
            Target {
                storage,
                policy,
                ..target
            },
        )
    });
    let entries = async || {
        let mut entries = Vec::new();
        for index in plain.keys.indexes(&ann()) {
            let index = String::from_utf8(index).expect("a text");
            let server = servers.get(owner(hash_slot(index.as_bytes()), servers.len()));
            let server = server.expect("one has it");
            entries.push(server.ask::<usize>(&format!("ZCARD {index}")).await);
        }
        entries
    };
    let mut logged_in = Vec::new();
    for (n, process) in [&plain, &hashed, &plain, &hashed, &plain]
        .into_iter()
        .enumerate()
    {
        let lifetime = Lifetime::from_secs(9_000 - 1_000 * (n as u64)).expect("a lifetime");
        let created = process
            .backend
            .create_session(login().max_lifetime(lifetime))
            .await;
        let created = created.expect("a log-in");
        logged_in.push((created.record.public_id().expect("it is bound"), created.id));
        let live = logged_in.iter().rev().take(3);
        let expected: Vec<PublicId> = live.map(|(public_id, _)| *public_id).collect();
        for process in [&plain, &hashed] {
            let listed = process.backend.list_sessions(&ann()).await.expect("a list");
            let listed: Vec<_> = listed.iter().map(|it| it.public_id).collect();
            assert_eq!(listed, expected, "after {n}");
            for public_id in &expected {
                let found = process.backend.peek_session_of(&ann(), public_id).await;
                assert!(found.expect("a reply").is_some());
            }
        }
        // Each node's clock is the machine's.
        let server = servers.first().expect("a server");
        let now: (u64, u64) = server.ask("TIME").await;
        while server.ask::<(u64, u64)>("TIME").await.1 / 1_000 == now.1 / 1_000 {}
    }
    let (mut paged, mut cursor) = (Vec::new(), None);
    for process in [&plain, &hashed].into_iter().cycle() {
        let (ann, one) = (ann(), PageSize::new(1).expect("a size"));
        let page = process
            .backend
            .list_sessions_page(&ann, Vec::new(), cursor.as_ref(), one);
        let page = page.await.expect("a page");
        paged.extend(page.sessions.iter().map(|it| it.public_id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let live = logged_in.iter().rev().take(3);
    assert_eq!(paged, live.map(|it| it.0).collect::<Vec<_>>());
    for process in [&refusing_plain, &refusing] {
        let refused = process.backend.create_session(login()).await;
        assert_refused(refused, ErrorKind::TooManySessions);
    }
    assert_eq!(entries().await, [2, 1]);
    let (_, last) = logged_in.last().expect("five");
    let rotated = hashed.backend.rotate_session(last, Delta::new()).await;
    assert!(rotated.expect("a reply").is_some());
    let is_cluster = servers.len() > 1;
    assert_eq!(entries().await, if is_cluster { [2, 1] } else { [1, 2] });
    let ended = plain.backend.revoke_sessions(&ann(), None).await;
    assert_eq!(ended.expect("a revocation"), 3);
    assert_eq!(entries().await, [0, 0]);
}

async fn change_format(connect: Connect, url: &str, servers: &[RedisServer]) {
    let prefix = own_prefix();
    let steps = [Plain, PlainBeforeHashed, HashedAfterPlain, Hashed];
    let [plain, plain_first, hashed_first, hashed] = steps.map(|storage| {
        let target = Target::patient(url.to_owned(), prefix.clone());
        Subject::of(connect, Target { storage, ..target })
    });
    let counted = async |process: &Subject| process.admin.count_sessions().await.expect("a count");
    let mut ids: Vec<SessionId> = Vec::new();
    for (step, process) in (1..).zip([&plain, &plain_first, &hashed_first]) {
        ids.push(create(&*process.backend).await.id);
        ids.push(log_in(&*process.backend).await.id);
        for id in &ids {
            let views = count(&*process.backend, id).await.expect("a count");
            assert!(views.is_some(), "a session of step {step} or before ended");
        }
        let listed = process.backend.list_sessions(&ann()).await.expect("a list");
        assert_eq!(listed.len(), step, "a session per step");
    }
    assert_eq!(counted(&plain).await, 4, "those of the first two steps");
    assert_eq!(counted(&hashed_first).await, 6);

    // A rotation converts, but in a cluster.
    let backend = &*hashed_first.backend;
    let first = ids.first_mut().expect("a session");
    let rotated = backend.rotate_session(first, Delta::new()).await;
    *first = rotated.expect("a reply").expect("it lives").id;
    let left = if servers.len() == 1 { 3 } else { 4 };
    assert_eq!(counted(&plain).await, left);

    // The last plain sessions end.
    for id in ids.drain(..4) {
        let was_live = backend.delete_session(&id).await;
        assert!(was_live.expect("a reply"));
    }
    assert_eq!(counted(&plain).await, 0);
    assert_eq!(counted(&hashed).await, 2);
    for id in &mut ids {
        let rotated = hashed.backend.rotate_session(id, Delta::new()).await;
        *id = rotated.expect("a reply").expect("logged out").id;
    }
    let listed = hashed.backend.list_sessions(&ann()).await.expect("a list");
    assert_eq!(listed.len(), 1);
    for server in servers {
        let keys: Vec<String> = server.ask(&format!("KEYS {prefix}*")).await;
        for key in keys {
            let suffix = key.strip_prefix(prefix.as_str()).expect("below the prefix");
            if suffix.starts_with('#') {
                let entries: Vec<String> = server.ask(&format!("ZRANGE {key} 0 -1")).await;
                // Behind the public id.
                let is_hashed = |entry: &String| entry[PublicId::LEN..].starts_with('{');
                assert!(entries.iter().all(is_hashed), "an index shows an id");
            } else if !suffix.starts_with('{') {
                // An id that was rotated, whose tombstone has not ended yet.
                let fields: Vec<String> = server.ask(&format!("HKEYS {key}")).await;
                assert_eq!(fields, ["session_rotated"], "a session's key shows its id");
            }
        }
    }
}
