//! What happened, in order.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use session_core::SessionId;

use super::jar::Line;

#[derive(Debug, Clone)]
pub enum Event {
    /// A request left the browser with this cookie.
    Sent(usize, Option<SessionId>),
    /// A step of a request is done.
    Step(usize, Step),
    /// A request was answered with this status.
    Answered(usize, u16, Option<Line>),
    /// The response arrived.
    Delivered(usize),
    /// It never will.
    Lost(usize),
    Passed(Duration),
}

#[derive(Debug, Clone)]
pub struct Step {
    pub name: &'static str,
    pub id: SessionId,
    /// The new id of a rename.
    pub to: Option<SessionId>,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    NotFound,
    Rotated,
    Failed,
}

/// The events so far; whoever sees one adds it.
#[derive(Debug, Default)]
pub struct History(Mutex<Vec<Event>>);

impl History {
    pub fn add(&self, event: Event) {
        self.events().push(event);
    }

    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.events())
    }

    fn events(&self) -> MutexGuard<'_, Vec<Event>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The events for a person to read, and the cookie at the end. Ids are numbered as they appear.
pub(super) struct Shown<'a> {
    pub(super) first: Option<&'a SessionId>,
    pub(super) events: &'a [Event],
    pub(super) kept: Option<&'a SessionId>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ids: Vec<&SessionId> = self.first.into_iter().collect();
        let mut number = |id| {
            let known = ids.iter().position(|known| *known == id);
            known.unwrap_or_else(|| {
                ids.push(id);
                ids.len() - 1
            })
        };
        for event in self.events {
            match event {
                Event::Sent(n, Some(id)) => writeln!(f, "  {n} is sent with #{}", number(id)),
                Event::Sent(n, None) => writeln!(f, "  {n} is sent without a cookie"),
                Event::Step(
                    n,
                    Step {
                        name,
                        id,
                        to,
                        outcome,
                    },
                ) => {
                    write!(f, "  {n}     {name} #{}", number(id))?;
                    if let Some(to) = to {
                        write!(f, " -> #{}", number(to))?;
                    }
                    writeln!(f, ": {outcome:?}")
                }
                Event::Answered(n, status, line) => {
                    write!(f, "  {n}     answers {status}")?;
                    match line {
                        Some(Line::Set(id, Some(age))) => {
                            writeln!(f, ", sets #{} for {age:?}", number(id))
                        }
                        Some(Line::Set(id, None)) => writeln!(f, ", sets #{}", number(id)),
                        Some(Line::Clear) => writeln!(f, ", clears the cookie"),
                        None => writeln!(f),
                    }
                }
                Event::Delivered(n) => writeln!(f, "  {n} arrives"),
                Event::Lost(n) => writeln!(f, "  {n} is lost"),
                Event::Passed(time) => writeln!(f, "  {time:?} pass"),
            }?;
        }
        match self.kept {
            Some(id) => write!(f, "  #{} is kept", number(id)),
            None => write!(f, "  no cookie is kept"),
        }
    }
}
