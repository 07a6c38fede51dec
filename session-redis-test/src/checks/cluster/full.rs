//! Nodes whose memory is full.

use session_core::{Delta, Effect, ErrorKind, NewSession};
use session_redis::hash_slot;

use super::Subject;
use crate::checks::{ann, fields};
use crate::harness::Connect;
use crate::{Cluster, RedisServer};

/// Bound sessions need room on two nodes. Whichever is full: a creation is refused as `StoreFull`, and neither
/// a session nor an entry in the index is left. Rotations, lists, revocations and log-outs go on.
///
/// # Panics
/// When they do not.
pub async fn a_full_node_refuses_growth_only(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let subject = Subject::with(connect, &cluster, |target| target).await;
    let backend = &*subject.backend;
    let bound = || NewSession::new(fields()).bind(ann());
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(backend.create_session(bound()).await.expect("a session").id);
    }
    let index = subject.keys.index(&ann());
    let owner = cluster.owner(hash_slot(&index));
    for full in [vec![owner], vec![0, 1, 2]] {
        for node in &full {
            set_memory(cluster.node(*node), "1kb").await;
        }
        for _ in 0..6 {
            let error = backend
                .create_session(bound())
                .await
                .expect_err("it is full");
            let told = (error.kind(), error.effect());
            assert_eq!(
                told,
                (ErrorKind::StoreFull, Effect::NotApplied),
                "{error:?}"
            );
        }
        for id in &mut ids {
            let rotated = backend
                .rotate_session(id, Delta::new())
                .await
                .expect("it rotates");
            *id = rotated.expect("it lives").id;
        }
        assert_eq!(
            backend.list_sessions(&ann()).await.expect("it lists").len(),
            ids.len()
        );
        for node in full {
            set_memory(cluster.node(node), "0").await;
        }
    }
    // Where the index has room and the session has not.
    for node in (0..3).filter(|node| *node != owner) {
        set_memory(cluster.node(node), "1kb").await;
    }
    let mut refused = 0;
    for _ in 0..12 {
        match backend.create_session(bound()).await {
            Ok(created) => ids.push(created.id),
            Err(error) => {
                let told = (error.kind(), error.effect());
                assert_eq!(
                    told,
                    (ErrorKind::StoreFull, Effect::NotApplied),
                    "{error:?}"
                );
                refused += 1;
            }
        }
    }
    println!("{refused} of 12 sessions were refused by their node");
    let mut admin = cluster.node(owner).connection().await;
    let len: usize = redis::cmd("ZCARD")
        .arg(&index)
        .query_async(&mut admin)
        .await
        .expect("ZCARD");
    assert_eq!(len, ids.len(), "what was refused is not left in the index");
    let id = ids.pop().expect("a session");
    assert!(backend.delete_session(&id).await.expect("it deletes"));
    let ended = backend
        .revoke_sessions(&ann(), None)
        .await
        .expect("it revokes");
    assert_eq!(usize::try_from(ended).ok(), Some(ids.len()));
}

async fn set_memory(node: &RedisServer, limit: &str) {
    let mut config = redis::cmd("CONFIG");
    config.arg("SET").arg("maxmemory").arg(limit);
    let () = config
        .query_async(&mut node.connection().await)
        .await
        .expect("CONFIG SET");
}
