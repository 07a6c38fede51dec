//! What visitors without a session, and the routes of a small application, cost.

use std::time::Duration;

use crate::common::{World, field};
use session_core::{SessionId, SessionTtl};
use session_memory::Step;
use session_tower::Session;

type Steps<'a> = &'a [(Step, u64)];

const NOTHING: Steps<'_> = &[];

#[tokio::test]
async fn an_anonymous_visitor_costs_nothing_until_something_is_set() {
    let world = World::new();
    let malformed = b"__Host-id=guess".as_slice();
    for lines in [&[][..], &[malformed]] {
        let reply = world
            .visit_with(lines, async |session: Session| {
                assert_eq!(session.get_raw("a").await?, None);
                assert_eq!(session.load().await?, None);
                assert_eq!(session.increment_and_load("n", 1).await?, None);
                session.rotate()?;
                session.remove("a")?;
                session.set_ttl(SessionTtl::MIN)?;
                session.destroy()?;
                session.rotate()?;
                assert!(session.save().await?);
                Ok(())
            })
            .await;
        assert_eq!((reply.status(), &*reply.steps), (200, NOTHING));
        assert_eq!(reply.is_cleared(), !lines.is_empty());
    }
    assert_eq!(world.backend.len(), 0);
}

#[tokio::test]
async fn a_counter_of_an_anonymous_visitor_is_created_with_its_session_in_one() {
    let world = World::new();
    let reply = world
        .visit(None, async |session: Session| {
            assert_eq!(session.increment("views", 1).await?, Some(1));
            assert_eq!(session.increment("views", 2).await?, Some(3));
            session.insert("name", "ann")
        })
        .await;
    assert_eq!(reply.steps, [(Step::Insert, 1)]);
    let record = world.peek(&reply.new_id().unwrap()).await.unwrap();
    assert_eq!(field(&record, "views"), Some("3"));
}

/// The routes of a small application that shows a session and its life, one round trip each.
#[tokio::test]
async fn showing_counting_changing_the_ttl_and_logging_out_cost_one_each() {
    let world = World::new();
    let id = world.session().await;
    let show = world
        .visit(Some(&id), async |session: Session| {
            session.load().await?.expect("a session");
            Ok(())
        })
        .await;
    let count = world
        .visit(Some(&id), async |session: Session| {
            session
                .increment_and_load("page_views", 1)
                .await?
                .expect("a session");
            Ok(())
        })
        .await;
    let change_ttl = world
        .visit(Some(&id), async |session: Session| {
            session.set_ttl(SessionTtl::from_secs(5)?)?;
            let record = session.save_and_load().await?.expect("a session");
            assert_eq!(record.ttl().as_duration(), Some(Duration::from_secs(5)));
            assert_eq!(session.load().await?, Some(record));
            Ok(())
        })
        .await;
    let log_out = world
        .visit(Some(&id), async |session: Session| session.log_out())
        .await;
    for (reply, step) in [
        (show, Step::Read),
        (count, Step::Write),
        (change_ttl, Step::Write),
        (log_out, Step::Remove),
    ] {
        assert_eq!((reply.status(), &*reply.steps), (200, &[(step, 1)][..]));
    }
}

#[tokio::test]
async fn the_same_routes_with_a_dead_cookie_cost_one_each_and_create_nothing() {
    let world = World::new();
    let dead = SessionId::random().unwrap();
    let show = world
        .visit(Some(&dead), async |session: Session| {
            assert_eq!(session.load().await?, None);
            assert_eq!(session.presence().await?, session_tower::Presence::Gone);
            Ok(())
        })
        .await;
    let count = world
        .visit(Some(&dead), async |session: Session| {
            assert_eq!(session.increment_and_load("page_views", 1).await?, None);
            Ok(())
        })
        .await;
    let change_ttl = world
        .visit(Some(&dead), async |session: Session| {
            session.set_ttl(SessionTtl::MIN)?;
            assert_eq!(session.save_and_load().await?, None);
            Ok(())
        })
        .await;
    for reply in [show, count, change_ttl] {
        assert_eq!(reply.steps.iter().map(|(_, calls)| calls).sum::<u64>(), 1);
        assert_eq!(reply.status(), 200);
        assert!(reply.is_cleared());
    }
    assert_eq!(world.backend.len(), 0);
}
