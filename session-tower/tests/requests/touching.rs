//! What counts as use, and which names are refused.

use std::time::Duration;

use crate::common::{World, insert, kind, name};
use session_core::{ErrorKind, SessionId, SessionPolicy, Touch};
use session_memory::Step;
use session_tower::{Session, SessionError};

#[tokio::test]
async fn reads_follow_the_policys_touch_and_writes_count_as_use() {
    let left = async |world: &World, id: &SessionId| {
        let record = world.peek(id).await.unwrap();
        record.ttl().whole_seconds().unwrap()
    };
    for (touch, after_read) in [
        (Touch::Always, 1800),
        (Touch::Never, 1700),
        (Touch::IfOlderThan(Duration::from_secs(200)), 1700),
        (Touch::IfOlderThan(Duration::from_secs(50)), 1800),
    ] {
        let world = World::with_policy(SessionPolicy::new().with_touch(touch));
        let id = world.session().await;
        world.clock.advance(Duration::from_secs(100));
        let reply = world
            .visit(Some(&id), async |session: Session| {
                session.get_raw("seen").await?;
                session.get_raw("other").await?;
                Ok(())
            })
            .await;
        assert_eq!(reply.steps, [(Step::Read, 1)]);
        assert_eq!(left(&world, &id).await, after_read, "{touch:?}");
        world.visit(Some(&id), insert).await;
        assert_eq!(left(&world, &id).await, 1800);
    }
}

#[tokio::test]
async fn reserved_names_are_refused_on_every_path() {
    let world = World::new();
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            for reserved in session_core::reserved::ALL {
                let refused = |error: SessionError| kind(&error) == ErrorKind::ReservedField;
                assert!(refused(session.insert(reserved, "x").unwrap_err()));
                assert!(refused(
                    session.insert(reserved.to_owned(), "x").unwrap_err()
                ));
                assert!(refused(session.remove(reserved).unwrap_err()));
                assert!(refused(session.increment(reserved, 1).await.unwrap_err()));
                assert!(refused(
                    session.increment_and_load(reserved, 1).await.unwrap_err()
                ));
                assert_eq!(session.get_raw(reserved).await?, None);
                assert_eq!(session.take::<String>(reserved).await?, None);
            }
            session.insert(name("ordinary"), "x")
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1), (Step::Write, 1)]);
}
