//! Random requests against a model: the store holds what a person with paper and pencil would say.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Response;
use http::header::{CACHE_CONTROL, VARY};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use session_core::{Principal, SessionBackend as _, SessionId};
use session_http::{Session, SessionError};
use tokio::runtime::Builder;

use crate::adapter::{Adapter, World};
use crate::browser::model::Line;

const NAMES: [&str; 4] = ["a", "b", "n", "m"];

#[derive(Debug, Clone)]
enum Op {
    Get(usize),
    Fields,
    Insert(usize, u8),
    Remove(usize),
    Take(usize),
    Increment(usize, i8),
    IncrementAndLoad(usize, i8),
    Rotate,
    LogIn,
    Destroy,
    Save,
    SaveAndLoad,
    Load,
}

#[derive(Debug, Clone)]
enum Event {
    Request(Vec<Op>),
    /// Somebody else ends the session between two requests.
    LoggedOut,
    Expired,
}

fn op() -> impl Strategy<Value = Op> {
    let name = 0..NAMES.len();
    prop_oneof![
        3 => name.clone().prop_map(Op::Get),
        1 => Just(Op::Fields),
        4 => (name.clone(), any::<u8>()).prop_map(|(n, v)| Op::Insert(n, v)),
        2 => name.clone().prop_map(Op::Remove),
        2 => name.clone().prop_map(Op::Take),
        3 => (name.clone(), any::<i8>()).prop_map(|(n, v)| Op::Increment(n, v)),
        2 => (name, any::<i8>()).prop_map(|(n, v)| Op::IncrementAndLoad(n, v)),
        1 => Just(Op::Rotate),
        1 => Just(Op::LogIn),
        1 => Just(Op::Destroy),
        1 => Just(Op::Save),
        1 => Just(Op::SaveAndLoad),
        1 => Just(Op::Load),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => prop::collection::vec(op(), 0..8).prop_map(Event::Request),
        1 => Just(Event::LoggedOut),
        1 => Just(Event::Expired),
    ]
}

type Fields = BTreeMap<&'static str, i64>;

/// The model of one request: what the handler sees, and what is stored.
#[derive(Debug, Clone, Default)]
struct Model {
    /// What is in the store; `None` when there is no session.
    stored: Option<Fields>,
    /// What the handler sees: the stored fields with its own changes.
    seen: Fields,
    /// Whether the handler has bound the session to a principal, which is not stored yet.
    is_bound: bool,
}

impl Model {
    fn save(&mut self, is_ended: &mut bool) {
        if std::mem::take(is_ended) {
            self.stored = None;
        }

        // Without a session, all that is seen was set by the handler. Removals alone create none.
        let has_content = std::mem::take(&mut self.is_bound) || !self.seen.is_empty();
        if self.stored.is_some() || has_content {
            self.stored = Some(self.seen.clone());
        }
    }
}

