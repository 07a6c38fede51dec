//! A back door to the keys of a [`MemoryBackend`], for tests: what another client of a shared store
//! could write, and what it would see.
//!
//! Nothing here is a call: it is not counted, no fault applies to it, and it frees nothing.

use std::fmt;
use std::time::Duration;

use session_core::{Principal, SessionId};

use crate::backend::MemoryBackend;
use crate::store::{After, Store};

/// The keys of a backend, as another client of a shared store sees them.
///
/// ```
/// use session_core::{SessionBackend, SessionId};
/// use session_memory::MemoryBackend;
/// use session_memory::testing::RawKeys;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> session_core::Result<()> {
/// let backend = MemoryBackend::new();
/// let keys = RawKeys::of(&backend);
/// let id = SessionId::random()?;
///
/// // A hash that lacks the reserved fields is no session, and stays as it is.
/// keys.plant_hash(&id, [("username", "andrew")], Some(Duration::from_secs(60)));
/// assert_eq!(backend.get_session(&id).await?, None);
/// assert!(!backend.delete_session(&id).await?);
/// let key = keys.dump(&id).expect("the key is there");
/// assert_eq!(key.hash, Some(vec![(b"username".to_vec(), b"andrew".to_vec())]));
/// assert!(key.expires_in.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RawKeys {
    backend: MemoryBackend,
}

/// A key as the store has it. Its `Debug` shows no values.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawKey {
    /// Names and values in order of the names; `None` for a key that is no hash.
    pub hash: Option<Vec<(Vec<u8>, Vec<u8>)>>,
    /// The time to the key's expiry; `None` for a key without one.
    pub expires_in: Option<Duration>,
}

impl RawKeys {
    /// The keys of this backend.
    pub fn of(backend: &MemoryBackend) -> Self {
        Self {
            backend: backend.clone(),
        }
    }

    /// Puts a hash under an id, whatever was there before, to expire after this time or never. The
    /// last value of a name wins. A hash without fields does not exist: planting one frees the id.
    ///
    /// The principal index knows nothing of it: a session stays listed if it was and still has the
    /// same principal, deadline and public id; otherwise it is not listed, whatever its hash says.
    pub fn plant_hash<N, V>(
        &self,
        id: &SessionId,
        fields: impl IntoIterator<Item = (N, V)>,
        expires_in: Option<Duration>,
    ) where
        N: Into<Vec<u8>>,
        V: Into<Vec<u8>>,
    {
        // Collected first: the caller's iterator must not run under the lock.
        let fields: Vec<_> = fields
            .into_iter()
            .map(|(n, v)| (n.into(), v.into()))
            .collect();
        let plant = |store: &Store, after: &mut After| {
            store.plant_hash(id, fields, expires_in, after);
        };
        self.backend.run(plant);
    }

    /// Puts a key that is no hash under an id, whatever was there before.
    pub fn plant_other_type(&self, id: &SessionId, expires_in: Option<Duration>) {
        let plant = |store: &Store, after: &mut After| {
            store.plant_other_type(id, expires_in, after);
        };
        self.backend.run(plant);
    }

    /// The key under an id; `None` when there is none, or when it has expired.
    pub fn dump(&self, id: &SessionId) -> Option<RawKey> {
        let (hash, expires_in) = self.backend.store().dump(id)?;
        Some(RawKey { hash, expires_in })
    }

    /// The number of keys that exist. One that has expired does not, even if it is still held
    /// ([`MemoryBackend::len`]). Looks at every key.
    pub fn count(&self) -> usize {
        self.backend.store().count_existing()
    }

    /// The number of entries that the principal index has for a principal, expired ones
    /// included.
    pub fn index_len(&self, principal: &Principal) -> usize {
        self.backend.store().index_len(principal)
    }
}

impl fmt::Debug for RawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawKey")
            .field("fields", &self.hash.as_ref().map(Vec::len))
            .field("expires_in", &self.expires_in)
            .finish()
    }
}
