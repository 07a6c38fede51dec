//! What a test does behind the backend's back.

use std::collections::BTreeMap;
use std::time::Duration;

use session_core::{Principal, SessionId, UnixMillis};

use super::Store;
use super::key::{Content, Key, RawHash};

impl Store {
    /// Puts a hash under an id, whatever was there. A hash without fields does not exist.
    pub(crate) fn plant_hash(
        &mut self,
        id: &SessionId,
        fields: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
        expires_at: Option<UnixMillis>,
    ) {
        // The last value of a name wins, as if each were set in turn.
        let hash: BTreeMap<_, _> = fields.into_iter().collect();
        if hash.is_empty() {
            self.take_key(id);
        } else {
            let hash = RawHash::from_iter(hash);
            self.plant(id, Content::of_hash(hash, expires_at));
        }
    }

    /// Puts a key that is no hash under an id, whatever was there.
    pub(crate) fn plant_other_type(&mut self, id: &SessionId, expires_at: Option<UnixMillis>) {
        self.plant(id, Content::OtherType { expires_at });
    }

    fn plant(&mut self, id: &SessionId, content: Content) {
        // Another client writes the hash and knows nothing of the index: what was listed stays
        // listed as long as its principal, deadline and public id stay, and nothing else is.
        let listed = self.keys.get(id).and_then(Key::listing);
        let listed = listed.filter(|listed| self.index.remove(listed.clone(), id));
        self.take_key(id);
        let planted = Key::new(content);
        if let Some(listed) = listed
            && planted.listing().as_ref() == Some(&listed)
        {
            self.index.insert(listed, id.clone());
        }
        self.put_key(id.clone(), planted);
    }

    /// What is under an id, and the time to its expiry.
    pub(crate) fn dump(
        &self,
        id: &SessionId,
        now: UnixMillis,
    ) -> Option<(Option<RawHash>, Option<Duration>)> {
        let key = self.keys.get(id).filter(|key| !key.is_expired(now))?;
        Some((
            key.content.to_hash(),
            key.expires_at().map(|at| at.since(now)),
        ))
    }

    /// The number of keys that exist: held and not expired.
    pub(crate) fn count_existing(&self, now: UnixMillis) -> usize {
        let keys = self.keys.iter();
        keys.filter(|(_, key)| !key.is_expired(now)).count()
    }

    /// The number of entries of a principal in the index.
    pub(crate) fn index_len(&self, principal: &Principal) -> usize {
        self.index.of(principal).count()
    }
}
