//! What follows when a node does not carry out a call.

use std::time::Duration;

use session_core::{Effect, Error, ErrorKind};

use super::node::Node;
use crate::fault::ServerError;

/// The first pause before a call is sent again, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What follows from an error.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The slot is elsewhere: at once again, there.
    Elsewhere { node: Node, is_asking: bool },
    /// The slot is on its way: a little later again.
    Later,
    /// The node cannot serve now: a little later again, there or wherever the slot is then.
    Away,
    /// Nothing is known of the effect: the node may be gone.
    Lost,
    /// The answer.
    Final,
}

pub(super) fn verdict(error: &Error) -> Verdict {
    let source = std::error::Error::source(error);
    let server = source.and_then(|source| source.downcast_ref::<ServerError>());
    if error.effect() == Effect::Unknown {
        return match error.kind() {
            ErrorKind::Timeout | ErrorKind::Unavailable => Verdict::Lost,
            _ => Verdict::Final,
        };
    }
    match server {
        Some(server) => match (server.code(), server.redirect()) {
            ("MOVED", Some(node)) => Verdict::Elsewhere {
                node: node.clone(),
                is_asking: false,
            },
            ("ASK", Some(node)) => Verdict::Elsewhere {
                node: node.clone(),
                is_asking: true,
            },
            ("TRYAGAIN", _) => Verdict::Later,
            ("CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "READONLY", _) => Verdict::Away,
            _ => Verdict::Final,
        },
        None => match error.kind() {
            ErrorKind::Timeout | ErrorKind::Unavailable => Verdict::Away,
            _ => Verdict::Final,
        },
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
    fn only_what_was_certainly_not_carried_out_is_sent_again() {
        let of_server = |code, detail| verdict(&ServerError::into_error(code, detail));
        for (code, detail) in [
            ("ERR", "anything"),
            ("OOM", "command not allowed"),
            ("NOPERM", ""),
            ("MOVED", "no address"),
            ("READONLY", "You can't write script: 9f"),
        ] {
            assert!(
                matches!(of_server(code, detail), Verdict::Final | Verdict::Lost),
                "{code}"
            );
        }
        for code in ["CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY"] {
            assert!(matches!(of_server(code, ""), Verdict::Away), "{code}");
        }
        assert!(matches!(of_server("TRYAGAIN", ""), Verdict::Later));
        let error = |kind, effect| verdict(&Error::new(kind, effect));
        let not_sent = error(ErrorKind::Unavailable, Effect::NotApplied);
        assert!(matches!(not_sent, Verdict::Away));
        for kind in [ErrorKind::Unavailable, ErrorKind::Timeout] {
            assert!(matches!(error(kind, Effect::Unknown), Verdict::Lost));
        }
        let denied = error(ErrorKind::Denied, Effect::NotApplied);
        assert!(matches!(denied, Verdict::Final));
    }

    #[test]
    fn pauses_grow_to_a_tenth_of_a_second() {
        let mut pauses = Pauses::default();
        let millis: Vec<_> = (0..6).map(|_| pauses.next().as_millis()).collect();
        assert_eq!(millis, [10, 20, 40, 80, 100, 100]);
    }
}
