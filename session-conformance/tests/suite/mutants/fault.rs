//! What a backend does while its store fails.

use std::sync::atomic::{AtomicBool, Ordering};

use session_core::steps::{ReadOutcome, ReadRequest};
use session_core::{Effect, Error, ErrorKind, Result};

use super::mutants;
use crate::flawed::Memory;

mutants! {
    /// What cannot be read is not there: everyone is logged out.
    ["FLT-1"] FindsNothingInAFailingStore {
        async fn read(&self, m: &Memory, request: ReadRequest) -> Result<ReadOutcome> {
            Ok(m.read(&request).await.unwrap_or(ReadOutcome::NotFound))
        }
    }

    /// Whoever reads the log is logged in.
    ["FLT-2"] NamesTheSessionThatFailed {
        async fn read(&self, m: &Memory, request: ReadRequest) -> Result<ReadOutcome> {
            let id = m.id(&request.target).await;
            m.read(&request).await.map_err(|error| error.with_source(format!("on {}", id.expose())))
        }
    }

    /// Once down, always down.
    ["FLT-3"] NeverTriesAgain(AtomicBool) {
        async fn ping(&self, m: &Memory) -> Result<()> {
            if self.0.load(Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Unavailable, Effect::NotApplied));
            }
            let result = m.ping().await;
            self.0.store(result.is_err(), Ordering::Relaxed);
            result
        }
    }
}
