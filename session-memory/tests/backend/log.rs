//! The tracing events.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_core::{OnExcess, PublicId, SessionBackend, SessionId};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};

use crate::Setup;

/// Keeps the text of every event, and calls the backend to show that no lock is held.
struct Keep {
    events: Arc<Mutex<Vec<String>>>,
    backend: session_memory::MemoryBackend,
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Keep {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("session_")
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        assert!(self.backend.len() < 10);
        self.events.lock().unwrap().push(text.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The events of this thread from now on, until the guard is dropped.
fn keep(setup: &Setup) -> (Arc<Mutex<Vec<String>>>, DefaultGuard) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let subscriber = Keep {
        events: events.clone(),
        backend: setup.backend.clone(),
    };
    (events, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn an_event_names_the_public_id_and_the_reason_of_a_key_that_is_no_session() {
    let setup = Setup::new();
    let (events, _guard) = keep(&setup);

    let [foreign, other, absent, expired] = [(); 4].map(|()| SessionId::random().unwrap());
    setup.raw.plant_hash(&foreign, [("secret", "value")], None);
    setup.raw.plant_other_type(&other, None);
    setup
        .raw
        .plant_hash(&expired, [("secret", "value")], Some(Duration::ZERO));
    setup.advance_ms(1);
    for id in [&foreign, &other, &absent, &expired] {
        assert_eq!(setup.backend.get_session(id).await.unwrap(), None);
    }
    assert!(!setup.backend.delete_session(&foreign).await.unwrap());

    let events = events.lock().unwrap();
    assert_eq!(events.len(), 3, "{events:?}");
    for event in events.iter() {
        assert!(event.starts_with("WARN"), "{event}");
        let is_silent = !event.contains(foreign.expose()) && !event.contains("value");
        assert!(is_silent, "{event}");
    }
    let public_id = PublicId::of_unbound(&foreign);
    for part in [public_id.as_str(), "a reserved field is missing"] {
        assert!(events[0].contains(part), "{}", events[0]);
    }
    assert!(events[1].contains("not a hash"), "{}", events[1]);
}

#[tokio::test]
async fn a_tombstone_is_nothing_to_report() {
    let setup = Setup::new();
    let (events, _guard) = keep(&setup);
    let id = setup.session(60).await;
    setup.rotate(&id).await;
    let hash = setup.raw.dump(&id).unwrap().hash.unwrap();
    setup.raw.plant_hash(&id, hash, None);
    for millis in [0, 10_001] {
        setup.advance_ms(millis);
        assert!(!setup.is_live(&id).await);
    }
    assert!(events.lock().unwrap().is_empty());

    let malformed = [("session_rotated", "soon")];
    setup.raw.plant_hash(&id, malformed, None);
    assert!(!setup.is_live(&id).await);
    assert!(events.lock().unwrap()[0].contains("not a tombstone"));
}

#[tokio::test]
async fn sessions_that_end_for_a_limit_are_warned_of_once_by_a_hash() {
    let setup = Setup::limited(100, 2, OnExcess::EvictOldest);
    let (events, _guard) = keep(&setup);
    for _ in 0..4 {
        setup.login(&crate::principal("ann@example.org"), 10).await;
    }
    // `printf %s ann@example.org | sha256sum | cut -c1-12`
    let events = events.lock().unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].contains("principal=438c4c7afe60") && !events[0].contains("ann"));
}

#[tokio::test]
async fn a_session_that_reaches_its_deadline_is_nothing_to_report() {
    let setup = Setup::new();
    let id = setup.login(&crate::principal("ann"), 10).await;
    let (events, _guard) = keep(&setup);
    setup.advance_ms(10_000);
    assert!(!setup.is_live(&id).await);
    assert!(events.lock().unwrap().is_empty());

    // A key that another client let live on is.
    let id = setup.login(&crate::principal("ann"), 10).await;
    let hash = setup.raw.dump(&id).unwrap().hash.unwrap();
    setup.raw.plant_hash(&id, hash, None);
    setup.advance_ms(10_001);
    assert!(!setup.is_live(&id).await);
    assert!(events.lock().unwrap()[0].contains("outlived"));
}
