//! The backend.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, RevokeTarget, WriteOutcome,
    WriteRequest,
};
use session_core::{
    Clock, Effect, Error, ErrorKind, ListPosition, ListedPage, QuotaWarnings, Result, RevokedPage,
    SessionBackend, SessionPolicy, UnixMillis, async_trait,
};

use crate::faults::{Faults, Step};
use crate::store::Store;

/// Sessions in the memory of this process.
///
/// A clone is another view of the same sessions. See the [crate's documentation](crate) for when
/// to use it, and for what it costs.
///
/// # Atomicity
/// Each step is one critical section under one lock, which no step holds while it waits for
/// anything.
///
/// # Errors
/// [`ErrorKind::StoreFull`](session_core::ErrorKind::StoreFull) when a session is created and the
/// store is full; otherwise only what the session semantics refuse, and what
/// [`faults`](Self::faults) plans.
///
/// ```
/// use session_core::{FieldName, Fields, NewSession, SessionBackend};
/// use session_memory::MemoryBackend;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let backend = MemoryBackend::new();
/// let fields = Fields::new().with(FieldName::new("username")?, "andrew");
/// let id = backend.create_session(NewSession::new(fields)).await?.id;
///
/// let session = backend.get_session(&id).await?.ok_or("no session")?;
/// assert_eq!(session.fields().get_str("username"), Some("andrew"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryBackend {
    policy: Arc<SessionPolicy>,
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    deadline: Duration,
    max_sessions: usize,
    store: Mutex<Store>,
    quota_warnings: QuotaWarnings,
    faults: Faults,
}

impl MemoryBackend {
    /// Another backend over the same sessions, with the same clock and faults, and with this
    /// policy: as two applications with policies of their own share one server.
    #[must_use]
    pub fn with_policy(&self, policy: SessionPolicy) -> Self {
        Self {
            policy: Arc::new(policy),
            shared: Arc::clone(&self.shared),
        }
    }

    /// Faults planned for calls to come, and the number of calls so far. For tests.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The number of keys held. Those that have expired are counted until they are freed, which
    /// takes a few operations of any kind; see the [crate's documentation](crate#costs).
    pub fn len(&self) -> usize {
        self.on_store(|store, _| store.len())
    }

    /// Whether no keys are held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn from_parts(
        policy: SessionPolicy,
        clock: Arc<dyn Clock>,
        deadline: Duration,
        max_sessions: usize,
    ) -> Self {
        Self {
            policy: Arc::new(policy),
            shared: Arc::new(Shared {
                clock,
                deadline,
                max_sessions,
                store: Mutex::new(Store::new(max_sessions)),
                quota_warnings: QuotaWarnings::default(),
                faults: Faults::default(),
            }),
        }
    }

    /// Does something to the store as it is, under the lock.
    pub(crate) fn on_store<T>(&self, act: impl FnOnce(&mut Store, UnixMillis) -> T) -> T {
        // Nothing but the clock can panic while the lock is held, and it is read before anything
        // is changed: the store is whole even if the lock is poisoned.
        let store = self.shared.store.lock();
        let mut store = store.unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that time does not run backwards from one step to the next.
        let now = UnixMillis::from_system_time(self.shared.clock.now());
        let outcome = act(&mut store, now);
        let freed = store.take_freed();
        drop(store);
        drop(freed);
        outcome
    }

    /// Frees some of what has expired, does a step, and logs what the step found amiss.
    pub(crate) fn run<T>(&self, step: impl FnOnce(&mut Store, UnixMillis) -> T) -> T {
        let (outcome, finding, evicted) = self.on_store(|store, now| {
            store.sweep(now);
            let outcome = step(store, now);
            (outcome, store.take_finding(), store.take_evicted())
        });
        // A subscriber is foreign code: it runs without the lock.
        if let Some(finding) = finding {
            tracing::warn!(
                session = finding.public_id().as_str(),
                reason = finding.reason(),
                "a key is no session, and is left alone"
            );
        }
        if let Some(principal) = evicted {
            let warnings = &self.shared.quota_warnings;
            warnings.sessions_ended(&principal, Instant::now());
        }
        outcome
    }

    pub(crate) async fn step<T>(
        &self,
        step: Step,
        act: impl FnOnce(&mut Store, UnixMillis) -> Result<T> + Send,
    ) -> Result<T> {
        let faults = &self.shared.faults;
        faults.around(step, || self.run(act)).await
    }
}

impl fmt::Debug for MemoryBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBackend")
            .field("len", &self.len())
            .field("max_sessions", &self.shared.max_sessions)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionBackend for MemoryBackend {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        self.step(Step::Insert, |store, now| store.insert(request, now))
            .await
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        self.step(Step::Read, |store, now| store.read(request, now))
            .await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        self.step(Step::Write, |store, now| store.write(request, now))
            .await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        self.step(Step::Rename, |store, now| Ok(store.rename(request, now)))
            .await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        self.step(Step::Remove, |store, now| store.remove(request, now))
            .await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
        self.step(Step::List, |store, now| store.list(request, now))
            .await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        let keep = match &request.target {
            RevokeTarget::All => Ok(None),
            RevokeTarget::AllExcept(keep) => Ok(Some(keep)),
            // A target that this version does not know.
            _ => Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
        };
        self.step(Step::Revoke, |store, now| {
            ListPosition::of(&request.page)?;
            Ok(store.revoke(&request.principal, keep?, request.page.size, now))
        })
        .await
    }

    async fn ping(&self) -> Result<()> {
        self.step(Step::Ping, |_, _| Ok(())).await
    }

    fn policy(&self) -> &SessionPolicy {
        &self.policy
    }

    fn deadline(&self) -> Duration {
        self.shared.deadline
    }
}
