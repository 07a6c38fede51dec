//! Why the command could not do what it was told.

use std::io;

use session_store::{Effect, Error, ErrorKind, Operation};

use crate::open::{OpenError, chain};

/// Why the command could not do what it was told.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(
        "the backend memory keeps its sessions in the server's own process, where no other program can reach them: \
         say on which store they are (--backend redis-rs or --backend fred); \
         those in memory end with their server, or by \"Log out everywhere\" on its page"
    )]
    InAnotherProcess,
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{}{}", chain(.0), hint(.0))]
    Store(#[from] Error),
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// With what the process ends: 2 is what the parser of the command line ends it with, too.
    pub(super) const fn code(&self) -> u8 {
        match self {
            Self::InAnotherProcess | Self::Open(_) => 2,
            Self::Store(_) | Self::Output(_) => 3,
        }
    }
}

/// What an operator can do about it.
fn hint(error: &Error) -> &'static str {
    match (error.kind(), error.operation()) {
        (ErrorKind::Denied, _) => {
            "; the account needs the right +scan beside those of the server's account \
             (or its name or password is wrong: --redis-url takes them)"
        }
        // Safe to do again.
        (_, Some(Operation::RevokeSession)) if error.effect() == Effect::Unknown => {
            "; it may be revoked or not: try again"
        }
        (ErrorKind::Unavailable, _) => {
            "; --redis-host and --redis-port, or --redis-url, say where it is \
             (a Redis Cluster needs a URL that begins with redis-cluster://)"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_done_is_said() {
        use Operation::{ListPage, RevokeSession};
        for (kind, during, said) in [
            (ErrorKind::Denied, RevokeSession, "+scan"),
            (ErrorKind::Unavailable, ListPage, "redis-cluster://"),
            (ErrorKind::Timeout, RevokeSession, "try again"),
        ] {
            let error = Error::new(kind, Effect::Unknown).during(during);
            let text = Failure::from(error).to_string();
            assert!(
                text.starts_with(during.as_str()) && text.contains(said),
                "{text}"
            );
        }
    }
}
