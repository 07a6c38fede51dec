//! What the tests of one backend are written with.

use std::error::Error as _;
use std::time::{Duration, Instant};

use session_core::{
    CreatedSession, Delta, Effect, Error, ErrorKind, FieldName, Fields, NewSession, Principal,
    Result, SessionBackend, SessionId, SessionPolicy,
};

/// The deadline of a backend that something happens to.
pub(crate) const DEADLINE: Duration = Duration::from_millis(500);
/// No machine is so busy that it takes longer.
pub(crate) const PATIENT: Duration = Duration::from_secs(30);

pub(crate) fn name(text: &'static str) -> FieldName {
    FieldName::new(text).unwrap()
}

pub(crate) fn principal(text: &str) -> Principal {
    Principal::new(text).unwrap()
}

/// A session with a counter that stands at zero.
pub(crate) fn new() -> NewSession {
    NewSession::new(Fields::new().with(name("views"), "0"))
}

pub(crate) async fn create(backend: &dyn SessionBackend) -> CreatedSession {
    backend.create_session(new()).await.unwrap()
}

/// Counts a view; how many there are.
pub(crate) async fn count(backend: &dyn SessionBackend, id: &SessionId) -> Result<Option<i64>> {
    backend.increment_field(id, name("views"), 1).await
}

pub(crate) fn set(field: &'static str, value: &str) -> Delta {
    Delta::new().set(name(field), value)
}

/// A principal may have as many sessions as there are.
pub(crate) fn unlimited() -> SessionPolicy {
    SessionPolicy::new().without_principal_limit()
}

/// The text of an error and of all that caused it.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The operation failed for this reason, said in these words, and changed nothing.
#[track_caller]
pub(crate) fn assert_refused<T>(what: &str, result: Result<T>, kind: ErrorKind, says: &str) {
    let Err(error) = result else {
        panic!("{what}: it is not refused");
    };
    let refusal = (error.kind(), error.effect());
    assert_eq!(refusal, (kind, Effect::NotApplied), "{what}: {error:?}");
    assert!(chain(&error).contains(says), "{what}: {}", chain(&error));
}

/// Repeats an operation until it succeeds; how long that took.
pub(crate) async fn until_well<F>(what: &str, mut operation: impl FnMut() -> F) -> Duration
where
    F: Future<Output = Result<()>>,
{
    let began = Instant::now();
    while let Err(error) = operation().await {
        assert!(began.elapsed() < PATIENT, "{what}: {}", chain(&error));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    began.elapsed()
}
