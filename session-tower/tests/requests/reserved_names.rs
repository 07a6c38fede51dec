//! Which names are refused.

use crate::common::{World, kind, name};
use session_core::ErrorKind;
use session_memory::Step;
use session_tower::{Session, SessionError};

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
