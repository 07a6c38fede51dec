//! The product's own operations, as an application calls them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use session_core::{
    Delta, FieldName, Fields, LogIn, NewSession, Principal, SessionBackend, SessionId, Touch,
};

use crate::drive::{Op, Outcome};

/// How many sessions are created at once.
const CREATED_AT_ONCE: usize = 256;
/// The fields of the application: with the three that are reserved a session has five.
pub(crate) const USERNAME: &str = "username";
pub(crate) const PAGE_VIEWS: &str = "page_views";

/// What an operation does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verb {
    Get,
    Peek,
    /// A get for which the last use is not long enough ago to slide again.
    GetWithin,
    Increment,
    Update,
}

/// An operation of a backend on one of many sessions.
pub(crate) struct Ours<B> {
    backends: Vec<Arc<B>>,
    ids: Arc<Vec<SessionId>>,
    verb: Verb,
    username: FieldName,
    page_views: FieldName,
}

impl<B: SessionBackend> Ours<B> {
    pub(crate) fn new(backend: &Arc<B>, ids: &Arc<Vec<SessionId>>, verb: Verb) -> Outcome<Self> {
        Self::over(std::slice::from_ref(backend), ids, verb)
    }

    /// Over several backends alike, each with connections of its own.
    pub(crate) fn over(
        backends: &[Arc<B>],
        ids: &Arc<Vec<SessionId>>,
        verb: Verb,
    ) -> Outcome<Self> {
        Ok(Self {
            backends: backends.to_vec(),
            ids: Arc::clone(ids),
            verb,
            username: FieldName::new(USERNAME)?,
            page_views: FieldName::new(PAGE_VIEWS)?,
        })
    }
}

impl<B: SessionBackend> Op for Ours<B> {
    async fn run(&self, n: usize) -> Outcome {
        let (backend, id) = (pick(&self.backends, n)?, pick(&self.ids, n)?);
        let found = match self.verb {
            Verb::Get => backend.get_session(id).await?.is_some(),
            Verb::Peek => backend.peek_session(id).await?.is_some(),
            Verb::GetWithin => {
                // Clamped to half the TTL, that is 15 minutes.
                let touch = Touch::IfOlderThan(Duration::from_secs(3600));
                backend.get_session_with(id, touch).await?.is_some()
            }
            Verb::Increment => {
                let counted = backend.increment_field(id, self.page_views.clone(), 1);
                counted.await?.is_some()
            }
            Verb::Update => {
                let delta = Delta::new().set(self.username.clone(), "andrew");
                backend.update_session(id, delta).await?.is_some()
            }
        };
        found.then_some(()).ok_or_else(|| "no session".into())
    }
}

/// The `n`th of these, round and round.
pub(crate) fn pick<T>(all: &[T], n: usize) -> Outcome<&T> {
    all.get(n % all.len().max(1))
        .ok_or_else(|| "there is none".into())
}

/// Creates `count` sessions.
pub(crate) async fn create<B: SessionBackend>(
    backend: &Arc<B>,
    count: usize,
) -> Outcome<Vec<SessionId>> {
    create_with(backend, count, |_, new| Ok(new)).await
}

/// Creates `count` sessions, each bound to a principal of its own.
pub(crate) async fn create_bound<B: SessionBackend>(
    backend: &Arc<B>,
    count: usize,
) -> Outcome<Vec<SessionId>> {
    let bind = |n, new: NewSession| {
        let principal = Principal::new(format!("user-{n:08}"))?;
        Ok(new.bind(LogIn::new(principal)))
    };
    create_with(backend, count, bind).await
}

/// A session with the application's fields.
pub(crate) fn new_session() -> Outcome<NewSession> {
    let fields = Fields::new()
        .with(FieldName::new(USERNAME)?, "andrew")
        .with(FieldName::new(PAGE_VIEWS)?, 1);
    Ok(NewSession::new(fields))
}

async fn create_with<B: SessionBackend>(
    backend: &Arc<B>,
    count: usize,
    with: impl Fn(usize, NewSession) -> Outcome<NewSession>,
) -> Outcome<Vec<SessionId>> {
    let session = new_session()?;
    let created = stream::iter(0..count).map(|n| {
        let new = with(n, session.clone());
        async { Ok(backend.create_session(new?).await?.id) }
    });
    created
        .buffer_unordered(CREATED_AT_ONCE)
        .try_collect()
        .await
}
