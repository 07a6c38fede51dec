//! Nothing that is secret, or that names a person, is in what is traces from outside.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use session_core::{
    Delta, FieldName, Fields, NewSession, OnExcess, PageSize, Principal, PrincipalLimit,
    SessionBackend, SessionCount, SessionId, SessionPolicy, SessionTtl, Touch,
};
use session_memory::{MemoryBackend, Step};
use session_observe::{ConnectionMetrics, Observe, SessionEvent, SessionObserver};
use session_redis_rs::RedisRsBackend;
use session_redis_test::RedisServer;

use super::capture::{captured, series};

const SECRET: &str = "canary";

fn canary(of: &str) -> String {
    format!("{SECRET}-{of}")
}

fn field() -> FieldName {
    FieldName::new(canary("field")).unwrap()
}

/// Calls every operation of a backend at least once, with canaries wherever there is a choice.
/// Returns the ids that were used.
pub(crate) async fn every_operation(sessions: &dyn SessionBackend) -> Vec<SessionId> {
    let principal = Principal::new(canary("principal")).unwrap();
    let fields = Fields::new().with(field(), canary("value"));
    let new = || NewSession::new(fields.clone()).bind(principal.clone());
    let created = sessions.create_session(new()).await.unwrap();
    let (id, public_id) = (created.id, created.record.public_id().unwrap());
    let counter = FieldName::new("counter").unwrap();
    let ttl = SessionTtl::from_secs(60).unwrap();
    let delta = || Delta::new().set(field(), canary("other"));
    sessions.get_session(&id).await.unwrap().unwrap();
    let look = sessions.get_session_with(&id, Touch::Never).await;
    look.unwrap().unwrap();
    sessions.peek_session(&id).await.unwrap().unwrap();
    let of = (&principal, &public_id);
    sessions.get_session_of(of.0, of.1).await.unwrap().unwrap();
    sessions.peek_session_of(of.0, of.1).await.unwrap().unwrap();
    sessions
        .update_session(&id, delta())
        .await
        .unwrap()
        .unwrap();
    let updated = sessions.update_session_of(of.0, of.1, delta()).await;
    updated.unwrap().unwrap();
    let count = sessions.increment_field(&id, counter, 1).await;
    assert_eq!(count.unwrap(), Some(1));
    // Refusals quote nothing either.
    sessions.increment_field(&id, field(), 1).await.unwrap_err();
    let expecting = delta().expect_value(field(), canary("expected"));
    sessions.update_session(&id, expecting).await.unwrap_err();
    assert!(sessions.remove_fields(&id, vec![field()]).await.unwrap());
    assert!(sessions.set_session_ttl(&id, ttl).await.unwrap());
    sessions.configured_ttl(&id).await.unwrap().unwrap();
    sessions.ttl(&id).await.unwrap().unwrap();
    sessions.list_sessions(&principal).await.unwrap();
    let listed = sessions.list_sessions_with(&principal, vec![field()]).await;
    assert_eq!(listed.unwrap().len(), 1);
    let page = sessions.list_sessions_page(&principal, Vec::new(), None, PageSize::DEFAULT);
    page.await.unwrap();
    let delta = delta().bind(principal.clone()).returning_record();
    let rotated = sessions.rotate_session(&id, delta).await.unwrap().unwrap();
    let public_id = rotated.written.record.as_ref().unwrap().public_id();
    let public_id = public_id.unwrap();
    assert_eq!(sessions.get_session(&id).await.unwrap(), None);
    let other = sessions.create_session(new()).await.unwrap().id;
    let ended = sessions
        .revoke_sessions(&principal, Some(&rotated.id))
        .await;
    assert_eq!(ended.unwrap(), 1);
    assert!(
        sessions
            .revoke_session(&principal, &public_id)
            .await
            .unwrap()
    );
    assert!(!sessions.delete_session(&other).await.unwrap());
    sessions.ping().await.unwrap();
    vec![id, rotated.id, other]
}

/// Writes down all that events can be made to say.
#[derive(Debug, Default)]
struct Texts(Mutex<String>);

impl SessionObserver for Texts {
    fn session_event(&self, event: &SessionEvent<'_>) {
        writeln!(self.0.lock().unwrap(), "{} {event:?}", event.as_str()).unwrap();
    }
}

#[test]
fn no_text_shows_an_id_a_value_a_principal_a_prefix_or_a_password() {
    captured(async |traces, metrics| {
        let limit = PrincipalLimit {
            max: SessionCount::new(2).unwrap(),
            on_excess: OnExcess::EvictOldest,
        };
        let policy = SessionPolicy::new().with_principal_limit(limit);
        let password = canary("password");
        let server = RedisServer::start().await;
        let set = format!("CONFIG SET requirepass {password}");
        server.ask::<()>(&set).await;
        let texts = Arc::<Texts>::default();
        let observe = || {
            let observe = Observe::new().system("redis").server("127.0.0.1", 1);
            observe.observer(texts.clone())
        };
        let redis = |password: &str| {
            let port = server.port();
            let url = format!("redis://:{password}@127.0.0.1:{port}");
            let builder = RedisRsBackend::builder(url)
                .policy(policy.clone())
                .key_prefix(format!("{SECRET}:").parse().unwrap())
                .observer(Arc::new(ConnectionMetrics::new("redis-rs")));
            observe().wrap("redis-rs", builder.build().unwrap())
        };
        let sessions = redis(&password);
        let mut ids = every_operation(&sessions).await;
        let refused = redis(&canary("wrong"));
        let error = refused.ping().await.unwrap_err();
        let memory = MemoryBackend::builder().policy(policy.clone()).build();
        let lossy = observe().wrap("memory", memory.clone());
        ids.extend(every_operation(&lossy).await);
        memory.faults().on(Step::Insert).next_call().lose_reply();
        lossy
            .create_session(NewSession::default())
            .await
            .unwrap_err();

        let mut all = texts.0.lock().unwrap().clone();
        write!(all, "{sessions:?} {refused:?} {lossy:?} {error} {error:?}").unwrap();
        write!(all, "{:?} {:?}", traces.all_spans(), traces.events()).unwrap();
        write!(all, "{:?}", series(&metrics)).unwrap();
        write!(all, "{:?} {:?}", observe(), ConnectionMetrics::new("x")).unwrap();
        assert!(all.len() > 10_000 && ids.len() == 6);
        for needle in ids.iter().map(SessionId::expose).chain([SECRET]) {
            let found = all.find(needle);
            let around = found.map(|at| &all[at.saturating_sub(200)..at + 50]);
            assert_eq!(around, None);
        }
    });
}
