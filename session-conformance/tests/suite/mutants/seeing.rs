//! Backends that keep what they have read.

use std::collections::BTreeMap;
use std::sync::Mutex;

use session_core::steps::{
    ReadOutcome, ReadRequest, RemoveOutcome, RemoveRequest, RenameOutcome, RenameRequest,
    WriteOutcome, WriteRequest,
};
use session_core::{Result, SessionId};

use super::mutants;
use crate::flawed::Memory;

/// What was read of each session.
type Kept = Mutex<BTreeMap<SessionId, ReadOutcome>>;

/// What is kept of the session; else what the store says, which is kept from then on.
async fn read(kept: &Kept, m: &Memory, request: &ReadRequest) -> Result<ReadOutcome> {
    let id = m.id(&request.target).await;
    if let Some(outcome) = kept.lock().unwrap().get(&id) {
        return Ok(outcome.clone());
    }
    let outcome = m.read(request).await?;
    kept.lock().unwrap().insert(id, outcome.clone());
    Ok(outcome)
}

mutants! {
    /// It forgets what it is told to change, and not what a step finds by itself.
    ["SEE-1"] KeepsWhatItRevokes(Kept) {
        async fn read(&self, m: &Memory, request: ReadRequest) -> Result<ReadOutcome> {
            read(&self.0, m, &request).await
        }

        async fn write(&self, m: &Memory, request: WriteRequest) -> Result<WriteOutcome> {
            let id = m.id(&request.target).await;
            self.0.lock().unwrap().remove(&id);
            m.write(&request).await
        }

        async fn rename(&self, m: &Memory, request: RenameRequest) -> Result<RenameOutcome> {
            self.0.lock().unwrap().remove(&request.from);
            m.rename(&request).await
        }

        async fn remove(&self, m: &Memory, request: RemoveRequest) -> Result<RemoveOutcome> {
            let id = m.id(&request.target).await;
            self.0.lock().unwrap().remove(&id);
            m.remove(&request).await
        }
    }

    /// Nobody tells it what has changed. A fresh read is one, and what it has seen is not kept.
    ["SEE-2" "SEE-3"] HearsOfNobody(Kept) {
        async fn read(&self, m: &Memory, request: ReadRequest) -> Result<ReadOutcome> {
            match request.is_fresh {
                true => m.read(&request).await,
                false => read(&self.0, m, &request).await,
            }
        }
    }

    /// Every second read of a session is answered by what the first one saw, as by a replica that
    /// is behind.
    ["SEE-4"] ReadsGoBack(Mutex<(bool, BTreeMap<SessionId, ReadOutcome>)>) {
        async fn read(&self, m: &Memory, request: ReadRequest) -> Result<ReadOutcome> {
            let id = m.id(&request.target).await;
            let outcome = m.read(&request).await?;
            let mut state = self.0.lock().unwrap();
            let (is_second, first) = &mut *state;
            *is_second = !*is_second;
            let first = first.entry(id).or_insert_with(|| outcome.clone());
            Ok(if *is_second { outcome } else { first.clone() })
        }
    }
}