async fn run(session: &Session, ops: &[Op], model: &mut Model) -> Result<(), SessionError> {
    let mut is_ended = false;
    for op in ops {
        // What is sent at once comes after a log-in that waits.
        if model.is_bound && matches!(op, Op::Increment(..) | Op::IncrementAndLoad(..)) {
            model.save(&mut is_ended);
        }
        match *op {
            Op::Get(n) => {
                let value = session.get::<String>(NAMES[n]).await?;
                let expected = model.seen.get(NAMES[n]).map(i64::to_string);
                assert_eq!(value, expected, "{op:?}");
            }
            Op::Fields => {
                let fields = session.fields().await?;
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(n, v)| format!("{n}={}", v.as_str().unwrap()))
                    .collect();
                let expected: Vec<_> = model.seen.iter().map(|(n, v)| format!("{n}={v}")).collect();
                assert_eq!(fields, expected);
            }
            Op::Insert(n, value) => {
                session.insert(NAMES[n], i64::from(value))?;
                model.seen.insert(NAMES[n], value.into());
            }
            Op::Remove(n) => {
                session.remove(NAMES[n])?;
                model.seen.remove(NAMES[n]);
            }
            Op::Take(n) => {
                let value = session.take::<String>(NAMES[n]).await?;
                let expected = model.seen.remove(NAMES[n]).map(|value| value.to_string());
                assert_eq!(value, expected);
            }
            Op::Increment(n, by) => {
                let value = model.seen.get(NAMES[n]).copied().unwrap_or(0) + i64::from(by);
                assert_eq!(session.increment(NAMES[n], by.into()).await?, value);
                model.seen.insert(NAMES[n], value);
            }
            Op::IncrementAndLoad(n, by) => {
                let counted = session.increment_and_load(NAMES[n], by.into()).await?;
                assert_eq!(counted.is_some(), model.stored.is_some() && !is_ended);
                if let Some(counted) = counted {
                    let value = model.seen.get(NAMES[n]).copied().unwrap_or(0) + i64::from(by);
                    assert_eq!(counted.value, value);
                    model.seen.insert(NAMES[n], value);
                }
            }
            Op::Rotate => session.rotate()?,
            Op::LogIn => {
                session.log_in(Principal::new("ann").unwrap())?;
                model.is_bound = true;
            }
            Op::Destroy => {
                session.destroy()?;
                *model = Model {
                    stored: model.stored.take(),
                    ..Model::default()
                };
                is_ended = true;
            }
            Op::Save | Op::SaveAndLoad => {
                model.save(&mut is_ended);
                if matches!(op, Op::Save) {
                    session.save().await?;
                } else {
                    let record = session.save_and_load().await?;
                    assert_eq!(record.is_some(), model.stored.is_some());
                }
            }
            Op::Load => {
                let record = session.load().await?;
                assert_eq!(record.is_some(), model.stored.is_some() && !is_ended);
            }
        }
    }
    model.save(&mut is_ended);
    Ok(())
}

async fn play<A: Adapter>(events: Vec<Event>) {
    let world = World::<A>::new();
    let mut id: Option<SessionId> = None;
    let mut model = Model::default();
    for event in events {
        match event {
            Event::Request(ops) => {
                model.seen = model.stored.clone().unwrap_or_default();
                let before = id.clone();
                let had_session = model.stored.is_some();
                let (sender, receiver) = std::sync::mpsc::channel();
                let mut next = model.clone();
                let reply = world
                    .visit(id.as_ref(), |session| async move {
                        let outcome = run(&session, &ops, &mut next).await;
                        sender.send(next).unwrap();
                        outcome.map(|()| Response::new(()))
                    })
                    .await;
                assert_eq!(reply.status(), 200);
                model = receiver.try_recv().unwrap();
                let line = Line::of(reply.headers());
                if line.is_some() {
                    assert_eq!(reply.headers()[CACHE_CONTROL], "no-store");
                    assert_eq!(reply.headers()[VARY], "Cookie");
                }
                match line {
                    Some(Line::Clear) => id = None,
                    Some(Line::Set(new, _)) => id = Some(new),
                    None => {}
                }
                // The store has the model's session and no other.
                assert_eq!(world.sessions().await, u64::from(model.stored.is_some()));
                if let Some(stored) = &model.stored {
                    let id = id.as_ref().expect("a cookie");
                    let record = world.backend.peek_session(id).await.unwrap().unwrap();
                    let fields: Vec<_> = record
                        .fields()
                        .iter()
                        .map(|(n, v)| format!("{n}={}", v.as_str().unwrap()))
                        .collect();
                    let expected: Vec<_> = stored.iter().map(|(n, v)| format!("{n}={v}")).collect();
                    assert_eq!(fields, expected);
                } else if had_session {
                    assert_ne!(id, before, "the cookie of an ended session is cleared");
                }
            }
            Event::LoggedOut => {
                if let Some(id) = &id {
                    world.backend.delete_session(id).await.unwrap();
                }
                model = Model::default();
            }
            Event::Expired => {
                world.clock.advance(Duration::from_secs(24 * 3600));
                // Expired sessions are swept when the store is used.
                if let Some(id) = &id {
                    assert_eq!(world.backend.peek_session(id).await.unwrap(), None);
                }
                model = Model::default();
            }
        }
    }
}

/// # Panics
/// When the store holds something else.
pub fn the_store_holds_what_the_model_says<A: Adapter>() {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let played = runner.run(&prop::collection::vec(event(), 1..12), |events| {
        runtime.block_on(play::<A>(events));
        Ok(())
    });
    if let Err(failed) = played {
        panic!("{failed}");
    }
}
