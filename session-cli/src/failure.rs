//! Why the command could not do what it was told.

use std::error::Error as StdError;
use std::io;

use session_store::{Effect, Error, ErrorKind, Operation};

/// Why the command could not do what it was told. No text shows a password or a URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line, the environment or a file says what cannot be.
    #[error("{0}")]
    Usage(String),
    /// The store cannot be opened with these settings.
    #[error("{}", chain(.0))]
    Open(Error),
    #[error("{}{}", chain(.0), hint(.0))]
    Store(#[from] Error),
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    #[error("nothing was done: it was not confirmed")]
    Declined,
}

impl Failure {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    /// With what the process ends: 2 is what the parser of the command line ends it with, too.
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Open(_) => 2,
            Self::Store(_) | Self::Output(_) => 3,
            Self::Declined => 4,
        }
    }
}

/// What an operator can do about it.
fn hint(error: &Error) -> &'static str {
    match (error.kind(), error.operation()) {
        (ErrorKind::Denied, _) => {
            "; is the account or its password wrong, or does it lack a right, such as +scan on Redis? \
             `sessions doctor` says which"
        }
        // Safe to do again.
        (_, Some(Operation::RevokeSession | Operation::RevokeSessions))
            if error.effect() == Effect::Unknown =>
        {
            "; sessions may be revoked or not: try again"
        }
        (ErrorKind::Unavailable, _) => "; is the server there, and the URL its own?",
        (ErrorKind::Timeout, _) => "; --deadline gives each operation more time",
        _ => "",
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_done_is_said() {
        use Operation::{ListPage, RevokeSession};
        for (kind, during, said) in [
            (ErrorKind::Denied, RevokeSession, "+scan"),
            (ErrorKind::Unavailable, ListPage, "the URL"),
            (ErrorKind::Timeout, ListPage, "--deadline"),
            (ErrorKind::Timeout, RevokeSession, "try again"),
        ] {
            let error = Error::new(kind, Effect::Unknown).during(during);
            let text = Failure::from(error).to_string();
            let is_whole = text.starts_with(during.as_str()) && text.contains(said);
            assert!(is_whole, "{text}");
        }
    }
}
