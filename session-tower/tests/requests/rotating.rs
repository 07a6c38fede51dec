//! Moving a session to a fresh id.

use crate::common::{World, field, join_all, log_in, rotate};
use http::StatusCode;
use session_core::SessionId;
use session_memory::Step;
use session_tower::Session;

#[tokio::test]
async fn a_rotation_is_whole_on_every_status() {
    let world = World::new();
    let mut id = world.session().await;
    for status in [200, 204, 302, 304, 400, 404, 500, 503] {
        let reply = world
            .visit(Some(&id), async move |session: Session| {
                session.rotate().unwrap();
                session.insert("status", i64::from(status)).unwrap();
                StatusCode::from_u16(status).unwrap()
            })
            .await;
        assert_eq!(
            (reply.status(), &*reply.steps),
            (status, &[(Step::Rename, 1)][..])
        );
        let new = reply.new_id().expect("the new id reaches the client");
        assert_eq!(world.peek(&id).await, None);
        let record = world.peek(&new).await.unwrap();
        assert_eq!(field(&record, "status"), Some(&*status.to_string()));
        assert_eq!(field(&record, "seen"), Some("yes"));
        id = new;
    }
    assert_eq!(world.backend.len(), 1);
}

#[tokio::test]
async fn rotating_a_session_that_never_was_creates_none() {
    let world = World::new();
    let dead = SessionId::random().unwrap();
    let reply = world.visit(Some(&dead), rotate).await;
    assert_eq!(reply.steps, [(Step::Rename, 1)]);
    assert!(reply.is_cleared());
    // With something to keep, a fresh one is begun: a log-in with a dead cookie.
    let reply = world.visit(Some(&dead), log_in).await;
    assert_eq!(reply.steps, [(Step::Insert, 1), (Step::Rename, 1)]);
    assert_ne!(reply.new_id().unwrap(), dead);
    assert_eq!(world.backend.len(), 1);
}

#[tokio::test]
async fn of_concurrent_rotations_one_wins_and_nothing_is_doubled() {
    let world = World::new();
    let id = world.session().await;
    let visits = (0..16).map(|_| {
        world.visit(Some(&id), async |session: Session| {
            session.get_raw("seen").await?;
            tokio::task::yield_now().await;
            session.rotate()
        })
    });
    let replies = join_all(visits).await;
    let winners = replies
        .iter()
        .filter(|reply| reply.new_id().is_some())
        .count();
    let losers = replies.iter().filter(|reply| reply.is_cleared()).count();
    assert_eq!((winners, losers), (1, 15));
    assert_eq!(world.backend.len(), 1);
}
