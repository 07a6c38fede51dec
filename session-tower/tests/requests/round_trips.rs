//! What a request costs, as the backend counts it.

use std::time::Duration;

use crate::common::{World, destroy, field, insert, log_in, log_out, principal, read, rotate};
use session_core::{LogIn, SessionBackend, SessionId, SessionTtl};
use session_memory::Step;
use session_tower::{Presence, ReadSession, Session};

#[tokio::test]
async fn a_handler_that_ignores_the_session_costs_nothing_and_leaves_the_response_alone() {
    let world = World::new();
    let id = world.session().await;
    for cookie in [Some(&id), None] {
        let reply = world.visit(cookie, async |_| ()).await;
        reply.assert_cost(&[]);
        assert!(reply.is_untouched());
    }
}

#[tokio::test]
async fn doing_one_thing_costs_one() {
    let world = World::new();
    let mut id = world.session().await;
    for (reply, step) in [
        (world.visit(Some(&id), read).await, Step::Read),
        (world.visit(Some(&id), insert).await, Step::Write),
        (world.visit(Some(&id), rotate).await, Step::Rename),
    ] {
        reply.assert_cost(&[(step, 1)]);
        id = reply.new_id().unwrap_or(id);
    }
    let log_in = world.visit(Some(&id), log_in).await;
    log_in.assert_cost(&[(Step::Rename, 1)]);
    id = log_in.new_id().unwrap();
    // Logging out twice is no error.
    for reply in [
        world.visit(Some(&id), destroy).await,
        world.visit(Some(&id), log_out).await,
    ] {
        reply.assert_cost(&[(Step::Remove, 1)]);
        assert!(reply.is_cleared());
    }
    assert_eq!(world.sessions().await, 0);
}

#[tokio::test]
async fn reading_costs_one_however_often() {
    let world = World::new();
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            assert_eq!(session.get::<String>("seen").await?.unwrap(), "yes");
            assert!(session.contains("seen").await?);
            assert_eq!(session.get_raw("other").await?, None);
            assert_eq!(session.fields().await?.len(), 1);
            assert!(session.load().await?.is_some());
            assert_eq!(session.presence().await?, Presence::Live);
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1)]);
    assert_eq!(reply.set_cookie(), None);
}

#[tokio::test]
async fn only_incrementing_costs_one_each() {
    let world = World::new();
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            assert_eq!(session.increment("n", 2).await?, 2);
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Write, 1)]);
    let reply = world
        .visit(Some(&id), async |session: Session| {
            let counted = session.increment_and_load("n", 2).await?.unwrap();
            assert_eq!(counted.value, 4);
            assert_eq!(field(&counted.record, "seen"), Some("yes"));
            // What came back serves the reads that follow.
            assert_eq!(session.get::<u8>("n").await?, Some(4));
            assert_eq!(session.load().await?, Some(counted.record));
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Write, 1)]);
}

#[tokio::test]
async fn only_writing_costs_one_however_much() {
    let world = World::new();
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.insert("a", "1")?;
            session.insert_raw("b", vec![0xff])?;
            session.remove("seen")?;
            session.set_ttl(SessionTtl::from_secs(60)?)?;
            // Its own writes need no reading.
            assert_eq!(session.get::<String>("a").await?.as_deref(), Some("1"));
            assert!(!session.contains("seen").await?);
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Write, 1)]);
    let record = world.peek(&id).await.unwrap();
    assert_eq!(record.fields().len(), 2);
    assert_eq!(record.configured_ttl().as_secs(), 60);
}

#[tokio::test]
async fn reading_and_writing_cost_two() {
    let world = World::new();
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            let seen = session.get::<String>("seen").await?.unwrap_or_default();
            session.insert("a", seen)?;
            assert_eq!(session.fields().await?.len(), 2);
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1), (Step::Write, 1)]);
    // Taking a message out is that, too; and what is known to be absent needs no write.
    for (taken, steps) in [
        (Some("yes"), &[(Step::Read, 1), (Step::Write, 1)][..]),
        (None, &[(Step::Read, 1)]),
    ] {
        let reply = world
            .visit(Some(&id), async move |session: Session| {
                assert_eq!(session.take::<String>("seen").await?.as_deref(), taken);
                assert_eq!(session.take::<String>("seen").await?, None);
                session.remove("seen")
            })
            .await;
        reply.assert_cost(steps);
    }
}

