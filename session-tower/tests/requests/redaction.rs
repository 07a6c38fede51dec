//! No id and no value in any text: logs, `Debug`, errors, bodies.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use crate::common::{Log, World, principal};
use serde::{Deserialize, Serialize};
use session_core::{Effect, ErrorKind};
use session_memory::Step;
use session_tower::{ReadSession, Session, SessionError, SessionLayer};

const CANARY: &str = "c4nary-value";

#[derive(Serialize, Deserialize)]
struct Kept {
    secret: String,
}

/// What would be seen of these.
#[derive(Clone, Default)]
struct Texts(Arc<Mutex<Vec<String>>>);

impl Texts {
    fn keep(&self, shown: impl Debug) {
        self.0.lock().unwrap().push(format!("{shown:?}"));
    }
}

#[tokio::test]
async fn no_text_shows_an_id_or_a_value() {
    let (log, _guard) = Log::kept();

    let world = World::new();
    let texts = Texts::default();
    let kept = texts.clone();
    let begin = world
        .visit(None, async move |session: Session| {
            session.log_in(principal(CANARY))?;
            session.insert("secret", CANARY)?;
            kept.keep(&session);
            session.save().await?;
            let look = ReadSession::from(session.clone());
            kept.keep((&session, look, session.id(), session.public_id()));
            kept.keep(session.watch().await?);
            for error in [
                session.increment("secret", 1).await.unwrap_err(),
                session.get::<Vec<u8>>("secret").await.unwrap_err(),
            ] {
                kept.keep((error.to_string(), error));
            }
            let mut typed = session.load_struct::<Kept>().await?;
            typed.secret.push('!');
            kept.keep(typed);
            Ok(())
        })
        .await;
    assert_eq!(begin.status(), 200, "{}", begin.response.body());
    let id = begin.new_id().unwrap();
    texts.keep(begin.response.headers());

    // Every way in which a commit fails, and a session that is gone at commit.
    for kind in [
        ErrorKind::Unavailable,
        ErrorKind::StoreFull,
        ErrorKind::NotAnInteger,
    ] {
        world.fault(Step::Write).fail(kind, Effect::Unknown);
        let reply = world
            .visit(Some(&id), async |session: Session| {
                session.insert("secret", CANARY)
            })
            .await;
        assert!(reply.status() >= 500);
        texts.keep(reply.response);
    }
    let (elsewhere, theirs) = (world.backend.clone(), id.clone());
    world.fault(Step::Write).run(async move || {
        use session_core::SessionBackend;
        elsewhere.delete_session(&theirs).await.unwrap();
    });
    let gone = world
        .visit(Some(&id), async |session: Session| {
            session.get_raw("secret").await?;
            session.insert("secret", CANARY)
        })
        .await;
    assert_eq!((gone.status(), gone.set_cookie()), (200, None));
    let malformed = format!("__Host-id={}!", &id.expose()[..42]);
    world
        .visit_with(&[malformed.as_bytes()], async |session: Session| {
            session.get_raw("secret").await.map(|_| ())
        })
        .await;
    let layer = SessionLayer::new(Arc::new(world.backend.clone()));
    texts.keep((layer, SessionError::Committed));

    let log = log.text();
    assert!(
        log.contains("the session failed"),
        "failures are logged: {log}"
    );
    for line in ["changes are dropped", "not stored"] {
        assert!(log.contains(line), "{log}");
    }
    let texts = texts.0.lock().unwrap().join("\n") + &log;
    assert!(texts.contains("__Host-id"), "the texts say something");
    let part = &id.expose()[..12];
    assert!(!texts.contains(part), "a part of an id is shown:\n{texts}");
    assert!(!texts.contains(CANARY), "a value is shown:\n{texts}");
}

#[tokio::test]
async fn a_cookie_for_development_warns() {
    let (log, _guard) = Log::kept();
    let world = World::new();
    let cookie = session_tower::SessionCookie::insecure_for_development("sid");
    let layer = SessionLayer::new(Arc::new(world.backend)).with_cookie(cookie.build().unwrap());
    let log = log.text();
    assert!(log.contains("WARN") && log.contains("plain HTTP"), "{log}");
    drop(layer);
}
