//! The principal index.

use std::time::Duration;

use session_core::{Delta, Principal, PublicId, SessionBackend, SessionId, Touch};

use crate::{Setup, count_one, principal};

/// The public ids of a principal's sessions, in the list's order.
pub(crate) async fn listed(setup: &Setup, principal: &Principal) -> Vec<PublicId> {
    let listed = setup.backend.list_sessions(principal).await.unwrap();
    listed.into_iter().map(|listed| listed.public_id).collect()
}

/// The public ids that these sessions have now.
pub(crate) async fn public_ids<const N: usize>(
    setup: &Setup,
    ids: [&SessionId; N],
) -> Vec<PublicId> {
    let mut public_ids = Vec::new();
    for id in ids {
        public_ids.push(public_id(setup, id).await);
    }
    public_ids
}

pub(crate) async fn public_id(setup: &Setup, id: &SessionId) -> PublicId {
    let record = setup.backend.peek_session(id).await.unwrap().unwrap();
    record.public_id().unwrap()
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
        public_ids(&setup, [&early, &middle, &late]).await
    );
    assert_eq!(
        before,
        [&late, &early, &middle].map(|id| setup.raw.dump(id))
    );

    // At its deadline a session has ended, though its key lives for that millisecond.
    setup.advance_ms(99_000);
    assert!(setup.raw.dump(&early).is_some());
    assert_eq!(
        listed(&setup, &ann).await,
        public_ids(&setup, [&middle, &late]).await
    );
    assert!(setup.backend.delete_session(&middle).await.unwrap());
    assert_eq!(
        listed(&setup, &ann).await,
        public_ids(&setup, [&late]).await
    );
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
    let bound = public_id(&setup, &id).await;
    assert_eq!(listed(&setup, &ann).await, [bound]);

    let rotated = setup
        .backend
        .rotate_session(&id, count_one())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        listed(&setup, &ann).await,
        public_ids(&setup, [&rotated.id]).await
    );
    assert_eq!(public_id(&setup, &rotated.id).await, bound);

    setup
        .backend
        .update_session(&rotated.id, bind(&bob))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(listed(&setup, &ann).await, []);
    assert_eq!(
        listed(&setup, &bob).await,
        public_ids(&setup, [&rotated.id]).await
    );

    let again = setup
        .backend
        .rotate_session(&rotated.id, bind(&ann))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(listed(&setup, &bob).await, []);
    assert_eq!(
        listed(&setup, &ann).await,
        public_ids(&setup, [&again.id]).await
    );
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

    let revoke = async |public_id| {
        let revoked = setup.backend.revoke_session(&ann, &public_id).await;
        revoked.unwrap()
    };
    assert!(!revoke(public_id(&setup, &of_bob).await).await);
    assert!(!revoke(PublicId::of_unbound(&of_ann[0])).await);
    let first = public_id(&setup, &of_ann[0]).await;
    assert!(revoke(first).await);
    assert!(!revoke(first).await);
    assert!(!setup.is_live(&of_ann[0]).await);

    let revoked = setup
        .backend
        .revoke_sessions(&ann, Some(&of_ann[2]))
        .await
        .unwrap();
    assert_eq!(revoked, 3);
    assert_eq!(
        listed(&setup, &ann).await,
        public_ids(&setup, [&of_ann[2]]).await
    );
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
    assert_eq!(listed(&setup, &ann).await, public_ids(&setup, [&id]).await);
    let delta = Delta::new().bind(ann.clone()).touch(Touch::Never);
    setup
        .backend
        .update_session(&id, delta)
        .await
        .unwrap()
        .unwrap();
    setup.advance_ms(100_000);
    assert_eq!(listed(&setup, &ann).await, []);
    assert_eq!(setup.raw.index_len(&ann), 0);
    assert_eq!(setup.backend.revoke_sessions(&ann, None).await.unwrap(), 0);
    assert!(setup.raw.dump(&id).is_some());

    // It made the hash invalid: not listed, not revoked, not deleted.
    let id = setup.login(&ann, 100).await;
    setup.raw.plant_hash(&id, [("n", "1")], None);
    assert_eq!(listed(&setup, &ann).await, []);
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
    assert_eq!(listed(&setup, &ann).await, []);
    let rotated = setup
        .backend
        .rotate_session(&id, Delta::new())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        listed(&setup, &ann).await,
        public_ids(&setup, [&rotated.id]).await
    );
}

#[tokio::test]
async fn sessions_are_read_and_changed_by_principal_and_public_id() {
    let setup = Setup::new();
    let (ann, bob) = (principal("ann"), principal("bob"));
    let id = setup.login(&ann, 100).await;
    let public_id = public_id(&setup, &id).await;
    let backend = &setup.backend;

    let by_id = backend.peek_session(&id).await.unwrap();
    assert_eq!(
        backend.peek_session_of(&ann, &public_id).await.unwrap(),
        by_id
    );
    assert_eq!(
        backend.get_session_of(&bob, &public_id).await.unwrap(),
        None
    );
    let written = backend
        .update_session_of(&ann, &public_id, count_one())
        .await;
    assert_eq!(written.unwrap().unwrap().counter("n"), Some(1));

    // Unbound, it is nobody's: its fields stay, and the public id names nothing.
    backend
        .update_session_of(&ann, &public_id, Delta::new().unbind())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        backend.get_session_of(&ann, &public_id).await.unwrap(),
        None
    );
    assert!(!backend.revoke_session(&ann, &public_id).await.unwrap());
    assert_eq!(listed(&setup, &ann).await, []);
    let record = backend.get_session(&id).await.unwrap().unwrap();
    assert_eq!(record.fields().get_str("n"), Some("1"));
    assert_eq!(record.public_id(), None);
}

#[tokio::test]
async fn sessions_with_the_same_deadline_are_listed_in_order_of_their_public_ids() {
    let setup = Setup::new();
    let ann = principal("ann");
    let mut expected = Vec::new();
    for _ in 0..20 {
        let id = setup.login(&ann, 100).await;
        expected.push(public_id(&setup, &id).await);
    }
    expected.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    assert_eq!(listed(&setup, &ann).await, expected);
}
