//! The workbench of a case: a backend with a clock of the application's, and its store.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Delta, ErrorKind, NewSession, Principal, PublicId, RotatedSession, SessionBackend, SessionId,
    SessionPolicy, SessionRecord, UnixMillis, Written,
};

use super::{
    AppClock, Finding, Place, Step, Timer, fresh_id, name, public_id_of, secs, stored_deadline,
};
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

    /// Lets time pass, for the store and for the application.
    pub(crate) async fn pass(&self, seconds: u64) {
        self.h.advance(secs(seconds)).await;
        self.clock.forward(secs(seconds));
    }

    /// Creates a session.
    #[track_caller]
    pub(crate) fn create(&self, new: NewSession) -> impl Future<Output = SessionId> + Send {
        let created = self.create_session(new).done();
        async { created.await.id }
    }

    /// Gets a session.
    #[track_caller]
    pub(crate) fn get<'s>(
        &'s self,
        id: &'s SessionId,
    ) -> impl Future<Output = SessionRecord> + Send {
        self.get_session(id).found()
    }

    /// Peeks at a session.
    #[track_caller]
    pub(crate) fn peek<'s>(
        &'s self,
        id: &'s SessionId,
    ) -> impl Future<Output = SessionRecord> + Send {
        self.peek_session(id).found()
    }

    /// Updates a session.
    #[track_caller]
    pub(crate) fn update<'s>(
        &'s self,
        id: &'s SessionId,
        delta: Delta,
    ) -> impl Future<Output = Written> + Send {
        self.update_session(id, delta).found()
    }

    /// Rotates a session.
    #[track_caller]
    pub(crate) fn rotate<'s>(
        &'s self,
        id: &'s SessionId,
        delta: Delta,
    ) -> impl Future<Output = RotatedSession> + Send {
        self.rotate_session(id, delta).found()
    }

    /// Updates a session, or rotates it; its id after that.
    #[track_caller]
    pub(crate) fn change(
        &self,
        id: &SessionId,
        delta: Delta,
        is_rotation: bool,
    ) -> impl Future<Output = (SessionId, Written)> + Send {
        let place = Place::here();
        async move {
            let changed = if is_rotation {
                let rotated = self.rotate_session(id, delta).await;
                rotated.map(|found| found.map(|rotated| (rotated.id, rotated.written)))
            } else {
                let written = self.update_session(id, delta).await;
                written.map(|found| found.map(|written| (id.clone(), written)))
            };
            place.some(place.ok(changed), "session")
        }
    }

    /// Binds a session by a write.
    #[track_caller]
    pub(crate) fn bind<'s>(
        &'s self,
        id: &'s SessionId,
        principal: &'s Principal,
    ) -> impl Future<Output = Written> + Send {
        self.update(id, Delta::new().bind(principal.clone()))
    }

    /// Adds to a counter of a session; its new value.
    #[track_caller]
    pub(crate) fn count<'s>(
        &'s self,
        id: &'s SessionId,
        field: &'static str,
        by: i64,
    ) -> impl Future<Output = i64> + Send {
        self.increment_field(id, name(field), by).found()
    }

    /// Deletes a session; whether there was one.
    #[track_caller]
    pub(crate) fn delete<'s>(&'s self, id: &'s SessionId) -> impl Future<Output = bool> + Send {
        self.delete_session(id).done()
    }

    /// Asserts that this delta is refused so, by an update and by a rotation, and changes nothing.
    #[track_caller]
    pub(crate) fn assert_refused(
        &self,
        id: &SessionId,
        delta: Delta,
        kind: ErrorKind,
        what: &str,
    ) -> impl Future<Output = ()> + Send {
        let place = Place::here();
        async move {
            let before = self.snapshot(id).await;
            let error = place.err(self.update_session(id, delta.clone()).await);
            assert_eq!(error.kind(), kind, "{what}");
            self.assert_unchanged(id, &before, what).await;
            let error = place.err(self.rotate_session(id, delta).await);
            assert_eq!(error.kind(), kind, "{what}");
            self.assert_unchanged(id, &before, what).await;
        }
    }

    /// Writes a hash under a fresh id.
    pub(crate) async fn plant(&self, hash: RawHash, expires_in: Option<Duration>) -> SessionId {
        let id = fresh_id();
        self.h.plant(&id, hash, expires_in).await;
        id
    }

    /// What is stored under an id where there must be something.
    #[track_caller]
    pub(crate) fn stored(&self, id: &SessionId) -> impl Future<Output = RawKey> + Send {
        let place = Place::here();
        async move { place.some(self.h.dump(id).await, "key") }
    }

    /// The text of a stored field.
    #[track_caller]
    pub(crate) fn stored_text(
        &self,
        id: &SessionId,
        field: &str,
    ) -> impl Future<Output = Option<String>> + Send {
        let stored = self.stored(id);
        async move {
            let key = stored.await;
            let value = key.field(field)?;
            Some(String::from_utf8_lossy(value).into_owned())
        }
    }

    /// The time to a key's expiry, where it must have one.
    #[track_caller]
    pub(crate) fn expires_in(&self, id: &SessionId) -> impl Future<Output = Duration> + Send {
        let (place, stored) = (Place::here(), self.stored(id));
        async move { place.some(stored.await.expires_in, "expiry") }
    }

    /// The time to a session's stored deadline, where it must have one.
    #[track_caller]
    pub(crate) fn deadline_in(&self, id: &SessionId) -> impl Future<Output = Duration> + Send {
        let (place, stored) = (Place::here(), self.stored(id));
        async move {
            let deadline = place.some(stored_deadline(&stored.await), "deadline");
            deadline.since(self.h.now().await)
        }
    }

    /// Whether there is a session, without touching it.
    #[track_caller]
    pub(crate) fn is_alive<'s>(&'s self, id: &'s SessionId) -> impl Future<Output = bool> + Send {
        let peeked = self.peek_session(id).done();
        async { peeked.await.is_some() }
    }

    /// The public id of what is stored under an id, as operators see it.
    pub(crate) async fn public_id(&self, id: &SessionId) -> PublicId {
        public_id_of(self.h, id).await
    }

    /// The public ids of a principal's sessions, as listed.
    #[track_caller]
    pub(crate) fn listed<'s>(
        &'s self,
        principal: &'s Principal,
    ) -> impl Future<Output = Vec<PublicId>> + Send {
        let list = self.list_sessions(principal).done();
        async { list.await.into_iter().map(|it| it.public_id).collect() }
    }

    /// Asserts which sessions are listed, in any order.
    #[track_caller]
    pub(crate) fn assert_listed<'s>(
        &'s self,
        principal: &'s Principal,
        ids: impl IntoIterator<Item = &'s SessionId, IntoIter: Send>,
    ) -> impl Future<Output = ()> + Send {
        let (place, ids) = (Place::here(), ids.into_iter());
        let listed = self.listed(principal);
        async move {
            let mut listed = listed.await;
            let mut expected = Vec::new();
            for id in ids {
                expected.push(self.public_id(id).await);
            }
            listed.sort();
            expected.sort();
            if listed != expected {
                place.fail(format_args!("listed are {listed:?}, and not {expected:?}"));
            }
        }
    }

    /// Remembers what is stored under each of these ids.
    pub(crate) async fn snapshots(&self, ids: &[SessionId]) -> Vec<(SessionId, Snapshot)> {
        let mut snapshots = Vec::new();
        for id in ids {
            snapshots.push((id.clone(), self.snapshot(id).await));
        }
        snapshots
    }

    /// Asserts that what is stored under each id has not changed since.
    pub(crate) async fn assert_all_unchanged(&self, since: &[(SessionId, Snapshot)], by: &str) {
        for (id, since) in since {
            self.assert_unchanged(id, since, by).await;
        }
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
