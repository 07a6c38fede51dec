//! The principal's sessions on all devices.

use crate::common::{World, principal};
use session_core::{Delta, Fields, NewSession, PublicId, SessionBackend, SessionId};
use session_memory::Step;
use session_tower::{DeltaExt, FieldsExt, Session, SessionError};

/// A session of this principal on this device.
async fn on_device(world: &World, who: &str, device: &'static str) -> SessionId {
    let fields = Fields::new().with(crate::common::name("device"), device);
    let new = NewSession::new(fields).bind(principal(who));
    world.backend.create_session(new).await.unwrap().id
}

#[tokio::test]
async fn a_user_sees_all_devices_and_ends_any_of_them() {
    let world = World::new();
    let phone = on_device(&world, "ann", "phone").await;
    let laptop = on_device(&world, "ann", "laptop").await;
    let stranger = on_device(&world, "bob", "phone").await;
    let foreign = world.peek(&stranger).await.unwrap().public_id().unwrap();
    let reply = world
        .visit(Some(&laptop), async move |session: Session| {
            let devices = session.devices(["device", "none"]).await?;
            let mut names = Vec::new();
            for device in &devices {
                names.extend(device.get_as::<String>("device")?);
            }
            names.sort();
            assert_eq!(names, ["laptop", "phone"]);
            let row = serde_json::to_value(&devices[0]).unwrap();
            let public_id = row["public_id"].clone();
            assert_eq!(public_id, devices[0].public_id.as_str());
            let read: PublicId = serde_json::from_value(public_id).unwrap();
            assert_eq!(read, devices[0].public_id);
            let refused = serde_json::from_str::<PublicId>("\"guess\"").unwrap_err();
            assert!(!refused.to_string().contains("guess"));
            assert_eq!(
                row["fields"]["device"],
                devices[0].fields.get_str("device").unwrap()
            );
            assert!(row["login_at"].is_string() && row["created_at"].is_string());
            let own = session.public_id();
            let other = devices
                .iter()
                .find(|device| Some(device.public_id) != own)
                .unwrap();
            for (public_id, is_there) in [(other.public_id, true), (foreign, false)] {
                let label = Delta::new().insert("device", "old phone")?;
                assert_eq!(session.update_device(public_id, label).await?, is_there);
            }
            let own_label = Delta::new().insert("device", "mine")?;
            assert!(session.update_device(own.unwrap(), own_label).await?);
            assert_eq!(
                session.get::<String>("device").await?.as_deref(),
                Some("mine")
            );
            let listed = session.devices(["device"]).await?;
            let labels = listed.iter().filter_map(|row| row.fields.get_str("device"));
            let mut labels: Vec<_> = labels.collect();
            labels.sort_unstable();
            assert_eq!(labels, ["mine", "old phone"]);
            assert!(session.log_out_device(other.public_id).await?);
            assert!(!session.log_out_device(other.public_id).await?);
            assert!(!session.log_out_device(foreign).await?);
            Ok::<(), SessionError>(())
        })
        .await;
    assert_eq!((reply.status(), reply.set_cookie()), (200, None));
    assert_eq!(world.peek(&phone).await, None);
    // Its own ends as by a log-out.
    let reply = world
        .visit(Some(&laptop), async |session: Session| {
            session.load().await?;
            let own = session.public_id().unwrap();
            assert!(session.log_out_device(own).await?);
            assert_eq!(session.principal().await?, None);
            Ok(())
        })
        .await;
    assert!(reply.is_cleared());
    assert!(world.peek(&stranger).await.is_some());
}

#[tokio::test]
async fn logging_out_others_never_ends_ones_own() {
    for is_rotated_meanwhile in [false, true] {
        let world = World::new();
        for device in ["phone", "tv"] {
            on_device(&world, "ann", device).await;
        }
        let own = on_device(&world, "ann", "laptop").await;
        if is_rotated_meanwhile {
            let (backend, id) = (world.backend.clone(), own.clone());
            world.fault(Step::List).run(async move || {
                backend.rotate_session(&id, Delta::new()).await.unwrap();
            });
        }
        let reply = world
            .visit(Some(&own), async |session: Session| {
                assert_eq!(session.log_out_others().await?, 2);
                Ok(())
            })
            .await;
        assert_eq!((reply.status(), reply.set_cookie()), (200, None));
        let left = world
            .backend
            .list_sessions(&principal("ann"))
            .await
            .unwrap();
        assert_eq!(left.len(), 1);
    }
}

#[tokio::test]
async fn a_log_in_that_waits_counts_and_logging_out_everywhere_ends_all() {
    let world = World::new();
    on_device(&world, "ann", "phone").await;
    let reply = world
        .visit(None, async |session: Session| {
            session.log_in(principal("ann"))?;
            assert_eq!(session.devices([""; 0]).await?.len(), 2);
            assert_eq!(session.log_out_others().await?, 1);
            Ok(())
        })
        .await;
    let id = reply.new_id().unwrap();
    on_device(&world, "ann", "tv").await;
    let reply = world
        .visit(Some(&id), async |session: Session| {
            assert_eq!(session.log_out_everywhere().await?, 2);
            Ok(())
        })
        .await;
    assert!(reply.is_cleared());
    assert_eq!(world.sessions().await, 0);
    // A visitor has no devices.
    let visitor = world.session().await;
    world
        .visit(Some(&visitor), async |session: Session| {
            assert!(session.devices(["device"]).await?.is_empty());
            assert_eq!(session.log_out_others().await?, 0);
            assert_eq!(session.log_out_everywhere().await?, 0);
            Ok(())
        })
        .await;
    assert_eq!(world.sessions().await, 0);
}
