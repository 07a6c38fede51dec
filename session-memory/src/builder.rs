//! Building a memory backend.

use std::sync::Arc;
use std::time::Duration;

use session_core::{Clock, SessionPolicy, SystemClock};

use crate::backend::MemoryBackend;
use crate::clock::ManualClock;

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
    max_sessions: usize,
}

impl MemoryBackendBuilder {
    /// How many sessions a backend holds at most unless told otherwise: a million, about
    /// 1 GB when each has a handful of short fields.
    pub const DEFAULT_MAX_SESSIONS: usize = 1_000_000;

    /// What the application decides for all its sessions. The policy's clock writes the two
    /// timestamps that people read, and decides nothing.
    pub fn policy(mut self, policy: SessionPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The backend's own clock, which decides what has expired. It is read under the backend's
    /// lock, so it must not call the backend.
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

    /// How many sessions the backend holds at most. In a store that is full of sessions which have
    /// not expired, creating one more fails with [`ErrorKind::StoreFull`] and nothing is changed;
    /// all other operations still work, writes that grow a session included. An id that was rotated
    /// counts as one until its tombstone ends.
    ///
    /// [`ErrorKind::StoreFull`]: session_core::ErrorKind::StoreFull
    pub fn max_sessions(mut self, max: usize) -> Self {
        self.max_sessions = max;
        self
    }

    /// The backend, empty.
    pub fn build(self) -> MemoryBackend {
        MemoryBackend::from_parts(self.policy, self.clock, self.deadline, self.max_sessions)
    }
}

impl Default for MemoryBackendBuilder {
    fn default() -> Self {
        Self {
            policy: SessionPolicy::new(),
            clock: Arc::new(SystemClock),
            deadline: Duration::from_millis(500),
            max_sessions: Self::DEFAULT_MAX_SESSIONS,
        }
    }
}
