//! Ids that a client chose.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use session_core::{Delta, SessionBackend, SessionId};

use super::name;
use crate::harness::Connect;
use crate::{RedisServer, Target, unique_prefix};

/// Of 100 000 well-formed ids that the server does not know none is adopted: reading, writing, rotating and
/// deleting answer "gone", and afterwards there is not one key.
///
/// # Panics
/// When one is.
pub async fn no_chosen_id_is_adopted(connect: Connect) {
    const IDS: usize = 100_000;
    let server = RedisServer::start().await;
    let prefix = unique_prefix().parse().expect("a key prefix");
    let backend = &connect(Target::patient(server.url(), prefix)).backend;
    let attempts = stream::iter(0..IDS)
        .map(Ok)
        .try_for_each_concurrent(64, async |n| {
            let id = SessionId::random()?;
            let found = match n % 4 {
                0 => backend.get_session(&id).await?.is_some(),
                1 => {
                    let delta = Delta::new().set(name("username"), "mallory");
                    backend.update_session(&id, delta).await?.is_some()
                }
                2 => backend.rotate_session(&id, Delta::new()).await?.is_some(),
                _ => backend.delete_session(&id).await?,
            };
            assert!(!found, "an id that nobody was given opens nothing");
            Ok::<(), session_core::Error>(())
        });
    attempts.await.expect("the server answers");
    let mut admin = server.connection().await;
    let keys: usize = redis::cmd("DBSIZE")
        .query_async(&mut admin)
        .await
        .expect("DBSIZE");
    assert_eq!(keys, 0, "nothing was left under any of them");
}
