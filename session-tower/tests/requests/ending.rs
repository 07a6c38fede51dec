//! Sessions that end: by this request, and behind its back.

use crate::common::{World, field, is_dropped, principal};
use session_core::{SessionBackend, SessionId};
use session_memory::{MemoryBackend, Step};
use session_tower::{Presence, Session};

#[tokio::test]
async fn what_is_set_after_destroying_goes_into_a_new_session() {
    let world = World::new();
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.insert("lost", "1")?;
            session.rotate()?;
            session.destroy()?;
            assert!(session.fields().await?.is_empty());
            assert_eq!(session.presence().await?, Presence::NotFound);
            assert_eq!((session.id(), session.load().await?), (None, None));
            assert_eq!(session.increment("n", 4).await?, 4);
            session.insert("kept", "1")?;
            assert_eq!(session.fields().await?.len(), 2);
            Ok(())
        })
        .await;
    assert_eq!(reply.steps, [(Step::Insert, 1), (Step::Remove, 1)]);
    let new = reply.new_id().unwrap();
    assert_ne!(new, id);
    assert_eq!(world.peek(&id).await, None);
    let record = world.peek(&new).await.unwrap();
    assert_eq!(
        (field(&record, "kept"), field(&record, "n")),
        (Some("1"), Some("4"))
    );
    assert_eq!(record.fields().len(), 2);
}

#[tokio::test]
async fn destroying_wins_over_all_that_was_asked_before() {
    let world = World::new();
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            assert!(!session.is_loaded());
            session.get_raw("seen").await?;
            assert!(session.is_loaded() && session.id().is_some());
            session.log_in(principal("ann"))?;
            session.insert("a", "1")?;
            session.destroy()?;
            assert_eq!(
                (session.id(), session.presence().await?),
                (None, Presence::NotFound)
            );
            Ok(())
        })
        .await;
    assert_eq!(reply.steps, [(Step::Read, 1), (Step::Remove, 1)]);
    assert!(reply.is_cleared());
    assert_eq!(world.backend.len(), 0);
}

#[tokio::test]
async fn a_rotation_saved_and_then_destroyed_leaves_nothing() {
    let world = World::new();
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.rotate()?;
            session.save().await?;
            session.destroy()
        })
        .await;
    assert_eq!(reply.steps, [(Step::Rename, 1), (Step::Remove, 1)]);
    assert!(reply.is_cleared());
    assert_eq!(world.sessions().await, 0);
}

/// Logs out elsewhere just before this request's next write.
fn log_out_before_write(backend: &MemoryBackend, id: &SessionId, step: Step) {
    let (elsewhere, theirs) = (backend.clone(), id.clone());
    backend.faults().on(step).next_call().run(async move || {
        elsewhere.delete_session(&theirs).await.unwrap();
    });
}

#[tokio::test]
async fn a_session_seen_alive_and_gone_at_commit_is_not_recreated() {
    for step in [Step::Write, Step::Rename] {
        let world = World::new();
        let id = world.session().await;
        log_out_before_write(&world.backend, &id, step);
        let reply = world
            .visit(Some(&id), async move |session: Session| {
                session.get_raw("seen").await?;
                session.insert("a", "1")?;
                if step == Step::Rename {
                    session.log_in(principal("ann"))?;
                }
                Ok(())
            })
            .await;
        assert_eq!(reply.status(), 200);
        // But a log-in brings all that it needs.
        let begun = reply.new_id();
        assert_eq!(begun.is_some(), step == Step::Rename);
        assert_eq!(world.backend.len(), usize::from(begun.is_some()));
        if let Some(id) = begun {
            assert_eq!(field(&world.peek(&id).await.unwrap(), "seen"), None);
        }
    }
}

#[tokio::test]
async fn a_session_seen_alive_by_an_increment_is_not_recreated_either() {
    let world = World::new();
    let id = world.session().await;
    world.backend.faults().on(Step::Write).nth_call(2).run({
        let (elsewhere, theirs) = (world.backend.clone(), id.clone());
        async move || assert!(elsewhere.delete_session(&theirs).await.unwrap())
    });
    let reply = world
        .visit(Some(&id), async |session: Session| {
            assert_eq!(session.increment("n", 1).await?, 1);
            assert!(is_dropped(session.increment("n", 1).await));
            assert_eq!(session.presence().await?, Presence::NotFound);
            assert!(is_dropped(session.increment("n", 1).await));
            session.insert("a", "1")?;
            assert!(is_dropped(session.save().await));
            session.insert("b", "1")
        })
        .await;
    assert_eq!((reply.status(), reply.set_cookie()), (200, None));
    assert_eq!(world.backend.len(), 0);
}

#[tokio::test]
async fn a_lost_session_can_be_ended_and_another_begun() {
    let world = World::new();
    let id = world.session().await;
    log_out_before_write(&world.backend, &id, Step::Write);
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.get_raw("seen").await?;
            assert!(is_dropped(session.increment("n", 1).await));
            session.destroy()?;
            session.insert("a", "1")
        })
        .await;
    assert_eq!(reply.status(), 200);
    let record = world.peek(&reply.new_id().unwrap()).await.unwrap();
    assert_eq!(record.fields().len(), 1);
}

#[tokio::test]
async fn an_increment_with_a_dead_cookie_counts_in_a_fresh_session() {
    let world = World::new();
    let dead = SessionId::random().unwrap();
    let reply = world
        .visit(Some(&dead), async |session: Session| {
            assert_eq!(session.increment("n", 1).await?, 1);
            assert_eq!(session.increment("n", 1).await?, 2);
            Ok(())
        })
        .await;
    assert_eq!(reply.steps, [(Step::Insert, 1), (Step::Write, 1)]);
    let id = reply.new_id().unwrap();
    assert_eq!(field(&world.peek(&id).await.unwrap(), "n"), Some("2"));
    assert_ne!(id, dead);
}
