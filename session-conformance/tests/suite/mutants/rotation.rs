//! Flaws in rotation.

use std::collections::HashSet;
use std::sync::Mutex;

use session_core::rules;
use session_core::steps::{RenameOutcome, RenameRequest, WriteOutcome, WriteRequest};
use session_core::{Delta, Result, SessionId, UnixMillis};

use super::mutants;
use crate::reference::{Key, Store};

/// What the racing flaws do: copies the session, lets others run, and takes the old one away.
async fn copy_and_delete(
    store: &Store,
    request: &RenameRequest,
    looks_again: bool,
) -> RenameOutcome {
    let Some(before) = store.lock().live(store.flaw(), &request.from) else {
        return RenameOutcome::NotFound;
    };
    tokio::task::yield_now().await;
    let mut data = store.lock();
    if looks_again && data.live(store.flaw(), &request.from).is_none() {
        return RenameOutcome::NotFound;
    }
    match rules::write(&before, &request.write, data.now) {
        Ok((after, written)) => {
            data.take(&request.from);
            data.put(store.flaw(), &request.to, &after);
            RenameOutcome::Renamed(written)
        }
        Err(refusal) => RenameOutcome::Refused(refusal),
    }
}

mutants! {
    /// A rotated session is a new one.
    "ROT-1" ResetsTheCreation {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = store.rename(&request);
            let stamp = request.write.now.to_string().into_bytes();
            store.edit(&request.to, |fields| {
                fields.insert(b"created_at".to_vec(), stamp);
            });
            Ok(outcome)
        }
    }

    /// A rotated session has the default TTL.
    "ROT-1" ForgetsTheTtl {
        async fn rename(&self, store: &Store, mut request: RenameRequest) -> Result<RenameOutcome> {
            if request.write.delta.new_ttl().is_none() {
                request.write.delta = request.write.delta.ttl(session_core::SessionTtl::DEFAULT);
            }
            Ok(store.rename(&request))
        }
    }

    /// A quiet rotation arms the expiry.
    "ROT-1" AlwaysArms {
        async fn rename(&self, store: &Store, mut request: RenameRequest) -> Result<RenameOutcome> {
            request.write.delta = request.write.delta.touch(session_core::Touch::Always);
            Ok(store.rename(&request))
        }
    }

    /// The new id is the old one, and a few new bits.
    "ROT-1" ChangesTheLastCharacters {
        fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
            let random = SessionId::random()?;
            let text = format!("{}{}", &old.expose()[..35], &random.expose()[35..]);
            Ok(SessionId::parse(text).unwrap())
        }
    }

    /// COPY for RENAME.
    "ROT-2" KeepsTheOldId {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            let before = store.key(&request.from);
            let outcome = store.rename(&request);
            if let (RenameOutcome::Renamed(_), Some(key)) = (&outcome, before) {
                store.set_key(&request.from, key);
            }
            Ok(outcome)
        }
    }

    /// The old id works for a while, for requests under way.
    "ROT-2" GrantsTheOldIdGrace {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            let before = store.key(&request.from);
            let outcome = store.rename(&request);
            if let (RenameOutcome::Renamed(_), Some(mut key)) = (&outcome, before) {
                key.expires_at = Some(store.lock().now.plus_millis(5000));
                store.set_key(&request.from, key);
            }
            Ok(outcome)
        }
    }

    /// The delta is forgotten.
    "ROT-3" ForgetsTheDelta {
        async fn rename(&self, store: &Store, mut request: RenameRequest) -> Result<RenameOutcome> {
            let delta = &request.write.delta;
            let mut rest = Delta::new().touch(delta.touch_policy());
            if let Some(principal) = delta.principal() {
                rest = rest.bind(principal.clone());
            }
            request.write.delta = rest;
            Ok(store.rename(&request))
        }
    }

    /// The counters of the delta are not returned.
    "ROT-3" ReturnsNoCounters {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            let mut outcome = store.rename(&request);
            if let RenameOutcome::Renamed(written) = &mut outcome {
                written.counters.clear();
            }
            Ok(outcome)
        }
    }

    /// Create the new one, delete the old one: two may win.
    "ROT-4" CopiesAndDeletes {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            Ok(copy_and_delete(store, &request, false).await)
        }
    }

    /// The old id goes before the delta is judged.
    "ROT-5" DeletesBeforeItJudges {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = store.rename(&request);
            if matches!(outcome, RenameOutcome::Refused(_)) {
                store.lock().take(&request.from);
            }
            Ok(outcome)
        }
    }

    /// A refused rotation has moved the session.
    "ROT-5" MovesBeforeItJudges {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = store.rename(&request);
            if matches!(outcome, RenameOutcome::Refused(_))
                && let Some(key) = store.key(&request.from)
            {
                store.set_key(&request.to, key);
            }
            Ok(outcome)
        }
    }

    /// A session that is gone begins anew.
    "ROT-6" CreatesForTheGone {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = store.rename(&request);
            if outcome == RenameOutcome::NotFound {
                let stamp = request.write.now.to_string().into_bytes();
                let fields = [
                    (b"created_at".to_vec(), stamp.clone()),
                    (b"last_accessed_at".to_vec(), stamp),
                    (b"session_ttl".to_vec(), b"1800".to_vec()),
                ];
                let fields = Some(fields.into());
                store.set_key(
                    &request.to,
                    Key {
                        fields,
                        expires_at: None,
                    },
                );
            }
            Ok(outcome)
        }
    }

    /// A key that is no session is moved, too.
    "ROT-6" MovesTheInvalid {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = store.rename(&request);
            if outcome == RenameOutcome::NotFound {
                let moved = store.lock().take(&request.from);
                if let Some(key) = moved {
                    store.set_key(&request.to, key);
                }
            }
            Ok(outcome)
        }
    }

    /// What is written between the copy and the deletion is lost, though one only wins.
    "ROT-7" LosesWhatIsWrittenMeanwhile {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            Ok(copy_and_delete(store, &request, true).await)
        }
    }

    /// A write that was checked before the rotation goes to the old id.
    "ROT-7" WritesToTheOldId {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(super::write::read_modify_write(store, &request).await)
        }
    }

    /// A session moves once.
    "ROT-8" RotatesOnce(Mutex<HashSet<SessionId>>) {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            if self.0.lock().unwrap().contains(&request.from) {
                return Ok(RenameOutcome::NotFound);
            }
            let outcome = store.rename(&request);
            if matches!(outcome, RenameOutcome::Renamed(_)) {
                self.0.lock().unwrap().insert(request.to);
            }
            Ok(outcome)
        }
    }

    /// A session that has moved does not expire.
    "ROT-8" PersistsWhatItMoves(Mutex<HashSet<SessionId>>) {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            let outcome = store.rename(&request);
            let is_second = self.0.lock().unwrap().contains(&request.from);
            if let (true, Some(mut key)) = (is_second, store.key(&request.to)) {
                key.expires_at = key.expires_at.map(|_| UnixMillis::new(u64::MAX / 2));
                store.set_key(&request.to, key);
            }
            self.0.lock().unwrap().insert(request.to);
            Ok(outcome)
        }
    }
}
