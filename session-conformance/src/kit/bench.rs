//! The workbench of a case: a backend with a clock of the application's, and its store.

use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Delta, ErrorKind, NewSession, Principal, PublicId, RotatedSession, SessionBackend, SessionId,
    SessionPolicy, SessionRecord, UnixMillis, Written,
};

use super::{AppClock, Finding, Place, Step as _, Timer, fresh_id, name, pass, public_id_of, secs};
use crate::harness::{Harness, RawHash, RawKey};

/// A step of a case, and what it returns. Its failure names the place of the step.
type Doing<'s, T> = Pin<Box<dyn Future<Output = T> + Send + 's>>;

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

    /// With the default policy, but any number of sessions of a principal.
    pub(crate) async fn unlimited(h: &'a dyn Harness) -> Self {
        Self::with(h, SessionPolicy::without_principal_limit).await
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
        pass(self.h, secs(seconds)).await;
        self.clock.forward(secs(seconds));
    }

    /// Creates a session.
    #[track_caller]
    pub(crate) fn create<'s>(&'s self, new: NewSession) -> Doing<'s, SessionId> {
        let created = self.create_session(new).done();
        Box::pin(async { created.await.id })
    }

    /// Gets a session.
    #[track_caller]
    pub(crate) fn get<'s>(&'s self, id: &'s SessionId) -> Doing<'s, SessionRecord> {
        Box::pin(self.get_session(id).found())
    }

    /// Peeks at a session.
    #[track_caller]
    pub(crate) fn peek<'s>(&'s self, id: &'s SessionId) -> Doing<'s, SessionRecord> {
        Box::pin(self.peek_session(id).found())
    }

    /// Updates a session.
    #[track_caller]
    pub(crate) fn update<'s>(&'s self, id: &'s SessionId, delta: Delta) -> Doing<'s, Written> {
        let changed = self.change(id, delta, false);
        Box::pin(async { changed.await.1 })
    }

    /// Rotates a session.
    #[track_caller]
    pub(crate) fn rotate<'s>(
        &'s self,
        id: &'s SessionId,
        delta: Delta,
    ) -> Doing<'s, RotatedSession> {
        let (place, what) = (Place::here(), format!("{delta:?}"));
        Box::pin(async move { place.found(self.rotate_session(id, delta).await, &what) })
    }

    /// Updates a session, or rotates it; its id after that.
    #[track_caller]
    pub(crate) fn change<'s>(
        &'s self,
        id: &'s SessionId,
        delta: Delta,
        is_rotation: bool,
    ) -> Doing<'s, (SessionId, Written)> {
        let (place, what) = (Place::here(), format!("{delta:?}"));
        Box::pin(async move {
            if is_rotation {
                let rotated = place.found(self.rotate_session(id, delta).await, &what);
                return (rotated.id, rotated.written);
            }
            let written = self.update_session(id, delta).await;
            (id.clone(), place.found(written, &what))
        })
    }

    /// Binds a session by a write.
    #[track_caller]
    pub(crate) fn bind<'s>(
        &'s self,
        id: &'s SessionId,
        principal: &'s Principal,
    ) -> Doing<'s, Written> {
        self.update(id, Delta::new().bind(principal.clone()))
    }

    /// Adds to a counter of a session; its new value.
    #[track_caller]
    pub(crate) fn count<'s>(
        &'s self,
        id: &'s SessionId,
        field: &'static str,
        by: i64,
    ) -> Doing<'s, i64> {
        Box::pin(self.increment_field(id, name(field), by).found())
    }

    /// Deletes a session; whether there was one.
    #[track_caller]
    pub(crate) fn delete<'s>(&'s self, id: &'s SessionId) -> Doing<'s, bool> {
        Box::pin(self.delete_session(id).done())
    }

    /// Asserts that this delta is refused so, by an update and by a rotation, and changes nothing.
    #[track_caller]
    pub(crate) fn assert_refused<'s>(
        &'s self,
        id: &'s SessionId,
        delta: Delta,
        kind: ErrorKind,
        what: &'s str,
    ) -> Doing<'s, ()> {
        let place = Place::here();
        Box::pin(async move {
            let before = self.snapshot(id).await;
            let update = self.update_session(id, delta.clone()).await;
            place.check_refusal(&place.err(update), kind, what);
            self.assert_unchanged(id, &before, what).await;
            let rotation = self.rotate_session(id, delta).await;
            place.check_refusal(&place.err(rotation), kind, what);
            self.assert_unchanged(id, &before, what).await;
        })
    }

    /// Writes a hash under a fresh id.
    pub(crate) async fn plant(&self, hash: RawHash, expires_in: Option<Duration>) -> SessionId {
        let id = fresh_id();
        self.h.plant(&id, hash, expires_in).await;
        id
    }

    /// What is stored under an id where there must be something.
    #[track_caller]
    pub(crate) fn stored<'s>(&'s self, id: &'s SessionId) -> Doing<'s, RawKey> {
        let place = Place::here();
        Box::pin(async move { place.some(self.h.dump(id).await, "key") })
    }

    /// The text of a stored field.
    #[track_caller]
    pub(crate) fn stored_text<'s>(
        &'s self,
        id: &'s SessionId,
        field: &'s str,
    ) -> Doing<'s, Option<String>> {
        let stored = self.stored(id);
        Box::pin(async move {
            let key = stored.await;
            let value = key.field(field)?;
            Some(String::from_utf8_lossy(value).into_owned())
        })
    }

    /// The time to a key's expiry, where it must have one.
    #[track_caller]
    pub(crate) fn expires_in<'s>(&'s self, id: &'s SessionId) -> Doing<'s, Duration> {
        let (place, stored) = (Place::here(), self.stored(id));
        Box::pin(async move { place.some(stored.await.expires_in, "expiry") })
    }

    /// Whether there is a session, without touching it.
    #[track_caller]
    pub(crate) fn is_alive<'s>(&'s self, id: &'s SessionId) -> Doing<'s, bool> {
        let peeked = self.peek_session(id).done();
        Box::pin(async { peeked.await.is_some() })
    }

    /// The public id of what is stored under an id, as operators see it.
    pub(crate) async fn public_id(&self, id: &SessionId) -> PublicId {
        public_id_of(self.h, id).await
    }

    /// The public ids of a principal's sessions, as listed.
    #[track_caller]
    pub(crate) fn listed<'s>(&'s self, principal: &'s Principal) -> Doing<'s, Vec<PublicId>> {
        let list = self.list_sessions(principal).done();
        Box::pin(async { list.await.into_iter().map(|it| it.public_id).collect() })
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
    #[track_caller]
    pub(crate) fn assert_unchanged<'s>(
        &'s self,
        id: &'s SessionId,
        since: &'s Snapshot,
        by: &'s str,
    ) -> Doing<'s, ()> {
        let place = Place::here();
        Box::pin(async move {
            let key = self.h.dump(id).await;
            let passed = self.h.now().await.since(since.taken);
            let is_same = match (&since.key, &key) {
                (Some(before), Some(after)) => {
                    let is_kept = match (before.expires_in, after.expires_in) {
                        (Some(before), Some(after)) => after <= before && before <= after + passed,
                        (before, after) => before == after,
                    };
                    is_kept && before.value == after.value
                }
                (before, after) => before == after,
            };
            if !is_same {
                let before = &since.key;
                place.fail(format_args!(
                    "{by} changed {before:?} to {key:?} within {passed:?}"
                ));
            }
        })
    }
}
