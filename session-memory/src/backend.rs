//! The backend.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, RevokeTarget, WriteOutcome,
    WriteRequest,
};
use session_core::{
    Clock, Effect, Error, ErrorKind, ListPosition, ListedPage, Result, RevokedPage, SessionBackend,
    SessionPolicy, async_trait,
};

use crate::faults::{Faults, Step};
use crate::store::{After, Limits, Store};

/// Sessions in the memory of this process.
///
/// A clone is another view of the same sessions. See the [crate's documentation](crate) for when
/// to use it, and for what it costs.
///
/// # Atomicity
/// Each step is one critical section, under the locks of those sessions that it is about and of no
/// others; a deletion by an id that was rotated is one for each tombstone that it follows. No step
/// holds a lock while it waits for anything but locks.
///
/// # Errors
/// [`ErrorKind::StoreFull`](session_core::ErrorKind::StoreFull) when a session is created, or may
/// grow, and the store is full ([`WhenFull`](crate::WhenFull)); otherwise only what the session
/// semantics refuse, and what [`faults`](Self::faults) plans.
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
    deadline: Duration,
    store: Store,
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
        self.store().len()
    }

    /// Whether no keys are held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// About how many bytes the keys take, those included that have expired and are not freed yet:
    /// what [`max_bytes`](crate::MemoryBackendBuilder::max_bytes) is compared with. It is computed
    /// from what they hold, and not measured.
    pub fn bytes(&self) -> usize {
        self.store().bytes()
    }

    pub(crate) fn from_parts(
        policy: SessionPolicy,
        clock: Arc<dyn Clock>,
        deadline: Duration,
        limits: Limits,
    ) -> Self {
        Self {
            policy: Arc::new(policy),
            shared: Arc::new(Shared {
                deadline,
                store: Store::new(clock, limits),
                faults: Faults::default(),
            }),
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Does a step, and what it leaves to be done.
    pub(crate) fn run<T>(&self, step: impl FnOnce(&Store, &mut After) -> T) -> T {
        let mut after = After::default();
        let outcome = step(self.store(), &mut after);
        self.store().finish(after);
        outcome
    }

    pub(crate) async fn step<T>(
        &self,
        step: Step,
        act: impl FnOnce(&Store, &mut After) -> Result<T> + Send,
    ) -> Result<T> {
        let faults = &self.shared.faults;
        faults.around(step, || self.run(act)).await
    }
}

impl fmt::Debug for MemoryBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBackend")
            .field("len", &self.len())
            .field("limits", self.store().limits())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionBackend for MemoryBackend {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        self.step(Step::Insert, |store, after| store.insert(request, after))
            .await
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        self.step(Step::Read, |store, after| store.read(request, after))
            .await
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        self.step(Step::Write, |store, after| store.write(request, after))
            .await
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        self.step(
            Step::Rename,
            |store, after| Ok(store.rename(request, after)),
        )
        .await
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        self.step(Step::Remove, |store, after| store.remove(request, after))
            .await
    }

    async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
        self.step(Step::List, |store, after| store.list(request, after))
            .await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        let keep = match &request.target {
            RevokeTarget::All => Ok(None),
            RevokeTarget::AllExcept(keep) => Ok(Some(keep)),
            // A target that this version does not know.
            _ => Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
        };
        self.step(Step::Revoke, |store, after| {
            ListPosition::of(&request.page)?;
            Ok(store.revoke(&request.principal, keep?, request.page.size, after))
        })
        .await
    }

    async fn ping(&self) -> Result<()> {
        let ping = |store: &Store, after: &mut After| {
            store.ping(after);
            Ok(())
        };
        self.step(Step::Ping, ping).await
    }

    fn policy(&self) -> &SessionPolicy {
        &self.policy
    }

    fn deadline(&self) -> Duration {
        self.shared.deadline
    }
}
