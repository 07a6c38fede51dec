//! A cluster looked through node by node.

use std::collections::HashSet;

use session_core::{
    ErrorKind, NewSession, PageSize, PublicId, SessionAdmin, SessionBackend, SessionId,
};
use session_redis::hash_slot;

use crate::checks::fields;
use crate::harness::{Connect, Connected};
use crate::{Cluster, Target, unique_prefix};

const SESSIONS: usize = 300;

/// A walk shows the sessions of all nodes, each once if nothing moves. While a slot moves, and after it has,
/// every page is answered, and the sessions of all other slots are shown; a session whose slot moves can
/// be revoked before and after.
///
/// # Panics
/// When it is not so.
pub async fn a_cluster_is_looked_through_while_a_slot_moves(connect: Connect) {
    let cluster = Cluster::start(3).await;
    let prefix = unique_prefix().parse().expect("a key prefix");
    let target = Target::patient(cluster.url(), prefix);
    let keys = target.keys();
    let Connected { backend, admin } = connect(target);
    let mut ids = Vec::new();
    for _ in 0..SESSIONS {
        let created = backend.create_session(NewSession::new(fields())).await;
        ids.push(created.expect("a session").id);
    }
    let slot_of = |id: &SessionId| hash_slot(&keys.session(id));
    let nodes: HashSet<usize> = ids.iter().map(|id| cluster.owner(slot_of(id))).collect();
    assert_eq!(nodes.len(), 3, "every node has sessions");
    let first = ids.first().expect("there are some");
    let all: HashSet<PublicId> = ids.iter().map(PublicId::of_unbound).collect();
    let from = cluster.owner(slot_of(first));
    let to = (from + 1) % 3;
    // The first slot of a node is the one that a reshard begins with.
    let first_slot = (0..16_384).find(|slot| cluster.owner(*slot) == from);
    for slot in [slot_of(first), first_slot.expect("it serves some")] {
        let others = ids.iter().filter(|id| slot_of(id) != slot);
        let others: HashSet<PublicId> = others.map(PublicId::of_unbound).collect();
        assert_eq!(walk(&*admin).await, all);
        cluster.begin_move(slot, from, to).await;
        assert!(walk(&*admin).await.is_superset(&others));
        cluster.move_keys(slot, from, to).await;
        assert!(walk(&*admin).await.is_superset(&others));
        // A walk that is under way when its node's slots have changed goes on, or is told to begin again.
        let begun = admin.list_page(None, PageSize::MAX).await.expect("a page");
        cluster.end_move(slot, to).await;
        assert_eq!(walk(&*admin).await, all);
        if let Err(error) = admin.list_page(begun.next.as_ref(), PageSize::MAX).await {
            assert_eq!(error.kind(), ErrorKind::InvalidCursor);
        }
    }
    let counted = admin.count_sessions().await.expect("a count");
    assert_eq!(counted, u64::try_from(SESSIONS).expect("a number"));
    assert!(
        admin
            .revoke_session(&PublicId::of_unbound(first))
            .await
            .expect("an answer")
    );
    let revoked = backend.peek_session(first).await.expect("an answer");
    assert!(revoked.is_none());
}

async fn walk(admin: &dyn SessionAdmin) -> HashSet<PublicId> {
    let size = PageSize::new(40).expect("a size");
    let (mut shown, mut cursor) = (HashSet::new(), None);
    loop {
        let page = admin
            .list_page(cursor.as_ref(), size)
            .await
            .expect("a page");
        shown.extend(
            page.sessions
                .into_iter()
                .map(|shown| shown.session.public_id),
        );
        cursor = page.next;
        if cursor.is_none() {
            return shown;
        }
    }
}
