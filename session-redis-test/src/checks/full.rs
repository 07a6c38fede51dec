//! A server whose memory is full.

use session_core::{
    Delta, Effect, ErrorKind, Fields, NewSession, SessionBackend, SessionTtl, Touch,
};

use super::{ann, backend, create, name};
use crate::RedisServer;
use crate::harness::Connect;

/// Reads, touches, rotations and deletions go on; creations and growing writes are refused as
/// `StoreFull`, and change nothing.
///
/// # Panics
/// When they are not.
pub async fn a_full_server_refuses_growth_only(connect: Connect) {
    let server = RedisServer::builder()
        .arg("maxmemory-policy", "noeviction")
        .start()
        .await;
    let backend = backend(connect, server.url());
    let id = create(&*backend).await.id;
    let bound = NewSession::new(Fields::new()).bind(ann());
    let bound = backend
        .create_session(bound)
        .await
        .expect("a bound session")
        .id;
    let before = backend
        .get_session_with(&id, Touch::Never)
        .await
        .expect("it reads");
    let mut admin = server.connection().await;
    let full = redis::cmd("CONFIG")
        .arg("SET")
        .arg("maxmemory")
        .arg("1kb")
        .to_owned();
    let () = full
        .query_async(&mut admin)
        .await
        .expect("the memory is full");

    let refusals = [
        backend
            .create_session(NewSession::new(Fields::new()))
            .await
            .map(drop),
        backend
            .update_session(&id, Delta::new().set(name("a"), "b"))
            .await
            .map(drop),
        backend
            .increment_field(&id, name("page_views"), 1)
            .await
            .map(drop),
        backend
            .rotate_session(&id, Delta::new().set(name("a"), "b"))
            .await
            .map(drop),
    ];
    for refusal in refusals {
        let error = refusal.expect_err("the store is full");
        assert_eq!(
            (error.kind(), error.effect()),
            (ErrorKind::StoreFull, Effect::NotApplied),
            "{error:?}"
        );
    }
    let after = backend.peek_session(&id).await.expect("a peek works");
    let shown = |record: &Option<session_core::SessionRecord>| {
        record
            .as_ref()
            .map(|r| (r.fields().clone(), r.configured_ttl()))
    };
    assert_eq!(shown(&after), shown(&before), "nothing was changed");

    assert!(
        backend
            .get_session(&id)
            .await
            .expect("a read works")
            .is_some()
    );
    assert!(
        backend
            .update_session(&id, Delta::new())
            .await
            .expect("a touch works")
            .is_some()
    );
    assert!(
        backend
            .set_session_ttl(&id, SessionTtl::MAX)
            .await
            .expect("a new TTL works")
    );
    assert!(
        backend
            .remove_fields(&id, vec![name("username")])
            .await
            .expect("removing works")
    );
    let rotated = backend
        .rotate_session(&bound, Delta::new())
        .await
        .expect("a rotation works");
    assert_eq!(
        backend
            .list_sessions(&ann())
            .await
            .expect("listing works")
            .len(),
        1
    );
    assert!(rotated.is_some());
    assert_eq!(
        backend
            .revoke_sessions(&ann(), None)
            .await
            .expect("revoking works"),
        1
    );
    assert!(
        backend
            .delete_session(&id)
            .await
            .expect("logging out works")
    );
}
