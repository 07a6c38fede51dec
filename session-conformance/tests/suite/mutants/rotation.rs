//! Rotation.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;

use session_core::steps::{
    ReadOutcome, ReadRequest, RemoveOutcome, RemoveRequest, RenameOutcome, RenameRequest,
};
use session_core::{Delta, Result, SessionId, SessionPolicy};

use super::mutants;
use crate::flawed::Memory;

const ROTATED: &[u8] = b"session_rotated";

mutants! {
    /// A rotation begins a session of the same fields, and forgets the delta.
    ["ROT-1" "ROT-3"] BeginsASession {
        async fn rename(&self, m: &Memory, mut request: RenameRequest) -> Result<RenameOutcome> {
            let delta = &request.write.delta;
            let rest = Delta::new().touch(delta.touch_policy());
            request.write.delta = match delta.principal() {
                Some(principal) => rest.bind(principal.clone()),
                None => rest,
            };
            let outcome = m.rename(&request).await?;
            if matches!(outcome, RenameOutcome::Renamed(_)) {
                let stamp = request.write.now.to_string().into_bytes();
                m.edit(&request.to, |fields| {
                    fields.insert(b"created_at".to_vec(), stamp);
                }).await;
            }
            Ok(outcome)
        }
    }

    /// The old id works for a while, for requests that are on the way.
    ["ROT-2"] GrantsTheOldIdGrace {
        async fn rename(&self, m: &Memory, request: RenameRequest) -> Result<RenameOutcome> {
            let before = m.key(&request.from).await;
            let outcome = m.rename(&request).await?;
            if let (RenameOutcome::Renamed(_), Some(mut key)) = (&outcome, before) {
                key.expires_in = Some(Duration::from_secs(5));
                m.put_back(&request.from, Some(key)).await;
            }
            Ok(outcome)
        }
    }

    /// Create the new one, delete the old one: two may win, and what is written in between is lost.
    ["ROT-4" "ROT-7"] CopiesAndDeletes {
        async fn rename(&self, m: &Memory, request: RenameRequest) -> Result<RenameOutcome> {
            let before = m.key(&request.from).await;
            if m.is_live(&request.from).await {
                tokio::task::yield_now().await;
                m.put_back(&request.from, before).await;
            }
            m.rename(&request).await
        }
    }

    /// RENAME needs no session.
    ["ROT-6"] MovesTheInvalid {
        async fn rename(&self, m: &Memory, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = m.rename(&request).await?;
            if outcome == RenameOutcome::NotFound {
                let key = m.key(&request.from).await;
                m.put_back(&request.to, key).await;
            }
            Ok(outcome)
        }
    }

    /// The old id is as unknown as any other.
    ["ROT-2" "ROT-4" "ROT-7" "ROT-9"] LeavesNoTombstone {
        async fn rename(&self, m: &Memory, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = m.rename(&request).await?;
            if let RenameOutcome::Renamed(_) = outcome {
                m.delete_key(&request.from).await;
            }
            Ok(outcome)
        }
    }

    /// A tombstone lasts as long as its key: whoever renews that renews it.
    ["ROT-9"] EndsTombstonesWithTheirKeys {
        async fn rename(&self, m: &Memory, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = m.rename(&request).await?;
            if let RenameOutcome::Renamed(_) = outcome {
                m.edit(&request.from, |fields| {
                    fields.insert(ROTATED.to_vec(), b"999999999999999".to_vec());
                }).await;
            }
            Ok(outcome)
        }
    }

    /// All tombstones last for ten seconds.
    ["ROT-9"] KnowsOneTombstoneLifetime {
        async fn rename(&self, m: &Memory, mut request: RenameRequest) -> Result<RenameOutcome> {
            request.tombstone_lifetime = SessionPolicy::new().tombstone_lifetime();
            m.rename(&request).await
        }
    }

    /// Whoever has the old id ends the session, also of who logged in since.
    ["ROT-10"] FollowsALogIn(Mutex<HashMap<SessionId, SessionId>>) {
        async fn rename(&self, m: &Memory, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = m.rename(&request).await;
            if let Ok(RenameOutcome::Renamed(_)) = outcome {
                self.0.lock().unwrap().insert(request.from, request.to);
            }
            outcome
        }

        async fn remove(&self, m: &Memory, mut request: RemoveRequest) -> Result<RemoveOutcome> {
            loop {
                let outcome = m.remove(&request).await?;
                let old = m.id(&request.target).await;
                let new = self.0.lock().unwrap().get(&old).cloned();
                match new.filter(|_| outcome == RemoveOutcome::Rotated) {
                    Some(new) => request.target = new.into(),
                    None => return Ok(outcome),
                }
            }
        }
    }

    /// A tombstone is looked at, and the deletion is over.
    ["ROT-10" "DEL-3"] FollowsNoTombstone {
        async fn remove(&self, m: &Memory, request: RemoveRequest) -> Result<RemoveOutcome> {
            let key = m.key(&m.id(&request.target).await).await;
            match key.is_some_and(|key| key.field(ROTATED).is_some()) {
                true => Ok(RemoveOutcome::Rotated),
                false => m.remove(&request).await,
            }
        }
    }

    /// A tombstone is followed once.
    ["ROT-10"] FollowsOneTombstone {
        async fn remove(&self, m: &Memory, request: RemoveRequest) -> Result<RemoveOutcome> {
            let old = m.key(&m.id(&request.target).await).await;
            let successor = old.and_then(|key| {
                let text = String::from_utf8_lossy(key.field(ROTATED)?).into_owned();
                SessionId::parse(text.split_once(' ')?.1).ok()
            });
            match successor {
                Some(next) if !m.is_live(&next).await => Ok(RemoveOutcome::Rotated),
                _ => m.remove(&request).await,
            }
        }
    }

    /// What has the three fields is a session.
    ["VAL-8" "ROT-9"] FindsSessionsInTombstones {
        async fn read(&self, m: &Memory, request: ReadRequest) -> Result<ReadOutcome> {
            m.edit(&m.id(&request.target).await, |fields| {
                if fields.len() > 3 {
                    fields.remove(ROTATED);
                }
            }).await;
            m.read(&request).await
        }
    }

    /// A session moves once.
    ["ROT-8"] RotatesOnce(Mutex<HashSet<SessionId>>) {
        async fn rename(&self, m: &Memory, request: RenameRequest) -> Result<RenameOutcome> {
            if self.0.lock().unwrap().contains(&request.from) {
                return Ok(RenameOutcome::NotFound);
            }
            self.0.lock().unwrap().insert(request.to.clone());
            m.rename(&request).await
        }
    }

}
