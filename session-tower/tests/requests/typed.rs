//! Typed values and structs in the session.
use crate::common::{Log, World, field, name, principal};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use session_core::{Delta, SessionBackend};
use session_memory::Step;
use session_tower::{ReadSession, Session, SessionError, Undecodable};

#[derive(Debug, Serialize, Deserialize, PartialEq, Default)]
#[serde(default)]
struct Profile {
    username: String,
    page_views: i64,
    theme: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sizes: Vec<u8>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Strict {
    #[serde(rename = "sizes")]
    _sizes: Vec<u8>,
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
            profile.sizes.push(38);
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
    assert_eq!(record.fields().len(), 4);

    let reply = world
        .visit(Some(&id), async |session: Session| {
            let mut profile = session.load_struct::<Profile>().await?;
            assert_eq!(profile.theme.take().as_deref(), Some("dark"));
            profile.sizes.clear();
            profile.store()?;
            assert!(!session.contains("theme").await?);
            assert_eq!(profile.username, "ann");
            Ok(())
        })
        .await;
    assert_eq!(reply.status(), 200);
    let record = world.peek(&id).await.unwrap();
    assert_eq!(
        ["theme", "sizes"].map(|name| field(&record, name)),
        [None; 2]
    );
}

#[tokio::test]
async fn writers_of_different_members_do_not_collide() {
    let world = World::new();
    let id = world.session().await;
    let (elsewhere, theirs) = (world.backend.clone(), id.clone());
    // Another request changes another member, and counts, between this one's load and its commit.
    world.fault(Step::Write).run(async move || {
        let delta = Delta::new()
            .set(name("theme"), "dark")
            .increment(name("page_views"), 41);
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
            for refused in [
                session.insert("sizes", [0.5, f64::NAN]),
                session.insert_json("sizes", [0.5, f64::NAN]),
            ] {
                let error = refused.unwrap_err().to_string();
                assert!(error.starts_with("the field `sizes[1]` cannot be written"));
            }
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1)]);
}

#[tokio::test]
async fn what_could_be_text_or_json_is_kept_as_json() {
    let world = World::new();
    let id = world.session().await;
    for value in [
        json!("5"),
        json!(5),
        json!("plain"),
        json!({"a": null}),
        json!(null),
    ] {
        let kept = value.clone();
        world
            .visit(Some(&id), async move |session: Session| {
                session.insert_json("any", kept)
            })
            .await;
        let reply = world
            .visit(Some(&id), async move |session: Session| {
                assert_eq!(session.get_json("any").await?, Some(value.clone()));
                let look = ReadSession::from(session);
                assert_eq!(look.get_json("any").await?, Some(value));
                let error = look.get::<Value>("any").await.unwrap_err().to_string();
                assert!(
                    error.contains("`any`") && error.contains("`get_json`"),
                    "{error}"
                );
                Ok(())
            })
            .await;
        assert_eq!(reply.status(), 200);
    }
}

#[tokio::test]
async fn what_is_undecodable_is_an_error_or_absent_and_removed() {
    let mut world = World::new();
    let id = world.session().await;
    let broken = Delta::new()
        .set(name("username"), "ann")
        .set(name("page_views"), "s3cret")
        .set(name("sizes"), vec![0xff]);
    let plant = async |world: &World| world.backend.update_session(&id, broken.clone()).await;
    plant(&world).await.unwrap();
    let reply = world
        .visit(Some(&id), async |session: Session| {
            let error = session.load_struct::<Profile>().await.unwrap_err();
            assert!(error.to_string().contains("the field `sizes`"), "{error}");
            assert!(session.get::<u8>("page_views").await.is_err());
            assert!(session.take::<u8>("page_views").await.is_err());
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1)]);

    world.layer = world.layer.with_undecodable(Undecodable::Remove);
    let (log, _guard) = Log::kept();
    let lines = |log: &Log| {
        log.text()
            .lines()
            .filter(|line| line.contains("WARN"))
            .count()
    };
    // Whoever only looks changes nothing.
    let reply = world
        .visit(Some(&id), async |session: Session| {
            let look = ReadSession::from(session);
            assert_eq!(look.get::<u8>("page_views").await?, None);
            assert_eq!(look.get_json::<u8>("sizes").await?, None);
            // No field is this.
            assert!(look.get::<Value>("seen").await.is_err());
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1)]);
    assert_eq!(lines(&log), 2, "{}", log.text());
    let reply = world
        .visit(Some(&id), async |session: Session| {
            let profile = session.load_struct::<Profile>().await?;
            let expected = Profile {
                username: "ann".to_owned(),
                ..Profile::default()
            };
            assert_eq!(*profile, expected);
            assert!(!session.contains("sizes").await?);
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1), (Step::Write, 1)]);
    let record = world.peek(&id).await.unwrap();
    assert_eq!(record.fields().len(), 2, "{record:?}");
    plant(&world).await.unwrap();
    let reply = world
        .visit(Some(&id), async |session: Session| {
            assert_eq!(session.take::<u8>("page_views").await?, None);
            assert_eq!(session.get::<u8>("page_views").await?, None);
            // A member that cannot be absent.
            assert!(session.load_struct::<Strict>().await.is_err());
            Ok(())
        })
        .await;
    reply.assert_cost(&[(Step::Read, 1), (Step::Write, 1)]);
    assert_eq!(world.peek(&id).await.unwrap().fields().len(), 2);
    let log = log.text();
    assert_eq!(
        log.matches("the field `page_views` does not fit u8: expected u8")
            .count(),
        2
    );
    assert_eq!(log.matches("the field `sizes`").count(), 3, "{log}");
    assert!(!log.contains("s3cret"), "{log}");
}

