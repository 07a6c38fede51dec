//! Planned faults.

use std::time::Duration;

use session_core::{
    Delta, Effect, ErrorKind, ListedSessions, NewSession, Operation, PublicId, SessionAdmin as _,
    SessionBackend, SessionPolicy,
};
use session_memory::Step;
use tokio::time::Instant;

use crate::{Setup, principal};

#[tokio::test]
async fn the_nth_call_of_its_kind_fails_and_changes_nothing() {
    let setup = Setup::new();
    let id = setup.session(60).await;
    let faults = setup.backend.faults();
    let third = faults.on(Step::Write).nth_call(3);
    third.fail(ErrorKind::Rejected, Effect::Unknown);
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        // Calls of other kinds do not count.
        setup.backend.get_session(&id).await.unwrap();
        let outcome = setup.count(&id).await;
        outcomes.push(outcome.map_err(|error| (error.kind(), error.effect())));
    }
    let expected = [
        Ok(Some(2)),
        Ok(Some(3)),
        Err((ErrorKind::Rejected, Effect::Unknown)),
        Ok(Some(4)),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(faults.pending(), 0);
}

#[tokio::test]
async fn every_kind_of_call_can_fail() {
    let setup = Setup::new();
    let id = setup.session(60).await;
    let ann = principal("ann");
    let backend = &setup.backend;
    let admin = backend.admin();
    let faults = backend.faults();
    for step in Step::ALL {
        let next = faults.on(step).next_call();
        next.fail(ErrorKind::Denied, Effect::NotApplied);
    }
    let errors = [
        backend.create_session(NewSession::default()).await.err(),
        backend.get_session(&id).await.err(),
        backend.update_session(&id, Delta::new()).await.err(),
        backend.rotate_session(&id, Delta::new()).await.err(),
        backend.delete_session(&id).await.err(),
        backend.list_sessions(&ann).await.err(),
        backend.revoke_sessions(&ann, None).await.err(),
        backend.ping().await.err(),
        admin.count_sessions().await.err(),
        admin.revoke_session(&PublicId::of_unbound(&id)).await.err(),
    ];
    assert_eq!(errors.len(), Step::ALL.len());
    for error in errors {
        assert_eq!(error.unwrap().kind(), ErrorKind::Denied);
    }
    assert_eq!(faults.pending(), 0);
    assert!(setup.is_live(&id).await);
    assert_eq!(setup.backend.len(), 1);
}

