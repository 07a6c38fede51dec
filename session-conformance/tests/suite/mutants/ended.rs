//! Flaws in deletion.

use session_core::steps::{ReadRequest, WriteOutcome, WriteRequest};
use session_core::{Result, SessionId, SessionRecord, Touch};

use super::mutants;
use super::write::read_modify_write;
use crate::reference::{Key, Named, Store};

mutants! {
    /// It marks what it deletes.
    "DEL-1" LeavesATombstone {
        async fn remove(&self, store: &Store, id: SessionId) -> Result<bool> {
            let is_live = store.remove(&id);
            if is_live {
                let fields = Some([(b"deleted".to_vec(), b"1".to_vec())].into());
                store.set_key(
                    &id,
                    Key {
                        fields,
                        expires_at: None,
                    },
                );
            }
            Ok(is_live)
        }
    }

    /// HDEL of the fields it knows.
    "DEL-1" LeavesHiddenFields {
        async fn remove(&self, store: &Store, id: SessionId) -> Result<bool> {
            let before = store.key(&id);
            let is_live = store.remove(&id);
            if let Some(mut key) = before.filter(|_| is_live) {
                let fields = key.fields.as_mut().unwrap();
                fields.retain(|name, _| std::str::from_utf8(name).is_err());
                if !fields.is_empty() {
                    store.set_key(&id, key);
                }
            }
            Ok(is_live)
        }
    }

    /// Deleting is idempotent, so it always succeeds.
    "DEL-2" AlwaysDeletes {
        async fn remove(&self, store: &Store, id: SessionId) -> Result<bool> {
            store.remove(&id);
            Ok(true)
        }
    }

    /// Look first, delete then: two may have seen it.
    "DEL-2" LooksBeforeItDeletes {
        async fn remove(&self, store: &Store, id: SessionId) -> Result<bool> {
            let is_live = store.lock().live(store.flaw(), &id).is_some();
            tokio::task::yield_now().await;
            if is_live {
                store.lock().take(&id);
            }
            Ok(is_live)
        }
    }

    /// A write that checked before the delete writes after it.
    "DEL-3" WritesAfterADelete {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            Ok(read_modify_write(store, &request).await)
        }
    }

    /// The check and the write are two steps: what was deleted in between is left as a ghost.
    "DEL-3" LeavesAGhostOfARace {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            if store.lock().live(store.flaw(), request.id()).is_none() {
                return Ok(WriteOutcome::NotFound);
            }
            tokio::task::yield_now().await;
            let outcome = store.write(&request);
            if outcome == WriteOutcome::NotFound {
                let stamp = request.write.now.to_string().into_bytes();
                let fields = Some([(b"last_accessed_at".to_vec(), stamp)].into());
                store.set_key(
                    request.id(),
                    Key {
                        fields,
                        expires_at: None,
                    },
                );
            }
            Ok(outcome)
        }
    }

    /// A read that found the session sets its timestamp, and creates it again when it is gone.
    "DEL-3" ReadsLeaveAGhost {
        async fn read(&self, store: &Store, request: ReadRequest) -> Result<Option<SessionRecord>> {
            let read = store.read(&request);
            tokio::task::yield_now().await;
            if read.is_some() && request.touch != Touch::Never && store.key(request.id()).is_none() {
                let stamp = request.now.to_string().into_bytes();
                let fields = Some([(b"last_accessed_at".to_vec(), stamp)].into());
                store.set_key(
                    request.id(),
                    Key {
                        fields,
                        expires_at: None,
                    },
                );
            }
            Ok(read)
        }
    }
}
