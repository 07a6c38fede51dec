//! The looks that all watches of a session share.

use std::task::{Context, Waker};
use std::time::Duration;

use super::{INTERVAL, TTL, looks, session, watch, world, world_with};
use crate::common::World;
use futures_util::future::join_all;
use session_core::steps::InsertRequest;
use session_core::{NewSession, SessionBackend, SessionPolicy, Touch};
use session_memory::Step;
use session_tower::{SessionEnd, Watch};
use tokio::time::timeout;

#[tokio::test(start_paused = true)]
async fn all_watches_of_a_session_share_one_look_per_interval() {
    let world = world_with(SessionPolicy::new().with_touch(Touch::Never));
    let ids = [session(&world, false).await, session(&world, true).await];
    let mut watches = Vec::new();
    for _ in 0..50 {
        for id in &ids {
            let watch = watch(&world, id).await;
            watches.extend([watch.clone(), watch]);
        }
    }
    world.backend.faults().reset_calls();
    let all = join_all(watches.iter().map(Watch::ended));
    assert!(timeout(Duration::from_secs(50), all).await.is_err());
    // One per 4.25 to 5.75 s and session.
    let calls = looks(&world);
    assert!((16..=24).contains(&calls), "{calls}");
    assert!(format!("{:?}", world.layer).contains("watched: 2"));
    // One session's end is not the other's.
    world.backend.delete_session(&ids[0]).await.unwrap();
    let all = join_all(watches.iter().map(|watch| timeout(INTERVAL, watch.ended())));
    for (index, end) in all.await.into_iter().enumerate() {
        assert_eq!(end.ok(), (index % 4 < 2).then_some(SessionEnd::Ended));
    }
    drop(watches);
    assert!(format!("{:?}", world.layer).contains("watched: 0"));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_ends_nothing_and_is_looked_at_less_often() {
    for (is_deleted, expected) in [(true, SessionEnd::Ended), (false, SessionEnd::Expired)] {
        let world = world();
        let id = session(&world, false).await;
        let watch = watch(&world, &id).await;
        world.backend.faults().reset_calls();
        world.backend.faults().store_down();
        let outage = match is_deleted {
            true => TTL / 2,
            false => TTL * 10,
        };
        assert!(timeout(outage, watch.ended()).await.is_err());
        assert!(watch.load().await.is_err() && watch.touch().await.is_err());
        let calls = looks(&world) - 2;
        let seconds = outage.as_secs();
        assert!(
            (seconds / 23..=seconds / 17 + 3).contains(&calls),
            "{calls}"
        );
        world.backend.faults().clear();
        if is_deleted {
            world.backend.delete_session(&id).await.unwrap();
        }
        let told = timeout(4 * INTERVAL, watch.ended()).await;
        assert_eq!(told, Ok(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_looks_whatever_becomes_of_the_others() {
    let world = world();
    let id = session(&world, false).await;
    let (kept, again) = (watch(&world, &id).await, watch(&world, &id).await);
    let every_look = world.backend.faults().on(Step::Read).every_call();
    every_look.delay(Duration::from_millis(400));
    world.backend.faults().reset_calls();
    let mut kept = Box::pin(kept.ended());
    while looks(&world) == 0 {
        let step = timeout(Duration::from_millis(10), &mut kept).await;
        assert!(step.is_err());
    }
    // It has begun the look, and nobody polls it again.
    world.backend.delete_session(&id).await.unwrap();
    let mut waits = 0;
    // Messages come in all the time, and each drops the future.
    let end = loop {
        waits += 1;
        if let Ok(end) = timeout(Duration::from_millis(30), again.ended()).await {
            break end;
        }
    };
    assert_eq!(end, SessionEnd::Ended);
    assert!(waits > 10 && looks(&world) == 1, "{waits}");
    assert!(
        kept.as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_that_lives_again_is_watched_again() {
    let world = world();
    let id = session(&world, false).await;
    let first = watch(&world, &id).await;
    world.backend.delete_session(&id).await.unwrap();
    assert_eq!(first.ended().await, SessionEnd::Ended);
    // As after a server that came back with an older file.
    let again = InsertRequest::new(world.backend.policy(), id.clone(), NewSession::default());
    world.backend.insert(&again.unwrap()).await.unwrap();
    let second = watch(&world, &id).await;
    assert!(timeout(2 * INTERVAL, second.ended()).await.is_err());
    drop(first);
    assert!(format!("{second:?} {:?}", world.layer).contains("watched: 1"));
}

#[test]
fn a_runtime_that_ends_leaves_the_connections_of_others_alone() {
    let runtime = || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().build().unwrap()
    };
    let mut world = World::new();
    world.layer = world.layer.with_watch_interval(Duration::ZERO);
    let watch = runtime().block_on(async {
        let id = world.session().await;
        let watch = watch(&world, &id).await;
        let soon = Duration::from_millis(1);
        assert!(timeout(soon, watch.ended()).await.is_err());
        world.backend.delete_session(&id).await.unwrap();
        watch
    });
    let ended = async { timeout(Duration::from_secs(10), watch.ended()).await };
    assert_eq!(runtime().block_on(ended), Ok(SessionEnd::Ended));
}
