//! What becomes of sessions, as an observer hears of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_core::{
    Delta, Effect, ErrorKind, FieldName, Limits, LogIn, NewSession, OnExcess, Principal,
    PrincipalLimit, SessionBackend, SessionCount, SessionPolicy,
};
use session_memory::{MemoryBackend, Step};
use session_observe::{EventSession, Observe, Observed, SessionEvent, SessionObserver};
use tokio::time::timeout;

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    /// What was heard since this was last called.
    fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join(", ")
    }
}

impl SessionObserver for Heard {
    fn session_event(&self, event: &SessionEvent<'_>) {
        let whose = |session: &EventSession<'_>| {
            let principal = session.principal.map_or("-", |it| it.as_str());
            let public_id = session.public_id.map_or("", |_| " (named)");
            format!("{principal}{public_id}")
        };
        let heard = match event {
            SessionEvent::Ended { session, count, .. } => format!("{} {count}", whose(session)),
            SessionEvent::Refused {
                change,
                reason,
                session,
                ..
            } => format!("{} {} {}", whose(session), change.as_str(), reason.as_str()),
            SessionEvent::Unknown {
                change, session, ..
            } => format!("{} {}", whose(session), change.as_str()),
            SessionEvent::Created { session, .. }
            | SessionEvent::Bound { session, .. }
            | SessionEvent::Unbound { session, .. }
            | SessionEvent::Rotated { session, .. } => whose(session),
            _ => unreachable!("{event:?}"),
        };
        let heard = format!("{} {heard}", event.as_str());
        self.0.lock().unwrap().push(heard);
    }
}

fn observed(policy: SessionPolicy) -> (Observed<MemoryBackend>, Arc<Heard>) {
    let heard = Arc::<Heard>::default();
    let memory = MemoryBackend::builder().policy(policy).build();
    let observe = Observe::new().observer(heard.clone());
    (observe.wrap("memory", memory), heard)
}

fn ann() -> Principal {
    Principal::new("ann").unwrap()
}

#[tokio::test]
async fn a_life_is_heard_from_its_beginning_to_its_end() {
    let (sessions, heard) = observed(SessionPolicy::new());
    let name = || FieldName::new("name").unwrap();
    let visitor = sessions.create_session(NewSession::default()).await;
    let id = visitor.unwrap().id;
    assert_eq!(heard.take(), "created - (named)");
    sessions.get_session(&id).await.unwrap().unwrap();
    let update = Delta::new().set(name(), "value");
    sessions.update_session(&id, update).await.unwrap().unwrap();
    assert_eq!(heard.take(), "");
    let log_in = Delta::new().bind(ann());
    let id = sessions.rotate_session(&id, log_in).await.unwrap();
    let id = id.unwrap().id;
    assert_eq!(heard.take(), "rotated ann (named), bound ann (named)");
    let bare = sessions.rotate_session(&id, Delta::new()).await.unwrap();
    let id = bare.unwrap().id;
    assert_eq!(heard.take(), "rotated -");
    let rotation = Delta::new().returning_record();
    let id = sessions.rotate_session(&id, rotation).await.unwrap();
    let id = id.unwrap().id;
    assert_eq!(heard.take(), "rotated ann (named)");
    let unbind = Delta::new().unbind();
    sessions.update_session(&id, unbind).await.unwrap().unwrap();
    assert_eq!(heard.take(), "unbound -");
    let rotation = Delta::new().returning_record();
    let id = sessions.rotate_session(&id, rotation).await.unwrap();
    let id = id.unwrap().id;
    assert_eq!(heard.take(), "rotated - (named)");
    assert!(sessions.delete_session(&id).await.unwrap());
    assert!(!sessions.delete_session(&id).await.unwrap());
    assert_eq!(heard.take(), "ended - 1");

    let mut created = Vec::new();
    for _ in 0..4 {
        let log_in = NewSession::default().bind(ann());
        created.push(sessions.create_session(log_in).await.unwrap());
        assert_eq!(heard.take(), "created ann (named), bound ann (named)");
    }
    let public_id = created[0].record.public_id().unwrap();
    sessions.revoke_session(&ann(), &public_id).await.unwrap();
    assert_eq!(heard.take(), "ended ann (named) 1");
    let keep = Some(&created[1].id);
    sessions.revoke_sessions(&ann(), keep).await.unwrap();
    assert_eq!(heard.take(), "ended ann 2");
    sessions.revoke_sessions(&ann(), keep).await.unwrap();
    assert_eq!(heard.take(), "");
}

#[tokio::test]
async fn what_is_refused_is_heard_and_nothing_else_is() {
    let limit = PrincipalLimit {
        max: SessionCount::new(1).unwrap(),
        on_excess: OnExcess::Refuse,
    };
    let policy = SessionPolicy::new()
        .with_principal_limit(limit)
        .with_limits(Limits::default().with_session_bytes(100));
    let (sessions, heard) = observed(policy);
    let log_in = || NewSession::default().bind(ann());
    let id = sessions.create_session(log_in()).await.unwrap().id;
    heard.take();
    sessions.create_session(log_in()).await.unwrap_err();
    let refused = "refused ann (named) bind too_many_sessions";
    assert_eq!(heard.take(), refused);
    let text = FieldName::new("text").unwrap();
    let large = Delta::new().set(text.clone(), "x".repeat(200));
    sessions.update_session(&id, large).await.unwrap_err();
    assert_eq!(heard.take(), "refused - update limit_exceeded");
    let conflict = Delta::new().expect_value(text, "x");
    sessions.update_session(&id, conflict).await.unwrap_err();
    assert_eq!(heard.take(), "");
    let faults = sessions.inner().faults();
    let next = faults.on(Step::Insert).next_call();
    next.fail(ErrorKind::StoreFull, Effect::NotApplied);
    sessions
        .create_session(NewSession::default())
        .await
        .unwrap_err();
    assert_eq!(heard.take(), "refused - (named) create store_full");
    faults.store_down();
    sessions
        .create_session(NewSession::default())
        .await
        .unwrap_err();
    sessions.delete_session(&id).await.unwrap_err();
    assert_eq!(heard.take(), "");
}

#[tokio::test]
async fn what_nobody_knows_is_said_to_be_unknown() {
    let (sessions, heard) = observed(SessionPolicy::new());
    let id = sessions.create_session(NewSession::default()).await;
    let id = id.unwrap().id;
    heard.take();
    let faults = sessions.inner().faults();
    faults.on_any_step().every_call().lose_reply();
    let log_in = Delta::new().bind(LogIn::new(ann()));
    sessions
        .update_session(&id, Delta::new())
        .await
        .unwrap_err();
    assert_eq!(heard.take(), "");
    sessions
        .update_session(&id, log_in.clone())
        .await
        .unwrap_err();
    assert_eq!(heard.take(), "unknown ann (named) bind");
    sessions.rotate_session(&id, log_in).await.unwrap_err();
    let both = "unknown ann (named) rotate, unknown ann (named) bind";
    assert_eq!(heard.take(), both);
    sessions.revoke_sessions(&ann(), None).await.unwrap_err();
    assert_eq!(heard.take(), "unknown ann end");
    faults.clear();
    let slowly = faults.on(Step::Remove).next_call();
    slowly.delay(Duration::from_secs(60));
    let dropped = timeout(Duration::ZERO, sessions.delete_session(&id));
    dropped.await.unwrap_err();
    assert_eq!(heard.take(), "unknown - end");
}
