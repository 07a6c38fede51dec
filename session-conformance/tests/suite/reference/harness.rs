//! The reference's harness.

use std::sync::Arc;
use std::time::Duration;

use session_conformance::{Harness, RawHash, RawKey};
use session_core::{
    Principal, SessionAdmin, SessionBackend, SessionId, SessionPolicy, UnixMillis, async_trait,
};

use super::{Data, Flaw, Flawless, Key, Reference, ReferenceAdmin, Store};

/// A store of the reference backend.
pub(crate) struct ReferenceHarness(Arc<Store>);

impl ReferenceHarness {
    /// Without a flaw; its clock stands still.
    pub(crate) fn flawless() -> Self {
        Self::with(Arc::new(Flawless))
    }

    /// With a flaw; its clock stands still.
    pub(crate) fn with(flaw: Arc<dyn Flaw>) -> Self {
        Self(Arc::new(Store::new(flaw, 0)))
    }

    /// Without a flaw, in real time as a slow server is: some milliseconds pass with each call, and
    /// time is let pass by subtracting it from all that is stored.
    pub(crate) fn ticking() -> Self {
        Self::ticking_with(Arc::new(Flawless))
    }

    /// With a flaw, in real time.
    pub(crate) fn ticking_with(flaw: Arc<dyn Flaw>) -> Self {
        Self(Arc::new(Store::new(flaw, 7)))
    }
}

fn earlier(at: UnixMillis, by: u64) -> UnixMillis {
    UnixMillis::new(at.get().saturating_sub(by))
}

/// What a server in real time is done to when time is to pass.
fn subtract(data: &mut Data, by: u64) {
    let now = data.now;
    for key in data.keys.values_mut() {
        // What has nothing left is gone, to the millisecond.
        key.expires_at = key.expires_at.map(|at| earlier(at, by));
        let deadline = key
            .fields
            .as_mut()
            .and_then(|f| f.get_mut(&b"session_deadline"[..]));
        if let Some(text) = deadline
            && let Some(at) = UnixMillis::parse(text)
        {
            *text = earlier(at, by).get().to_string().into_bytes();
        }
    }
    data.keys
        .retain(|_, key| key.expires_at.is_none_or(|at| now < at));
    for members in data.index.values_mut() {
        let all = std::mem::take(members).into_iter();
        members.extend(all.map(|((at, public_id), id)| ((earlier(at, by), public_id), id)));
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

#[async_trait]
impl Harness for ReferenceHarness {
    async fn backend_with(&self, policy: SessionPolicy) -> Arc<dyn SessionBackend> {
        let backend = Reference::new(Arc::clone(&self.0), policy);
        self.0.flaw().dress(backend)
    }

    async fn admin(&self) -> Arc<dyn SessionAdmin> {
        let store = Arc::clone(&self.0);
        self.0.flaw().dress_admin(ReferenceAdmin { store })
    }

    async fn plant(&self, id: &SessionId, hash: RawHash, expires_in: Option<Duration>) {
        let now = self.now().await;
        let key = Key {
            fields: Some(hash.into_iter().collect()),
            expires_at: expires_in.map(|left| now.plus_millis(millis(left))),
        };
        self.0.set_key(id, key);
    }

    async fn plant_other_type(&self, id: &SessionId) {
        let key = Key {
            fields: None,
            expires_at: None,
        };
        self.0.set_key(id, key);
    }

    async fn dump(&self, id: &SessionId) -> Option<RawKey> {
        let now = self.now().await;
        let key = self.0.key(id)?;
        let expires_in = key.expires_at.map(|at| at.since(now));
        Some(match key.fields {
            Some(fields) => RawKey::hash(fields.into_iter().collect(), expires_in),
            None => RawKey::other_type(expires_in),
        })
    }

    async fn advance(&self, by: Duration) {
        let mut data = self.0.lock();
        if self.clock_stands_still() {
            data.now = data.now.plus_millis(millis(by));
        } else {
            subtract(&mut data, millis(by));
        }
    }

    async fn now(&self) -> UnixMillis {
        self.0.lock().now
    }

    async fn index_len(&self, principal: &Principal) -> Option<usize> {
        self.0
            .lock()
            .index
            .get(principal)
            .map(std::collections::BTreeMap::len)
    }

    fn clock_stands_still(&self) -> bool {
        self.0.tick == 0
    }
}