#[tokio::test]
async fn changes_that_were_not_stored_are_warned_of() {
    let world = World::new();
    let id = world.session().await;
    let (log, _guard) = Log::kept();
    let warnings = async |change: fn(&mut Profile), stores: bool| {
        let before = log.text().matches("changed and not stored").count();
        world
            .visit(Some(&id), async move |session: Session| {
                let mut profile = session.load_struct::<Profile>().await?;
                change(&mut profile);
                if stores { profile.store() } else { Ok(()) }
            })
            .await;
        log.text().matches("changed and not stored").count() - before
    };
    assert_eq!(warnings(|profile| profile.page_views += 1, false).await, 1);
    assert_eq!(warnings(|profile| profile.page_views += 1, true).await, 0);
    assert_eq!(warnings(|profile| profile.sizes.clear(), false).await, 0);
    assert!(log.text().contains("Profile"), "{}", log.text());
    let session = Session::for_test(std::sync::Arc::new(world.backend.clone()), Some(id));
    let mut profile = session.load_struct::<Profile>().await.unwrap();
    let before = log.text();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        profile.page_views += 1;
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(panicked.is_err());
    assert_eq!(log.text(), before);
}

#[tokio::test]
async fn a_struct_that_is_stored_after_an_end_is_stored_whole() {
    #[derive(Clone, Copy, PartialEq)]
    enum End {
        Waits,
        IsSaved,
        IsFollowedByALogIn,
    }
    async fn end(session: &Session, how: End) -> Result<(), SessionError> {
        if how == End::IsFollowedByALogIn {
            // Another request ends it.
            let id = session.id().unwrap();
            session.backend().delete_session(&id).await?;
            session.log_in(principal("ann"))?;
        } else {
            session.destroy()?;
        }
        if how != End::Waits {
            session.save().await?;
        }
        Ok(())
    }
    for (how, ends_twice) in [
        (End::Waits, false),
        (End::Waits, true),
        (End::IsSaved, false),
        (End::IsSaved, true),
        (End::IsFollowedByALogIn, false),
    ] {
        let world = World::new();
        let id = world.session().await;
        let fields = Delta::new()
            .set(name("username"), "ann")
            .set(name("theme"), "dark");
        world.backend.update_session(&id, fields).await.unwrap();
        let reply = world
            .visit(Some(&id), async move |session: Session| {
                let mut profile = session.load_struct::<Profile>().await?;
                if ends_twice {
                    end(&session, how).await?;
                    session.insert("username", "bob")?;
                    profile = session.load_struct::<Profile>().await?;
                }
                end(&session, how).await?;
                session.insert("theme", "replaced")?;
                profile.page_views += 1;
                profile.store()
            })
            .await;
        let record = world.peek(&reply.new_id().unwrap()).await.unwrap();
        let stored = ["username", "theme", "page_views"].map(|name| field(&record, name));
        let before = match ends_twice {
            true => [Some("bob"), None],
            false => [Some("ann"), Some("dark")],
        };
        assert_eq!(stored, [before[0], before[1], Some("1")]);
        assert_eq!(world.sessions().await, 1);
    }
}
