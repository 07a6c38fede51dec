//! What a test does behind the backend's back.

use std::collections::BTreeMap;
use std::time::Duration;

use session_core::{ListPosition, Principal, SessionId, UnixMillis};

use super::key::{Content, Key, RawHash};
use super::{After, Store, lock};

impl Store {
    /// Puts a hash under an id, whatever was there. A hash without fields does not exist.
    pub(crate) fn plant_hash(
        &self,
        id: &SessionId,
        fields: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
        expires_in: Option<Duration>,
        after: &mut After,
    ) {
        // The last value of a name wins, as if each were set in turn.
        let hash: BTreeMap<_, _> = fields.into_iter().collect();
        let hash = RawHash::from_iter(hash);
        self.plant(id, expires_in, after, |expires_at| {
            (!hash.is_empty()).then(|| Content::of_hash(hash, expires_at))
        });
    }

    /// Puts a key that is no hash under an id, whatever was there.
    pub(crate) fn plant_other_type(
        &self,
        id: &SessionId,
        expires_in: Option<Duration>,
        after: &mut After,
    ) {
        self.plant(id, expires_in, after, |expires_at| {
            Some(Content::OtherType { expires_at })
        });
    }

    fn plant(
        &self,
        id: &SessionId,
        expires_in: Option<Duration>,
        after: &mut After,
        content: impl FnOnce(Option<UnixMillis>) -> Option<Content>,
    ) {
        let hashed = self.hashed(id);
        let mut table = lock(self.table(hashed.table()));
        let now = self.now();
        let expires_at = expires_in.map(|it| {
            let millis = u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
            now.plus_millis(millis)
        });
        let planted = content(expires_at).map(|content| Key::new(id.clone(), content));
        // Another client writes the hash and knows nothing of the index: what was listed stays
        // listed as long as its principal, deadline and public id stay, and nothing else is.
        if let Some(taken) = table.take(hashed) {
            let listing = taken.listing();
            let is_kept = planted.as_ref().is_some_and(|key| key.listing() == listing);
            if is_kept {
                self.capacity.removed(taken.weight);
            } else {
                after.freed.push(taken);
            }
        }
        if let Some(key) = planted {
            self.capacity.added(key.weight);
            table.put(hashed.hash, key);
        }
    }

    /// What is under an id, and the time to its expiry.
    pub(crate) fn dump(&self, id: &SessionId) -> Option<(Option<RawHash>, Option<Duration>)> {
        let hashed = self.hashed(id);
        let table = lock(self.table(hashed.table()));
        let now = self.now();
        let key = table.get(hashed).filter(|key| !key.is_expired(now))?;
        let expires_in = key.expires_at().map(|at| at.since(now));
        Some((key.content.to_hash(), expires_in))
    }

    /// The number of keys that exist: held and not expired.
    pub(crate) fn count_existing(&self) -> usize {
        let tables = self.tables.iter().map(|table| {
            let table = lock(&table.0);
            let now = self.now();
            table.iter().filter(|key| !key.is_expired(now)).count()
        });
        tables.sum()
    }

    /// The number of entries of a principal in the index.
    pub(crate) fn index_len(&self, principal: &Principal) -> usize {
        let mut parts = self.index.lock([principal]);
        let entries = parts.entries(principal, ListPosition::BEGINNING, usize::MAX);
        entries.len()
    }
}
