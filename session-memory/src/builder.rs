//! Building a memory backend.

use std::sync::Arc;
use std::time::Duration;

use session_core::{Clock, SessionPolicy, SystemClock};

use crate::backend::MemoryBackend;
use crate::clock::ManualClock;
use crate::store::{Limits, WhenFull};

impl MemoryBackend {
    /// An empty backend with the default policy, the operating system's clock, and room for
    /// [`MemoryBackendBuilder::DEFAULT_MAX_SESSIONS`].
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// An empty backend with the default policy whose time is this clock's: expiry and the
    /// timestamps of the sessions.
    ///
    /// ```
    /// use session_memory::{ManualClock, MemoryBackend};
    /// use std::sync::Arc;
    ///
    /// let clock = Arc::new(ManualClock::new());
    /// let backend = MemoryBackend::with_clock(clock.clone());
    /// ```
    pub fn with_clock(clock: Arc<ManualClock>) -> Self {
        Self::builder()
            .policy(SessionPolicy::new().with_clock(clock.clone()))
            .clock(clock)
            .build()
    }

    /// Builds a backend with another policy, clock or size.
    pub fn builder() -> MemoryBackendBuilder {
        MemoryBackendBuilder::default()
    }
}

impl Default for MemoryBackend {
    fn default() -> Self {
        Self::new()
    }
}

/// Builds a [`MemoryBackend`]. Created by [`MemoryBackend::builder`].
///
/// | setting | default |
/// |---|---|
/// | [`policy`](Self::policy) | [`SessionPolicy::new`] |
/// | [`clock`](Self::clock) | the operating system's |
/// | [`deadline`](Self::deadline) | 500 ms |
/// | [`max_sessions`](Self::max_sessions) | [`MemoryBackendBuilder::DEFAULT_MAX_SESSIONS`] |
/// | [`max_bytes`](Self::max_bytes) | any number |
/// | [`when_full`](Self::when_full) | [`WhenFull::Refuse`] |
///
/// ```
/// use session_core::{SessionPolicy, SessionTtl};
/// use session_memory::{ManualClock, MemoryBackend};
/// use std::sync::Arc;
///
/// let clock = Arc::new(ManualClock::new());
/// let policy = SessionPolicy::new()
///     .with_default_ttl(SessionTtl::from_secs(60)?)
///     .with_clock(clock.clone());
/// let backend = MemoryBackend::builder()
///     .policy(policy)
///     .clock(clock)
///     .max_sessions(10_000)
///     .build();
/// assert_eq!(backend.len(), 0);
/// # Ok::<(), session_core::InvalidTtl>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct MemoryBackendBuilder {
    policy: SessionPolicy,
    clock: Arc<dyn Clock>,
    deadline: Duration,
    limits: Limits,
}

impl MemoryBackendBuilder {
    /// How many sessions a backend holds at most unless told otherwise: a million, about
    /// half a gigabyte when each has a handful of short fields.
    pub const DEFAULT_MAX_SESSIONS: usize = 1_000_000;

    /// What the application decides for all its sessions. The policy's clock writes the two
    /// timestamps that people read, and decides nothing.
    pub fn policy(mut self, policy: SessionPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The backend's own clock, which decides what has expired. It is read under the backend's
    /// locks, so it must not call the backend.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What the backend names as its [`deadline`](session_core::SessionBackend::deadline): how long
    /// the code under test waits for it. The backend itself never takes long; a planned delay takes
    /// as long as it was planned, whatever this says.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How many sessions the backend holds at most. While it holds so many, creating one more does
    /// what [`when_full`](Self::when_full) says; what has expired is freed first. All other
    /// operations still work, rotations included: an id that was rotated counts as one session
    /// until its tombstone ends, and may be one too many.
    pub fn max_sessions(mut self, max: usize) -> Self {
        self.limits.sessions = max;
        self
    }

    /// About how many bytes the sessions take at most, all that belongs to them included
    /// ([`MemoryBackend::bytes`]). A session that would exceed it is not created, and while it is
    /// reached, no write that sets or increments a field, or binds a session, goes on, but as
    /// [`when_full`](Self::when_full) says. Reads, touches, removals, deletions and rotations
    /// still work. So it is exceeded by rotations, and by no more than what the writes add that
    /// began before it was reached. A value counts with its own bytes: one that was made of a slice
    /// of a larger buffer ([`Bytes`](session_core::FieldValue)) keeps all of that in memory.
    ///
    /// ```
    /// use session_core::{ErrorKind, FieldName, Fields, NewSession, SessionBackend};
    /// use session_memory::MemoryBackend;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let backend = MemoryBackend::builder().max_bytes(4096).build();
    /// backend.create_session(NewSession::default()).await?;
    ///
    /// let large = Fields::new().with(FieldName::new("cart")?, "x".repeat(4096));
    /// let error = backend.create_session(NewSession::new(large)).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::StoreFull);
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_bytes(mut self, max: usize) -> Self {
        self.limits.bytes = max;
        self
    }

    /// What becomes of a new session, and of a change that may make one grow, while the store is
    /// full of sessions that have not expired.
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.limits.when_full = when_full;
        self
    }

    /// The backend, empty.
    pub fn build(self) -> MemoryBackend {
        MemoryBackend::from_parts(self.policy, self.clock, self.deadline, self.limits)
    }
}

impl Default for MemoryBackendBuilder {
    fn default() -> Self {
        Self {
            policy: SessionPolicy::new(),
            clock: Arc::new(SystemClock),
            deadline: Duration::from_millis(500),
            limits: Limits {
                sessions: Self::DEFAULT_MAX_SESSIONS,
                bytes: usize::MAX,
                when_full: WhenFull::Refuse,
            },
        }
    }
}
