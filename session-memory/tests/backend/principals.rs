//! The principal index.

use std::time::Duration;

use session_core::{Delta, Principal, SessionBackend, SessionHandle, SessionId, Touch};

use crate::{Setup, count_one, principal};

pub(crate) async fn listed(setup: &Setup, principal: &Principal) -> Vec<SessionHandle> {
    let listed = setup.backend.list_sessions(principal).await.unwrap();
    listed.into_iter().map(|summary| summary.handle).collect()
}

pub(crate) fn handles<const N: usize>(ids: [&SessionId; N]) -> Vec<SessionHandle> {
    ids.map(SessionId::handle).into()
}

#[tokio::test]
async fn live_sessions_are_listed_nearest_deadline_first_and_not_touched() {
    let setup = Setup::new();
    let ann = principal("ann");
    let late = setup.login(&ann, 300).await;
    let early = setup.login(&ann, 100).await;
    let middle = setup.login(&ann, 200).await;
    setup.login(&principal("an"), 50).await;
    setup.login(&principal("anna"), 50).await;
    setup.advance_ms(1000);
    let before = [&late, &early, &middle].map(|id| setup.raw.dump(id));
    assert_eq!(
        listed(&setup, &ann).await,
        handles([&early, &middle, &late])
    );
    assert_eq!(
        before,
        [&late, &early, &middle].map(|id| setup.raw.dump(id))
    );

    // At its deadline a session is dead, though its key lives for that millisecond.
    setup.advance_ms(99_000);
    assert!(setup.raw.dump(&early).is_some());
    assert_eq!(listed(&setup, &ann).await, handles([&middle, &late]));
    assert!(setup.backend.delete_session(&middle).await.unwrap());
    assert_eq!(listed(&setup, &ann).await, handles([&late]));
    assert_eq!(setup.raw.index_len(&ann), 1);
}

#[tokio::test]
async fn a_bound_session_follows_writes_and_rotations() {
    let setup = Setup::new();
    let (ann, bob) = (principal("ann"), principal("bob"));
    let id = setup.session(60).await;
    let bind = |to: &Principal| Delta::new().bind(to.clone());
    setup
        .backend
        .update_session(&id, bind(&ann))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(listed(&setup, &ann).await, handles([&id]));

    let rotated = setup
        .backend
        .rotate_session(&id, count_one())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(listed(&setup, &ann).await, handles([&rotated.id]));

    setup
        .backend
        .update_session(&rotated.id, bind(&bob))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(listed(&setup, &ann).await, handles([]));
    assert_eq!(listed(&setup, &bob).await, handles([&rotated.id]));

    let again = setup
        .backend
        .rotate_session(&rotated.id, bind(&ann))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(listed(&setup, &bob).await, handles([]));
    assert_eq!(listed(&setup, &ann).await, handles([&again.id]));
    assert_eq!(setup.raw.index_len(&ann) + setup.raw.index_len(&bob), 1);
}

#[tokio::test]
async fn revoking_ends_exactly_what_it_names() {
    let setup = Setup::new();
    let (ann, bob) = (principal("ann"), principal("bob"));
    let mut of_ann = Vec::new();
    for lifetime in 1..=5 {
        of_ann.push(setup.login(&ann, 100 * lifetime).await);
    }
    let of_bob = setup.login(&bob, 100).await;

    assert!(
        !setup
            .backend
            .revoke_session(&ann, &of_bob.handle())
            .await
            .unwrap()
    );
    assert!(
        setup
            .backend
            .revoke_session(&ann, &of_ann[0].handle())
            .await
            .unwrap()
    );
    assert!(
        !setup
            .backend
            .revoke_session(&ann, &of_ann[0].handle())
            .await
            .unwrap()
    );
    assert!(!setup.is_live(&of_ann[0]).await);

    let revoked = setup
        .backend
        .revoke_sessions(&ann, Some(&of_ann[2]))
        .await
        .unwrap();
    assert_eq!(revoked, 3);
    assert_eq!(listed(&setup, &ann).await, handles([&of_ann[2]]));
    // The one to keep may be another's: then all go.
    assert_eq!(
        setup
            .backend
            .revoke_sessions(&ann, Some(&of_bob))
            .await
            .unwrap(),
        1
    );
    assert_eq!(setup.backend.revoke_sessions(&ann, None).await.unwrap(), 0);
    assert!(setup.is_live(&of_bob).await);
}

#[tokio::test]
async fn what_another_client_did_to_a_listed_session_is_seen() {
    let setup = Setup::new();
    let ann = principal("ann");
    let id = setup.login(&ann, 100).await;
    let hash = setup.raw.dump(&id).unwrap().hash.unwrap();

    // It only changed the key's expiry: the session is listed until its deadline.
    setup.raw.plant_hash(&id, hash.clone(), None);
    assert_eq!(listed(&setup, &ann).await, handles([&id]));
    let delta = Delta::new().bind(ann.clone()).touch(Touch::Never);
    setup
        .backend
        .update_session(&id, delta)
        .await
        .unwrap()
        .unwrap();
    setup.advance_ms(100_000);
    assert_eq!(listed(&setup, &ann).await, handles([]));
    assert_eq!(setup.raw.index_len(&ann), 0);
    assert_eq!(setup.backend.revoke_sessions(&ann, None).await.unwrap(), 0);
    assert!(setup.raw.dump(&id).is_some());

    // It made the hash invalid: not listed, not revoked, not deleted.
    let id = setup.login(&ann, 100).await;
    setup.raw.plant_hash(&id, [("n", "1")], None);
    assert_eq!(listed(&setup, &ann).await, handles([]));
    assert_eq!(setup.backend.revoke_sessions(&ann, None).await.unwrap(), 0);
    assert!(setup.raw.dump(&id).is_some());
}

#[tokio::test]
async fn a_planted_session_is_listed_once_it_is_rotated() {
    let setup = Setup::new();
    let ann = principal("ann");
    let source = setup.login(&ann, 100).await;
    let hash = setup.raw.dump(&source).unwrap().hash.unwrap();
    assert!(setup.backend.delete_session(&source).await.unwrap());
    let id = SessionId::random().unwrap();
    setup
        .raw
        .plant_hash(&id, hash, Some(Duration::from_secs(50)));
    assert_eq!(listed(&setup, &ann).await, handles([]));
    let rotated = setup
        .backend
        .rotate_session(&id, Delta::new())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(listed(&setup, &ann).await, handles([&rotated.id]));
}
