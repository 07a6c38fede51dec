//! Counters: at once, alone, and never twice.

use crate::common::{World, field, kind};
use http::StatusCode;
use session_core::{Effect, ErrorKind};
use session_memory::Step;
use session_tower::Session;

#[tokio::test]
async fn a_field_that_the_request_set_itself_is_counted_on_from_there() {
    let world = World::new();
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.insert("n", 10)?;
            assert_eq!(session.increment("n", 5).await?, 15);
            session.remove("seen")?;
            assert_eq!(session.increment("seen", 1).await?, 1);
            session.insert("text", "abc")?;
            let error = session.increment("text", 1).await.unwrap_err();
            assert_eq!(
                (kind(&error), error.effect()),
                (ErrorKind::NotAnInteger, Effect::NotApplied)
            );
            session.insert("max", i64::MAX)?;
            assert_eq!(
                kind(&session.increment("max", 1).await.unwrap_err()),
                ErrorKind::Overflow
            );
            let counted = session.increment_and_load("n", 1).await?.unwrap();
            assert_eq!(counted.value, 16);
            assert_eq!(field(&counted.record, "n"), None);
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1), (Step::Write, 1)]);
    let record = world.peek(&id).await.unwrap();
    assert_eq!(field(&record, "n"), Some("16"));
    assert_eq!(field(&record, "seen"), Some("1"));
    assert_eq!(field(&record, "text"), Some("abc"));
}

#[tokio::test]
async fn a_refused_increment_changes_nothing_and_the_request_goes_on() {
    let world = World::new();
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            let error = session.increment("seen", 1).await.unwrap_err();
            assert_eq!(kind(&error), ErrorKind::NotAnInteger);
            assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let error = session.increment("session_ttl", 1).await.unwrap_err();
            assert_eq!(kind(&error), ErrorKind::ReservedField);
            session.insert("a", "1")
        })
        .await;
    assert_eq!(reply.status(), 200);
    assert_eq!(world.peek(&id).await.unwrap().fields().len(), 2);
}

#[tokio::test]
async fn an_increment_whose_answer_is_lost_is_never_sent_again() {
    let world = World::new();
    let id = world.session().await;
    world.fault(Step::Write).lose_reply();
    let reply = world
        .visit(Some(&id), async |session: Session| {
            assert_eq!(session.get::<String>("n").await?, None);
            let error = session.increment("n", 1).await.unwrap_err();
            assert_eq!(error.effect(), Effect::Unknown);
            // What was known of the fields is no longer.
            assert_eq!(session.get::<String>("n").await?.as_deref(), Some("1"));
            Ok(())
        })
        .await;
    assert_eq!(reply.steps, [(Step::Read, 2), (Step::Write, 1)]);
    assert_eq!(field(&world.peek(&id).await.unwrap(), "n"), Some("1"));
}
