//! A store that fails.

use std::time::Duration;

use session_core::{Effect, Error, ErrorKind, Result, SessionPolicy};

use crate::harness::{Breakable, Harness};
use crate::kit::{
    Bench, Finding, Operation, assert_silent, fresh_id, fresh_principal, session, shown,
};

/// What a busy machine may add to a deadline. Without an end of its own an operation waits for
/// ever.
const SLACK: Duration = Duration::from_secs(5);
/// How long a backend may take to notice that its store is back.
const HEALING: Duration = Duration::from_secs(10);

/// The error of an operation on a store that fails: in time, and none of its own.
async fn error_of<T>(
    what: &str,
    deadline: Duration,
    operation: impl Future<Output = Result<T>>,
) -> Error {
    let ended = tokio::time::timeout(deadline + SLACK, operation).await;
    let ended = ended.unwrap_or_else(|_| panic!("{what}: not within its deadline"));
    let Err(error) = ended else {
        panic!("{what}: it cannot have succeeded");
    };
    let is_of_the_store = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout);
    assert!(is_of_the_store, "{what}: {error:?}");
    error
}

/// No operation takes a store that fails for one without the session, and none changes anything.
pub async fn a_failing_store_is_an_error_and_nothing_else(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let Breakable { backend, switch } = h.breakable(SessionPolicy::new()).await;
    let new = session(900).bind(fresh_principal("ann"));
    let id = b.create(new).await;
    backend.peek_session(&id).found().await;
    let deadline = backend.deadline();
    let before = b.snapshot(&id).await;
    switch.break_store().await;
    for id in [&id, &fresh_id()] {
        for operation in Operation::ALL {
            let what = format!("{operation:?}");
            let error = error_of(&what, deadline, operation.finds(&*backend, id)).await;
            assert!(matches!(
                error.effect(),
                Effect::NotApplied | Effect::Unknown
            ));
        }
    }
    b.assert_unchanged(&id, &before, "a store that fails").await;
}

/// Nor does one of no session, or of all sessions of a principal.
pub async fn a_failing_store_creates_lists_and_revokes_nothing(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let Breakable { backend, switch } = h.breakable(SessionPolicy::new()).await;
    let ann = fresh_principal("ann");
    let id = b.create(session(900).bind(ann.clone())).await;
    let deadline = backend.deadline();
    switch.break_store().await;
    let new = session(900).bind(ann.clone());
    error_of("create", deadline, backend.create_session(new)).await;
    error_of("list", deadline, backend.list_sessions(&ann)).await;
    error_of("revoke", deadline, backend.revoke_sessions(&ann, None)).await;
    switch.mend_store().await;
    b.assert_listed(&ann, [&id]).await;
}

/// What cannot be known is said, and nothing that is secret.
pub async fn a_failing_store_tells_no_secret(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let Breakable { backend, switch } = h.breakable(SessionPolicy::new()).await;
    let id = b.create(session(900)).await;
    let deadline = backend.deadline();
    switch.break_store().await;
    for operation in Operation::ALL {
        let error = error_of("an operation", deadline, operation.finds(&*backend, &id)).await;
        assert_silent(&shown(&error), &id, &format!("{operation:?}"));
    }
}

/// Ping fails with the store, and all is well again when the store is, by itself.
pub async fn a_mended_store_is_used_again(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let Breakable { backend, switch } = h.breakable(SessionPolicy::new()).await;
    let id = b.create(session(900)).await;
    backend.ping().await.expect("the store replies");
    let deadline = backend.deadline();
    for _ in 0..2 {
        switch.break_store().await;
        error_of("ping", deadline, backend.ping()).await;
        switch.mend_store().await;
        let healing = async {
            while backend.ping().await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let healed = tokio::time::timeout(HEALING, healing).await;
        healed.expect("the backend notices that its store is back");
        let found = backend.get_session(&id).await.expect("a record");
        assert!(found.is_some(), "the session is still there");
    }
}
