//! The workbench of a case: a backend with a clock of the application's, and its store.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    NewSession, Principal, PublicId, SessionBackend, SessionId, SessionPolicy, UnixMillis,
};

use super::{AppClock, Timer, fresh_id, public_id_of};
use crate::harness::{Harness, RawHash, RawKey};

/// A backend over the store under test, which it dereferences to, and what reaches behind it.
pub(crate) struct Bench<'a> {
    pub(crate) h: &'a dyn Harness,
    /// The application's clock of the backend's policy.
    pub(crate) clock: AppClock,
    backend: Arc<dyn SessionBackend>,
}

/// What was stored under an id, and when.
pub(crate) struct Snapshot {
    key: Option<RawKey>,
    taken: UnixMillis,
}

impl Deref for Bench<'_> {
    type Target = dyn SessionBackend;

    fn deref(&self) -> &Self::Target {
        &*self.backend
    }
}

impl<'a> Bench<'a> {
    /// With the default policy.
    pub(crate) async fn new(h: &'a dyn Harness) -> Self {
        Self::with(h, |policy| policy).await
    }

    /// With the default policy, changed.
    pub(crate) async fn with(
        h: &'a dyn Harness,
        change: impl FnOnce(SessionPolicy) -> SessionPolicy,
    ) -> Self {
        let clock = AppClock::new();
        let policy = SessionPolicy::new().with_clock(Arc::new(clock.clone()));
        let backend = h.backend_with(change(policy)).await;
        Self { h, clock, backend }
    }

    /// The backend, shared.
    pub(crate) fn shared(&self) -> Arc<dyn SessionBackend> {
        Arc::clone(&self.backend)
    }

    /// A timer that starts now.
    pub(crate) async fn timer(&self) -> Timer<'a> {
        Timer::start(self.h).await
    }

    /// Creates a session.
    pub(crate) async fn create(&self, new: NewSession) -> SessionId {
        self.create_session(new).await.expect("a new session").id
    }

    /// Writes a hash under a fresh id.
    pub(crate) async fn plant(&self, hash: RawHash, expires_in: Option<Duration>) -> SessionId {
        let id = fresh_id();
        self.h.plant(&id, hash, expires_in).await;
        id
    }

    /// What is stored under an id where there must be something.
    pub(crate) async fn stored(&self, id: &SessionId) -> RawKey {
        self.h.dump(id).await.expect("a key")
    }

    /// The text of a stored field.
    pub(crate) async fn stored_text(&self, id: &SessionId, field: &str) -> Option<String> {
        let key = self.stored(id).await;
        let value = key.field(field)?;
        Some(String::from_utf8(value.into()).expect("text"))
    }

    /// The time to a key's expiry, where it must have one.
    pub(crate) async fn expires_in(&self, id: &SessionId) -> Duration {
        let key = self.stored(id).await;
        key.expires_in.expect("the key has an expiry")
    }

    /// The time to a session's stored deadline, where it must have one.
    pub(crate) async fn deadline_in(&self, id: &SessionId) -> Duration {
        let text = self.stored_text(id, "session_deadline").await;
        let millis = text.expect("a deadline").parse().expect("milliseconds");
        UnixMillis::new(millis).since(self.h.now().await)
    }

    /// Whether there is a session, without touching it.
    pub(crate) async fn is_alive(&self, id: &SessionId) -> bool {
        let session = self.peek_session(id).await;
        session.expect("no error").is_some()
    }

    /// The public id of what is stored under an id, as operators see it.
    pub(crate) async fn public_id(&self, id: &SessionId) -> PublicId {
        public_id_of(self.h, id).await
    }

    /// The public ids of a principal's sessions, as listed.
    pub(crate) async fn listed(&self, principal: &Principal) -> Vec<PublicId> {
        let list = self.list_sessions(principal).await.expect("a list");
        list.into_iter().map(|listed| listed.public_id).collect()
    }

    /// Asserts which sessions are listed, in any order.
    pub(crate) async fn assert_listed(&self, principal: &Principal, ids: &[&SessionId]) {
        let mut listed = self.listed(principal).await;
        let mut expected = Vec::new();
        for id in ids {
            expected.push(self.public_id(id).await);
        }
        listed.sort();
        expected.sort();
        assert_eq!(listed, expected);
    }

    /// Remembers what is stored under an id.
    pub(crate) async fn snapshot(&self, id: &SessionId) -> Snapshot {
        let taken = self.h.now().await;
        let key = self.h.dump(id).await;
        Snapshot { key, taken }
    }

    /// Asserts that what is stored has not changed since, and no expiry was set. For use without
    /// advances in between.
    pub(crate) async fn assert_unchanged(&self, id: &SessionId, since: &Snapshot, by: &str) {
        let key = self.h.dump(id).await;
        let passed = self.h.now().await.since(since.taken);
        let (Some(before), Some(after)) = (&since.key, &key) else {
            assert_eq!(key, since.key, "{by}");
            return;
        };
        assert_eq!(after.value, before.value, "{by}");
        match (before.expires_in, after.expires_in) {
            (Some(before), Some(after)) => assert!(
                after <= before && before <= after + passed,
                "{by}: the expiry in {before:?} was changed to {after:?} within {passed:?}"
            ),
            (before, after) => assert_eq!(after, before, "{by}: the expiry"),
        }
    }
}
