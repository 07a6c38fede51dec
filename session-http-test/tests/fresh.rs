//! Reads that the store itself is to answer, on a backend that keeps what it has read.

#![cfg(test)]
#![allow(missing_docs, reason = "a test is read, not linked")]

use std::sync::Arc;

use session_core::{
    Delta, FieldName, Fields, NewSession, SessionBackend, SessionId, SessionPolicy, Touch,
};
use session_http::{CookieChange, Presence, ReadSession, Session};
use session_http_test::Near;
use session_memory::{MemoryBackend, Step};

struct World {
    near: Arc<Near>,
    id: SessionId,
}

impl World {
    async fn new() -> Self {
        Self::with_policy(SessionPolicy::default()).await
    }

    /// A session with a limit of 5, which is kept near.
    async fn with_policy(policy: SessionPolicy) -> Self {
        let near = Near::over(MemoryBackend::new().with_policy(policy));
        let fields = Fields::new().with(limit(), 5);
        let created = near.create_session(NewSession::new(fields)).await.unwrap();
        let id = created.id;
        near.get_session(&id).await.unwrap();
        near.store.faults().reset_calls();
        let near = Arc::new(near);
        Self { near, id }
    }

    fn request(&self) -> Session {
        Session::for_test(self.near.clone(), Some(self.id.clone()))
    }

    /// Another process sets the limit.
    async fn set_elsewhere(&self, value: i64) {
        let delta = Delta::new().set(limit(), value);
        let written = self.near.store.update_session(&self.id, delta).await;
        assert!(written.unwrap().is_some());
    }

    /// How often the store was asked.
    fn reads(&self) -> u64 {
        self.near.store.faults().calls_of(Step::Read)
    }
}

fn limit() -> FieldName {
    FieldName::new("limit").unwrap()
}

async fn get(session: &Session) -> Option<i64> {
    session.get("limit").await.unwrap()
}

async fn get_fresh(session: &Session) -> Option<i64> {
    session.get_fresh("limit").await.unwrap()
}

#[tokio::test]
async fn a_fresh_read_sees_what_another_process_has_set_and_so_do_all_after_it() {
    let world = World::new().await;
    world.set_elsewhere(1).await;
    let session = world.request();
    assert_eq!((get(&session).await, world.reads()), (Some(5), 0));
    assert_eq!((get_fresh(&session).await, world.reads()), (Some(1), 1));

    world.set_elsewhere(2).await;
    assert_eq!(get_fresh(&session).await, Some(1));
    assert_eq!(get(&session).await, Some(1));
    assert!(session.load_fresh().await.unwrap().is_some());
    assert_eq!(world.reads(), 1);

    let next = world.request();
    let record = next.load_fresh().await.unwrap().unwrap();
    assert_eq!(record.fields().get_str("limit"), Some("2"));
    assert_eq!((get(&next).await, world.reads()), (Some(2), 2));
}

#[tokio::test]
async fn an_end_and_a_rotation_elsewhere_count_as_with_any_read() {
    let world = World::new().await;
    let session = world.request();
    assert!(world.near.store.delete_session(&world.id).await.unwrap());
    assert_eq!(get(&session).await, Some(5));
    assert_eq!(session.load_fresh().await.unwrap(), None);
    assert_eq!(session.presence().await.unwrap(), Presence::NotFound);
    assert_eq!(get(&session).await, None);
    assert_eq!(session.commit_for_test().await.unwrap(), CookieChange::Keep);

    let world = World::new().await;
    let rotated = world.near.store.rotate_session(&world.id, Delta::new());
    rotated.await.unwrap().unwrap();
    let session = world.request();
    assert_eq!(get(&session).await, Some(5));
    assert_eq!(get_fresh(&session).await, None);
    assert_eq!(session.presence().await.unwrap(), Presence::Rotated);
}

#[tokio::test]
async fn changes_of_the_request_are_seen_over_what_the_store_says() {
    let world = World::new().await;
    world.set_elsewhere(1).await;
    let session = world.request();
    session.insert("limit", 7).unwrap();
    session.insert("other", 8).unwrap();
    assert_eq!((get_fresh(&session).await, world.reads()), (Some(7), 0));
    let record = session.load_fresh().await.unwrap().unwrap();
    assert_eq!(record.fields().get_str("limit"), Some("1"));
    assert_eq!((get_fresh(&session).await, world.reads()), (Some(7), 1));
}

#[tokio::test]
async fn what_came_from_the_store_in_this_request_is_not_read_again() {
    let world = World::new().await;
    world.set_elsewhere(1).await;

    // A write that brings the session back.
    let session = world.request();
    assert_eq!(get(&session).await, Some(5));
    session.insert("other", 1).unwrap();
    session.save_and_load().await.unwrap();
    assert_eq!((get_fresh(&session).await, world.reads()), (Some(1), 0));

    // One that does not, over what was kept near, and over what the store has said.
    world.near.get_session(&world.id).await.unwrap();
    world.set_elsewhere(2).await;
    world.near.store.faults().reset_calls();
    let session = world.request();
    assert_eq!((get(&session).await, world.reads()), (Some(1), 0));
    session.increment("visits", 1).await.unwrap();
    assert_eq!((get_fresh(&session).await, world.reads()), (Some(2), 1));
    session.increment("visits", 1).await.unwrap();
    assert_eq!((get_fresh(&session).await, world.reads()), (Some(2), 1));

    // A session that this request has created.
    let session = Session::for_test(world.near.clone(), None);
    session.insert("limit", 3).unwrap();
    session.save().await.unwrap();
    assert_eq!((get_fresh(&session).await, world.reads()), (Some(3), 1));
}

#[tokio::test]
async fn a_look_serves_no_fresh_read_also_where_no_read_slides() {
    for touch in [Touch::Always, Touch::Never] {
        let world = World::with_policy(SessionPolicy::default().with_touch(touch)).await;
        world.set_elsewhere(1).await;
        let session = world.request();
        let look = ReadSession::from(session.clone());
        assert_eq!(look.get::<i64>("limit").await.unwrap(), Some(5));
        assert_eq!((get_fresh(&session).await, world.reads()), (Some(1), 1));
        assert_eq!(look.get::<i64>("limit").await.unwrap(), Some(1));
    }
}

#[tokio::test]
async fn after_the_response_each_fresh_read_asks_the_store() {
    let world = World::new().await;
    let session = world.request();
    session.commit_for_test().await.unwrap();
    for value in [1, 2] {
        world.set_elsewhere(value).await;
        assert_eq!(get_fresh(&session).await, Some(value));
    }
    assert_eq!(world.reads(), 2);
}
