//! Why a backend refuses a step.

use crate::error::{Effect, Error, ErrorKind, Limit};

/// Why a backend refuses a step that it understood: nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// A field is not as the delta expects it.
    Conflict,
    /// A counter's field holds something else than an integer.
    NotAnInteger,
    /// A counter would leave the range of `i64`.
    Overflow,
    /// The session would exceed a limit of its size.
    Limit(Limit),
    /// The principal has as many sessions as it may.
    TooManySessions,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal {
            Refusal::Conflict => ErrorKind::Conflict,
            Refusal::NotAnInteger => ErrorKind::NotAnInteger,
            Refusal::Overflow => ErrorKind::Overflow,
            Refusal::Limit(limit) => return limit.into(),
            Refusal::TooManySessions => ErrorKind::TooManySessions,
        };
        Self::new(kind, Effect::NotApplied)
    }
}
