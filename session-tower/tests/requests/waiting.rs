//! Every wait ends, however the handler polls, keeps or drops its futures; and nothing is sent
//! twice.

use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use crate::common::{World, field, insert, is_dropped, principal};
use session_core::{Effect, ErrorKind, NewSession, SessionBackend, SessionId};
use session_memory::Step;
use session_tower::{ChangesDropped, Session, SessionError};

type Kept<T> = Pin<Box<dyn Future<Output = Result<T, SessionError>> + Send>>;

/// An operation that has begun, and that nobody polls again.
fn begun<T>(operation: impl Future<Output = Result<T, SessionError>> + Send + 'static) -> Kept<T> {
    let mut kept: Kept<T> = Box::pin(operation);
    let polled = kept.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "it answers too fast");
    kept
}

/// The next call of this kind takes 100 ms.
fn slow(world: &World, step: Step) {
    world.fault(step).delay(Duration::from_millis(100));
}

async fn within_deadline<T>(answer: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(Duration::from_millis(500), answer).await;
    answer.expect("it waits for ever")
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_is_polled_once_and_kept_holds_up_nothing() {
    for ends in 0..3 {
        let world = World::new();
        let id = world.session().await;
        slow(&world, if ends == 2 { Step::Read } else { Step::Write });
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let visit = world.visit(Some(&id), async move |session: Session| {
            let clone = session.clone();
            let kept: Kept<()> = match ends {
                0 => begun(async move { clone.increment("n", 1).await.map(drop) }),
                1 => {
                    session.insert("n", "1")?;
                    begun(async move { clone.save().await })
                }
                _ => {
                    session.insert("n", "1")?;
                    begun(async move { clone.load().await.map(drop) })
                }
            };
            if ends == 0 {
                // Another operation waits for it, and only for it.
                assert!(session.load().await?.is_some());
            }
            // The future goes on in the body, say, after the head of the response.
            assert!(sender.send(kept).is_ok());
            Ok(())
        });
        let reply = within_deadline(visit).await;
        assert_eq!(reply.status(), 200);
        let record = world.peek(&id).await.unwrap();
        assert_eq!(field(&record, "n"), Some("1"), "{ends}");
        within_deadline(receiver.await.unwrap()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn two_operations_in_one_select_both_end() {
    let world = World::new();
    let id = world.session().await;
    slow(&world, Step::Read);
    let visit = world.visit(Some(&id), async |session: Session| {
        let mut read = Box::pin(session.get_raw("seen"));
        tokio::select! {
            biased;
            _ = &mut read => panic!("too fast"),
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
        }
        // The read is pinned here, and not polled.
        session.increment("n", 1).await?;
        assert!(read.await?.is_some());
        Ok(())
    });
    within_deadline(visit)
        .await
        .assert_cost(&[(Step::Read, 1), (Step::Write, 1)]);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_never_began_changes_nothing() {
    let world = World::new();
    let id = world.session().await;
    slow(&world, Step::Read);
    let visit = world.visit(Some(&id), async |session: Session| {
        let (reader, writer) = (session.clone(), session.clone());
        let kept = begun(async move { reader.load().await });
        drop(begun(async move { writer.increment("n", 1).await }));
        drop(kept);
        Ok(())
    });
    within_deadline(visit).await.assert_cost(&[(Step::Read, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_drops_its_operations() {
    let world = World::new();
    let id = world.session().await;
    slow(&world, Step::Write);
    let visit = world.visit(Some(&id), async |session: Session| {
        let clone = session.clone();
        let _kept = begun(async move { clone.increment("n", 1).await });
        std::future::pending::<Result<(), SessionError>>().await
    });
    let visit = tokio::time::timeout(Duration::from_millis(10), visit).await;
    assert!(visit.is_err());
    assert_eq!(world.backend.faults().pending(), 0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(field(&world.peek(&id).await.unwrap(), "n"), None);
}

// ---- Unknown is not sent twice ------------------------------------------------------------------

/// The reply to the next call of this kind is lost, after it was done or before.
fn lose_reply(world: &World, step: Step, is_done: bool) {
    let fault = world.fault(step);
    match is_done {
        true => fault.lose_reply(),
        false => fault.fail(ErrorKind::Timeout, Effect::Unknown),
    }
}

#[tokio::test]
async fn a_log_in_whose_reply_is_lost_is_one_session_or_none() {
    for (has_session, is_done, is_saved) in (0..8).map(|n| (n & 1 > 0, n & 2 > 0, n & 4 > 0)) {
        let world = World::new();
        let id = world.session().await;
        let (cookie, step) = match has_session {
            true => (Some(&id), Step::Rename),
            false => (None, Step::Insert),
        };
        lose_reply(&world, step, is_done);
        let reply = world
            .visit(cookie, async move |session: Session| {
                session.log_in(principal("ann"))?;
                if is_saved {
                    // The handler sees to it itself, and keeps its response.
                    assert_eq!(session.save().await.is_ok(), is_done);
                }
                Ok(())
            })
            .await;
        let listed = world.backend.list_sessions(&principal("ann")).await;
        assert_eq!(listed.unwrap().len(), usize::from(is_done));
        assert_eq!(reply.new_id().is_some(), is_done);
        assert_eq!(reply.status(), if is_done || is_saved { 200 } else { 503 });
        // One step, and one look.
        assert_eq!(reply.steps.iter().map(|(_, calls)| calls).sum::<u64>(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_save_of_which_nobody_knows_fails_the_response() {
    for (effect, status, writes) in [(Effect::Unknown, 503, 1), (Effect::NotApplied, 200, 2)] {
        let world = World::new();
        let id = world.session().await;
        slow(&world, Step::Write);
        world.fault(Step::Write).fail(ErrorKind::Timeout, effect);
        let reply = world
            .visit(Some(&id), async move |session: Session| {
                session.insert("a", "1")?;
                let clone = session.clone();
                drop(begun(async move { clone.save().await }));
                Ok(())
            })
            .await;
        assert_eq!(reply.status(), status);
        assert_eq!(reply.steps, [(Step::Write, writes)]);
    }
}

// ---- What cannot take effect --------------------------------------------------------------------

#[tokio::test]
async fn dropped_changes_are_an_error_or_in_the_extensions() {
    let world = World::new();
    let id = world.session().await;
    world.visit(Some(&id), crate::common::rotate).await;
    let saved = world
        .visit(Some(&id), async |session: Session| {
            session.insert("a", "1")?;
            assert!(is_dropped(session.save().await));
            assert!(is_dropped(session.increment("n", 1).await));
            assert!(is_dropped(session.increment_and_load("n", 1).await));
            Ok(())
        })
        .await;
    let counted = world
        .visit(Some(&id), async |session: Session| {
            assert!(is_dropped(session.increment_and_load("n", 1).await));
            Ok(())
        })
        .await;
    assert_eq!(counted.status(), 200);
    let committed = world.visit(Some(&id), insert).await;
    for (reply, is_told_late) in [(saved, false), (committed, true)] {
        assert_eq!((reply.status(), reply.set_cookie()), (200, None));
        let told = reply.response.extensions().get::<ChangesDropped>();
        assert_eq!(told.is_some(), is_told_late);
    }
}

#[tokio::test]
async fn what_is_discarded_is_not_applied() {
    let world = World::new();
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.insert("a", "1")?;
            session.log_out()?;
            session.discard()?;
            assert_eq!(session.fields().await?.len(), 1);
            session.insert("b", "1")
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1), (Step::Write, 1)]);
    let record = world.peek(&id).await.unwrap();
    assert_eq!(
        (field(&record, "a"), field(&record, "b")),
        (None, Some("1"))
    );
}

// ---- Log-in over a session ----------------------------------------------------------------------

#[tokio::test]
async fn another_user_starts_clean_and_the_same_one_goes_on() {
    for (who, fields) in [("ann", 3), ("bob", 2)] {
        for is_saved in [false, true] {
            let world = World::new();
            let begin = world.visit(None, async |session: Session| {
                session.insert("cart", "7")?;
                session.log_in(principal("ann"))
            });
            let id = begin.await.new_id().unwrap();
            let before = world.peek(&id).await.unwrap();
            world.clock.advance(Duration::from_secs(60));
            let reply = world
                .visit(Some(&id), async move |session: Session| {
                    assert!(session.contains("cart").await?);
                    session.insert("early", "1")?;
                    session.log_in(principal(who))?;
                    session.insert("late", "1")?;
                    if is_saved {
                        session.save().await?;
                    }
                    // Reads see it at once.
                    assert_eq!(session.fields().await?.len(), fields);
                    assert_eq!(session.contains("cart").await?, who == "ann");
                    Ok(())
                })
                .await;
            let after = world.peek(&reply.new_id().unwrap()).await.unwrap();
            assert_eq!(after.fields().len(), fields);
            assert_eq!(after.principal(), Some(principal(who)));
            // A second log-in renews the deadline.
            let minute = Duration::from_secs(60);
            let renewed = after.deadline().unwrap().since(before.deadline().unwrap());
            assert_eq!(renewed, minute);
            assert_eq!(after.created_at() == before.created_at(), who == "ann");
        }
    }
}

#[tokio::test]
async fn a_log_in_of_two_is_that_of_the_second() {
    let world = World::new();
    let created = world
        .backend
        .create_session(NewSession::default().bind(principal("ann")))
        .await;
    let reply = world
        .visit(Some(&created.unwrap().id), async |session: Session| {
            session.log_in(principal("ann"))?;
            session.log_in(principal("bob"))
        })
        .await;
    reply.assert_cost(&[(Step::Rename, 1)]);
    let record = world.peek(&reply.new_id().unwrap()).await.unwrap();
    assert_eq!(record.principal(), Some(principal("bob")));
}

#[tokio::test]
async fn a_log_out_can_keep_fields_for_the_visitor() {
    for is_bound in [true, false] {
        let world = World::new();
        let begin = world.visit(None, async move |session: Session| {
            session.insert("cart", "7")?;
            session.insert("secret", "7")?;
            if is_bound {
                session.log_in(principal("ann"))?;
                assert_eq!(session.principal().await?, Some(principal("ann")));
            }
            Ok::<(), SessionError>(())
        });
        let id = begin.await.new_id().unwrap();
        let keep_known = async move |session: Session| {
            session.load().await?;
            session.log_out_keeping(["cart"])?;
            session.insert("late", "1")?;
            assert_eq!(session.principal().await?, None);
            assert_eq!(session.contains("secret").await?, !is_bound);
            Ok::<(), SessionError>(())
        };
        let reply = world.visit(Some(&id), keep_known).await;
        let new = reply.new_id().unwrap();
        let record = world.peek(&new).await;
        // A visitor's session is nobody's, and keeps what it has.
        if is_bound {
            let record = record.unwrap();
            assert_eq!(
                (field(&record, "cart"), record.fields().len()),
                (Some("7"), 2)
            );
            assert_eq!(record.principal(), None);
            assert!(
                world
                    .backend
                    .list_sessions(&principal("ann"))
                    .await
                    .unwrap()
                    .is_empty()
            );
        }
        // A late one, with the old id, ends it all the same.
        let late = world.visit(Some(&id), async |session: Session| {
            session.log_out_keeping(["cart"])
        });
        let late = late.await;
        assert!(late.is_cleared());
        assert_eq!(world.peek(&new).await.is_some(), is_bound);
    }
}

// ---- After the response headers -----------------------------------------------------------------

#[tokio::test]
async fn a_read_after_the_response_headers_asks_the_store() {
    let world = World::new();
    let id: SessionId = world.session().await;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    world
        .visit(Some(&id), async move |session: Session| {
            session.load().await?;
            assert!(sender.send(session).is_ok());
            Ok(())
        })
        .await;
    let session = receiver.await.unwrap();
    let elsewhere = session_core::Delta::new().set(crate::common::name("seen"), "no");
    world.backend.update_session(&id, elsewhere).await.unwrap();
    let seen = session.get::<String>("seen").await.unwrap();
    assert_eq!(seen.as_deref(), Some("no"));
    world.backend.delete_session(&id).await.unwrap();
    assert_eq!(session.load().await.unwrap(), None);
    assert_eq!(
        session.presence().await.unwrap(),
        session_tower::Presence::NotFound
    );
}
