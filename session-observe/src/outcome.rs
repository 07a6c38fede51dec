//! How a step ended, as one word of a small set.

use session_core::steps::{
    InsertOutcome, ReadOutcome, Refusal, RemoveOutcome, RenameOutcome, WriteOutcome,
};
use session_core::{Error, ErrorKind, ListedPage, Result, RevokedPage, SessionRecord};

macro_rules! outcomes {
    ($($Variant:ident = $label:literal,)*) => {
        /// How a step ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Outcome {
            $($Variant,)*
        }

        impl Outcome {
            pub(crate) const COUNT: usize = [$(Self::$Variant),*].len();

            /// The word in labels and fields.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Variant => $label,)*
                }
            }
        }
    };
}

outcomes! {
    Done = "done",
    NotFound = "not_found",
    Rotated = "rotated",
    IdTaken = "id_taken",
    Conflict = "conflict",
    NotAnInteger = "not_an_integer",
    Overflow = "overflow",
    LimitExceeded = "limit_exceeded",
    TooManySessions = "too_many_sessions",
    StoreFull = "store_full",
    Unavailable = "unavailable",
    Timeout = "timeout",
    Denied = "denied",
    Config = "config",
    CorruptReply = "corrupt_reply",
    InvalidCursor = "invalid_cursor",
    Unsupported = "unsupported",
    Rejected = "rejected",
    Other = "other",
    Dropped = "dropped",
}

impl Outcome {
    pub(crate) fn of<T: StepOutcome>(result: &Result<T>) -> Self {
        match result {
            Ok(outcome) => outcome.outcome(),
            Err(error) => Self::of_error(error.kind()),
        }
    }

    pub(crate) const fn of_error(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Conflict => Self::Conflict,
            ErrorKind::NotAnInteger => Self::NotAnInteger,
            ErrorKind::Overflow => Self::Overflow,
            ErrorKind::LimitExceeded(_) => Self::LimitExceeded,
            ErrorKind::TooManySessions => Self::TooManySessions,
            ErrorKind::StoreFull => Self::StoreFull,
            ErrorKind::Unavailable => Self::Unavailable,
            ErrorKind::Timeout => Self::Timeout,
            ErrorKind::Denied => Self::Denied,
            ErrorKind::Config => Self::Config,
            ErrorKind::CorruptReply => Self::CorruptReply,
            ErrorKind::InvalidCursor => Self::InvalidCursor,
            ErrorKind::Unsupported => Self::Unsupported,
            ErrorKind::Rejected => Self::Rejected,
            _ => Self::Other,
        }
    }

    fn of_refusal(refusal: Refusal) -> Self {
        Self::of_error(Error::from(refusal).kind())
    }
}

/// What a step returns when it is no error.
pub(crate) trait StepOutcome {
    fn outcome(&self) -> Outcome;

    /// How many sessions it changed.
    fn changed(&self) -> u64 {
        u64::from(self.outcome() == Outcome::Done)
    }

    /// The session after the step, where it says whose that is and the request did not.
    fn record(&self) -> Option<&SessionRecord> {
        None
    }
}

impl StepOutcome for InsertOutcome {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Inserted(_) => Outcome::Done,
            Self::IdTaken => Outcome::IdTaken,
            Self::Refused(refusal) => Outcome::of_refusal(*refusal),
            _ => Outcome::Other,
        }
    }
}

impl StepOutcome for ReadOutcome {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Found(_) => Outcome::Done,
            Self::NotFound => Outcome::NotFound,
            Self::Rotated => Outcome::Rotated,
            _ => Outcome::Other,
        }
    }
}

impl StepOutcome for WriteOutcome {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Written(_) => Outcome::Done,
            Self::NotFound => Outcome::NotFound,
            Self::Rotated => Outcome::Rotated,
            Self::Refused(refusal) => Outcome::of_refusal(*refusal),
            _ => Outcome::Other,
        }
    }
}

impl StepOutcome for RenameOutcome {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Renamed(_) => Outcome::Done,
            Self::NotFound => Outcome::NotFound,
            Self::Rotated => Outcome::Rotated,
            Self::IdTaken => Outcome::IdTaken,
            Self::Refused(refusal) => Outcome::of_refusal(*refusal),
            _ => Outcome::Other,
        }
    }

    fn record(&self) -> Option<&SessionRecord> {
        match self {
            Self::Renamed(written) => written.record.as_ref(),
            _ => None,
        }
    }
}

impl StepOutcome for RemoveOutcome {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Removed => Outcome::Done,
            Self::NotFound => Outcome::NotFound,
            Self::Rotated => Outcome::Rotated,
            _ => Outcome::Other,
        }
    }
}

impl StepOutcome for ListedPage {
    fn outcome(&self) -> Outcome {
        Outcome::Done
    }
}

impl StepOutcome for RevokedPage {
    fn outcome(&self) -> Outcome {
        Outcome::Done
    }

    fn changed(&self) -> u64 {
        self.ended
    }
}

impl StepOutcome for () {
    fn outcome(&self) -> Outcome {
        Outcome::Done
    }
}
