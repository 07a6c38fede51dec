//! The sessions of a whole store, page by page.

use session_core::{ErrorKind, PageSize, PublicId, SessionAdmin, SessionBackend, SessionId};
use std::collections::HashSet;

use super::{Subject, Work, create};
use crate::harness::Connect;
use crate::{Cluster, RedisServer};

/// However many sessions there are, a page is little work for the server, nobody sends `KEYS`,
/// and each session is counted once.
pub async fn a_page_of_a_large_store_takes_little_time(connect: Connect) {
    const MANY: usize = 100_000;
    let server = RedisServer::start().await;
    let subject = Subject::at(connect, server.url());
    let mut raw = server.connection().await;
    for _ in (0..MANY).step_by(1_000) {
        let mut commands = redis::pipe();
        for _ in 0..1_000 {
            let key = subject.keys.session(&SessionId::random().expect("an id"));
            let names = ["created_at", "last_accessed_at", "username"];
            let mut hash = names
                .map(|name| (name, "2026-04-02T12:34:56+00:00"))
                .to_vec();
            hash.push(("session_ttl", "3600"));
            commands.hset_multiple(&key, &hash).ignore();
            commands.expire(&key, 3600).ignore();
        }
        let () = commands.query_async(&mut raw).await.expect("HSET, EXPIRE");
    }
    let before = Work::of(&server).await;
    let (shown, pages) = list_all(&*subject.admin, PageSize::MAX).await;
    let page = Work::of(&server).await.each_since(before, pages);
    println!("{MANY} sessions: {pages} pages of {page:?}");
    assert_eq!(shown.len(), MANY);
    page.assert_little(&server, 1_000).await;
    let counted = subject.admin.count_sessions().await.expect("a count");
    assert_eq!(usize::try_from(counted), Ok(MANY));
    let stats: String = server.ask("INFO commandstats").await;
    assert!(stats.contains("cmdstat_scan:") && !stats.contains("cmdstat_keys:"));
}

/// The pages show the sessions of all nodes, each once if nothing moves. While a slot moves, and
/// after it has, every page comes, and the sessions of all other slots are shown; a session whose
/// slot has moved can be revoked.
pub async fn a_cluster_is_listed_while_a_slot_moves(connect: Connect) {
    const SESSIONS: usize = 300;
    let cluster = Cluster::start(3).await;
    let subject = Subject::with(connect, &cluster, |target| target).await;
    let admin = &*subject.admin;
    let mut ids = Vec::new();
    for _ in 0..SESSIONS {
        ids.push(create(&*subject.backend).await.id);
    }
    let first = ids.first().expect("there are some");
    let all: HashSet<PublicId> = ids.iter().map(PublicId::of_unbound).collect();
    let size = PageSize::new(40).expect("a size");
    let listed = async || list_all(admin, size).await.0;
    let from = cluster.owner(subject.slot(first));
    let to = (from + 1) % 3;
    // The first slot of a node is the one that a reshard begins with.
    let first_slot = (0..16_384).find(|slot| cluster.owner(*slot) == from);
    for slot in [subject.slot(first), first_slot.expect("it serves some")] {
        let others = ids.iter().filter(|id| subject.slot(id) != slot);
        let others: HashSet<PublicId> = others.map(PublicId::of_unbound).collect();
        assert_eq!(listed().await, all);
        cluster.begin_move(slot, from, to).await;
        assert!(listed().await.is_superset(&others));
        cluster.move_keys(slot, from, to).await;
        assert!(listed().await.is_superset(&others));
        // A scan that is under way when its node's slots have changed goes on, or must begin again.
        let begun = admin.list_page(None, PageSize::MAX).await.expect("a page");
        cluster.end_move(slot, to).await;
        assert_eq!(listed().await, all);
        if let Err(error) = admin.list_page(begun.next.as_ref(), PageSize::MAX).await {
            assert_eq!(error.kind(), ErrorKind::InvalidCursor);
        }
    }
    let counted = admin.count_sessions().await.expect("a count");
    assert_eq!(usize::try_from(counted), Ok(SESSIONS));
    let is_ended = admin.revoke_session(&PublicId::of_unbound(first)).await;
    assert!(is_ended.expect("a reply"));
    let found = subject.backend.peek_session(first).await;
    assert_eq!(found.expect("a reply"), None);
}

/// The public ids on all pages, and how many pages these are.
async fn list_all(admin: &dyn SessionAdmin, size: PageSize) -> (HashSet<PublicId>, u32) {
    let (mut shown, mut pages, mut cursor) = (HashSet::new(), 0, None);
    loop {
        let page = admin.list_page(cursor.as_ref(), size).await;
        let page = page.expect("a page");
        shown.extend(page.sessions.into_iter().map(|it| it.session.public_id));
        pages += 1;
        cursor = page.next;
        if cursor.is_none() {
            return (shown, pages);
        }
    }
}