#[tokio::test]
async fn a_login_costs_one_and_two_with_a_read() {
    let world = World::new();
    let visitor = world.session().await;
    let log_in = async |session: Session| {
        session.log_in(principal("ann"))?;
        session.insert("username", "ann")
    };
    let reply = world.visit(Some(&visitor), log_in).await;
    reply.assert_cost(&[(Step::Rename, 1)]);
    let id = reply.new_id().unwrap();
    assert_eq!(world.peek(&visitor).await, None);
    assert_eq!(field(&world.peek(&id).await.unwrap(), "seen"), Some("yes"));
    let reply = world.visit(None, log_in).await;
    reply.assert_cost(&[(Step::Insert, 1)]);
    for id in [&id, &reply.new_id().unwrap()] {
        let record = world.peek(id).await.unwrap();
        assert_eq!(field(&record, "username"), Some("ann"));
        assert_eq!(record.principal(), Some(principal("ann")));
        assert!(record.deadline().is_some());
    }
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.get_raw("username").await?;
            session.log_in(principal("bob"))
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1), (Step::Rename, 1)]);
}

/// Read before it or not, in one request and by the next one.
#[tokio::test]
async fn a_fresh_log_in_is_one_step_and_leaves_nothing_of_the_visitor() {
    for reads in [false, true] {
        let world = World::new();
        let visitor = world.session().await;
        let reply = world
            .visit(Some(&visitor), async move |session: Session| {
                if reads {
                    assert!(session.contains("seen").await?);
                }
                session.insert("username", "ann")?;
                session.log_in(LogIn::new(principal("ann")).fresh())?;
                if reads {
                    assert_eq!(session.fields().await?.len(), 1);
                }
                Ok(())
            })
            .await;
        let steps = [(Step::Read, 1), (Step::Rename, 1)];
        reply.assert_cost(&steps[usize::from(!reads)..]);
        let record = world.peek(&reply.new_id().unwrap()).await.unwrap();
        assert_eq!(record.fields().len(), 1);
        assert_eq!(field(&record, "username"), Some("ann"));
        assert_eq!(record.principal(), Some(principal("ann")));
    }
}

/// By what it brings, else by the policy's; what a request says beside it counts too.
#[tokio::test]
async fn each_log_in_has_a_ttl_of_its_own() {
    let world = World::new();
    let mut id = world.session().await;
    let ttl = |secs| SessionTtl::from_secs(secs).unwrap();
    let default = world.backend.policy().default_ttl();
    for (brings, sets, expected) in [
        (Some(7), None, ttl(7)),
        (None, None, default),
        (None, Some(8), ttl(8)),
        (Some(9), None, ttl(9)),
        (None, None, default),
    ] {
        let reply = world
            .visit(Some(&id), async move |session: Session| {
                if let Some(sets) = sets {
                    session.set_ttl(ttl(sets))?;
                }
                let log_in = LogIn::new(principal("ann"));
                session.log_in(match brings {
                    Some(brings) => log_in.ttl(ttl(brings)),
                    None => log_in,
                })
            })
            .await;
        reply.assert_cost(&[(Step::Rename, 1)]);
        id = reply.new_id().unwrap();
        let record = world.peek(&id).await.unwrap();
        assert_eq!(record.configured_ttl(), expected);
    }
}

#[tokio::test]
async fn nothing_is_written_twice() {
    let world = World::new();
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.insert("a", "1")?;
            session.save().await?;
            // Nothing waits any more.
            session.save().await?;
            assert_eq!(session.get::<String>("a").await?.as_deref(), Some("1"));
            Ok(())
        })
        .await;
    // The read is for `a`: what was saved without a session loaded is not kept.
    reply.assert_cost(&[(Step::Read, 1), (Step::Write, 1)]);

    let reply = world
        .visit(Some(&id), async |session: Session| {
            let record = session.save_and_load().await?;
            assert!(record.is_some() && session.load().await? == record);
            session.insert("b", "2")?;
            session.save().await?;
            assert_eq!(session.fields().await?.len(), 3);
            session.rotate()?;
            session.save().await?;
            assert_eq!(session.fields().await?.len(), 3);
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1), (Step::Write, 1), (Step::Rename, 1)]);
    let id = reply.new_id().unwrap();

    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.destroy()?;
            session.save().await
        })
        .await;
    reply.assert_cost(&[(Step::Remove, 1)]);
    assert!(reply.is_cleared());

    let reply = world
        .visit(None, async |session: Session| {
            session.insert("a", "1")?;
            session.save().await
        })
        .await;
    reply.assert_cost(&[(Step::Insert, 1)]);
    assert!(reply.new_id().is_some());
}

