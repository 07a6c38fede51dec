//! Two tabs and one field: nothing is lost.

use std::sync::Arc;

use crate::common::{World, field, is_dropped, kind, name, principal};
use session_core::{Delta, ErrorKind, SessionBackend, SessionId};
use session_memory::{MemoryBackend, Step};
use session_tower::{Session, SessionError};

/// Another tab sets this field just before this request's next write.
fn other_tab(world: &World, id: &SessionId, field: &'static str, value: &'static str) {
    let (backend, id) = (world.backend.clone(), id.clone());
    world
        .fault(Step::Write)
        .run(async move || set(&backend, &id, field, value).await);
}

async fn set(backend: &MemoryBackend, id: &SessionId, field: &'static str, value: &str) {
    let delta = Delta::new().set(name(field), value);
    backend.update_session(id, delta).await.unwrap();
}

fn push(number: u32) -> impl FnMut(Option<Vec<u32>>) -> Vec<u32> + Send + 'static {
    move |cart| {
        let mut cart = cart.unwrap_or_default();
        cart.push(number);
        cart
    }
}

#[tokio::test]
async fn an_update_is_repeated_where_another_tab_was_faster() {
    let world = World::new();
    let id = world.session().await;
    other_tab(&world, &id, "cart", "[1]");
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.insert("waits", "1")?;
            assert_eq!(session.update("cart", push(2)).await?, [1, 2]);
            assert_eq!(session.get::<Vec<u32>>("cart").await?, Some(vec![1, 2]));
            assert_eq!(session.update("cart", push(3)).await?, [1, 2, 3]);
            Ok(())
        })
        .await;
    // Two reads and two writes, the other tab's, the second update's, and the commit's.
    reply.assert_cost(&[(Step::Read, 2), (Step::Write, 5)]);
    let record = world.peek(&id).await.unwrap();
    assert_eq!(field(&record, "cart"), Some("[1,2,3]"));
    assert_eq!(field(&record, "waits"), Some("1"));
}

#[tokio::test]
async fn the_first_of_two_tokens_stays() {
    for is_raced in [false, true] {
        let world = World::new();
        let id = world.session().await;
        if is_raced {
            other_tab(&world, &id, "token", "theirs");
        }
        let expected = if is_raced { "theirs" } else { "ours" };
        let reply = world
            .visit(Some(&id), async move |session: Session| {
                for drawn in ["ours", "late"] {
                    let token = session.insert_if_absent("token", drawn.to_owned()).await?;
                    assert_eq!(token, expected);
                }
                Ok::<(), SessionError>(())
            })
            .await;
        assert_eq!(reply.status(), 200);
        assert_eq!(
            field(&world.peek(&id).await.unwrap(), "token"),
            Some(expected)
        );
    }
}

#[tokio::test]
async fn without_a_session_the_value_waits_for_the_one_that_begins() {
    let world = World::new();
    let dead = SessionId::random().unwrap();
    for (cookie, reads) in [(None, 0), (Some(&dead), 1)] {
        let reply = world
            .visit(cookie, async |session: Session| {
                assert_eq!(session.update("cart", push(1)).await?, [1]);
                assert_eq!(session.update("cart", push(2)).await?, [1, 2]);
                let kept = session.insert_if_absent("cart", vec![9_u32]).await?;
                assert_eq!(kept, [1, 2]);
                Ok::<(), SessionError>(())
            })
            .await;
        let calls = |step| {
            reply
                .steps
                .iter()
                .find(|(s, _)| *s == step)
                .map_or(0, |(_, n)| *n)
        };
        assert_eq!((calls(Step::Read), calls(Step::Insert)), (reads, 1));
        let record = world.peek(&reply.new_id().unwrap()).await.unwrap();
        assert_eq!(field(&record, "cart"), Some("[1,2]"));
    }
}

#[tokio::test]
async fn what_cannot_be_changed_says_so() {
    let world = World::new();
    let id = world.session().await;
    // Another tab is faster each time.
    let (backend, theirs) = (world.backend.clone(), id.clone());
    let faster = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counter = Arc::clone(&faster);
    let reply = world
        .visit(Some(&id), async move |session: Session| {
            let mut last = None;
            let change = move |cart: Option<String>| {
                assert!(
                    last.is_none() || last != cart,
                    "it is what has become of it"
                );
                last = cart;
                let n = counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let (backend, theirs) = (backend.clone(), theirs.clone());
                let fault = backend.faults().on(Step::Write).next_call();
                fault.run({
                    let backend = backend.clone();
                    async move || set(&backend, &theirs, "cart", &n.to_string()).await
                });
                "ours".to_owned()
            };
            let error = session.update("cart", change).await.unwrap_err();
            assert_eq!(kind(&error), ErrorKind::Conflict);
            assert_eq!(error.status().as_u16(), 409);
            Ok(())
        })
        .await;
    assert_eq!(reply.status(), 200);
    assert_eq!(faster.load(std::sync::atomic::Ordering::Relaxed), 16);
    // A session that was rotated meanwhile.
    world.visit(Some(&id), crate::common::rotate).await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            assert!(is_dropped(session.update("cart", push(1)).await));
            Ok(())
        })
        .await;
    assert_eq!(reply.status(), 200);
}

/// A log-in as another user takes the fields away, and what is applied at once must not find them.
#[tokio::test]
async fn what_is_applied_at_once_comes_after_a_log_in_that_waits() {
    let world = World::new();
    let begin = world.visit(None, async |session: Session| {
        session.insert("n", 5)?;
        session.log_in(principal("ann"))
    });
    let id = begin.await.new_id().unwrap();
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.log_in(principal("bob"))?;
            assert_eq!(session.increment("n", 1).await?, 1);
            assert_eq!(session.update("cart", push(1)).await?, [1]);
            Ok::<(), SessionError>(())
        })
        .await;
    let record = world.peek(&reply.new_id().unwrap()).await.unwrap();
    assert_eq!(
        (field(&record, "n"), field(&record, "cart")),
        (Some("1"), Some("[1]"))
    );
}
