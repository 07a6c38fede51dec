//! All that an application can do with sessions.

use std::num::NonZeroU32;
use std::time::Duration;

use session_core::{
    Delta, ErrorKind, Lifetime, NewSession, OnExcess, Principal, PrincipalLimit, SessionBackend,
    SessionId, SessionPolicy, SessionTtl, Touch,
};

use crate::checks::{create, fields, name, public_id};

/// How often all of it is done.
const TURNS: usize = 4;

/// One session per principal, and what happens to a second one.
pub(super) fn one_session(on_excess: OnExcess) -> SessionPolicy {
    let max = NonZeroU32::MIN;
    SessionPolicy::new().with_principal_limit(PrincipalLimit { max, on_excess })
}

/// Every operation, on sessions that live, that ended in every way, and that never were. Some are left alive.
pub(super) async fn all(
    backend: &dyn SessionBackend,
    evicting: &dyn SessionBackend,
    refusing: &dyn SessionBackend,
) {
    backend.ping().await.expect("ping");
    for turn in 0..TURNS {
        let principal = |name| Principal::new(format!("{name}{turn}")).expect("a principal");
        unbound(backend).await;
        bound(backend, [principal("ann"), principal("bob")]).await;
        evicted(evicting, &principal("eve")).await;
        refused(refusing, &principal("fay")).await;
        knock(backend, &SessionId::random().expect("an id")).await;
    }
}

fn ttl(seconds: u64) -> SessionTtl {
    SessionTtl::from_secs(seconds).expect("a TTL")
}

fn login(principal: &Principal) -> NewSession {
    NewSession::new(fields()).bind(principal.clone())
}

fn bind(principal: &Principal) -> Delta {
    Delta::new().bind(principal.clone())
}

fn changes() -> Delta {
    Delta::new()
        .set(name("theme"), "dark")
        .remove(name("username"))
        .increment(name("page_views"), 2)
        .returning_record()
}

/// Every operation that names a session by its id.
async fn uses(backend: &dyn SessionBackend, id: &SessionId) -> [bool; 10] {
    let throttled = Touch::IfOlderThan(Duration::ZERO);
    let got = backend.get_session(id).await.expect("get");
    let read = backend.get_session_with(id, throttled).await.expect("get");
    let peeked = backend.peek_session(id).await.expect("peek");
    let written = backend.update_session(id, changes()).await.expect("update");
    let touched = backend
        .update_session(id, Delta::new())
        .await
        .expect("update");
    let counter = backend.increment_field(id, name("page_views"), 1).await;
    let names = vec![name("theme"), name("absent")];
    [
        got.is_some(),
        read.is_some(),
        peeked.is_some(),
        written.is_some(),
        touched.is_some(),
        counter.expect("increment").is_some(),
        backend.remove_fields(id, names).await.expect("removal"),
        backend
            .set_session_ttl(id, ttl(900))
            .await
            .expect("set TTL"),
        backend.ttl(id).await.expect("TTL").is_some(),
        backend.configured_ttl(id).await.expect("TTL").is_some(),
    ]
}

/// An id that opens nothing: no operation finds a session.
pub(super) async fn knock(backend: &dyn SessionBackend, id: &SessionId) {
    assert_eq!(uses(backend, id).await, [false; 10], "it opens a session");
    let nobody = Principal::new("nobody").expect("a principal");
    let written = backend.update_session(id, bind(&nobody)).await;
    assert!(written.expect("update").is_none(), "it is bound");
    for delta in [Delta::new(), changes(), bind(&nobody)] {
        let rotated = backend.rotate_session(id, delta).await.expect("rotation");
        assert!(rotated.is_none(), "it rotates");
    }
    assert!(!backend.delete_session(id).await.expect("deletion"));
}

async fn rotate(backend: &dyn SessionBackend, id: &SessionId, delta: Delta) -> SessionId {
    let rotated = backend.rotate_session(id, delta).await.expect("rotation");
    let new = rotated.expect("it lives").id;
    knock(backend, id).await;
    new
}