#[tokio::test]
async fn looking_costs_one_and_is_no_use() {
    let world = World::new();
    let id = world.session().await;
    world.clock.advance(Duration::from_secs(100));
    let reply = world
        .visit(Some(&id), async |session: Session| {
            let look = ReadSession::from(session);
            assert_eq!(look.get::<String>("seen").await?.as_deref(), Some("yes"));
            assert!(look.contains("seen").await? && look.load().await?.is_some());
            assert_eq!(look.fields().await?.len(), 1);
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1)]);
    let left = world.peek(&id).await.unwrap().ttl().whole_seconds();
    assert_eq!(left, Some(1700));

    // A use after a look is a use; a look after a use costs nothing, and takes nothing from it.
    let reply = world
        .visit(Some(&id), async |session: Session| {
            ReadSession::from(session.clone()).get_raw("seen").await?;
            session.get_raw("seen").await?;
            ReadSession::from(session.clone()).load().await?;
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Read, 2)]);
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.get_raw("seen").await?;
            session.increment("n", 1).await?;
            // What was counted is known; the record as a whole is not, and is asked for again.
            assert_eq!(session.get::<String>("n").await?.as_deref(), Some("1"));
            let record = ReadSession::from(session.clone()).load().await?.unwrap();
            assert_eq!(field(&record, "n"), Some("1"));
            session.get_raw("seen").await?;
            session.load().await?;
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Read, 2), (Step::Write, 1)]);
    let left = world.peek(&id).await.unwrap().ttl().whole_seconds();
    assert_eq!(left, Some(1800));
}

#[tokio::test]
async fn counting_does_not_carry_what_waits() {
    let world = World::new();
    let id = world.session().await;
    let (backend, theirs) = (world.backend.clone(), id.clone());
    let reply = world
        .visit(Some(&id), async move |session: Session| {
            session.insert("a", "1")?;
            assert_eq!(session.increment("n", 1).await?, 1);
            let stored = backend.peek_session(&theirs).await?.unwrap();
            assert_eq!(field(&stored, "n"), Some("1"));
            assert_eq!(field(&stored, "a"), None);
            Ok(())
        })
        .await;
    // One of the reads is the test's own.
    reply.assert_cost(&[(Step::Read, 1), (Step::Write, 2)]);
    assert_eq!(field(&world.peek(&id).await.unwrap(), "a"), Some("1"));
}

// ---- Without a session --------------------------------------------------------------------------

#[tokio::test]
async fn an_anonymous_visitor_costs_nothing_until_something_is_set() {
    let world = World::new();
    for lines in [&[][..], &[b"__Host-id=guess".as_slice()]] {
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
                session.save().await?;
                Ok(())
            })
            .await;
        reply.assert_cost(&[]);
        assert_eq!(reply.is_cleared(), !lines.is_empty());
    }
    assert_eq!(world.backend.len(), 0);
    // A counter is created with its session in one.
    let reply = world
        .visit(None, async |session: Session| {
            assert_eq!(session.increment("views", 1).await?, 1);
            assert_eq!(session.increment("views", 2).await?, 3);
            session.insert("name", "ann")
        })
        .await;
    reply.assert_cost(&[(Step::Insert, 1)]);
    let record = world.peek(&reply.new_id().unwrap()).await.unwrap();
    assert_eq!(field(&record, "views"), Some("3"));
}

#[tokio::test]
async fn a_dead_cookie_costs_one_and_one_more_when_something_is_set() {
    let world = World::new();
    let dead = SessionId::random().unwrap();
    for (deed, step) in [(0, Step::Read), (1, Step::Write), (2, Step::Write)] {
        let reply = world
            .visit(Some(&dead), async move |session: Session| {
                match deed {
                    0 => assert_eq!(session.load().await?, None),
                    1 => assert_eq!(session.increment_and_load("n", 1).await?, None),
                    _ => {
                        session.set_ttl(SessionTtl::MIN)?;
                        assert_eq!(session.save_and_load().await?, None);
                    }
                }
                assert_eq!(session.presence().await?, Presence::NotFound);
                Ok(())
            })
            .await;
        reply.assert_cost(&[(step, 1)]);
        assert_eq!(reply.set_cookie(), None);
    }
    assert_eq!(world.backend.len(), 0);
    let reply = world.visit(Some(&dead), rotate).await;
    reply.assert_cost(&[(Step::Rename, 1)]);
    assert_eq!(reply.set_cookie(), None);
    assert_eq!(world.backend.len(), 0);
    for (reply, step) in [
        (world.visit(Some(&dead), insert).await, Step::Write),
        (world.visit(Some(&dead), log_in).await, Step::Rename),
    ] {
        reply.assert_cost(&[(Step::Insert, 1), (step, 1)]);
        assert!(world.peek(&reply.new_id().unwrap()).await.is_some());
    }
}
