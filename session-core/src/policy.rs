//! What an application decides once for all its sessions.

use std::sync::{Arc, LazyLock};

use crate::delta::Touch;
use crate::lifetime::Lifetime;
use crate::limits::Limits;
use crate::principal::PrincipalLimit;
use crate::time::{Clock, SystemClock, Timestamp};
use crate::ttl::SessionTtl;

/// What an application decides once for all its sessions. Given to a backend when it is built.
///
/// ```
/// use session_core::{Lifetime, SessionPolicy, SessionTtl};
///
/// let policy = SessionPolicy::new()
///     .with_default_ttl(SessionTtl::from_secs(900)?)
///     .with_max_lifetime(Lifetime::from_secs(12 * 3600)?);
/// assert_eq!(policy.default_ttl().as_secs(), 900);
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SessionPolicy {
    default_ttl: SessionTtl,
    max_lifetime: Option<Lifetime>,
    principal_lifetime: Lifetime,
    principal_limit: Option<PrincipalLimit>,
    tombstone_lifetime: Lifetime,
    touch: Touch,
    limits: Limits,
    clock: Arc<dyn Clock>,
}

/// 12 hours: OWASP ASVS 4.0 3.3.2, level 2, asks for re-authentication after that time.
const TWELVE_HOURS: u64 = 12 * 60 * 60;

/// Longer than the requests take that were on their way with the old id.
const TEN_SECONDS: u64 = 10;

impl SessionPolicy {
    /// The defaults: TTL 30 minutes, no absolute lifetime, 12 hours for sessions bound to a
    /// principal, 100 sessions per principal ([`PrincipalLimit`]), tombstones of 10 seconds, every
    /// use slides the expiry, the default [`Limits`], the system's clock.
    pub fn new() -> Self {
        Self {
            default_ttl: SessionTtl::DEFAULT,
            max_lifetime: None,
            principal_lifetime: Lifetime::from_secs(TWELVE_HOURS).unwrap_or(Lifetime::MAX),
            principal_limit: Some(PrincipalLimit::default()),
            tombstone_lifetime: Lifetime::from_secs(TEN_SECONDS).unwrap_or(Lifetime::MAX),
            touch: Touch::Always,
            limits: Limits::default(),
            clock: Arc::new(SystemClock),
        }
    }

    /// The sliding TTL of sessions that do not choose their own.
    #[must_use]
    pub fn with_default_ttl(mut self, ttl: SessionTtl) -> Self {
        self.default_ttl = ttl;
        self
    }

    /// The absolute lifetime of sessions that do not choose their own.
    #[must_use]
    pub fn with_max_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// The absolute lifetime that a session gets when it is bound to a principal and has none.
    #[must_use]
    pub fn with_principal_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.principal_lifetime = lifetime;
        self
    }

    /// How many sessions one principal may have at once. A log-in that exceeds it counts those that
    /// live; below it nobody is looked at.
    #[must_use]
    pub fn with_principal_limit(mut self, limit: PrincipalLimit) -> Self {
        self.principal_limit = Some(limit);
        self
    }

    /// A principal may have any number of sessions. Listing and ending them takes time and memory
    /// that grow with their number.
    #[must_use]
    pub fn without_principal_limit(mut self) -> Self {
        self.principal_limit = None;
        self
    }

    /// How long an old id is known as rotated ([`Tombstone`](crate::Tombstone)): as long as
    /// requests may be on their way with it. Until then a deletion of the old id ends the session
    /// that it has become, if nobody has logged in or out with the rotation.
    #[must_use]
    pub fn with_tombstone_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.tombstone_lifetime = lifetime;
        self
    }

    /// Whether `get_session` counts as use.
    #[must_use]
    pub fn with_touch(mut self, touch: Touch) -> Self {
        self.touch = touch;
        self
    }

    /// How large names, values and sessions may be.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The application's clock. It writes the two human-readable timestamps and decides nothing.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// See [`SessionPolicy::with_default_ttl`].
    pub fn default_ttl(&self) -> SessionTtl {
        self.default_ttl
    }

    /// See [`SessionPolicy::with_max_lifetime`].
    pub fn max_lifetime(&self) -> Option<Lifetime> {
        self.max_lifetime
    }

    /// See [`SessionPolicy::with_principal_lifetime`].
    pub fn principal_lifetime(&self) -> Lifetime {
        self.principal_lifetime
    }

    /// See [`SessionPolicy::with_principal_limit`]; `None` where there is no limit.
    pub fn principal_limit(&self) -> Option<PrincipalLimit> {
        self.principal_limit
    }

    /// See [`SessionPolicy::with_tombstone_lifetime`].
    pub fn tombstone_lifetime(&self) -> Lifetime {
        self.tombstone_lifetime
    }

    /// See [`SessionPolicy::with_touch`].
    pub fn touch(&self) -> Touch {
        self.touch
    }

    /// See [`SessionPolicy::with_limits`].
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The present time by the application's clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_system_time(self.clock.now())
    }

    /// The policy of a backend that was given none.
    pub(crate) fn shared_default() -> &'static Self {
        static DEFAULT: LazyLock<SessionPolicy> = LazyLock::new(SessionPolicy::new);
        &DEFAULT
    }
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self::new()
    }
}
