//! What a log-in brings.

use crate::lifetime::Lifetime;
use crate::principal::Principal;
use crate::ttl::SessionTtl;

/// A log-in: whom it binds a session to, and what it brings besides.
///
/// It is made of a [`Principal`] where it brings nothing else.
///
/// ```
/// use session_core::{Delta, Lifetime, LogIn, Principal};
///
/// let ann = Principal::new("ann")?;
/// let month = Lifetime::from_secs(30 * 86_400)?;
/// let remembered = LogIn::new(ann.clone()).lifetime(month).persistent(true);
/// let delta = Delta::new().bind(remembered);
/// assert_eq!(delta.log_in().and_then(|it| it.persistent), Some(true));
/// assert_eq!(Delta::new().bind(ann.clone()), Delta::new().bind(LogIn::new(ann)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogIn {
    /// Whom it binds the session to.
    pub principal: Principal,
    /// The absolute lifetime: fixes the deadline again. Without one a session keeps its deadline,
    /// and one that has none gets
    /// [`SessionPolicy::principal_lifetime`](crate::SessionPolicy::principal_lifetime).
    pub lifetime: Option<Lifetime>,
    /// The sliding TTL. A delta, or a new session, that binds has it as its own from then on
    /// ([`Delta::new_ttl`](crate::Delta::new_ttl)); without one the session's stays.
    pub ttl: Option<SessionTtl>,
    /// The persistence ("remember me"): whether the browser is to keep the session beyond its own
    /// end. `None` where the log-in does not say; then what an earlier one said is forgotten.
    pub persistent: Option<bool>,
    /// Whether it starts the session again, whomever it was bound to: no field stays but what the
    /// same write sets or counts, and `created_at` and the deadline are those of a session that
    /// begins with it. A session that is created has nothing that could stay.
    pub fresh: bool,
}

impl LogIn {
    /// Binds to this principal and brings nothing else.
    pub fn new(principal: Principal) -> Self {
        Self {
            principal,
            lifetime: None,
            ttl: None,
            persistent: None,
            fresh: false,
        }
    }

    /// Its own absolute lifetime: the session ends that long after it, whatever deadline it had.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Its own sliding TTL.
    #[must_use]
    pub fn ttl(mut self, ttl: SessionTtl) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Its own persistence: whether the browser is to keep the session beyond its own end.
    #[must_use]
    pub fn persistent(mut self, is_persistent: bool) -> Self {
        self.persistent = Some(is_persistent);
        self
    }

    /// Leaves nothing of the session before it: not the visitor's fields, which stay otherwise, nor
    /// the principal's own.
    #[must_use]
    pub fn fresh(mut self) -> Self {
        self.fresh = true;
        self
    }
}

impl From<Principal> for LogIn {
    fn from(principal: Principal) -> Self {
        Self::new(principal)
    }
}
