//! Several clones of the handle at work in one request, and operations that are dropped on the way.

use std::time::Duration;

use session_core::{SessionId, SessionTtl};
use session_memory::Step;
use session_tower::{Session, SessionError};

use crate::common::{World, field, is_dropped, log_in, log_out, principal};

/// The next call of this kind takes a second.
fn slow(world: &World, step: Step) {
    world.fault(step).delay(Duration::from_secs(1));
}

/// Waits for half of that.
async fn half_way() {
    tokio::time::sleep(Duration::from_millis(500)).await;
}

#[tokio::test(start_paused = true)]
async fn clones_that_read_at_the_same_time_load_once() {
    let world = World::new();
    let id = world.session().await;
    slow(&world, Step::Read);
    let reply = world
        .visit(Some(&id), async |session: Session| {
            let (one, other) = (session.clone(), session.clone());
            let (a, b, c) = tokio::join!(one.get::<String>("seen"), other.fields(), session.load());
            assert_eq!(a?.as_deref(), Some("yes"));
            assert_eq!((b?.len(), c?.is_some()), (1, true));
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1)]);
}

#[tokio::test(start_paused = true)]
async fn an_operation_whose_future_is_dropped_goes_on_and_is_not_sent_again() {
    let world = World::new();
    let id = world.session().await;
    slow(&world, Step::Write);
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.insert("a", "1")?;
            session.rotate()?;
            session.remove("seen")?;
            tokio::select! {
                _ = session.increment("n", 1) => panic!("too fast"),
                () = half_way() => {}
            }
            // Who waits drives it to its end.
            assert_eq!(session.fields().await?.len(), 2);
            Ok(())
        })
        .await;
    let steps = [(Step::Read, 1), (Step::Write, 1), (Step::Rename, 1)];
    assert_eq!((reply.status(), &*reply.steps), (200, &steps[..]));

    let id = reply.new_id().unwrap();
    slow(&world, Step::Rename);
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.insert("b", "1")?;
            session.rotate()?;
            tokio::select! {
                _ = session.save() => panic!("too fast"),
                () = half_way() => {}
            }
            // What is on its way is seen, and more can be changed.
            assert_eq!(session.get::<String>("b").await?.as_deref(), Some("1"));
            session.insert("c", "1")
        })
        .await;
    reply.assert_cost(&[(Step::Write, 1), (Step::Rename, 1)]);
    let record = world.peek(&reply.new_id().unwrap()).await.unwrap();
    assert_eq!((field(&record, "n"), record.fields().len()), (Some("1"), 4));
    assert_eq!(world.sessions().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_change_during_a_save_is_not_lost_and_not_undone_by_it() {
    let world = World::new();
    let id = world.session().await;
    slow(&world, Step::Write);
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.insert("a", "1")?;
            session.insert("b", "1")?;
            let meanwhile = async {
                half_way().await;
                session.insert("a", "2")?;
                session.remove("b")?;
                assert_eq!(session.get::<String>("a").await?.as_deref(), Some("2"));
                Ok::<_, SessionError>(())
            };
            let (saved, changed) = tokio::join!(session.save(), meanwhile);
            saved?;
            changed
        })
        .await;
    reply.assert_cost(&[(Step::Write, 2)]);
    let record = world.peek(&id).await.unwrap();
    assert_eq!(
        (field(&record, "a"), field(&record, "b")),
        (Some("2"), None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_destroyed_during_a_save_is_dropped_under_every_id() {
    for step in [Step::Write, Step::Rename] {
        let world = World::new();
        let id = world.session().await;
        slow(&world, step);
        let reply = world
            .visit(Some(&id), async move |session: Session| {
                session.insert("a", "1")?;
                if step == Step::Rename {
                    session.rotate()?;
                }
                let meanwhile = async {
                    half_way().await;
                    session.destroy()?;
                    assert!(session.fields().await?.is_empty());
                    Ok::<_, SessionError>(())
                };
                let (saved, ended) = tokio::join!(session.save(), meanwhile);
                saved?;
                ended
            })
            .await;
        reply.assert_cost(&[(step, 1), (Step::Remove, 1)]);
        assert!(reply.is_cleared());
        assert_eq!(world.sessions().await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_waits_for_operations_under_way() {
    let world = World::new();
    let id = world.session().await;
    slow(&world, Step::Rename);
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.rotate()?;
            let task = session.clone();
            tokio::spawn(async move { task.save().await });
            half_way().await;
            Ok(())
        })
        .await;
    assert_eq!(reply.steps, [(Step::Rename, 1)]);
    assert!(world.peek(&reply.new_id().unwrap()).await.is_some());

    // So do reads.
    let dead = SessionId::random().unwrap();
    slow(&world, Step::Read);
    let reply = world
        .visit(Some(&dead), async |session: Session| {
            let task = session.clone();
            tokio::spawn(async move { task.load().await });
            half_way().await;
            Ok(())
        })
        .await;
    assert_eq!(reply.steps, [(Step::Read, 1)]);
    assert_eq!(reply.set_cookie(), None);
}

/// A page polls while its user logs in: whichever request and whichever response comes first, the
/// browser ends with the cookie of the log-in.
#[tokio::test]
async fn log_ins_beside_polls_end_logged_in() {
    const PAUSES: usize = 4;
    const REQUESTS: usize = 3;
    async fn pause(turns: usize) {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }
    for round in 0..PAUSES.pow(5) {
        let of = |n: u32| round / PAUSES.pow(n) % PAUSES;
        let world = World::new();
        let old = world.session().await;
        let poll = async |before, after| {
            pause(before).await;
            let deed = async move |session: Session| {
                pause(after).await;
                match (before + after) % REQUESTS {
                    0 => session.load().await.map(|_| ()),
                    1 => match session.increment("n", 1).await {
                        Err(SessionError::ChangesDropped) => Ok(()),
                        counted => counted.map(|_| ()),
                    },
                    _ => session.insert("a", "1"),
                }
            };
            world.visit(Some(&old), deed).await
        };
        let login = async |before, after| {
            pause(before).await;
            let deed = async move |session: Session| {
                session.get_raw("seen").await?;
                pause(after).await;
                session.log_in(principal("ann"))
            };
            world.visit(Some(&old), deed).await
        };
        let (first, login) = tokio::join!(poll(of(0), of(1)), login(of(2), of(3)));
        let second = poll(of(4), 0).await;
        let new = login.new_id().expect("a log-in has a cookie");
        for reply in [first, second] {
            assert_eq!((reply.status(), reply.set_cookie()), (200, None), "{round}");
        }
        let record = world.peek(&new).await.expect("the log-in's session");
        assert_eq!(record.principal(), Some(principal("ann")), "{round}");
        assert_eq!(world.sessions().await, 1, "{round}");
    }
}

/// A browser sends several requests with one cookie, and one of them logs in or rotates: whatever
/// the others do, they leave the newer cookie alone, begin no session and change none.
#[tokio::test]
async fn requests_with_a_rotated_id_leave_the_newer_cookie_alone() {
    for logs_in in [true, false] {
        let world = World::new();
        let old = world.session().await;
        let reply = world
            .visit(Some(&old), async move |session: Session| {
                if logs_in {
                    session.log_in(principal("ann"))
                } else {
                    session.rotate()
                }
            })
            .await;
        let new = reply.new_id().unwrap();
        let before = world.peek(&new).await.unwrap();
        for deed in 0..7 {
            let reply = world
                .visit(Some(&old), async move |session: Session| {
                    match deed {
                        0 => drop(session.load().await?),
                        1 => assert!(is_dropped(session.increment("n", 1).await)),
                        2 => session.insert("a", "1")?,
                        3 => {
                            session.insert("a", "1")?;
                            assert!(is_dropped(session.save().await));
                        }
                        4 => session.rotate()?,
                        5 => session.set_ttl(SessionTtl::MIN)?,
                        _ => {
                            session.load().await?;
                            session.insert("a", "1")?;
                        }
                    }
                    Ok(())
                })
                .await;
            assert_eq!((reply.status(), reply.set_cookie()), (200, None), "{deed}");
        }
        assert_eq!(world.sessions().await, 1);
        assert_eq!(world.peek(&new).await.unwrap(), before);
        // A second log-in with the old cookie, by a double click, gets a session of its own.
        let again = world.visit(Some(&old), log_in).await;
        assert!(world.peek(&again.new_id().unwrap()).await.is_some());
        // A log-out ends the session that the old id has become, if that is still the visitor's.
        let out = world.visit(Some(&old), log_out).await;
        assert!(out.is_cleared());
        assert_eq!(world.peek(&new).await.is_some(), logs_in);
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_turn_until_after_the_response_is_too_late() {
    let world = World::new();
    let id = world.session().await;
    slow(&world, Step::Read);
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let reply = world
        .visit(Some(&id), async move |session: Session| {
            let (first, second) = (session.clone(), session.clone());
            tokio::spawn(async move { first.load().await });
            tokio::task::yield_now().await;
            tokio::spawn(async move {
                let counted = second.increment("n", 1).await;
                assert!(sender.send(counted.is_err()).is_ok());
            });
            tokio::task::yield_now().await;
            Ok(())
        })
        .await;
    assert_eq!(reply.steps, [(Step::Read, 1)]);
    assert!(
        receiver.await.unwrap(),
        "the increment is refused, not sent"
    );
}
