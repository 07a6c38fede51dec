//! Ids, and what is stored under them.

use session_core::steps::{
    InsertOutcome, InsertRequest, ReadOutcome, ReadRequest, WriteOutcome, WriteRequest,
};
use session_core::{Lifetime, Result, SessionId, SessionRecord};

use super::mutants;
use crate::flawed::{Memory, RawFields};

fn is_reserved(name: &[u8]) -> bool {
    name.ends_with(b"_at") || name.starts_with(b"session_")
}

mutants! {
    /// It stores under another id than it returns.
    ["ID-1"] StoresUnderAnotherId {
        async fn insert(&self, m: &Memory, mut request: InsertRequest) -> Result<InsertOutcome> {
            request.id = SessionId::random()?;
            m.insert(&request).await
        }
    }

    /// What is no session does not count as taken.
    ["ID-2"] InsertsOverWhatIsNoSession {
        async fn insert(&self, m: &Memory, request: InsertRequest) -> Result<InsertOutcome> {
            if !m.is_live(&request.id).await {
                m.delete_key(&request.id).await;
            }
            m.insert(&request).await
        }
    }

    /// An update is an upsert: it adopts the id.
    ["ID-3" "WRT-4"] AdoptsUnknownIds {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let id = m.id(&request.target).await;
            if m.key(&id).await.is_none() {
                let stamp = request.write.now.to_string().into_bytes();
                let fields = RawFields::from([
                    (b"created_at".to_vec(), stamp.clone()),
                    (b"last_accessed_at".to_vec(), stamp),
                    (b"session_ttl".to_vec(), b"1800".to_vec()),
                ]);
                m.put(&id, fields, None).await;
            }
            m.write(&request).await
        }
    }

    /// C strings.
    ["REC-2"] CutsValuesAtNul {
        async fn insert(&self, m: &Memory, request: InsertRequest) -> Result<InsertOutcome> {
            let outcome = m.insert(&request).await;
            m.edit(&request.id, |fields| {
                for value in fields.values_mut() {
                    let end = value.iter().position(|b| *b == 0);
                    value.truncate(end.unwrap_or(value.len()));
                }
            }).await;
            outcome
        }
    }

    /// It writes the timestamps that it understood, not those that were there.
    ["REC-3" "VAL-7"] NormalisesTimestamps {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = m.write(&request).await;
            m.edit(&m.id(&request.target).await, |fields| {
                let created = fields.get_mut(&b"created_at"[..]).unwrap();
                if !created.ends_with(b"+00:00") {
                    *created = b"2026-04-02T12:33:56+00:00".to_vec();
                }
            }).await;
            outcome
        }
    }

    /// A write stores what was parsed.
    ["REC-4"] LosesHiddenFields {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = m.write(&request).await;
            m.edit(&m.id(&request.target).await, |fields| {
                fields.retain(|name, _| std::str::from_utf8(name).is_ok());
            }).await;
            outcome
        }
    }

    /// The record of a creation is what was asked for, without what the store added.
    ["REC-5"] ReturnsWhatWasAskedFor {
        async fn insert(&self, m: &Memory, request: InsertRequest) -> Result<InsertOutcome> {
            Ok(match m.insert(&request).await? {
                InsertOutcome::Inserted(stored) => {
                    let asked = SessionRecord::new(request.session, stored.ttl());
                    InsertOutcome::Inserted(asked)
                }
                other => other,
            })
        }
    }

    /// Every session has a deadline, though a far one.
    ["REC-1" "REC-6" "LIF-1"] AlwaysStoresADeadline {
        async fn insert(&self, m: &Memory, mut request: InsertRequest) -> Result<InsertOutcome> {
            request.lifetime.get_or_insert(Lifetime::MAX);
            m.insert(&request).await
        }
    }

    /// It cleans up what it cannot read.
    ["VAL-1" "VAL-2" "VAL-3" "VAL-4" "VAL-5"] DeletesWhatItCannotRead {
        async fn read(&self, m: &Memory, request: ReadRequest) -> Result<ReadOutcome> {
            let outcome = m.read(&request).await?;
            if outcome == ReadOutcome::NotFound {
                m.delete_key(&m.id(&request.target).await).await;
            }
            Ok(outcome)
        }
    }

    /// The whole session is written, as stores of blobs do: what is not named is lost.
    ["WRT-1"] ReplacesAllFields {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let id = m.id(&request.target).await;
            if request.write.delta.changes().len() > 0 && m.is_live(&id).await {
                m.edit(&id, |fields| fields.retain(|name, _| is_reserved(name))).await;
            }
            m.write(&request).await
        }
    }

    /// Read, change, write back: what others do meanwhile is undone.
    ["WRT-5" "INC-5" "DEL-3" "ROT-7"] ReadsAndWritesBack {
        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let id = m.id(&request.target).await;
            if !m.is_live(&id).await {
                return Ok(WriteOutcome::NotFound);
            }
            let before = m.key(&id).await;
            tokio::task::yield_now().await;
            m.put_back(&id, before).await;
            m.write(&request).await
        }
    }
}
