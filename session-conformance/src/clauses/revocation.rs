//! Revocation.

use session_core::{Delta, Principal, SessionId};

use crate::harness::Harness;
use crate::kit::{
    Bench, Step, assert_nothing_there, fresh_id, fresh_principal, fresh_public_id, in_other_case,
    lasting, secs, session,
};
use crate::races;

/// Creates sessions of a principal.
async fn sessions(b: &Bench<'_>, principal: &Principal, count: usize) -> Vec<SessionId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(b.create(session(1000).bind(principal.clone())).await);
    }
    ids
}

/// Ends the sessions of a principal; how many.
async fn revoke_all(b: &Bench<'_>, principal: &Principal, keep: Option<&SessionId>) -> u64 {
    b.revoke_sessions(principal, keep).done().await
}

/// That session has ended, as if deleted; the others live.
pub async fn revoking_one_ends_that_one(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let ids = sessions(&b, &ann, 3).await;
    let public_id = b.public_id(&ids[1]).await;
    let listed = b.listed(&ann).await;
    assert!(listed.contains(&public_id));
    assert!(b.is_alive(&ids[1]).await);
    assert!(b.revoke_session(&ann, &public_id).done().await);
    assert_nothing_there(&b, &ids[1], "a revoked session").await;
    b.assert_listed(&ann, [&ids[0], &ids[2]]).await;
    assert!(b.is_alive(&ids[0]).await && b.is_alive(&ids[2]).await);
    assert!(!b.revoke_session(&ann, &public_id).done().await);
}

/// A public id of another's session, of an unbound one, of none, or in another case ends nothing.
pub async fn revoking_one_ends_no_other(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let own = b.create(session(100).bind(ann.clone())).await;
    let others = b.create(session(100).bind(bob.clone())).await;
    let unbound = b.create(session(100)).await;
    for public_id in [
        b.public_id(&others).await,
        b.public_id(&unbound).await,
        fresh_public_id(),
        in_other_case(&b.public_id(&own).await),
    ] {
        assert!(!b.revoke_session(&ann, &public_id).done().await);
    }
    for id in [&own, &others, &unbound] {
        assert!(b.is_alive(id).await);
    }
    b.assert_listed(&bob, [&others]).await;
}

/// A session that has died is not revoked.
pub async fn revoking_an_ended_session_returns_false(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let expired = b.create(session(100).bind(ann.clone())).await;
    let deleted = b.create(session(5000).bind(ann.clone())).await;
    let public_ids = [b.public_id(&expired).await, b.public_id(&deleted).await];
    assert!(b.delete(&deleted).await);
    h.advance(secs(101)).await;
    for public_id in public_ids {
        assert!(!b.revoke_session(&ann, &public_id).done().await);
    }
}

/// All of them, counted, and nobody else's.
pub async fn revoking_all_ends_all(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let ids = sessions(&b, &ann, 5).await;
    let others = sessions(&b, &bob, 2).await;
    let unbound = b.create(session(100)).await;
    for id in &ids {
        assert!(b.is_alive(id).await);
    }
    assert_eq!(revoke_all(&b, &ann, None).await, 5);
    for id in &ids {
        assert_nothing_there(&b, id, "a revoked session").await;
    }
    b.assert_listed(&ann, []).await;
    b.assert_listed(&bob, [&others[0], &others[1]]).await;
    assert!(b.is_alive(&unbound).await);
    assert_eq!(revoke_all(&b, &ann, None).await, 0);
    let next = b.create(session(100).bind(ann.clone())).await;
    b.assert_listed(&ann, [&next]).await;
}

/// All of more sessions than fit in one batch, but the one to keep, which stays listed.
pub async fn revoking_all_but_one_keeps_it(h: &dyn Harness) {
    let b = Bench::unlimited(h).await;
    let ann = fresh_principal("ann");
    let ids = sessions(&b, &ann, 300).await;
    let before = b.snapshot(&ids[150]).await;
    assert_eq!(revoke_all(&b, &ann, Some(&ids[150])).await, 299);
    b.assert_unchanged(&ids[150], &before, "the revocation")
        .await;
    b.assert_listed(&ann, [&ids[150]]).await;
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(b.is_alive(id).await, n == 150, "session {n}");
    }
    assert_eq!(revoke_all(&b, &ann, Some(&ids[150])).await, 0);
    assert!(b.is_alive(&ids[150]).await);
}

/// One to keep that is another's, or none at all, keeps nothing of this principal.
pub async fn a_stranger_to_keep_keeps_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let others = sessions(&b, &bob, 1).await;
    for keep in [others[0].clone(), fresh_id()] {
        let ids = sessions(&b, &ann, 2).await;
        assert_eq!(revoke_all(&b, &ann, Some(&keep)).await, 2);
        for id in ids {
            assert!(!b.is_alive(&id).await);
        }
    }
    b.assert_listed(&bob, [&others[0]]).await;
}

/// Sessions that had died before are not counted.
pub async fn revoking_counts_live_sessions(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let ids = sessions(&b, &ann, 4).await;
    assert!(b.delete(&ids[0]).await);
    b.create(session(100).bind(ann.clone())).await;
    b.create(session(5000).bind(ann.clone()).max_lifetime(lasting(100)))
        .await;
    h.advance(secs(101)).await;
    assert_eq!(revoke_all(&b, &ann, None).await, 3);
}

/// However they were bound, sessions that were acknowledged before are ended after.
pub async fn acknowledged_bindings_are_revoked(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let ann = fresh_principal("ann");
    let bind = || Delta::new().bind(ann.clone());
    let created = b.create(session(100).bind(ann.clone())).await;
    let written = b.create(session(100)).await;
    b.update(&written, bind()).await;
    let old = b.create(session(100)).await;
    let rotated = b.rotate(&old, bind()).await;
    let bound = b.create(session(100).bind(ann.clone())).await;
    let moved = b.rotate(&bound, Delta::new()).await;
    assert_eq!(revoke_all(&b, &ann, None).await, 4);
    for id in [created, written, rotated.id, moved.id] {
        assert_nothing_there(&b, &id, "a revoked session").await;
    }
}

/// Also when other logins race the revocation; what survives is listed.
pub async fn racing_logins_are_ended_or_listed(h: &dyn Harness) {
    races::logins_against_revocation(h, 20).await;
}

/// Also when the session is being rotated meanwhile: it does not escape under its new id.
pub async fn racing_rotations_do_not_escape(h: &dyn Harness) {
    races::rotations_against_revocation(h, 20).await;
}
