//! What follows when a node does not run a script.

use std::time::Duration;

use session_core::{Effect, Error, ErrorKind};

use crate::endpoint::Endpoint;
use crate::server_error::ServerError;

/// The first pause before a script is sent again, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What follows from an error.
#[derive(Debug)]
pub(super) enum NextStep {
    /// Another node serves the slot: at once again, there.
    Redirect { to: Endpoint, is_asking: bool },
    /// The slot is migrating: again after a pause.
    TryAgain,
    /// The node cannot serve now: again after a pause, there or wherever the slot is then.
    NodeDown,
    /// Nothing is known of the effect: the node may be down.
    OutcomeUnknown,
    /// The error is the result.
    Return,
}

impl NextStep {
    pub(super) fn after(error: &Error) -> Self {
        if error.effect() == Effect::Unknown {
            return match error.kind() {
                ErrorKind::Timeout | ErrorKind::Unavailable => Self::OutcomeUnknown,
                _ => Self::Return,
            };
        }
        match ServerError::of(error) {
            Some(server) => match (server.code(), server.redirect()) {
                (code @ ("MOVED" | "ASK"), Some(to)) => Self::Redirect {
                    to: to.clone(),
                    is_asking: code == "ASK",
                },
                ("TRYAGAIN", _) => Self::TryAgain,
                ("CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "READONLY", _) => Self::NodeDown,
                _ => Self::Return,
            },
            None => match error.kind() {
                ErrorKind::Timeout | ErrorKind::Unavailable => Self::NodeDown,
                _ => Self::Return,
            },
        }
    }
}

/// The pauses of one operation: each twice as long as the one before.
pub(super) struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pauses {
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_certainly_did_not_run_is_sent_again() {
        let of_server = |code, detail| NextStep::after(&ServerError::into_error(code, detail));
        for (code, detail) in [
            ("ERR", "anything"),
            ("OOM", "command not allowed"),
            ("NOPERM", ""),
            ("MOVED", "no address"),
            ("READONLY", "You can't write script: 9f"),
        ] {
            let next = of_server(code, detail);
            assert!(
                matches!(next, NextStep::Return | NextStep::OutcomeUnknown),
                "{code}"
            );
        }
        for code in ["CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY"] {
            assert!(matches!(of_server(code, ""), NextStep::NodeDown), "{code}");
        }
        assert!(matches!(of_server("TRYAGAIN", ""), NextStep::TryAgain));
        let after = |kind, effect| NextStep::after(&Error::new(kind, effect));
        let not_sent = after(ErrorKind::Unavailable, Effect::NotApplied);
        assert!(matches!(not_sent, NextStep::NodeDown));
        for kind in [ErrorKind::Unavailable, ErrorKind::Timeout] {
            let lost = after(kind, Effect::Unknown);
            assert!(matches!(lost, NextStep::OutcomeUnknown));
        }
        let denied = after(ErrorKind::Denied, Effect::NotApplied);
        assert!(matches!(denied, NextStep::Return));
    }

    #[test]
    fn pauses_grow_to_a_tenth_of_a_second() {
        let mut pauses = Pauses::default();
        let millis: Vec<_> = (0..6).map(|_| pauses.next().as_millis()).collect();
        assert_eq!(millis, [10, 20, 40, 80, 100, 100]);
    }
}
