//! Flaws in what holds for every operation.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use session_core::steps::{ReadRequest, Refusal, WriteOutcome, WriteRequest};
use session_core::{
    Effect, Error, ErrorKind, Result, SessionBackend, SessionPolicy, SessionRecord,
};

use super::write::only;
use super::{forward, mutants};
use crate::reference::{Named, Reference, Store};

mutants! {
    /// It does not reply.
    "OPS-1" DoesNotReturn {
        async fn ping(&self) -> Result<()> {
            Err(Error::new(ErrorKind::Unavailable, Effect::NotApplied))
        }
    }

    /// Each field is written by a command of its own.
    "OPS-2" WritesFieldByField {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let count = request.write.delta.changes().len();
            for n in 0..count.saturating_sub(1) {
                let mut part = request.clone();
                part.write.delta = only(&request.write.delta, |at, _| at == n);
                store.write(&part);
                tokio::task::yield_now().await;
            }
            let mut last = request.clone();
            last.write.delta = only(&request.write.delta, |at, _| at + 1 >= count);
            Ok(store.write(&last))
        }
    }

    /// Replies are told apart by their order only, and one that nobody waits for stays in line.
    "OPS-2" MixesUpReplies(Mutex<VecDeque<Option<SessionRecord>>>) {
        async fn read(&self, store: &Store, request: ReadRequest) -> Result<Option<SessionRecord>> {
            let reply = store.read(&request);
            self.0.lock().unwrap().push_back(reply);
            tokio::task::yield_now().await;
            let reply = self.0.lock().unwrap().pop_front();
            Ok(reply.flatten())
        }
    }

    /// Its `Debug` is derived.
    "OPS-3" ShowsItsKeys {
        fn dress(&self, backend: Reference) -> Arc<dyn SessionBackend> {
            Arc::new(Talkative(backend))
        }
    }

    /// Its errors quote what was wrong.
    "OPS-3" QuotesValues {
        async fn write(&self, store: &Store, request: WriteRequest) -> Result<WriteOutcome> {
            let outcome = store.write(&request);
            if outcome == WriteOutcome::Refused(Refusal::NotAnInteger) {
                let state = store.lock().live(store.flaw(), request.id()).unwrap();
                let fields = state.session.fields();
                let texts = fields.iter().filter_map(|(_, value)| value.as_str().ok());
                let texts: Vec<_> = texts.collect();
                let source = format!("not an integer: {}", texts.join(", "));
                let error = Error::new(ErrorKind::NotAnInteger, Effect::NotApplied);
                return Err(error.with_source(source));
            }
            Ok(outcome)
        }
    }
}

struct Talkative(Reference);

impl fmt::Debug for Talkative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = self.0.store.lock();
        let keys: Vec<_> = data.keys.keys().map(|id| id.expose()).collect();
        f.debug_struct("Talkative").field("keys", &keys).finish()
    }
}

forward! { Talkative {
    fn policy(&self) -> &SessionPolicy {
        self.0.policy()
    }
} }
