//! Flaws in how ids are drawn and looked up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use session_core::steps::{
    InsertOutcome, InsertRequest, ReadRequest, RenameOutcome, RenameRequest, Target, WriteOutcome,
    WriteRequest,
};
use session_core::{
    CreatedSession, NewSession, Result, SessionBackend, SessionId, SessionPolicy, SessionRecord,
};

use super::{forward, mutants};
use crate::reference::{Key, Named, Reference, Store};

mutants! {
    /// Its ids are a counter.
    "ID-1" CountsIds {
        fn dress(&self, backend: Reference) -> Arc<dyn SessionBackend> {
            Arc::new(Counting(backend, AtomicU8::new(0)))
        }
    }

    /// It stores under another id than it outcomes.
    "ID-1" ReturnsAnotherId {
        async fn insert(&self, store: &Store, mut request: InsertRequest) -> Result<InsertOutcome> {
            request.id = SessionId::random()?;
            Ok(store.insert(&request))
        }
    }

    /// SET instead of SET NX.
    "ID-2" InsertsOverAnything {
        async fn insert(&self, store: &Store, request: InsertRequest) -> Result<InsertOutcome> {
            store.lock().take(&request.id);
            Ok(store.insert(&request))
        }
    }

    /// What is no session does not count as taken.
    "ID-2" InsertsOverWhatIsNoSession {
        async fn insert(&self, store: &Store, request: InsertRequest) -> Result<InsertOutcome> {
            let is_session = store.lock().live(store.flaw(), &request.id).is_some();
            if !is_session {
                store.lock().take(&request.id);
            }
            Ok(store.insert(&request))
        }
    }

    /// RENAME instead of RENAMENX.
    "ID-2" RenamesOverAnything {
        async fn rename(&self, store: &Store, request: RenameRequest) -> Result<RenameOutcome> {
            if request.from != request.to {
                store.lock().take(&request.to);
            }
            Ok(store.rename(&request))
        }
    }

    /// An update is an upsert.
    "ID-3" AdoptsUnknownIds {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            if store.key(request.id()).is_none() {
                let stamp = request.write.now.to_string().into_bytes();
                let fields = [
                    (b"created_at".to_vec(), stamp.clone()),
                    (b"last_accessed_at".to_vec(), stamp),
                    (b"session_ttl".to_vec(), b"1800".to_vec()),
                ];
                let fields = Some(fields.into());
                store.set_key(
                    request.id(),
                    Key {
                        fields,
                        expires_at: None,
                    },
                );
            }
            Ok(store.write(&request))
        }
    }

    /// Ids in a column whose collation ignores case.
    "ID-3" FoldsIds {
        async fn read(
            &self,
            store: &Store,
            mut request: ReadRequest,
        ) -> Result<Option<SessionRecord>> {
            let text = request.id().expose().to_ascii_lowercase();
            let is_same = |id: &&SessionId| id.expose().to_ascii_lowercase() == text;
            let found = store.lock().keys.keys().find(is_same).cloned();
            if let Some(id) = found {
                request.target = Target::Id(id);
            }
            Ok(store.read(&request))
        }
    }
}

struct Counting(Reference, AtomicU8);

impl std::fmt::Debug for Counting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counting")
    }
}

forward! { Counting {
    fn policy(&self) -> &SessionPolicy {
        self.0.policy()
    }

    async fn create_session(&self, new: NewSession) -> Result<CreatedSession> {
        let mut created = self.0.create_session(new).await?;
        let mut bytes = [0; 32];
        bytes[31] = self.1.fetch_add(1, Ordering::Relaxed);
        let next = SessionId::from_bytes(&bytes);
        let key = self.0.store.lock().take(&created.id).unwrap();
        self.0.store.set_key(&next, key);
        created.id = next;
        Ok(created)
    }
} }
