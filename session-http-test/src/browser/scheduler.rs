//! One order of all steps, on the backend in memory: no runtime, no threads, nothing but choices.

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::header::COOKIE;
use http::{Request, Response, StatusCode};
use session_core::{Clock, SessionAdmin as _, SessionBackend, SessionPolicy};
use session_memory::{ManualClock, MemoryBackend};

use crate::adapter::{Adapter, Answering, Transport, handler};
use crate::browser::model::{
    Event, History, Jar, Line, NAME, Pause, Recorder, Run, Scenario, named,
};

/// Where a request is.
enum Place {
    Unsent,
    /// It waits before or after one of its steps.
    Handling(Answering),
    Answered(Option<Line>),
    Over,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Act {
    Send(usize),
    Continue(usize),
    Deliver(usize),
    Lose(usize),
    PassTime(Duration),
}

/// Runs a scenario. `choose` is asked which of these happens next, until all requests are over.
pub(super) fn run<A: Adapter>(
    scenario: &Scenario,
    pause: fn(bool) -> Pause,
    mut choose: impl FnMut(&[Act]) -> usize,
) -> Run {
    let clock = Arc::new(ManualClock::new());
    let start = clock.now();
    let now = || clock.now().duration_since(start).unwrap();
    let backend = MemoryBackend::builder()
        .policy(SessionPolicy::new().with_clock(clock.clone()))
        .clock(clock.clone())
        .build();
    let first = scenario.start.session();
    let first = first.map(|new| at_once(backend.create_session(new)).unwrap().id);
    let mut jar = Jar::default();
    jar.receive(first.clone().map(|id| Line::Set(id, None)).as_ref(), now());

    let history = Arc::new(History::default());
    let mut places: Vec<_> = scenario.requests.iter().map(|_| Place::Unsent).collect();
    let mut passing = scenario.passing;
    let mut may_lose = scenario.may_lose_a_response;
    loop {
        let acts = places
            .iter()
            .enumerate()
            .flat_map(|(n, place)| match place {
                Place::Unsent => vec![Act::Send(n)],
                Place::Handling(_) => vec![Act::Continue(n)],
                Place::Answered(_) if may_lose => vec![Act::Deliver(n), Act::Lose(n)],
                Place::Answered(_) => vec![Act::Deliver(n)],
                Place::Over => vec![],
            });
        let acts: Vec<_> = acts.chain(passing.map(Act::PassTime)).collect();
        // Time that passes after all else changes nothing.
        if places.iter().all(|place| matches!(place, Place::Over)) {
            break;
        }
        let act = acts[choose(&acts)];
        match act {
            Act::Send(n) => {
                let mut request = Request::new(());
                let cookie = jar.cookie(now());
                if let Some(id) = &cookie {
                    let line = format!("{NAME}={}", id.expose()).parse().unwrap();
                    request.headers_mut().insert(COOKIE, line);
                }
                history.add(Event::Sent(n, cookie));
                let recorder = Recorder {
                    inner: Arc::new(backend.clone()),
                    request: n,
                    history: history.clone(),
                    pause,
                };
                places[n] = Place::Handling(answering::<A>(scenario, n, recorder, request));
            }
            Act::Deliver(n) => {
                history.add(Event::Delivered(n));
                if let Place::Answered(line) = std::mem::replace(&mut places[n], Place::Over) {
                    jar.receive(line.as_ref(), now());
                }
            }
            Act::Lose(n) => {
                history.add(Event::Lost(n));
                places[n] = Place::Over;
                may_lose = false;
            }
            Act::PassTime(by) => {
                history.add(Event::Passed(by));
                clock.advance(by);
                passing = None;
            }
            Act::Continue(_) => {}
        }
        if let Act::Send(n) | Act::Continue(n) = act
            && let Place::Handling(answering) = &mut places[n]
            && let Poll::Ready(response) = poll(answering.as_mut())
        {
            let line = Line::of(response.headers());
            history.add(Event::Answered(n, response.status().as_u16(), line.clone()));
            places[n] = Place::Answered(line);
        }
    }
    let events = history.take();
    let mut live = HashMap::new();
    for id in named(first.as_ref(), &events) {
        if let Some(record) = at_once(backend.peek_session(&id)).unwrap() {
            live.insert(id, record);
        }
    }
    Run {
        scenario: scenario.clone(),
        first,
        events,
        kept: jar.cookie(now()),
        live,
        sessions: at_once(backend.admin().count_sessions()).unwrap(),
    }
}

fn answering<A: Adapter>(
    scenario: &Scenario,
    n: usize,
    recorder: Recorder,
    request: Request<()>,
) -> Answering {
    let performs = scenario.requests[n];
    let handler = handler(move |session| async move {
        let mut response = Response::new(());
        if performs.perform(n, &session).await.is_err() {
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
        }
        Ok(response)
    });
    let cookie = Transport::Cookie(scenario.cookie());
    A::send(Arc::new(recorder), cookie, request, handler)
}

/// Returns to the scheduler once before each step.
pub(super) fn before_each_step(is_before: bool) -> Pause {
    let mut is_due = is_before;
    Box::pin(std::future::poll_fn(move |_| {
        match std::mem::take(&mut is_due) {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }))
}

/// And once after it.
pub(super) fn around_each_step(_: bool) -> Pause {
    before_each_step(true)
}

fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// What a backend in memory answers without waiting.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match poll(pin!(future)) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("nothing to wait for"),
    }
}
