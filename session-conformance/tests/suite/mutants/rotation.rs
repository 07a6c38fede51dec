//! Rotation.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use session_core::steps::{RenameOutcome, RenameRequest};
use session_core::{Delta, Result, SessionId};

use super::mutants;
use crate::flawed::Memory;

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