/// What goes from page to page ends with the one that fails. A revocation that has ended some by
/// then does not say that nothing was changed.
#[tokio::test]
async fn one_page_of_several_fails() {
    let policy = SessionPolicy::new().without_principal_limit();
    let setup = Setup::with(usize::MAX, policy);
    let ann = principal("ann");
    for _ in 0..600 {
        setup.login(&ann, 1_000).await;
    }
    let (backend, faults) = (&setup.backend, setup.backend.faults());
    for (n, effect, left) in [(1, Effect::NotApplied, 600), (2, Effect::Unknown, 344)] {
        let page = faults.on(Step::Revoke).nth_call(n);
        page.fail(ErrorKind::Rejected, Effect::NotApplied);
        let error = backend.revoke_sessions(&ann, None).await.unwrap_err();
        assert_eq!((error.effect(), backend.len()), (effect, left));
    }
    let page = faults.on(Step::List).nth_call(2);
    page.fail(ErrorKind::Rejected, Effect::NotApplied);
    let mut sessions = ListedSessions::new(backend, ann, Vec::new()).unwrap();
    let mut shown = 0;
    let error = loop {
        match sessions.next().await.unwrap() {
            Ok(_) => shown += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(
        (shown, error.operation()),
        (256, Some(Operation::ListSessions))
    );
    assert!(sessions.next().await.is_none());
}

#[tokio::test]
async fn a_store_that_is_down_comes_back_with_its_sessions() {
    let setup = Setup::new();
    let id = setup.session(60).await;
    setup.backend.faults().store_down();
    for _ in 0..3 {
        let error = setup.backend.get_session(&id).await.unwrap_err();
        let facts = (error.kind(), error.effect());
        assert_eq!(facts, (ErrorKind::Unavailable, Effect::NotApplied));
    }
    setup.backend.faults().clear();
    assert!(setup.is_live(&id).await);
}

#[tokio::test]
async fn a_lost_reply_belongs_to_a_step_that_was_carried_out() {
    let setup = Setup::new();
    let id = setup.session(60).await;
    let faults = setup.backend.faults();
    faults.on(Step::Write).next_call().lose_reply();
    let error = setup.count(&id).await.unwrap_err();
    let facts = (error.kind(), error.effect());
    assert_eq!(facts, (ErrorKind::Timeout, Effect::Unknown));
    assert_eq!(setup.count(&id).await.unwrap(), Some(3));

    faults.on_any_step().every_call().lose_reply();
    let created = setup.backend.create_session(NewSession::default()).await;
    assert!(created.is_err());
    assert_eq!(setup.backend.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_in_tokios_time_and_comes_before_the_step() {
    let setup = Setup::new();
    let id = setup.session(60).await;
    let writes = setup.backend.faults().on(Step::Write);
    writes.next_call().delay(Duration::from_secs(3600));
    let start = Instant::now();
    assert_eq!(setup.count(&id).await.unwrap(), Some(2));
    assert_eq!(start.elapsed(), Duration::from_secs(3600));

    // A caller that gives up has changed nothing.
    writes.next_call().delay(Duration::from_secs(10));
    let call = tokio::time::timeout(Duration::from_secs(1), setup.count(&id));
    assert!(call.await.is_err());
    let record = setup.backend.get_session(&id).await.unwrap().unwrap();
    assert_eq!(record.fields().get_str("n"), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn plans_for_one_call_are_carried_out_in_order_until_one_fails() {
    let setup = Setup::new();
    let id = setup.session(60).await;
    let faults = setup.backend.faults();
    let (any, reads) = (faults.on_any_step(), faults.on(Step::Read));
    any.every_call().delay(Duration::from_millis(100));
    reads.next_call().delay(Duration::from_millis(400));
    any.next_call().fail(ErrorKind::Timeout, Effect::Unknown);
    reads.next_call().delay(Duration::from_secs(1000));
    let start = Instant::now();
    let error = setup.backend.get_session(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(start.elapsed(), Duration::from_millis(500));
    // The plan for every call stays.
    assert_eq!(faults.pending(), 1);
}

#[tokio::test]
async fn a_hook_runs_between_two_steps_and_may_call_the_backend() {
    let setup = Setup::new();
    let id = setup.session(60).await;
    let faults = setup.backend.faults();
    let (elsewhere, theirs) = (setup.backend.clone(), id.clone());
    // Its own write is a call like any other: the plan for the second write is for it.
    let writes = faults.on(Step::Write);
    let second = writes.nth_call(2);
    second.fail(ErrorKind::Denied, Effect::NotApplied);
    writes.next_call().run(async move || {
        let theirs_failed = elsewhere.update_session(&theirs, Delta::new()).await;
        assert_eq!(theirs_failed.unwrap_err().kind(), ErrorKind::Denied);
        assert!(elsewhere.delete_session(&theirs).await.unwrap());
    });
    assert!(setup.backend.get_session(&id).await.unwrap().is_some());
    assert_eq!(setup.count(&id).await.unwrap(), None);
    assert_eq!(setup.raw.dump(&id), None);
    assert_eq!(faults.calls_of(Step::Write), 2);
}

#[tokio::test]
async fn a_hook_that_was_cleared_does_not_run() {
    let setup = Setup::new();
    let backend = setup.backend.clone();
    let faults = setup.backend.faults();
    let next = faults.on_any_step().next_call();
    next.run(async move || drop(backend));
    let ping = faults.on(Step::Ping).next_call();
    ping.run(async || unreachable!("cleared"));
    faults.clear();
    setup.backend.ping().await.unwrap();
}

#[tokio::test]
async fn calls_are_counted_whether_they_fail_or_not() {
    let setup = Setup::new();
    let id = setup.session(60).await;
    let faults = setup.backend.faults();
    faults.reset_calls();
    let read = faults.on(Step::Read).next_call();
    read.fail(ErrorKind::Timeout, Effect::Unknown);
    assert!(setup.backend.get_session(&id).await.is_err());
    setup.backend.ttl(&id).await.unwrap();
    setup.backend.ping().await.unwrap();
    let counts = [Step::Read, Step::Ping, Step::Write].map(|step| faults.calls_of(step));
    assert_eq!(counts, [2, 1, 0]);
    assert_eq!(faults.calls(), 3);
    // The back door is no call.
    setup.raw.dump(&id);
    assert_eq!((setup.raw.count(), setup.backend.len()), (1, 1));
    assert_eq!(faults.calls(), 3);
    faults.reset_calls();
    assert_eq!(faults.calls(), 0);
}
