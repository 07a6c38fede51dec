//! What the suite must be able to do with a store, behind the back of its backend.

#[cfg(feature = "memory")]
mod memory;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Principal, SessionAdmin, SessionBackend, SessionId, SessionPolicy, UnixMillis, async_trait,
};

#[cfg(feature = "memory")]
pub use self::memory::MemoryHarness;

/// The fields of a hash, as names and values.
pub type RawHash = Vec<(Vec<u8>, Vec<u8>)>;

/// A store under test: makes backends over it, and reaches behind them.
///
/// A harness owns its store, or a part of one (below a random key prefix, say): nobody else reads
/// or writes there, and nothing is there when the harness is made. All backends of one harness
/// share the store.
///
/// What goes wrong inside a harness is a panic: a case that cannot run has failed.
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// A backend over this store with this policy, ready for use. Two calls may give two
    /// connections; the races ask for several.
    async fn backend_with(&self, policy: SessionPolicy) -> Arc<dyn SessionBackend>;

    /// A backend over this store with the default policy.
    async fn backend(&self) -> Arc<dyn SessionBackend> {
        self.backend_with(SessionPolicy::new()).await
    }

    /// The admin API of this store, ready for use. Only cases that need one ask for it.
    ///
    /// # Panics
    /// As provided: a store need not offer one.
    async fn admin(&self) -> Arc<dyn SessionAdmin> {
        panic!("this store offers no admin API: use Suite::without_admin, or implement this")
    }

    /// A backend over this store, and the switch that breaks the store for it, and perhaps for
    /// every other. What is planted, dumped and deleted raw still reaches it. Only cases about a
    /// store that fails ask for it.
    ///
    /// # Panics
    /// As provided: a harness need not be able to.
    async fn breakable(&self, policy: SessionPolicy) -> Breakable {
        drop(policy);
        panic!("this store cannot be broken: use Suite::without_faults, or implement this")
    }

    /// Writes a hash under an id as another client would, in the place of what was there. The key
    /// expires after this time, or never.
    async fn plant(&self, id: &SessionId, hash: RawHash, expires_in: Option<Duration>);

    /// Writes a key of another type (a string, a list, …) under an id. It never expires.
    async fn plant_other_type(&self, id: &SessionId);

    /// What is stored under an id; `None` when there is no key, or its expiry has passed.
    async fn dump(&self, id: &SessionId) -> Option<RawKey>;

    /// Lets this much time pass for every key of the store, exactly.
    ///
    /// A store with a manual clock moves it. A store that lives in real time subtracts instead:
    /// from each key's expiry (a key of which nothing remains exists no more), from each
    /// well-formed `session_deadline`, from the time at the beginning of each `session_rotated`
    /// that is a tombstone's, and from every time that the principal index holds. So such a time
    /// may be compared with [`now`](Self::now) only, never with an earlier reading of itself.
    async fn advance(&self, by: Duration);

    /// The present time by the clock that decides expiry. Where time goes on by itself, it shows
    /// that time only, and not what was [advanced](Self::advance).
    async fn now(&self) -> UnixMillis;

    /// How many entries the principal's index holds, ended ones included; `None` when the store has
    /// no index of this principal.
    async fn index_len(&self, principal: &Principal) -> Option<usize>;

    /// How long a read may go on seeing what another backend of this store has changed (SEE-2).
    ///
    /// As provided: not at all. Only a backend that keeps sessions in its process needs more.
    fn staleness_bound(&self) -> Duration {
        Duration::ZERO
    }

    /// Returns once every backend of this store sees what any other had changed.
    ///
    /// As provided: after the bound.
    async fn catch_up(&self) {
        if self.staleness_bound() > Duration::ZERO {
            tokio::time::sleep(self.staleness_bound()).await;
        }
    }

    /// Whether [`now`](Self::now) changes by [`advance`](Self::advance) only. Then the cases test
    /// the last millisecond before each boundary and the first after it.
    fn clock_stands_still(&self) -> bool {
        false
    }
}

