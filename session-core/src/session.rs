//! Sessions as applications create and move them.

use crate::delta::Delta;
use crate::error::Result;
use crate::fields::Fields;
use crate::id::SessionId;
use crate::lifetime::Lifetime;
use crate::log_in::LogIn;
use crate::record::SessionRecord;
use crate::ttl::SessionTtl;
use crate::written::Written;

/// What a session starts with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewSession {
    pub(crate) fields: Fields,
    pub(crate) ttl: Option<SessionTtl>,
    pub(crate) max_lifetime: Option<Lifetime>,
    pub(crate) log_in: Option<LogIn>,
}

impl NewSession {
    /// A session with these fields and the policy's TTL.
    pub fn new(fields: Fields) -> Self {
        Self {
            fields,
            ..Self::default()
        }
    }

    /// What a delta would make of a session without fields that is bound to nobody: how a write
    /// whose session was not found goes into a fresh one.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when the delta expects that a field has
    /// a value.
    pub fn from_delta(delta: &Delta) -> Result<Self> {
        let mut fields = Fields::new();
        delta.apply_to(&mut fields, None)?;
        Ok(Self {
            fields,
            ttl: delta.new_ttl(),
            max_lifetime: None,
            log_in: delta.log_in().cloned(),
        })
    }

    /// Its own sliding TTL.
    #[must_use]
    pub fn ttl(mut self, ttl: SessionTtl) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Its own absolute lifetime: it ends that long after its creation, whatever its use.
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// Binds it to a principal (log in). A lifetime that the log-in brings counts before
    /// [`max_lifetime`](Self::max_lifetime).
    #[must_use]
    pub fn bind(mut self, log_in: impl Into<LogIn>) -> Self {
        let mut log_in = log_in.into();
        self.ttl = log_in.ttl.take().or(self.ttl);
        self.log_in = Some(log_in);
        self
    }
}

impl From<Fields> for NewSession {
    fn from(fields: Fields) -> Self {
        Self::new(fields)
    }
}

/// A session that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedSession {
    /// Its id.
    pub id: SessionId,
    /// The session as it was stored.
    pub record: SessionRecord,
}

/// A session that was moved to a new id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotatedSession {
    /// Its new id.
    pub id: SessionId,
    /// What the write did.
    pub written: Written,
}
