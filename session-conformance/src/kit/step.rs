//! Steps of a case, which do not fail, or fail as they should.

use std::fmt::Display;
use std::panic::Location;

use session_core::{Effect, Error, ErrorKind, Result};

/// Where a step stands: what the text of its failure begins with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place(&'static Location<'static>);

impl Place {
    #[track_caller]
    pub(crate) fn here() -> Self {
        Self(Location::caller())
    }

    /// Fails the case at this place.
    pub(crate) fn fail(self, why: impl Display) -> ! {
        panic!("the step at {}: {why}", self.0)
    }

    /// What is no error.
    pub(crate) fn ok<T>(self, outcome: Result<T>) -> T {
        outcome.unwrap_or_else(|error| self.fail(format_args!("{error:?}")))
    }

    /// The error, which says that nothing was applied.
    pub(crate) fn err<T>(self, outcome: Result<T>) -> Error {
        match outcome {
            Err(error) if error.effect() == Effect::NotApplied => error,
            Err(error) => self.fail(format_args!("something may be applied: {error:?}")),
            Ok(_) => self.fail("it is not refused"),
        }
    }

    /// Checks the kind of a refusal.
    pub(crate) fn check_refusal(self, error: &Error, kind: ErrorKind, what: &str) {
        if error.kind() != kind {
            self.fail(format_args!(
                "{what} is refused as {error:?}, and not {kind:?}"
            ));
        }
    }

    /// What an operation by this delta returns of the session, which it finds.
    pub(crate) fn found<T>(self, outcome: Result<Option<T>>, delta: &str) -> T {
        match outcome {
            Ok(Some(found)) => found,
            Ok(None) => self.fail(format_args!("there is no session for {delta}")),
            Err(error) => self.fail(format_args!("{error:?} by {delta}")),
        }
    }

    /// What must be there.
    pub(crate) fn some<T>(self, value: Option<T>, what: &str) -> T {
        value.unwrap_or_else(|| self.fail(format_args!("there is no {what}")))
    }
}

/// An operation as a step of a case. Where it does not end as the case says, the text of the
/// failure has the place of the step, and the error.
pub(crate) trait Step<T>: Future<Output = Result<T>> + Send + Sized {
    /// What it returns, which is no error.
    #[track_caller]
    fn done(self) -> impl Future<Output = T> + Send {
        let place = Place::here();
        async move { place.ok(self.await) }
    }

    /// The error that it returns, which says that nothing was applied.
    #[track_caller]
    fn refused(self) -> impl Future<Output = Error> + Send {
        let place = Place::here();
        async move { place.err(self.await) }
    }
}

impl<T, F: Future<Output = Result<T>> + Send> Step<T> for F {}

/// The same of an operation on one session.
pub(crate) trait Finding<T>: Step<Option<T>> {
    /// What it returns of the session, which it finds.
    #[track_caller]
    fn found(self) -> impl Future<Output = T> + Send {
        let (place, step) = (Place::here(), self.done());
        async move { place.some(step.await, "session") }
    }
}

impl<T, F: Step<Option<T>>> Finding<T> for F {}
