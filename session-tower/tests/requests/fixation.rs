//! An id that a client made up is never adopted, and one that it planted does not survive a log-in.

use std::collections::HashSet;

use crate::common::{World, field, principal};
use session_core::{Delta, SessionBackend, SessionId};
use session_memory::Step;
use session_tower::{Session, SessionError};

#[tokio::test]
async fn no_id_of_the_clients_choosing_is_adopted() {
    let world = World::new();
    let mut given = HashSet::new();
    for round in 0..5_000 {
        let chosen = SessionId::random().unwrap();
        let reply = match round % 5 {
            0 => {
                world
                    .visit(Some(&chosen), async |session: Session| {
                        session.insert("a", "1")
                    })
                    .await
            }
            1 => {
                world
                    .visit(Some(&chosen), async |session: Session| {
                        session.get_raw("a").await?;
                        session.insert("a", "1")
                    })
                    .await
            }
            2 => {
                world
                    .visit(Some(&chosen), async |session: Session| {
                        session.log_in(principal("ann"))
                    })
                    .await
            }
            3 => {
                world
                    .visit(Some(&chosen), async |session: Session| {
                        session.increment("n", 1).await.map(|_| ())
                    })
                    .await
            }
            _ => {
                world
                    .visit(Some(&chosen), async |session: Session| {
                        session.insert("a", "1")?;
                        session.save().await?;
                        session.rotate()
                    })
                    .await
            }
        };
        let id = reply.new_id().expect("a fresh id");
        assert_ne!(id, chosen);
        assert!(given.insert(id), "an id was given twice");
        assert_eq!(world.peek(&chosen).await, None);
    }
    assert_eq!(world.backend.len(), 5_000);
}

/// The same for every operation that a handler can cause, beneath HTTP.
#[tokio::test]
async fn none_of_100_000_chosen_ids_is_adopted() {
    let world = World::new();
    for round in 0..100_000_u32 {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&round.to_be_bytes());
        let chosen = SessionId::from_bytes(&bytes);
        let session = Session::for_test(
            std::sync::Arc::new(world.backend.clone()),
            Some(chosen.clone()),
        );
        match round % 4 {
            0 => assert_eq!(session.get_raw("a").await.unwrap(), None),
            1 => session.destroy().unwrap(),
            2 => session.rotate().unwrap(),
            _ => assert_eq!(
                world
                    .backend
                    .update_session(&chosen, Delta::new())
                    .await
                    .unwrap(),
                None
            ),
        }
        session.commit_for_test().await.unwrap();
    }
    assert_eq!(world.backend.len(), 0);
}

#[tokio::test]
async fn a_planted_session_is_worth_nothing_after_the_log_in() {
    let world = World::new();
    // The attacker's own, perfectly valid, anonymous session, planted in the victim's browser.
    let planted = world
        .visit(None, async |session: Session| session.insert("cart", "1"))
        .await
        .new_id()
        .unwrap();
    let victim = world
        .visit(Some(&planted), async |session: Session| {
            session.log_in(principal("victim"))?;
            session.insert("username", "victim")
        })
        .await;
    let after = victim.new_id().unwrap();
    assert_ne!(after, planted);
    let attacker = world
        .visit(Some(&planted), async |session: Session| {
            assert_eq!(session.get_raw("username").await?, None);
            Ok::<(), SessionError>(())
        })
        .await;
    assert!(attacker.is_cleared());
    let record = world.peek(&after).await.unwrap();
    assert_eq!(field(&record, "username"), Some("victim"));
}

#[tokio::test]
async fn a_log_in_is_never_seen_under_the_old_id() {
    let world = World::new();
    let id = world.session().await;
    let (backend, theirs) = (world.backend.clone(), id.clone());
    // Even while counters are sent at once, the log-in waits for the new id.
    world
        .visit(Some(&id), async move |session: Session| {
            session.log_in(principal("ann"))?;
            session.insert("username", "ann")?;
            session.increment("n", 1).await?;
            let seen = backend
                .peek_session(&theirs)
                .await?
                .expect("still the visitor's");
            assert_eq!(field(&seen, "username"), None);
            assert_eq!(seen.principal(), None);
            Ok(())
        })
        .await;
    assert_eq!(world.peek(&id).await, None);
    assert_eq!(world.backend.faults().calls_of(Step::Rename), 1);
}