async fn unbound(backend: &dyn SessionBackend) {
    let survivor = create(backend).await.id;
    assert_eq!(uses(backend, &survivor).await, [true; 10]);
    let new = NewSession::new(fields())
        .ttl(ttl(60))
        .max_lifetime(Lifetime::from_secs(600).expect("a lifetime"));
    let mut id = backend.create_session(new).await.expect("creation").id;
    assert_eq!(uses(backend, &id).await, [true; 10]);
    for delta in [Delta::new(), changes(), Delta::new().touch(Touch::Never)] {
        id = rotate(backend, &id, delta).await;
    }
    assert!(backend.delete_session(&id).await.expect("deletion"));
    knock(backend, &id).await;
}

async fn bound(backend: &dyn SessionBackend, [ann, bob]: [Principal; 2]) {
    let mut ids = Vec::new();
    for _ in 0..2 {
        let created = backend.create_session(login(&ann)).await;
        ids.push(created.expect("creation").id);
        let id = create(backend).await.id;
        let written = backend.update_session(&id, bind(&ann)).await;
        assert!(written.expect("update").is_some());
        ids.push(id);
        let id = create(backend).await.id;
        ids.push(rotate(backend, &id, bind(&ann)).await);
        let created = backend.create_session(login(&bob)).await;
        let id = created.expect("creation").id;
        let id = rotate(backend, &id, Delta::new()).await;
        ids.push(rotate(backend, &id, bind(&ann).set(name("a"), "b")).await);
    }
    for id in &ids {
        assert_eq!(uses(backend, id).await, [true; 10]);
    }
    assert_eq!(backend.list_sessions(&ann).await.expect("list").len(), 8);
    let [revoked, deleted, kept, ..] = &*ids else {
        panic!("eight sessions");
    };
    let known_by = public_id(backend, revoked).await;
    let known = backend.get_session_of(&ann, &known_by).await;
    assert!(known.expect("a read by public id").is_some());
    let delta = Delta::new().set(name("known"), "by its public id");
    let written = backend.update_session_of(&ann, &known_by, delta).await;
    assert!(written.expect("a write by public id").is_some());
    for is_live in [true, false] {
        let ended = backend.revoke_session(&ann, &known_by).await;
        assert_eq!(ended.expect("revocation"), is_live);
    }
    assert!(backend.delete_session(deleted).await.expect("deletion"));
    let others = backend.revoke_sessions(&ann, Some(kept)).await;
    assert_eq!(others.expect("revocation"), 5);
    for id in ids.iter().filter(|id| *id != kept) {
        knock(backend, id).await;
    }
    assert_eq!(backend.revoke_sessions(&ann, None).await.expect("it"), 1);
    knock(backend, kept).await;

    // These stay: bound in every way, and one of them rotated since.
    backend.create_session(login(&ann)).await.expect("creation");
    let id = create(backend).await.id;
    let written = backend.update_session(&id, bind(&ann)).await;
    assert!(written.expect("update").is_some());
    let id = create(backend).await.id;
    let id = rotate(backend, &id, bind(&ann)).await;
    rotate(backend, &id, Delta::new()).await;
    assert_eq!(backend.list_sessions(&ann).await.expect("list").len(), 3);
}

/// Each login but the last is ended by the next.
async fn evicted(backend: &dyn SessionBackend, eve: &Principal) {
    let first = backend.create_session(login(eve)).await;
    let first = first.expect("creation").id;
    let second = create(backend).await.id;
    let written = backend.update_session(&second, bind(eve)).await;
    assert!(written.expect("update").is_some());
    knock(backend, &first).await;
    let third = create(backend).await.id;
    let third = rotate(backend, &third, bind(eve)).await;
    knock(backend, &second).await;
    let last = backend.create_session(login(eve)).await;
    assert_eq!(uses(backend, &last.expect("creation").id).await, [true; 10]);
    knock(backend, &third).await;
}

/// Each login but the first is refused.
async fn refused(backend: &dyn SessionBackend, fay: &Principal) {
    backend.create_session(login(fay)).await.expect("creation");
    let created = backend.create_session(login(fay)).await;
    let other = create(backend).await.id;
    let written = backend.update_session(&other, bind(fay)).await;
    let rotated = backend.rotate_session(&other, bind(fay)).await;
    let refusals = [
        created.map(|_| ()).expect_err("refused"),
        written.map(|_| ()).expect_err("refused"),
        rotated.map(|_| ()).expect_err("refused"),
    ];
    for refusal in refusals {
        assert_eq!(refusal.kind(), ErrorKind::TooManySessions);
    }
}
