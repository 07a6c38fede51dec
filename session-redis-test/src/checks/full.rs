//! Servers whose memory is full.

use session_core::{Delta, ErrorKind, NewSession, SessionTtl};
use session_redis::hash_slot;

use super::{Subject, ann, assert_refused, create, fields, log_in, login, name};
use crate::harness::Connect;
use crate::{Cluster, RedisServer};

/// Reads, touches, rotations and deletions go on; creations and growing writes are refused as
/// `StoreFull`, and change nothing.
pub async fn a_full_server_refuses_growth_only(connect: Connect) {
    let server = RedisServer::start().await;
    let subject = Subject::at(connect, server.url());
    let backend = &*subject.backend;
    let id = create(backend).await.id;
    let bound = log_in(backend).await.id;
    let peek = async || {
        let record = backend.peek_session(&id).await.expect("a peek works");
        let record = record.expect("a session");
        (record.fields().clone(), record.configured_ttl())
    };
    let before = peek().await;
    set_memory(&server, "1kb").await;

    let growth = || Delta::new().set(name("a"), "b");
    let created = backend.create_session(NewSession::new(fields())).await;
    assert_refused(created, ErrorKind::StoreFull);
    let written = backend.update_session(&id, growth()).await;
    assert_refused(written, ErrorKind::StoreFull);
    let counted = super::count(backend, &id).await;
    assert_refused(counted, ErrorKind::StoreFull);
    let rotated = backend.rotate_session(&id, growth()).await;
    assert_refused(rotated, ErrorKind::StoreFull);
    assert_eq!(peek().await, before, "nothing was changed");

    let read = backend.get_session(&id).await;
    assert!(read.expect("a read works").is_some());
    let touched = backend.update_session(&id, Delta::new()).await;
    assert!(touched.expect("a touch works").is_some());
    let set = backend.set_session_ttl(&id, SessionTtl::MAX).await;
    assert!(set.expect("a new TTL works"));
    let removed = backend.remove_fields(&id, vec![name("username")]).await;
    assert!(removed.expect("removing works"));
    let rotated = backend.rotate_session(&bound, Delta::new()).await;
    assert!(rotated.expect("a rotation works").is_some());
    let listed = backend.list_sessions(&ann()).await;
    assert_eq!(listed.expect("listing works").len(), 1);
    let ended = backend.revoke_sessions(&ann(), None).await;
    assert_eq!(ended.expect("revoking works"), 1);
    let deleted = backend.delete_session(&id).await;
    assert!(deleted.expect("logging out works"));
}

/// Bound sessions need room on two nodes of a cluster. Whichever is full: a creation is refused as
/// `StoreFull`, and neither a session nor an entry in the index is left. Rotations, lists,
/// revocations and log-outs go on.
pub async fn a_full_node_refuses_growth_only(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let subject = Subject::with(connect, &cluster, |target| target).await;
    let backend = &*subject.backend;
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(log_in(backend).await.id);
    }
    let owner = cluster.owner(hash_slot(subject.index().as_bytes()));
    for full in [vec![owner], vec![0, 1, 2]] {
        for node in &full {
            set_memory(cluster.node(*node), "1kb").await;
        }
        for id in &mut ids {
            assert_refused(backend.create_session(login()).await, ErrorKind::StoreFull);
            let rotated = backend.rotate_session(id, Delta::new()).await;
            *id = rotated.expect("it rotates").expect("it lives").id;
        }
        let listed = backend.list_sessions(&ann()).await;
        assert_eq!(listed.expect("it lists").len(), ids.len());
        for node in full {
            set_memory(cluster.node(node), "0").await;
        }
    }
    // Where the index has room and the session has not.
    for node in (0..3).filter(|node| *node != owner) {
        set_memory(cluster.node(node), "1kb").await;
    }
    for _ in 0..12 {
        match backend.create_session(login()).await {
            Ok(created) => ids.push(created.id),
            refused => assert_refused(refused, ErrorKind::StoreFull),
        }
    }
    let zcard = format!("ZCARD {}", subject.index());
    let entries: usize = cluster.node(owner).ask(&zcard).await;
    assert_eq!(
        entries,
        ids.len(),
        "what was refused is not left in the index"
    );
    let id = ids.pop().expect("a session");
    assert!(backend.delete_session(&id).await.expect("it deletes"));
    let ended = backend.revoke_sessions(&ann(), None).await;
    assert_eq!(usize::try_from(ended.expect("it revokes")), Ok(ids.len()));
}

async fn set_memory(server: &RedisServer, limit: &str) {
    let command = format!("CONFIG SET maxmemory {limit}");
    server.ask::<()>(&command).await;
}