/// A backend whose store can be broken.
pub struct Breakable {
    /// The backend.
    pub backend: Arc<dyn SessionBackend>,
    /// Breaks its store.
    pub switch: Box<dyn Switch>,
}

impl fmt::Debug for Breakable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breakable")
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

/// Breaks a store, and mends it.
#[async_trait]
pub trait Switch: Send + Sync {
    /// From now on the store refuses whatever it is asked; what is under way fails.
    async fn break_store(&self);

    /// From now on it can be used again. The backend is not helped to notice.
    async fn mend_store(&self);
}

/// What is stored under one id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawKey {
    /// The key's value.
    pub value: RawValue,
    /// The time to the key's expiry, to the millisecond; `None` when it has none.
    pub expires_in: Option<Duration>,
}

/// The value of a key.
#[derive(Clone, PartialEq, Eq)]
pub enum RawValue {
    /// A hash: its fields, ordered by name.
    Hash(RawHash),
    /// Anything else.
    OtherType,
}

impl RawKey {
    /// A hash with these fields, in any order.
    pub fn hash(mut fields: RawHash, expires_in: Option<Duration>) -> Self {
        fields.sort();
        let value = RawValue::Hash(fields);
        Self { value, expires_in }
    }

    /// A key of another type.
    pub const fn other_type(expires_in: Option<Duration>) -> Self {
        Self {
            value: RawValue::OtherType,
            expires_in,
        }
    }

    /// The fields of the hash; none when it is no hash.
    pub fn fields(&self) -> &[(Vec<u8>, Vec<u8>)] {
        match &self.value {
            RawValue::Hash(fields) => fields,
            RawValue::OtherType => &[],
        }
    }

    /// The value of a field.
    pub fn field(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        let name = name.as_ref();
        let mut fields = self.fields().iter();
        fields.find(|(n, _)| n == name).map(|(_, v)| v.as_slice())
    }
}

/// Test data only, so it is shown: escaped, and long values cut.
impl fmt::Debug for RawValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 80;
        let text = |bytes: &[u8]| {
            let shown = bytes[..bytes.len().min(SHOWN)].escape_ascii();
            let cut = if bytes.len() > SHOWN { "…" } else { "" };
            format!("{shown}{cut}")
        };
        match self {
            Self::Hash(fields) => f
                .debug_map()
                .entries(fields.iter().map(|(name, value)| (text(name), text(value))))
                .finish(),
            Self::OtherType => f.write_str("OtherType"),
        }
    }
}

macro_rules! forward_to_inner {
    ($pointer:ident) => {
        #[async_trait]
        impl<T: Harness + ?Sized> Harness for $pointer<T> {
            async fn backend_with(&self, policy: SessionPolicy) -> Arc<dyn SessionBackend> {
                (**self).backend_with(policy).await
            }

            async fn backend(&self) -> Arc<dyn SessionBackend> {
                (**self).backend().await
            }

            async fn admin(&self) -> Arc<dyn SessionAdmin> {
                (**self).admin().await
            }

            async fn breakable(&self, policy: SessionPolicy) -> Breakable {
                (**self).breakable(policy).await
            }

            async fn plant(&self, id: &SessionId, hash: RawHash, expires_in: Option<Duration>) {
                (**self).plant(id, hash, expires_in).await;
            }

            async fn plant_other_type(&self, id: &SessionId) {
                (**self).plant_other_type(id).await;
            }

            async fn dump(&self, id: &SessionId) -> Option<RawKey> {
                (**self).dump(id).await
            }

            async fn advance(&self, by: Duration) {
                (**self).advance(by).await;
            }

            async fn now(&self) -> UnixMillis {
                (**self).now().await
            }

            async fn index_len(&self, principal: &Principal) -> Option<usize> {
                (**self).index_len(principal).await
            }

            fn staleness_bound(&self) -> Duration {
                (**self).staleness_bound()
            }

            async fn catch_up(&self) {
                (**self).catch_up().await;
            }

            fn clock_stands_still(&self) -> bool {
                (**self).clock_stands_still()
            }
        }
    };
}

forward_to_inner!(Arc);
forward_to_inner!(Box);
