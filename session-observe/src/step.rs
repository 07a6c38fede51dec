//! One step, from its beginning to its end.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Instant;

use metrics::{Counter, Histogram, counter, histogram};
use session_core::{Effect, Error, Result};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::lives::Lives;
use crate::names::{OPERATION_DURATION, OPERATIONS};
use crate::outcome::{Outcome, StepOutcome};

/// A required step of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Insert,
    Read,
    Write,
    Rename,
    Remove,
    List,
    Revoke,
    Ping,
}

impl Step {
    const ALL: [Self; 8] = [
        Self::Insert,
        Self::Read,
        Self::Write,
        Self::Rename,
        Self::Remove,
        Self::List,
        Self::Revoke,
        Self::Ping,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Read => "read",
            Self::Write => "write",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::List => "list",
            Self::Revoke => "revoke",
            Self::Ping => "ping",
        }
    }
}

/// What spans and metrics say of every step of one backend, and the metrics' handles.
#[derive(Debug)]
pub(crate) struct Steps {
    backend: &'static str,
    system: &'static str,
    server: Option<(String, u16)>,
    /// The spans' names, by step.
    names: [String; Step::ALL.len()],
    /// Made when an outcome is first seen: what never happens makes no series.
    handles: [[OnceLock<(Counter, Histogram)>; Outcome::COUNT]; Step::ALL.len()],
}

impl Steps {
    pub(crate) fn new(
        backend: &'static str,
        system: &'static str,
        server: Option<(String, u16)>,
    ) -> Self {
        let names = Step::ALL.map(|step| match &server {
            Some((address, port)) => format!("{} {address}:{port}", step.as_str()),
            None => format!("{} {system}", step.as_str()),
        });
        Self {
            backend,
            system,
            server,
            names,
            handles: Default::default(),
        }
    }

    pub(crate) fn backend(&self) -> &'static str {
        self.backend
    }

    /// A step begins: its span opens now.
    pub(crate) fn begin<'a>(&'a self, step: Step, lives: Option<Box<Lives<'a>>>) -> Running<'a> {
        Running {
            steps: self,
            step,
            span: self.span(step),
            began: Instant::now(),
            lives,
            is_done: false,
        }
    }

    fn span(&self, step: Step) -> Span {
        tracing::info_span!(
            target: "session",
            "session.step",
            otel.kind = "client",
            otel.name = self.names.get(step as usize),
            db.system.name = self.system,
            db.operation.name = step.as_str(),
            server.address = self.server.as_ref().map(|(address, _)| address.as_str()),
            server.port = self.server.as_ref().map(|(_, port)| *port),
            session.backend = self.backend,
            session.outcome = Empty,
            session.effect = Empty,
            "error.type" = Empty,
            otel.status_code = Empty,
        )
    }

    fn record(&self, step: Step, outcome: Outcome, began: Instant) {
        let of_step = self.handles.get(step as usize);
        let Some(handles) = of_step.and_then(|outcomes| outcomes.get(outcome as usize)) else {
            return;
        };
        let (counter, histogram) = handles.get_or_init(|| self.handles_of(step, outcome));
        counter.increment(1);
        histogram.record(began.elapsed());
    }

    #[cold]
    fn handles_of(&self, step: Step, outcome: Outcome) -> (Counter, Histogram) {
        let labels = [
            ("operation", step.as_str()),
            ("outcome", outcome.as_str()),
            ("backend", self.backend),
        ];
        (
            counter!(OPERATIONS, &labels),
            histogram!(OPERATION_DURATION, &labels),
        )
    }
}

/// A step that has begun. Dropped before its end, it says so.
pub(crate) struct Running<'a> {
    steps: &'a Steps,
    step: Step,
    span: Span,
    began: Instant,
    /// What it may do to the lives of sessions, if anybody wants to know.
    lives: Option<Box<Lives<'a>>>,
    is_done: bool,
}

impl Running<'_> {
    /// The step itself, in its span.
    pub(crate) async fn run<T: StepOutcome>(
        mut self,
        step: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let result = if self.span.is_disabled() {
            step.await
        } else {
            step.instrument(self.span.clone()).await
        };
        self.is_done = true;
        let outcome = Outcome::of(&result);
        self.steps.record(self.step, outcome, self.began);
        if !self.span.is_disabled() {
            self.describe(outcome, result.as_ref().err());
        }
        if let Some(lives) = &self.lives {
            lives.report(&result);
        }
        result
    }

    #[cold]
    fn describe(&self, outcome: Outcome, error: Option<&Error>) {
        self.span.record("session.outcome", outcome.as_str());
        if let Some(error) = error {
            let effect = match error.effect() {
                Effect::NotApplied => "not_applied",
                Effect::Unknown => "unknown",
            };
            self.span.record("session.effect", effect);
            self.span.record("error.type", outcome.as_str());
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        self.steps.record(self.step, Outcome::Dropped, self.began);
        let dropped = Outcome::Dropped.as_str();
        self.span.record("session.outcome", dropped);
        self.span.record("session.effect", "unknown");
        if let Some(lives) = &self.lives {
            lives.report_unknown();
        }
    }
}
