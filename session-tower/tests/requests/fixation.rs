//! An id that a client made up is never adopted, and one that it planted does not survive a log-in.

use std::collections::HashSet;

use crate::common::{World, field, principal};
use session_core::{SessionBackend, SessionId, SessionPolicy, SessionTtl};
use session_memory::Step;
use session_tower::{Session, SessionError};

#[tokio::test]
async fn no_id_of_the_clients_choosing_is_adopted() {
    const ROUNDS: usize = 5_000;
    let world = World::with_policy(SessionPolicy::new().without_principal_limit());
    let mut given = HashSet::new();
    for round in 0..ROUNDS {
        let chosen = SessionId::random().unwrap();
        let deed = async move |session: Session| {
            match round % 8 {
                0 => session.insert("a", "1")?,
                1 => {
                    session.get_raw("a").await?;
                    session.insert("a", "1")?;
                }
                2 => session.log_in(principal("ann"))?,
                3 => drop(session.increment("n", 1).await?),
                4 => {
                    session.insert("a", "1")?;
                    session.save().await?;
                    session.rotate()?;
                }
                5 => session.rotate()?,
                6 => session.destroy()?,
                _ => session.set_ttl(SessionTtl::MIN)?,
            }
            Ok(())
        };
        let reply = world.visit(Some(&chosen), deed).await;
        assert_eq!(reply.status(), 200);
        match reply.new_id() {
            Some(id) => assert!(id != chosen && given.insert(id), "{round}"),
            None => {
                assert!(round % 8 > 4, "{round}");
                assert_eq!(reply.is_cleared(), round % 8 == 6, "{round}");
            }
        }
        assert_eq!(world.peek(&chosen).await, None);
    }
    assert_eq!(given.len(), ROUNDS / 8 * 5);
    assert_eq!(world.sessions().await, given.len() as u64);
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
    assert_eq!(attacker.set_cookie(), None);
    let record = world.peek(&after).await.unwrap();
    assert_eq!(field(&record, "username"), Some("victim"));
}

#[tokio::test]
async fn a_log_in_is_never_seen_under_the_old_id() {
    let world = World::new();
    let id = world.session().await;
    let (backend, theirs) = (world.backend.clone(), id.clone());
    // A counter that is sent at once is sent to the new id.
    let reply = world
        .visit(Some(&id), async move |session: Session| {
            session.log_in(principal("ann"))?;
            session.insert("username", "ann")?;
            session.increment("n", 1).await?;
            assert_eq!(backend.peek_session(&theirs).await?, None);
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1), (Step::Write, 1), (Step::Rename, 1)]);
    let record = world.peek(&reply.new_id().unwrap()).await.unwrap();
    assert_eq!(record.fields().len(), 3);
}
