//! Typed values and structs in the session.
use crate::common::{World, field};
use serde::{Deserialize, Serialize};
use session_core::{Delta, SessionBackend};
use session_memory::Step;
use session_tower::{ReadSession, Session, SessionError};

#[derive(Debug, Serialize, Deserialize, PartialEq, Default)]
#[serde(default)]
struct Profile {
    username: String,
    page_views: i64,
    theme: Option<String>,
    sizes: Vec<u8>,
}

#[tokio::test]
async fn text_is_stored_as_it_is_and_everything_else_as_json() {
    let world = World::new();
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            session.insert("text", "an\"drew")?;
            session.insert("number", 5)?;
            session.insert("list", ["a", "b"])?;
            session.insert("seen", None::<String>)?;
            // One's own writes are read as they will be stored.
            let text = session.get::<String>("text").await?;
            assert_eq!(text.as_deref(), Some("an\"drew"));
            assert_eq!(session.get::<Option<u8>>("number").await?, Some(Some(5)));
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Write, 1)]);
    let record = world.peek(&id).await.unwrap();
    let stored = ["text", "number", "list", "seen"].map(|name| field(&record, name));
    let expected = [Some("an\"drew"), Some("5"), Some("[\"a\",\"b\"]"), None];
    assert_eq!(stored, expected);
    world
        .visit(Some(&id), async |session: Session| {
            // A typed number is a counter, and a counter a typed number.
            assert_eq!(session.increment("number", 2).await?, 7);
            let look = ReadSession::from(session);
            assert_eq!(look.get::<u8>("number").await?, Some(7));
            assert_eq!(look.get::<Vec<String>>("list").await?.unwrap().len(), 2);
            let refused = look.get::<bool>("text").await;
            assert!(matches!(refused, Err(SessionError::Decode { .. })));
            Ok(())
        })
        .await;
}

#[tokio::test]
async fn bytes_stay_bytes_and_a_value_that_does_not_fit_stays_where_it_is() {
    let world = World::new();
    let id = world.session().await;
    world
        .visit(Some(&id), async |session: Session| {
            let key = vec![0x00, 0xff];
            session.insert_raw("key", key.clone())?;
            let taken = session.take::<String>("key").await;
            assert!(matches!(taken, Err(SessionError::Decode { .. })));
            assert_eq!(session.get_raw("key").await?, Some(key.clone().into()));
            assert_eq!(session.take_raw("key").await?, Some(key.into()));
            assert_eq!(session.get_raw("key").await?, None);
            Ok(())
        })
        .await;
}

#[tokio::test]
async fn a_struct_stores_only_the_members_that_changed() {
    let world = World::new();
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            let mut profile = session.load_struct::<Profile>().await?;
            assert_eq!(*profile, Profile::default());
            profile.store()?;
            profile.username = "ann".to_owned();
            profile.theme = Some("dark".to_owned());
            profile.store()?;
            session.save().await?;
            // What is stored is not stored again.
            profile.store()
        })
        .await;
    assert_eq!(reply.steps, [(Step::Read, 1), (Step::Write, 1)]);
    let record = world.peek(&id).await.unwrap();
    assert_eq!(field(&record, "username"), Some("ann"));
    // With `seen`, which is none of its members.
    assert_eq!(record.fields().len(), 3);

    let reply = world
        .visit(Some(&id), async |session: Session| {
            let mut profile = session.load_struct::<Profile>().await?;
            assert_eq!(profile.theme.take().as_deref(), Some("dark"));
            profile.store()?;
            assert!(!session.contains("theme").await?);
            assert_eq!(profile.into_inner().username, "ann");
            Ok(())
        })
        .await;
    assert_eq!(reply.status(), 200);
    assert_eq!(field(&world.peek(&id).await.unwrap(), "theme"), None);
}

#[tokio::test]
async fn writers_of_different_members_do_not_collide() {
    let world = World::new();
    let id = world.session().await;
    let (elsewhere, theirs) = (world.backend.clone(), id.clone());
    // Another request changes another member, and counts, between this one's load and its commit.
    world.fault(Step::Write).run(async move || {
        let delta = Delta::new()
            .set(crate::common::name("theme"), "dark")
            .increment(crate::common::name("page_views"), 41);
        elsewhere.update_session(&theirs, delta).await.unwrap();
    });
    world
        .visit(Some(&id), async |session: Session| {
            let mut profile = session.load_struct::<Profile>().await?;
            profile.username = "ann".to_owned();
            profile.store()
        })
        .await;
    world
        .visit(Some(&id), async |session: Session| {
            let profile = session.load_struct::<Profile>().await?;
            let expected = Profile {
                username: "ann".to_owned(),
                page_views: 41,
                theme: Some("dark".to_owned()),
                sizes: Vec::new(),
            };
            assert_eq!(*profile, expected);
            Ok(())
        })
        .await;
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_and_changes_nothing() {
    #[derive(Serialize, Deserialize, Default)]
    #[serde(default)]
    struct Reserved {
        a: u8,
        session_ttl: u32,
    }
    let world = World::new();
    let id = world.session().await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            let mut reserved = session.load_struct::<Reserved>().await?;
            (reserved.a, reserved.session_ttl) = (1, 1);
            assert!(reserved.store().is_err());
            let list = session.load_struct::<Vec<u8>>().await;
            assert!(matches!(list, Err(SessionError::Decode { .. })));
            let no_text_keys = std::collections::BTreeMap::from([(vec![1], 1)]);
            let refused = session.insert("map", &no_text_keys);
            assert!(matches!(refused, Err(SessionError::Encode { .. })));
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1)]);
}
